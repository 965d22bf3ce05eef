// How many segments a process keeps in flight, steered by what arrives.
//
//   silent --first bytes--> rising --faster no more--> measuring <-> more / fewer --neither pays--> resting
//      (start)              (doubles while the rate still climbs)                              (rarely tries
//      again)
//
// Connections take some round trips to get up to speed, so the first moments say little about the line: while
// the rate climbs from slice to slice the window doubles.  Then it holds still, measures, and tries: half as
// many again, kept if at least a quarter of the growth shows as rate; a quarter fewer, kept if (nearly)
// nothing is lost against the best that was seen.  What does not pay is undone.  Where a queue stands before
// the line nothing grows: it is full.  Nor shortly before the end: what begins then is not up to speed before
// it.  What is measured while nothing comes for seconds is measured anew.  The length of slices and
// measurements follows the time that the first byte took, which is a few round trips.
//
// Pure: told the time and the running total, it answers with a number.  Threads: one at a time.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/clock.h"

namespace sjcp::transfer {

class SegmentWindow {
 public:
  struct Options {
    unsigned start = 4;
    unsigned least = 2;        // the line stays busy while one segment ends and the next begins
    unsigned most_start = 16;  // on the longest path
    unsigned ranges = 64;      // of those on a connection each, on a long path
    unsigned most_rise = 16;   // the first doublings end here; beyond it every step must have paid
    // Bytes per second: a segment that gets less has connections enough, and others would not bring more.
    double thin = 0;
    bool starts_with_most = true;  // on a long path; false: it is the first doublings that go further there
    unsigned most = 64;
  };
  struct Sample {
    Clock::Steady now;
    uint64_t bytes = 0;          // running total of what arrived
    unsigned in_flight = 0;      // segments
    bool wanted = false;         // somebody waits to be let in
    bool queued = false;         // a queue stands before the line: nothing comes sooner for being asked for
    uint64_t left = UINT64_MAX;  // bytes that are known to be still to come
  };

  explicit SegmentWindow(Options options);
  SegmentWindow() : SegmentWindow(Options()) {}

  // An object was found, in so much time: some three round trips when nothing was connected before.  On a
  // long path connections are slow to get up to speed, so more of them begin; and more at once where a
  // segment is a range on a single connection, since a range that is divided later costs one.  Segments being
  // sent wait until the line is known not to be thin: each pushes into it what 60 connections have.  On a
  // short path the least begin.  Counts before the first bytes only.
  void opened(std::chrono::nanoseconds took, bool divisible = false);

  // So many may begin when a path turns out to be long, each on a connection of its own.
  unsigned ranges() const { return std::min(options_.ranges, options_.most); }

  // To be called every 50 ms or so while anything is in flight.
  void observe(const Sample& sample);

  // Segments that may be in flight.
  unsigned size() const { return size_; }

 private:
  using Duration = std::chrono::nanoseconds;
  enum class Phase : uint8_t { kSilent, kRising, kMeasuring, kMore, kFewer, kResting };

  void enter(Phase phase, Clock::Steady now);
  void note_outage(const Sample& sample);
  void start_slice(const Sample& sample);
  double rate_of(const Sample& sample) const;
  void on_silent(const Sample& sample);
  void on_rising(const Sample& sample);
  bool plainly_wide(const Sample& sample) const;
  // The rate over a whole measurement that the window limited; 0 while there is none yet.
  double measured(const Sample& sample);
  // From one measurement to the next.
  Duration settling() const;
  Duration measurement() const;
  void on_measured(const Sample& sample);
  void on_more(const Sample& sample);
  void on_fewer(const Sample& sample);
  void try_more(const Sample& sample);
  void try_fewer(const Sample& sample);
  void remember(double rate);
  bool thin(double rate) const { return rate < options_.thin * size_; }

  const Options options_;
  unsigned size_;
  unsigned most_rise_;
  Phase phase_ = Phase::kSilent;
  Clock::Steady entered_{};
  bool begun_ = false;  // kSilent: something is in flight

  Clock::Steady moved_{};     // when something came last
  uint64_t moved_bytes_ = 0;  // the running total then

  Duration slice_{};  // about two round trips
  Clock::Steady slice_begin_{};
  uint64_t slice_bytes_ = 0;
  bool slice_open_ = false;
  double slice_rate_ = 0;  // of the slice before; 0: there was none

  double base_rate_ = 0;  // at base_size_, before the trial that runs
  unsigned base_size_ = 0;
  double best_rate_ = 0;  // the best known, seen at best_size_
  unsigned best_size_ = 0;
  Duration rest_{};  // before the next trials
};

}  // namespace sjcp::transfer
