#include "core/transfer/file_window.h"

#include <algorithm>

namespace sjcp::transfer {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kShortestRound = 50ms;
// A listing on an open connection takes that long from some 15 ms of round trip on.
constexpr std::chrono::nanoseconds kLongPath = 50ms;
constexpr unsigned kStartsOfLongPath = 16;
// Growth by g is kept when the rate grew by g / 4.
constexpr double kPaysAtLeast = 0.25;
constexpr auto kFirstRest = 10s;
constexpr auto kLongestRest = 60s;

}  // namespace

FileWindow::FileWindow(Options options)
    : options_(options),
      size_(std::clamp(options.start, 1U, std::max(options.most, 1U))),
      rest_(kFirstRest) {}

void FileWindow::answered(std::chrono::nanoseconds took) {
  if (begun_ || took < kLongPath) return;
  size_ = std::max(size_, std::min(kStartsOfLongPath * options_.start, options_.most));
}

void FileWindow::begin_round(Time now) {
  round_began_ = now;
  ended_ = 0;
}

void FileWindow::enter(Phase phase, Time now) {
  phase_ = phase;
  begin_round(now);
}

void FileWindow::ended(Time now, bool wanted) {
  if (!begun_) {
    begun_ = true;
    begin_round(now);
    return;
  }
  // With fewer files than it allows, the rate says nothing about the window.
  if (!wanted) return begin_round(now);
  if (++ended_ < size_ || now - round_began_ < kShortestRound) return;
  const double rate = ended_ / std::chrono::duration<double>(now - round_began_).count();
  judge(rate, now);
}

void FileWindow::judge(double rate, Time now) {
  switch (phase_) {
    case Phase::kBeginning:
      return enter(Phase::kMeasuring, now);
    case Phase::kSettling:
      return enter(Phase::kTrying, now);
    case Phase::kMeasuring:
      base_rate_ = rate;
      base_size_ = size_;
      return grow(doubling_ ? 2 * size_ : size_ + size_ / 2 + 1, now);
    case Phase::kTrying: {
      const double growth = static_cast<double>(size_) / base_size_ - 1;
      if (rate >= base_rate_ * (1 + kPaysAtLeast * growth)) {
        base_rate_ = rate;
        base_size_ = size_;
        return grow(doubling_ ? 2 * size_ : size_ + size_ / 2 + 1, now);
      }
      doubling_ = false;
      size_ = base_size_;
      rests_until_ = now + rest_;
      rest_ = std::min<std::chrono::seconds>(2 * rest_, kLongestRest);
      return enter(Phase::kResting, now);
    }
    case Phase::kResting:
      return now < rests_until_ ? begin_round(now) : enter(Phase::kMeasuring, now);
  }
}

void FileWindow::grow(unsigned size, Time now) {
  size = std::min(size, options_.most);
  if (size <= size_) {
    rests_until_ = now + rest_;
    return enter(Phase::kResting, now);
  }
  size_ = size;
  enter(Phase::kSettling, now);
}

}  // namespace sjcp::transfer
