// The TCP connection below TLS or Noise.  For .cc files of this room only.
//
// Threads: one at a time.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "core/access/node_id.h"
#include "core/base/bytes.h"
#include "core/base/result.h"
#include "net/io/endpoint.h"

namespace sjcp::io {

// Text of an errno.
std::string errno_text(int err);
// The errno of an operation that may be tried again.
bool would_block(int err);

class PeerSocket {
 public:
  // Begins a non-blocking connect; the preamble goes out together with the first bytes that are sent.
  // `expected`: for messages.
  static Result<std::unique_ptr<PeerSocket>> dial(const Endpoint& endpoint, const access::NodeId& expected,
                                                  std::string_view preamble);
  // Takes an accepted, non-blocking descriptor.
  static std::unique_ptr<PeerSocket> accept(int fd);
  ~PeerSocket();
  PeerSocket(const PeerSocket&) = delete;
  PeerSocket& operator=(const PeerSocket&) = delete;

  int fd() const { return fd_; }
  const std::string& name() const { return name_; }
  // A dial has ended, well or not.
  bool reached() const;

  // As the system calls of the same names, without SIGPIPE; what they say of the peer is kept for failure().
  ssize_t send(const void* data, size_t size, bool more);
  ssize_t receive(void* data, size_t size);

  bool eof() const { return eof_; }
  // An operation failed for good.
  bool broken() const { return error_ != 0; }
  // Requires: reached().  Finds out whether it is well or not.
  void check_connected();
  // What receive(), send() or a dial ran into, when broken() or eof().  `doing` as in "lost during <doing>".
  // Fault: kUnreached before there was a connection, then kBroken.
  Error failure(const char* doing) const;

 private:
  PeerSocket() = default;

  int fd_ = -1;
  std::string name_;
  std::string preamble_;  // still to be sent
  bool reached_ = false;  // some byte went out: the TCP connection stands
  bool eof_ = false;
  int error_ = 0;  // errno of the operation that failed
};

}  // namespace sjcp::io
