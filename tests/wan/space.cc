#include "tests/wan/space.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <sstream>
#include <vector>

#include "core/base/scope_guard.h"
#include "tests/wan/packet.h"
#include "tests/wan/route.h"

namespace sjcp::wan {
namespace {

constexpr char kDevice[] = "wan0";
// Packets that may wait for the emulator; each may be a train.
constexpr int kDeviceQueue = 4096;

Error unsupported(const std::string& what) {
  const int error = errno;
  return make_error(Errc::kUnsupported, what + ": " + std::strerror(error), error);
}

// ioctls of network interfaces, which act on the calling thread's namespace.
class Interfaces {
 public:
  Interfaces() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}

  Status up(const char* name, uint32_t address, uint32_t mask) {
    if (address != 0) {
      if (auto set = set_address(name, SIOCSIFADDR, address); !set) return set;
      if (auto set = set_address(name, SIOCSIFNETMASK, mask); !set) return set;
    }
    ifreq request = named(name);
    if (::ioctl(socket_.get(), SIOCGIFFLAGS, &request) != 0) return unsupported(name);
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP | IFF_RUNNING);
    return call(name, SIOCSIFFLAGS, request);
  }

  Status set_queue(const char* name, int packets) {
    ifreq request = named(name);
    request.ifr_qlen = packets;
    return call(name, SIOCSIFTXQLEN, request);
  }

  static ifreq named(const char* name) {
    ifreq request{};
    std::strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
    return request;
  }

 private:
  Status set_address(const char* name, unsigned long what, uint32_t address) {
    ifreq request = named(name);
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(address);
    std::memcpy(&request.ifr_addr, &in, sizeof in);
    return call(name, what, request);
  }
  Status call(const char* name, unsigned long what, ifreq& request) {
    if (::ioctl(socket_.get(), what, &request) != 0) return unsupported(name);
    return {};
  }

  local::Descriptor socket_;
};

Result<local::Descriptor> open_device() {
  local::Descriptor device(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!device.valid()) return unsupported("/dev/net/tun");
  ifreq request = Interfaces::named(kDevice);
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  int header = kVirtioHeaderBytes;
  if (::ioctl(device.get(), TUNSETIFF, &request) != 0 ||
      ::ioctl(device.get(), TUNSETVNETHDRSZ, &header) != 0 ||
      ::ioctl(device.get(), TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) != 0) {
    return unsupported("/dev/net/tun");
  }
  return device;
}

// Settings below /proc/sys/net are those of the namespace of who writes.
Status write_setting(const char* path, const std::string& value) {
  if (value.empty()) return {};
  const local::Descriptor file(::open(path, O_WRONLY | O_CLOEXEC));
  if (::write(file.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
    return unsupported(path);
  }
  return {};
}

std::string read_all(int fd) {
  std::string out(16384, '\0');
  const ssize_t n = ::pread(fd, out.data(), out.size(), 0);
  out.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return out;
}

// The words of the last line that begins with `name`.
std::vector<std::string> words_of_line(const std::string& text, const std::string& name) {
  std::vector<std::string> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::vector<std::string> split;
    for (std::string word; words >> word;) split.push_back(word);
    if (!split.empty() && split.front() == name) out = std::move(split);
  }
  return out;
}

uint64_t number_at(const std::vector<std::string>& words, size_t i) {
  return i < words.size() ? std::strtoull(words[i].c_str(), nullptr, 10) : 0;
}

}  // namespace

Result<Space> Space::open(const SpaceSettings& settings) {
  const local::Descriptor home(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!home.valid()) return unsupported("/proc/thread-self/ns/net");
  if (::unshare(CLONE_NEWNET) != 0) return unsupported("a new network namespace");
  auto space = open_here(settings);
  if (::setns(home.get(), CLONE_NEWNET) != 0) return unsupported("back to the network namespace");
  return space;
}

Result<Space> Space::open_here(const SpaceSettings& settings) {
  Space out;
  out.space_ = local::Descriptor(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  out.tcp_counters_ = local::Descriptor(::open("/proc/thread-self/net/snmp", O_RDONLY | O_CLOEXEC));
  out.device_counters_ = local::Descriptor(::open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC));
  auto device = open_device();
  if (!device) return device.error();
  out.device_ = std::move(*device);
  // Nobody here speaks IPv6; where the setting is missing, so does the kernel.
  (void)write_setting("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
  Interfaces interfaces;
  // All addresses of a network on the loopback device are local, so that each can be bound to.
  if (auto set = interfaces.up("lo", 0, 0); !set) return set.error();
  if (settings.local_address != 0) {
    if (auto set = interfaces.up("lo:1", settings.local_address, settings.local_mask); !set)
      return set.error();
  }
  if (auto set = interfaces.set_queue(kDevice, kDeviceQueue); !set) return set.error();
  if (auto set = interfaces.up(kDevice, settings.device_address, 0xffffffff); !set) return set.error();
  const TcpSettings& tcp = settings.tcp;
  if (auto set = add_route(kDevice, settings.beyond, settings.beyond_bits, tcp.congestion_control); !set) {
    return set.error();
  }
  if (auto set = write_setting("/proc/sys/net/ipv4/tcp_rmem", tcp.receive_memory); !set) return set.error();
  if (auto set = write_setting("/proc/sys/net/ipv4/tcp_wmem", tcp.send_memory); !set) return set.error();
  if (auto set = write_setting("/proc/sys/net/ipv4/tcp_min_tso_segs", tcp.least_train); !set)
    return set.error();
  return out;
}

Status Space::enter() const {
  if (::setns(space_.get(), CLONE_NEWNET) != 0) return unsupported("setns");
  return {};
}

Space::Counters Space::counters() const {
  const auto tcp = words_of_line(read_all(tcp_counters_.get()), "Tcp:");
  const auto device = words_of_line(read_all(device_counters_.get()), std::string(kDevice) + ":");
  // Columns: "Tcp:" and then OutSegs is the 11th, RetransSegs the 12th; NAME: 8 of receiving, bytes packets
  // errs drop of sending.
  return {number_at(tcp, 11), number_at(tcp, 12), number_at(device, 12)};
}

}  // namespace sjcp::wan
