#include "core/transfer/group.h"

#include <optional>
#include <vector>

#include "core/base/wait.h"

namespace sjcp::transfer {
namespace {

struct Part {
  size_t begin = 0;
  size_t end = 0;
  bool broken = false;  // was sent once already, with an unknown outcome
  size_t size() const { return end - begin; }
};

class GroupRun {
 public:
  GroupRun(GroupSize& sizes, const GroupCalls& calls) : sizes_(sizes), calls_(calls) {}

  void run(size_t count) {
    add({0, count, false});
    while (!left_.empty()) {
      Part part = left_.back();
      left_.pop_back();
      if (verdict_) {
        report(part, *verdict_);
        continue;
      }
      const size_t most = sizes_.files();
      if (part.size() > most) {
        add({part.begin + most, part.end, part.broken});
        part.end = part.begin + most;
      }
      send(part);
    }
  }

 private:
  void send(const Part& part) {
    const auto start = sizes_.reserve(part.size(), calls_.now());
    if (!calls_.wait_until(start)) return end_with(part, make_error(Errc::kCancelled, "interrupted"));
    const auto sent = calls_.now();
    GroupReply reply = calls_.attempt(part.begin, part.end);
    if (reply.status) {
      sizes_.succeeded(part.size());
      rate_refusals_ = 0;
      return report(part, {});
    }
    const Error& error = reply.status.error();
    switch (reply.verdict) {
      case GroupVerdict::kTooOften:
        sizes_.limited(sent, calls_.now());
        return ++rate_refusals_ < kMostRateRefusals ? add(part) : end_with(part, error);
      case GroupVerdict::kBroken:
        if (part.broken) return end_with(part, error);
        return add({part.begin, part.end, true});
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
    add({middle, part.end, false});
    add({part.begin, middle, false});
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
  int rate_refusals_ = 0;
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
