// Many transfers, some at a time.
//
// Jobs come from a producer (a listing, a walk through a folder) that is held back while enough of them wait,
// so that memory does not depend on their number.  A job that fails is counted and reported; the others go
// on.  A job is one file, or several small ones that travel together and are counted and reported one by one.
//
// Threads: run_batch() blocks; the producer runs in the caller's thread, jobs in up to `parallelism` others.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/transfer/context.h"

namespace sjcp::transfer {

// Called once per file, one call at a time, in order of completion, from the jobs' threads.
using OnResult = std::function<void(const std::string& name, const Status& status)>;

struct Job {
  std::string name;  // for the report
  // Stop of the given context is requested when the batch is interrupted.
  std::function<Status(const Context&)> run;
  // Instead of the two above: a job of several files, which tells of each as soon as its result is known.
  std::function<void(const Context&, const OnResult& done)> run_files = nullptr;
};

// Hands over one job; blocks while enough are waiting.  kCancelled: produce no more.
using Submit = std::function<Status(Job)>;
// Submits every job and returns; an error (its own, or what Submit returned) ends the batch after what was
// submitted.
using Producer = std::function<Status(const Submit&)>;
struct BatchTotals {
  uint64_t done = 0;
  uint64_t failed = 0;               // not counting what was interrupted
  std::optional<Error> worst_error;  // of the failed: the most telling
  std::optional<Error> ended_early;  // kCancelled, or the producer's error: not every job was tried
};

// files_done and files_failed of the counters follow the totals.  parallelism: threads, of which the
// context's gate lets so many run a job as pay.  Requires: parallelism >= 1.
BatchTotals run_batch(unsigned parallelism, const Producer& producer, const OnResult& on_result,
                      const Context& context);

}  // namespace sjcp::transfer
