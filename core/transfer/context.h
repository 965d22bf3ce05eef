// What every transfer of a process shares: the stop signal, the limits, and the counters that progress views
// sample.  Owned by the command; outlives every transfer.  All members may be used from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <stop_token>
#include <utility>

#include "core/base/clock.h"
#include "core/transfer/budget.h"
#include "core/transfer/connection_budget.h"
#include "core/transfer/throttle.h"

namespace sjcp::transfer {

class FileGate;      // core/transfer/file_gate.h
class QueueControl;  // core/transfer/queue_control.h
class SegmentGate;   // core/transfer/segment_gate.h

// Monotonic unless said otherwise.  Relaxed atomics: views need no consistency between fields.
struct Counters {
  std::atomic<uint64_t> bytes_total{0};    // known size of everything admitted so far
  std::atomic<uint64_t> bytes_done{0};     // verified and handed to the destination, in this run
  std::atomic<uint64_t> bytes_fetched{0};  // piece bytes received or sent, useful or not
  // Of what was sent of pieces, what the nodes' kernels have: a socket takes megabytes before a slow line
  // does.
  std::atomic<uint64_t> bytes_acknowledged{0};
  // Gauge: of segments and parts on their way up, what nodes and services have, in bytes of the object.
  std::atomic<int64_t> bytes_landing{0};
  std::atomic<uint64_t> files_done{0};
  std::atomic<uint64_t> files_failed{0};
  std::atomic<int64_t> segments_active{0};     // gauge
  std::atomic<int64_t> connections_active{0};  // gauge
  std::atomic<uint64_t> retries{0};            // segments fetched again, pieces exchanged
  std::atomic<int64_t> segments_allowed{0};    // gauge: what the window admits; 0: there is no window
  std::atomic<uint64_t> bytes_needed{0};   // of the fetched, those without which the data could not be had
  std::atomic<uint64_t> bytes_resumed{0};  // there from an earlier run; not part of bytes_done
};

struct Context {
  std::stop_token stop;
  MemoryBudget* budget = nullptr;  // set for download() and upload(); sources and writers do not use it
  Counters* counters = nullptr;    // always set
  SegmentGate* gate = nullptr;     // segments in flight of all transfers; null: each has its own limit only
  FileGate* files = nullptr;       // files in flight of a batch; null: as many as it has threads
  Throttle* throttle = nullptr;    // bytes to and from nodes; null: as fast as they go
  Throttle* source_throttle = nullptr;      // of the half of a relay that receives; null: the same
  ConnectionBudget* connections = nullptr;  // to nodes; null: as many as are useful
  QueueControl* queue = nullptr;            // of what downloads receive; null: nobody cares
  const Clock* clock = &system_clock();     // for the moments in summaries

  // The same, stopped by another signal.
  Context with_stop(std::stop_token other) const {
    Context copy = *this;
    copy.stop = std::move(other);
    return copy;
  }
};

}  // namespace sjcp::transfer
