// Many small files in few requests, each file with its own result in the end.
//
// A request that carries several files fails as a whole, with the error of the first file that failed, while
// those before it may be done.  run_group() sends all of them, and after a failure halves, until every file
// is done or has been refused by itself.  That repeats what was done: attempts must bear it.
//
// Threads: blocks; attempts and results come from the caller's thread.
#pragma once

#include <functional>
#include <stop_token>

#include "core/base/result.h"
#include "core/transfer/group_size.h"

namespace sjcp::transfer {

// What the failure of a request says about its files.
enum class GroupVerdict : uint8_t {
  kOne,       // one of them cannot be done
  kEach,      // one cannot, nor any file after it, for the same reason
  kAll,       // none can be done: the service is away, or refuses them all
  kTooOften,  // the rate of requests was too high
};

struct GroupReply {
  Status status;
  GroupVerdict verdict = GroupVerdict::kAll;  // of a failure
};

struct GroupCalls {
  // One request with the files [begin, end).
  std::function<GroupReply(size_t begin, size_t end)> attempt;
  // Once per file.
  std::function<void(size_t file, const Status& status)> result;
  // False: stopped meanwhile.
  std::function<bool(GroupSize::Time until)> wait_until;
  std::function<GroupSize::Time()> now;
};

// How often in a row, whoever asked, the pace may be too fast before the files that are refused fail: with
// the rests between, some twenty seconds.
inline constexpr int kMostRateRefusals = 7;

void run_group(size_t count, GroupSize& sizes, const GroupCalls& calls);

// Calls that wait in real time, until stop is requested.
GroupCalls real_time_calls(const std::stop_token& stop);

}  // namespace sjcp::transfer
