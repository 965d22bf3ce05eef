#include "core/flow/retry.h"

#include <algorithm>
#include <array>
#include <random>

namespace sjcp::flow {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

using enum Next;

constexpr std::array<RetryRow, 7> kTable = {{
    {Fault::kNone, kStop, kStop, kStop, 1, 0},
    {Fault::kUnreached, kAgain, kAgain, kAgain, 1, 0},
    {Fault::kBroken, kAgain, kLook, kStop, 1, 0},
    {Fault::kSilent, kAgain, kLook, kStop, 1, 2},
    {Fault::kUnavailable, kAgain, kLook, kStop, 1, 0},
    {Fault::kBusy, kAgain, kAgain, kAgain, 1, 0},
    {Fault::kServerError, kAgain, kLook, kStop, 2, 0},
}};

}  // namespace

const RetryRow& retry_row(Fault fault) {
  const auto* row =
      std::find_if(kTable.begin(), kTable.end(), [fault](const RetryRow& r) { return r.fault == fault; });
  return row == kTable.end() ? kTable.front() : *row;
}

Next next_of(Fault fault, Question question) {
  const RetryRow& row = retry_row(fault);
  switch (question) {
    case Question::kSafe:
      return row.safe;
    case Question::kTraceable:
      return row.traceable;
    case Question::kOnce:
      return row.once;
  }
  return kStop;
}

bool RetryBudget::take() {
  uint64_t left = left_.load();
  while (left >= kEarning && !left_.compare_exchange_weak(left, left - kEarning)) {
  }
  return left >= kEarning;
}

void RetryBudget::earn(uint64_t bytes) {
  uint64_t left = left_.load();
  while (left < full_ && !left_.compare_exchange_weak(left, left + std::min(bytes, full_ - left))) {
  }
}

void Retry::progress() {
  failures_ = 0;
  since_.reset();
  asked_waits_ = milliseconds(0);
  told_ = false;
}

milliseconds Retry::wait_of(const RetryRow& row) const {
  const milliseconds longest = row.fault == Fault::kBusy ? policy_.longest_busy_wait : policy_.longest_wait;
  milliseconds full = policy_.first_wait;
  for (unsigned i = 1; i < failures_ && full < longest; ++i) full *= 2;
  full = std::min(full, longest);
  return full / 2 + milliseconds(static_cast<int64_t>(random_() * static_cast<double>(full.count()) / 2));
}

bool Retry::exhausted(const RetryRow& row, Clock::Steady now) const {
  if (row.tries > 0 && failures_ > row.tries) return true;
  return now - *since_ >= policy_.patience / row.share + asked_waits_;
}

Retry::Verdict Retry::failed(Fault fault, Question question, Clock::Steady now,
                             std::optional<seconds> asked) {
  Verdict verdict;
  const Next next = next_of(fault, question);
  if (next == kStop) return verdict;
  if (!since_) since_ = now;
  ++failures_;
  const RetryRow& row = retry_row(fault);
  if (asked && asked_waits_ + *asked > policy_.longest_asked) {
    verdict.asked_too_long = true;
    return verdict;
  }
  if (exhausted(row, now) || (budget_ != nullptr && !budget_->take())) return verdict;
  verdict.next = next;
  verdict.wait = wait_of(row);
  if (asked) {
    // Those who were all asked to come back at the same moment spread a little, in their own time.
    verdict.wait = *asked + std::min(verdict.wait, milliseconds(1000));
    asked_waits_ += *asked;
  }
  const Clock::Steady end = *since_ + policy_.patience / row.share + asked_waits_;
  // The last try is made when the patience ends, not a wait before it.
  verdict.wait = std::min(verdict.wait, std::chrono::ceil<milliseconds>(end - now));
  verdict.until = asked ? now + verdict.wait : end;
  verdict.tell = !told_ && now + verdict.wait - *since_ >= policy_.told_after;
  told_ = told_ || verdict.tell;
  return verdict;
}

Retry::Random system_random() {
  return [] {
    thread_local std::minstd_rand generator{std::random_device{}()};
    return std::uniform_real_distribution<double>(0, 1)(generator);
  };
}

}  // namespace sjcp::flow
