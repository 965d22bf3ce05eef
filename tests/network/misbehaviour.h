// What nodes and the satellite do wrong on request.  Set from the control socket, read by every stream.
//
// Threads: any.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "tests/network/rpc.h"

namespace sjcp::network {

// One node's faults; all off by default.  They hold until they are changed.
struct NodeFaults {
  bool down = false;                    // no listener; open connections were cut when it was set
  bool refuse = false;                  // connections are accepted and closed at once
  bool wrong_identity = false;          // TLS and Noise with an identity that is not the node's
  bool new_noise_key = false;           // Noise with a key that the satellite does not know yet
  std::optional<uint64_t> stall_after;  // bytes of pieces on a stream; then nothing more comes or is read
  uint64_t bytes_per_second = 0;        // of pieces on each stream; 0 = no limit
  bool flip = false;                    // one bit of served pieces is wrong...
  std::optional<uint64_t> flip_offset;  // ...at this byte; otherwise in every 256 bytes
  std::optional<uint64_t> short_after;  // downloads end in good order after so many bytes
  bool wrong_hash = false;              // uploads are answered with a signed hash of other data
  bool bad_signature = false;           // uploads are answered with a signature of something else
  bool full = false;                    // uploads are refused for want of space, once the limit has been used
  std::optional<RpcFailure> status;     // every call ends so
};

class NodeFaultBox {
 public:
  NodeFaults get() const {
    std::lock_guard lock(mutex_);
    return faults_;
  }
  void set(NodeFaults faults) {
    std::lock_guard lock(mutex_);
    faults_ = std::move(faults);
  }

 private:
  mutable std::mutex mutex_;
  NodeFaults faults_;
};

// What happens to a call of the satellite instead of its answer.
struct CallFault {
  bool drop_before = false;  // the connection is cut before the call has any effect
  bool drop_after = false;   // ... after it took effect, instead of the answer
  bool silent = false;       // it has no effect and is never answered
  RpcFailure status;         // otherwise the answer
  uint64_t count = 1;        // calls that are left
};

class SatelliteFaults {
 public:
  // method: "BeginObject", or "*".  A call inside a batch counts by its own name and by the batch's; then
  // what comes before it in the batch has taken effect, and with drop_after what comes behind it as well.
  void set(const std::string& method, CallFault fault) {
    std::lock_guard lock(mutex_);
    calls_[method] = std::move(fault);
  }
  void clear() {
    std::lock_guard lock(mutex_);
    calls_.clear();
    expired_limits_ = 0;
  }
  // The fault that the next call of `method` meets, if any; uses it up.
  std::optional<CallFault> take(const std::string& method);

  // The next n answers hand out limits that expired a day ago.
  void set_expired_limits(uint64_t n) {
    std::lock_guard lock(mutex_);
    expired_limits_ = n;
  }
  std::chrono::hours take_limit_age();

 private:
  std::mutex mutex_;
  std::map<std::string, CallFault> calls_;
  uint64_t expired_limits_ = 0;
};

// The production satellites' limit on requests: a bucket of `burst` that fills at `per_second`.  Off at
// first.
class RequestLimit {
 public:
  // per_second 0: off.
  void set(double per_second, double burst) {
    std::lock_guard lock(mutex_);
    per_second_ = per_second;
    burst_ = left_ = burst;
    refused_ = 0;
  }
  // Whether one more request may pass at that time.
  bool pass(std::chrono::steady_clock::time_point now);
  uint64_t refused() const {
    std::lock_guard lock(mutex_);
    return refused_;
  }

 private:
  mutable std::mutex mutex_;
  double per_second_ = 0;
  double burst_ = 0;
  double left_ = 0;
  uint64_t refused_ = 0;
  std::chrono::steady_clock::time_point filled_{};
};

}  // namespace sjcp::network
