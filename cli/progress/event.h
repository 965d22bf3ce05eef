// What happens during a copy, as plain values.  Views turn them into a bar, JSON lines or nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"

namespace sjcp::cli {

struct StartEvent {
  std::string command;
  Clock::Wall time;
  unsigned parallelism = 0;  // 0: steered
  unsigned transfers = 0;
  uint64_t memory_bytes = 0;
};

struct ProgressEvent {
  double elapsed = 0;  // seconds since the start
  // Verified and handed to the destination; of uploads, what nodes and services have acknowledged.
  uint64_t bytes_done = 0;
  // Of these, what the next run need not send again: of uploads, segments and parts that are whole.
  uint64_t bytes_committed = 0;
  uint64_t bytes_total = 0;  // of everything known so far
  bool total_known = false;  // false while files are still being found or a size is unknown
  double rate = 0;           // bytes per second, over the last seconds
  int64_t segments = 0;
  int64_t window = 0;  // segments that may be in flight; 0: each file has its own limit only
  int64_t connections = 0;
  uint64_t files_done = 0;
  uint64_t files_failed = 0;
  uint64_t bytes_resumed = 0;  // of bytes_done: there from an earlier run
  std::optional<double> eta;   // seconds; none while unknown
};

struct FileEvent {
  std::string source;
  std::string path;  // the destination
  uint64_t bytes = 0;
  double seconds = 0;
  std::optional<Error> error = {};
  uint64_t bytes_resumed = 0;               // of bytes
  bool skipped = false;                     // the destination was left alone, as asked for
  std::optional<double> last_percent = {};  // seconds that the last hundredth of the bytes took
  std::string digest = {};                  // "sha256:HEX" of what came, where one was computed
};

struct SummaryEvent {
  uint64_t bytes = 0;
  double seconds = 0;
  double mean_rate = 0;  // bytes per second
  uint64_t files = 0;    // copied
  uint64_t failed = 0;
  int exit_code = 0;
  uint64_t skipped = 0;
  uint64_t bytes_resumed = 0;        // of bytes; not part of the rate
  int64_t window = 0;                // at the end; see ProgressEvent
  std::optional<double> overhead;    // bytes fetched over bytes needed; none while neither is known
  std::optional<double> tail;        // seconds that the last hundredth took; none unless one file came
  std::optional<double> tail_share;  // of the seconds that this file took
};

// Threads: one at a time; the reporter serializes the calls.
class View {
 public:
  virtual ~View() = default;
  virtual void start(const StartEvent&) {}
  virtual void progress(const ProgressEvent&) {}
  virtual void file(const FileEvent&) {}
  virtual void error(const Error&) {}  // that concerns no single file
  virtual void log(const std::string& level, const std::string& message) {
    static_cast<void>(level);
    static_cast<void>(message);
  }
  virtual void summary(const SummaryEvent&) {}
  // What was told did not reach its reader; once.
  virtual std::optional<Error> trouble() { return std::nullopt; }
};

}  // namespace sjcp::cli
