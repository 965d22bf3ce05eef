#include "tests/wan/route.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/local/descriptor.h"

namespace sjcp::wan {
namespace {

// A netlink message: fixed headers, then attributes, each padded to four bytes.
class Message {
 public:
  Message() : bytes_(NLMSG_LENGTH(sizeof(rtmsg)), '\0') {}

  void add(uint16_t type, const void* data, size_t size) {
    const rtattr head{static_cast<uint16_t>(sizeof(rtattr) + size), type};
    bytes_.append(reinterpret_cast<const char*>(&head), sizeof head);
    bytes_.append(static_cast<const char*>(data), size);
    bytes_.resize((bytes_.size() + 3) / 4 * 4);
  }

  const std::string& finish(const rtmsg& route) {
    nlmsghdr head{};
    head.nlmsg_len = static_cast<uint32_t>(bytes_.size());
    head.nlmsg_type = RTM_NEWROUTE;
    head.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK;
    std::memcpy(bytes_.data(), &head, sizeof head);
    std::memcpy(bytes_.data() + NLMSG_HDRLEN, &route, sizeof route);
    return bytes_;
  }

 private:
  std::string bytes_;
};

// 0 or an errno.
int exchange(const std::string& request) {
  const local::Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket.valid() || ::send(socket.get(), request.data(), request.size(), 0) < 0) return errno;
  alignas(nlmsghdr) std::array<char, 4096> reply{};
  if (::recv(socket.get(), reply.data(), reply.size(), 0) < 0) return errno;
  nlmsghdr head{};
  nlmsgerr error{};
  std::memcpy(&head, reply.data(), sizeof head);
  if (head.nlmsg_type != NLMSG_ERROR) return EPROTO;
  std::memcpy(&error, reply.data() + NLMSG_HDRLEN, sizeof error);
  return -error.error;
}

}  // namespace

Status add_route(const char* device, uint32_t network, uint8_t bits, const std::string& congestion_control) {
  rtmsg route{};
  route.rtm_family = AF_INET;
  route.rtm_dst_len = bits;
  route.rtm_table = RT_TABLE_MAIN;
  route.rtm_protocol = RTPROT_STATIC;
  route.rtm_scope = RT_SCOPE_LINK;
  route.rtm_type = RTN_UNICAST;
  Message message;
  const uint32_t destination = htonl(network);
  const uint32_t index = ::if_nametoindex(device);
  message.add(RTA_DST, &destination, sizeof destination);
  message.add(RTA_OIF, &index, sizeof index);
  if (!congestion_control.empty()) {
    const rtattr metric{static_cast<uint16_t>(sizeof(rtattr) + congestion_control.size() + 1), RTAX_CC_ALGO};
    std::string metrics(reinterpret_cast<const char*>(&metric), sizeof metric);
    metrics.append(congestion_control.c_str(), congestion_control.size() + 1);
    message.add(RTA_METRICS, metrics.data(), metrics.size());
  }
  if (const int error = exchange(message.finish(route)); error != 0) {
    return make_error(
        Errc::kUnsupported,
        std::string("a route with congestion control ") + congestion_control + ": " + std::strerror(error),
        error);
  }
  return {};
}

}  // namespace sjcp::wan
