#include "tests/wan/control.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

namespace sjcp::wan {
namespace {

constexpr size_t kLongestLine = 65536;

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  if (path.size() >= sizeof out.sun_path) return make_error(Errc::kUsage, path + ": too long for a socket");
  std::memcpy(out.sun_path, path.data(), path.size());
  return out;
}

bool send_all(int fd, const std::string& text) {
  for (size_t sent = 0; sent < text.size();) {
    const ssize_t n = ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    sent += static_cast<size_t>(n);
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<Control>> Control::open(Emulator& emulator, const std::string& path) {
  const auto address = address_of(path);
  if (!address) return address.error();
  local::Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::unlink(path.c_str());
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0 ||
      ::listen(listener.get(), 8) != 0) {
    return errno_error(path, errno);
  }
  return std::unique_ptr<Control>(new Control(emulator, path, std::move(listener)));
}

Control::Control(Emulator& emulator, std::string path, local::Descriptor listener)
    : emulator_(emulator), path_(std::move(path)), listener_(std::move(listener)) {
  emulator_.watch(listener_.get(), [this] { accept(); });
}

Control::~Control() {
  emulator_.unwatch(listener_.get());
  for (const auto& [fd, client] : clients_) emulator_.unwatch(fd);
  ::unlink(path_.c_str());
}

void Control::accept() {
  const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return;
  clients_[fd] = {local::Descriptor(fd), {}};
  emulator_.watch(fd, [this, fd] { read(fd); });
}

void Control::read(int fd) {
  Client& client = clients_.at(fd);
  char buffer[4096];
  const ssize_t n = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
  bool goes_on = n > 0 || (n < 0 && errno == EAGAIN);
  if (n > 0) client.received.append(buffer, static_cast<size_t>(n));
  for (size_t end; goes_on && (end = client.received.find('\n')) != std::string::npos;) {
    goes_on = send_all(fd, answer(client.received.substr(0, end)) + "\n");
    client.received.erase(0, end + 1);
  }
  if (goes_on && client.received.size() < kLongestLine) return;
  emulator_.unwatch(fd);
  clients_.erase(fd);
}

std::string Control::answer(const std::string& line) {
  const auto value = nlohmann::json::parse(line, nullptr, false);
  if (value.is_object() && value.contains("stats")) {
    return nlohmann::ordered_json::parse(emulator_.stats_json()).dump();
  }
  const auto change = parse_change(line);
  if (!change) return nlohmann::json{{"ok", false}, {"error", change.error().what}}.dump();
  emulator_.change(*change);
  return R"({"ok":true})";
}

Result<std::string> ask_control(const std::string& path, const std::string& line) {
  const auto address = address_of(path);
  if (!address) return address.error();
  const local::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return errno_error(path, errno);
  }
  if (!send_all(socket.get(), line + "\n")) return errno_error(path, errno);
  std::string out;
  while (!out.ends_with('\n')) {
    char buffer[4096];
    const ssize_t n = ::recv(socket.get(), buffer, sizeof buffer, 0);
    if (n <= 0) return make_error(Errc::kLocalIo, path + ": no answer");
    out.append(buffer, static_cast<size_t>(n));
  }
  out.pop_back();
  return out;
}

}  // namespace sjcp::wan
