// TLS connections over loopback between this process and a child whose CPU time nobody counts.
//
// Ownership: Lines owns the connections of this process and waits for the child when it goes.
// Threads:   one.
// Errors:    whatever fails ends the process with a message: a floor that is not whole is worth nothing.
#pragma once

#include <openssl/ssl.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/bytes.h"

namespace sjcp::bench {

[[noreturn]] void die(const std::string& what);

// CPU seconds of the calling thread.
double thread_seconds();

// Adds what passes between its construction and its end to `to`.
class Spent {
 public:
  explicit Spent(double& to) : to_(to), begin_(thread_seconds()) {}
  ~Spent() { to_ += thread_seconds() - begin_; }
  Spent(const Spent&) = delete;
  Spent& operator=(const Spent&) = delete;

 private:
  double& to_;
  const double begin_;
};

class Line {
 public:
  Line(SSL* ssl, int fd) : ssl_(ssl, SSL_free), fd_(fd) {}
  // Blocks until all of it is there, or sent.
  void read(ByteSpan out);
  void write(ByteView data);
  int fd() const { return fd_; }

 private:
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  int fd_;
};

class Lines {
 public:
  // The child calls prepare, then accepts `count` connections and calls serve with its ends of them.  The
  // handshakes are over when the constructor returns.
  Lines(unsigned count, const std::function<void()>& prepare,
        const std::function<void(std::vector<Line>&)>& serve);
  // Ends the connections, and fails when the child did.
  ~Lines();
  Line& operator[](size_t i) { return lines_[i]; }
  size_t size() const { return lines_.size(); }

 private:
  pid_t child_ = -1;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::vector<Line> lines_;
};

}  // namespace sjcp::bench
