// What every transfer of a process shares: the stop signal, the memory budget and the counters that progress
// views sample.  Owned by the command; outlives every transfer.  All members may be used from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <stop_token>

#include "core/transfer/budget.h"

namespace sjcp::transfer {

// Monotonic unless said otherwise.  Relaxed atomics: views need no consistency between fields.
struct Counters {
  std::atomic<uint64_t> bytes_total{0};    // known size of everything admitted so far
  std::atomic<uint64_t> bytes_done{0};     // verified and handed to the destination
  std::atomic<uint64_t> bytes_fetched{0};  // piece bytes received or sent, useful or not
  std::atomic<uint64_t> files_done{0};
  std::atomic<uint64_t> files_failed{0};
  std::atomic<int64_t> segments_active{0};     // gauge
  std::atomic<int64_t> connections_active{0};  // gauge
  std::atomic<uint64_t> retries{0};            // segments fetched again, pieces exchanged
  std::atomic<uint64_t> bytes_resumed{0};      // of bytes_done: there from an earlier run
};

struct Context {
  std::stop_token stop;
  MemoryBudget* budget = nullptr;  // set for download() and upload(); sources and writers do not use it
  Counters* counters = nullptr;    // always set
};

}  // namespace sjcp::transfer
