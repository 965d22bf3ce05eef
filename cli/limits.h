// What bounds a copy: made from its options and the machine, shared by all its transfers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "cli/io.h"
#include "cli/options.h"
#include "core/transfer/context.h"
#include "core/transfer/file_gate.h"
#include "core/transfer/queue_control.h"
#include "core/transfer/segment_gate.h"

namespace sjcp::cli {

// --memory, else a quarter of what the machine has and at most 512 MiB; for uploads, which hold whole
// segments, at most 256 MiB.
uint64_t memory_limit(const CpOptions& options, const Machine& machine, bool upload);

// What uploads may hold at once, whatever the budget says: the machine's memory, less what the rest of the
// process has.
uint64_t upload_memory(const Machine& machine);

// --max-connections, else what the descriptors allow beside the files, and at most 2048.
size_t connection_limit(const CpOptions& options, const Machine& machine);

// The most connections that the descriptors have room for, beside one file.
size_t most_connections(const Machine& machine);

// Segments of objects in Storj take turns, and files, where descriptors are few: each has some thirty
// connections and a descriptor or two to wait with.  Otherwise the options as they are.
CpOptions fit_descriptors(CpOptions options, unsigned files, const Machine& machine);

// The most files in flight where the options leave it to the copy: what descriptors and connections allow.
unsigned most_files(const CpOptions& options, const Machine& machine);

// Of `asked` files in flight, those that the descriptors allow; at least one.
unsigned files_allowed(unsigned asked, const Machine& machine);

// Files that each of `groups` may have open until they are flushed together; at least one.
size_t files_per_group(unsigned groups, const Machine& machine);

// Keeps the throttles of both directions at what a file says: looks at it every half second.
class RateFile {
 public:
  using Warn = std::function<void(const std::string&)>;

  // kUsage: the file holds no rate; kLocalIo: it cannot be read.  interval 0: only check() looks.
  static Result<std::unique_ptr<RateFile>> open(std::string path, transfer::Throttle& down,
                                                transfer::Throttle& up, const Clock& clock, Warn warn,
                                                std::chrono::milliseconds interval);
  ~RateFile();

  // Reads the file; what cannot be understood, or a file that is gone, leaves the rate and is told once.
  void check();

 private:
  RateFile(std::string path, transfer::Throttle& down, transfer::Throttle& up, const Clock& clock, Warn warn);
  Status read();
  void watch(const std::stop_token& stop, std::chrono::milliseconds interval);

  const std::string path_;
  transfer::Throttle& down_;
  transfer::Throttle& up_;
  const Clock& clock_;
  const Warn warn_;
  std::optional<Rates> seen_;
  std::string told_;  // the last warning
  std::jthread watcher_;
};

// Of the memory, what standard output may keep of bytes that are ahead of their turn; 0: nothing goes there.
uint64_t stream_buffer(const CpOptions& options, uint64_t memory_bytes);

class Limits {
 public:
  // parts: an upload's segments are parts, each on a connection of its own.  files: in flight; 0: as many as
  // pay. io and counters must outlive it.
  Limits(const CpOptions& options, bool upload, bool parts, unsigned files, const Io& io,
         transfer::Counters& counters);

  // Follows --limit-rate-file, when there is one.
  Status follow_rate_file(RateFile::Warn warn);
  transfer::Context context();
  // For standard output, beside what the budget of the context has.
  uint64_t stream_buffer_bytes() const { return stream_buffer_; }

 private:
  const CpOptions& options_;
  const bool upload_;
  const Io& io_;
  transfer::Counters& counters_;
  const uint64_t memory_;
  const uint64_t stream_buffer_;
  transfer::MemoryBudget budget_;
  transfer::ConnectionBudget connections_;
  transfer::Throttle down_;
  transfer::Throttle up_;
  transfer::QueueControl queue_;
  std::unique_ptr<transfer::SegmentGate> gate_;
  std::optional<transfer::FileGate> files_;
  std::unique_ptr<RateFile> rate_file_;
};

}  // namespace sjcp::cli
