#include "core/flow/repeats.h"

#include <algorithm>
#include <utility>

#include "core/base/wait.h"

namespace sjcp::flow {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr milliseconds kTick{100};

// False: stop is requested.
bool wait_while_wanted(milliseconds time, const std::stop_token& stop,
                       const std::function<bool()>& unwanted) {
  if (!unwanted) return wait_unless_stopped(time, stop);
  for (const auto until = std::chrono::steady_clock::now() + time; !unwanted();) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= until) break;
    if (!wait_unless_stopped(std::min(until, now + kTick), stop)) return false;
  }
  return true;
}

}  // namespace

Repeats::Repeats(Waits& waits, std::string service, RetryBudget* budget, std::atomic<uint64_t>* counter)
    : waits_(waits),
      service_(std::move(service)),
      counter_(counter),
      retry_(waits.policy, budget, waits.random) {}

void Repeats::progress() {
  if (since_) waits_.outages.ends(service_);
  since_.reset();
  retry_.progress();
}

Result<Next> Repeats::after(const Error& error, Question question, const std::stop_token& stop,
                            std::optional<seconds> asked, const std::function<bool()>& unwanted) {
  const Clock::Steady now = waits_.clock->steady_now();
  if (!since_) since_ = now;
  const Retry::Verdict verdict = retry_.failed(error.fault, question, now, asked);
  if (verdict.next == Next::kStop) return final_error(error, question, verdict, asked);
  if (verdict.tell && waits_.outages.begins(service_, now, verdict.until)) {
    const auto left = std::chrono::duration_cast<Clock::Wall::duration>(verdict.until - now);
    waits_.tell(waiting_text(error.what, waits_.clock->wall_now() + left));
  }
  const char* what = verdict.next == Next::kLook ? "asking what became of it" : "again";
  waits_.note(error.what + " (" + to_string(error.fault) + "); " + what + " in " +
              std::to_string(verdict.wait.count()) + " ms");
  if (counter_ != nullptr) counter_->fetch_add(1, std::memory_order_relaxed);
  if (!wait_while_wanted(verdict.wait, stop, unwanted)) return make_error(Errc::kCancelled, "interrupted");
  return verdict.next;
}

Error Repeats::final_error(const Error& error, Question question, const Retry::Verdict& verdict,
                           std::optional<seconds> asked) const {
  Error last = error;
  if (next_of(error.fault, question) != Next::kStop) last.fault = Fault::kNone;
  if (verdict.asked_too_long) {
    last.code = Errc::kLimited;
    last.what += "; it asks to be left alone for " + period_text(*asked);
    return last;
  }
  const auto tried = std::chrono::round<seconds>(waits_.clock->steady_now() - *since_);
  if (retry_.failures() > 1 && tried >= seconds(1)) last.what += " (tried for " + period_text(tried) + ")";
  return last;
}

}  // namespace sjcp::flow
