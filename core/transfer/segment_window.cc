#include "core/transfer/segment_window.h"

#include <algorithm>

#include "core/base/units.h"

namespace sjcp::transfer {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr nanoseconds kShortestSlice = 100ms;
constexpr nanoseconds kLongestSlice = 500ms;
// Bytes reach the sink in batches of a few hundred KiB per segment: a slice with fewer of them would compare
// noise.  A line too slow for that is not kept waiting beyond four slices.
constexpr uint64_t kSliceBytes = 4 * kMiB;
constexpr int kSlicesAtMost = 4;
constexpr double kClimbing = 1.25;

// So much in so long a time is not a burst that some buffer took.
constexpr nanoseconds kGlance = 50ms;
constexpr uint64_t kGlanceBytes = kMiB;

// Opening takes that long from some 15 ms of round trip on, and from 130 ms on.  Most nodes are farther than
// the satellite.
constexpr nanoseconds kLongOpening = 50ms;
// Opening takes no longer where the network is next door.  There segments wait for processors rather than for
// distance, and each that begins beside others costs the handshakes of its own connections.
constexpr nanoseconds kShortOpening = 15ms;
constexpr nanoseconds kLongestOpening = 400ms;

constexpr nanoseconds kShortestMeasurement = 1s;
// Nothing came for so long: the other end was away, and a rate across that says nothing of the window.
constexpr nanoseconds kAway = 2s;
// Growth by g is kept when the rate grew by g / 4.
constexpr double kPaysAtLeast = 0.25;
// Shrinking is kept when this share of the rate is left.
constexpr double kLosesNothing = 0.97;
// A rate this far below the best, with a smaller window, calls for the larger one again.
constexpr double kFellBehind = 0.9;
constexpr nanoseconds kFirstRest = 10s;
constexpr nanoseconds kLongestRest = 60s;

}  // namespace

SegmentWindow::SegmentWindow(Options options)
    : options_(options),
      size_(std::clamp(options.start, 1U, std::max(options.most, 1U))),
      most_rise_(options.most_rise),
      rest_(kFirstRest) {}

void SegmentWindow::opened(std::chrono::nanoseconds took, bool divisible) {
  if (phase_ != Phase::kSilent) return;
  if (took < kShortOpening && !divisible) size_ = std::min(size_, std::max(options_.least, 1U));
  if (took < kLongOpening) return;
  const unsigned wanted =
      divisible ? options_.ranges
                : std::min(options_.start * (took < kLongestOpening ? 2 : 4), options_.most_start);
  unsigned& reaches = options_.starts_with_most ? size_ : most_rise_;
  reaches = std::max(reaches, std::min(wanted, options_.most));
}

void SegmentWindow::observe(const Sample& sample) {
  note_outage(sample);
  switch (phase_) {
    case Phase::kSilent:
      return on_silent(sample);
    case Phase::kRising:
      return on_rising(sample);
    case Phase::kMeasuring:
      return on_measured(sample);
    case Phase::kMore:
      return on_more(sample);
    case Phase::kFewer:
      return on_fewer(sample);
    case Phase::kResting:
      if (sample.now - entered_ < rest_) return;
      rest_ = std::min<Duration>(2 * rest_, kLongestRest);
      return enter(Phase::kMeasuring, sample.now);
  }
}

void SegmentWindow::enter(Phase phase, Clock::Steady now) {
  phase_ = phase;
  entered_ = now;
  slice_open_ = false;
}

// After one, connections get up to speed once more, and what was being compared is compared anew.
void SegmentWindow::note_outage(const Sample& sample) {
  if (sample.bytes == moved_bytes_) return;
  const bool away = moved_bytes_ > 0 && sample.now - moved_ >= kAway;
  moved_ = sample.now;
  moved_bytes_ = sample.bytes;
  if (!away || phase_ == Phase::kSilent || phase_ == Phase::kResting) return;
  enter(phase_, sample.now);
  slice_rate_ = 0;
  if (phase_ == Phase::kRising) start_slice(sample);
}

void SegmentWindow::start_slice(const Sample& sample) {
  slice_open_ = true;
  slice_begin_ = sample.now;
  slice_bytes_ = sample.bytes;
}

double SegmentWindow::rate_of(const Sample& sample) const {
  const double seconds = std::chrono::duration<double>(sample.now - slice_begin_).count();
  return seconds > 0 ? static_cast<double>(sample.bytes - slice_bytes_) / seconds : 0;
}

void SegmentWindow::on_silent(const Sample& sample) {
  if (!begun_) {
    if (sample.in_flight == 0) return;
    begun_ = true;
    entered_ = sample.now;
    slice_bytes_ = sample.bytes;
  }
  if (sample.bytes == slice_bytes_) return;
  // Resolving, dialling, the handshake and the first request are some four round trips.
  slice_ = std::clamp<nanoseconds>((sample.now - entered_) / 2, kShortestSlice, kLongestSlice);
  enter(Phase::kRising, sample.now);
  start_slice(sample);
}

// Twice as many segments would get their due: no need to see whether the rate climbs.
bool SegmentWindow::plainly_wide(const Sample& sample) const {
  if (options_.starts_with_most || !sample.wanted || sample.queued) return false;
  if (sample.now - slice_begin_ < kGlance || sample.bytes - slice_bytes_ < kGlanceBytes) return false;
  return rate_of(sample) >= 2 * size_ * options_.thin;
}

void SegmentWindow::on_rising(const Sample& sample) {
  const Duration length = sample.now - slice_begin_;
  if (plainly_wide(sample)) size_ = std::max(size_, std::min(2 * size_, most_rise_));
  if (length < slice_) return;
  if (sample.bytes - slice_bytes_ < kSliceBytes && length < kSlicesAtMost * slice_) return;
  const double rate = rate_of(sample);
  const bool first = slice_rate_ == 0;
  const bool climbing = rate >= kClimbing * slice_rate_;
  slice_rate_ = rate;
  start_slice(sample);
  if (first) return;
  if (!climbing) return enter(Phase::kMeasuring, sample.now);
  if (sample.wanted && !sample.queued && !thin(rate))
    size_ = std::max(size_, std::min(2 * size_, most_rise_));
}

// New segments need as long as the first ones did before they count.
SegmentWindow::Duration SegmentWindow::settling() const {
  return kSlicesAtMost * slice_;
}

SegmentWindow::Duration SegmentWindow::measurement() const {
  return std::max<Duration>(kShortestMeasurement, kSlicesAtMost * slice_);
}

// Only while the window is what limits: with fewer segments in flight than allowed the rate says nothing
// about its size.
double SegmentWindow::measured(const Sample& sample) {
  const bool limits = sample.wanted || sample.in_flight >= size_;
  if (!limits) slice_open_ = false;
  if (limits && !slice_open_) start_slice(sample);
  if (!slice_open_) return 0;
  if (sample.now - slice_begin_ < measurement()) return 0;
  // While nothing comes the other end may be away: the next bytes tell.
  if (moved_ != sample.now) return 0;
  return rate_of(sample);
}

void SegmentWindow::remember(double rate) {
  // What a window at least as large brings now counts for more than what the best brought some time ago.
  if (rate <= best_rate_ && size_ < best_size_) return;
  best_rate_ = rate;
  best_size_ = size_;
}

void SegmentWindow::on_measured(const Sample& sample) {
  const double rate = measured(sample);
  if (rate == 0) return;
  if (size_ < best_size_ && rate < kFellBehind * best_rate_) {
    size_ = best_size_;
    return enter(Phase::kMeasuring, sample.now);
  }
  remember(rate);
  base_rate_ = rate;
  base_size_ = size_;
  if (!sample.wanted) return enter(Phase::kMeasuring, sample.now);
  try_more(sample);
}

void SegmentWindow::try_more(const Sample& sample) {
  const double trial = std::chrono::duration<double>(settling() + measurement()).count();
  if (static_cast<double>(sample.left) < base_rate_ * trial) return enter(Phase::kMeasuring, sample.now);
  const unsigned larger = std::min(size_ + std::max(size_ / 2, 1U), options_.most);
  if (larger <= size_ || sample.queued || thin(base_rate_)) return try_fewer(sample);
  size_ = larger;
  enter(Phase::kMore, sample.now);
}

void SegmentWindow::on_more(const Sample& sample) {
  if (sample.now - entered_ < settling()) return;
  const double rate = measured(sample);
  if (rate == 0) return;
  const double growth = static_cast<double>(size_) / base_size_ - 1;
  if (rate < base_rate_ * (1 + kPaysAtLeast * growth)) {
    size_ = base_size_;
    return try_fewer(sample);
  }
  remember(rate);
  base_rate_ = rate;
  base_size_ = size_;
  rest_ = kFirstRest;
  try_more(sample);
}

void SegmentWindow::try_fewer(const Sample& sample) {
  base_size_ = size_;
  const unsigned step = std::max(size_ / 4, 1U);
  if (size_ < options_.least + step) return enter(Phase::kResting, sample.now);
  size_ -= step;
  enter(Phase::kFewer, sample.now);
}

void SegmentWindow::on_fewer(const Sample& sample) {
  // Nothing is taken from segments in flight: the surplus ends by itself.
  if (sample.in_flight > size_) {
    entered_ = sample.now;
    return;
  }
  if (sample.now - entered_ < slice_) return;
  const double rate = measured(sample);
  if (rate == 0) return;
  if (rate < kLosesNothing * std::max(base_rate_, best_rate_)) {
    size_ = base_size_;
    return enter(Phase::kResting, sample.now);
  }
  remember(rate);
  try_fewer(sample);
}

}  // namespace sjcp::transfer
