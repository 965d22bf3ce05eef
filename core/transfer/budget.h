// One byte budget for everything in flight.
//
// Whoever is about to hold large buffers acquires their size first and keeps the Lease as long as the buffers
// live.  A request above the whole budget is granted when nothing else is held: one segment at a time always
// works.
//
// Threads: any.
#pragma once

#include "core/transfer/permits.h"

namespace sjcp::transfer {

class MemoryBudget {
 public:
  using Lease = Permits::Lease;  // its count: bytes

  explicit MemoryBudget(uint64_t limit_bytes) : bytes_(limit_bytes, "memory") {}

  // Blocks until the bytes are free, in order of arrival.  kCancelled when stop is requested meanwhile.
  Result<Lease> acquire(uint64_t bytes, const std::stop_token& stop) { return bytes_.acquire(bytes, stop); }

  uint64_t limit() const { return bytes_.limit(); }
  uint64_t held() const { return bytes_.held(); }
  size_t waiting() const { return bytes_.waiting(); }

 private:
  Permits bytes_;
};

}  // namespace sjcp::transfer
