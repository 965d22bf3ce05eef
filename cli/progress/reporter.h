// Watches a copy and tells every view: a thread samples the counters, results come from the command.
//
// Threads: all methods from any thread.  Views are called by one thread at a time and never after finish().
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "cli/progress/event.h"
#include "cli/progress/rate_meter.h"
#include "core/transfer/context.h"

namespace sjcp::cli {

class Reporter {
 public:
  // counters and clock must outlive it.
  Reporter(std::vector<std::unique_ptr<View>> views, const transfer::Counters& counters, const Clock& clock);
  // Stops sampling; without finish() no summary appears.
  ~Reporter();
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;

  // Announces the copy and samples every `interval`; 0: only sample() samples.
  void start(const StartEvent& event, std::chrono::milliseconds interval);
  void sample();

  // A file was found; nullopt: its size is unknown.
  void planned(std::optional<uint64_t> bytes);
  // A file that was planned with so many bytes is not copied after all.
  void unplanned(std::optional<uint64_t> bytes);
  // No further file will be planned: from now on the total is known.
  void plan_complete();

  void file(const FileEvent& event);
  void error(const Error& error);
  void log(const std::string& level, const std::string& message);

  // A last sample and the summary, once.  The exit code: kExitLocalIo in place of kExitOk where a view could
  // not tell what it was told.
  int finish(int exit_code);

 private:
  void run(std::chrono::milliseconds interval);
  // These require mutex_.
  ProgressEvent take_sample();
  void tell(const std::function<void(View&)>& what);
  // Views that can no longer tell: said at once, by those that can.
  void look_for_trouble(bool late);

  const std::vector<std::unique_ptr<View>> views_;
  const transfer::Counters& counters_;
  const Clock& clock_;
  const Clock::Steady started_;

  std::mutex mutex_;
  std::condition_variable stopping_;
  bool stop_ = false;
  bool finished_ = false;
  RateMeter rate_;
  uint64_t planned_bytes_ = 0;
  bool size_unknown_ = false;
  bool plan_complete_ = false;
  uint64_t files_ = 0;
  uint64_t failed_ = 0;
  uint64_t skipped_ = 0;
  FileEvent last_copied_;
  uint64_t shown_ = 0;  // of an upload: what was acknowledged once is shown, also while it is sent again
  bool untold_ = false;
  std::thread sampler_;
};

}  // namespace sjcp::cli
