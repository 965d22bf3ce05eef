#include "core/transfer/group.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/base/wait.h"

namespace sjcp::transfer {
namespace {

struct Part {
  size_t begin = 0;
  size_t end = 0;
  size_t size() const { return end - begin; }
};

class GroupRun {
 public:
  GroupRun(GroupSize& sizes, const GroupCalls& calls) : sizes_(sizes), calls_(calls) {}

  void run(size_t count) {
    add({0, count});
    while (!left_.empty()) {
      const Part part = left_.back();
      left_.pop_back();
      if (verdict_) {
        report(part, *verdict_);
        continue;
      }
      // Asked for again after each wait: what may be sent, and how much of it, changes meanwhile.
      const size_t size = std::min(part.size(), sizes_.files());
      const auto now = calls_.now();
      const auto later = sizes_.book(size, now);
      add({part.begin + (later ? 0 : size), part.end});
      if (!later) {
        send({part.begin, part.begin + size}, now);
      } else if (!calls_.wait_until(*later)) {
        verdict_ = make_error(Errc::kCancelled, "interrupted");
      }
    }
  }

 private:
  void send(const Part& part, GroupSize::Time sent) {
    GroupReply reply = calls_.attempt(part.begin, part.end);
    if (reply.status) {
      sizes_.succeeded(part.size());
      return report(part, {});
    }
    const Error& error = reply.status.error();
    switch (reply.verdict) {
      case GroupVerdict::kTooOften:
        if (sizes_.limited(part.size(), sent, calls_.now()) < kMostRateRefusals) return add(part);
        return end_with(part, error);
      case GroupVerdict::kAll:
        return end_with(part, error);
      case GroupVerdict::kOne:
        if (part.size() == 1) return report(part, error);
        sizes_.refused();
        return halve(part);
      case GroupVerdict::kEach:
        return part.size() == 1 ? end_with(part, error) : halve(part);
    }
  }

  void halve(const Part& part) {
    const size_t middle = part.begin + part.size() / 2;
    add({middle, part.end});
    add({part.begin, middle});
  }

  // Every file that is left shares the error.
  void end_with(const Part& part, const Error& error) {
    verdict_ = error;
    report(part, error);
  }

  void add(Part part) {
    if (part.size() > 0) left_.push_back(part);
  }

  void report(const Part& part, const Status& status) {
    for (size_t file = part.begin; file < part.end; ++file) calls_.result(file, status);
  }

  GroupSize& sizes_;
  const GroupCalls& calls_;
  std::vector<Part> left_;  // the next one last
  std::optional<Error> verdict_;
};

}  // namespace

void run_group(size_t count, GroupSize& sizes, const GroupCalls& calls) {
  GroupRun(sizes, calls).run(count);
}

GroupCalls real_time_calls(const std::stop_token& stop) {
  GroupCalls calls;
  calls.now = [] { return std::chrono::steady_clock::now(); };
  calls.wait_until = [stop](GroupSize::Time until) { return wait_unless_stopped(until, stop); };
  return calls;
}

}  // namespace sjcp::transfer
