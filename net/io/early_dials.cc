#include "net/io/early_dials.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace sjcp::io {
namespace {

// Whether it is connected, and nothing has come: whoever takes it speaks first.  Asked by poll(): the outcome
// of connect() is told once, and libcurl 7.88 asks for it even where it is told that there is a connection.
bool usable(int socket, std::chrono::milliseconds patience) {
  pollfd waiting{socket, POLLOUT, 0};
  int ready = 0;
  do {
    ready = ::poll(&waiting, 1, static_cast<int>(patience.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0 || (waiting.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return false;
  waiting.events = POLLIN | POLLRDHUP;
  return ::poll(&waiting, 1, 0) == 0;
}

}  // namespace

EarlyDials::~EarlyDials() {
  for (const Dial& dial : dials_) ::close(dial.socket);
}

void EarlyDials::dial(const Endpoint& endpoint) {
  const auto* address = reinterpret_cast<const sockaddr*>(endpoint.sockaddr.data());
  const int socket = ::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  // Who sees the connection at its other end finds it here.
  const std::lock_guard lock(mutex_);
  if (::connect(socket, address, static_cast<socklen_t>(endpoint.sockaddr.size())) != 0 &&
      errno != EINPROGRESS) {
    ::close(socket);
    return;
  }
  dials_.push_back({endpoint.sockaddr, socket, clock_.steady_now()});
}

int EarlyDials::take(ByteView address) {
  for (;;) {
    int socket = -1;
    {
      const std::lock_guard lock(mutex_);
      drop_stale();
      const auto found = std::find_if(dials_.begin(), dials_.end(),
                                      [&](const Dial& each) { return each.address == address.text(); });
      if (found == dials_.end()) return -1;
      socket = found->socket;
      dials_.erase(found);
    }
    if (usable(socket, kPatience)) return socket;
    ::close(socket);
  }
}

void EarlyDials::drop_stale() {
  const auto now = clock_.steady_now();
  std::erase_if(dials_, [&](const Dial& dial) {
    if (now - dial.begun < kFresh) return false;
    ::close(dial.socket);
    return true;
  });
}

size_t EarlyDials::size() const {
  const std::lock_guard lock(mutex_);
  return dials_.size();
}

}  // namespace sjcp::io
