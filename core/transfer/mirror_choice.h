// Which of several sources of the same bytes serves the next fetch.
//
// The one that would serve it fastest if all its connections shared one line; among equals the one with the
// fewest.  A source that nobody has tried, or not for a while, is tried by one fetch.  Where connections do
// not share a line, measuring shows that more of them are as fast as before.
//
// Pure: time comes from the caller.  Threads: one at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/clock.h"

namespace sjcp::transfer {

class MirrorChoice {
 public:
  using Time = Clock::Steady;
  // A rate is that of so long a time; one that is older than kStale says nothing any more.
  static constexpr std::chrono::milliseconds kSlice{500};
  static constexpr std::chrono::seconds kStale{10};

  // None is there before admit().
  explicit MirrorChoice(size_t members) : members_(members) {}

  // Who serves the next fetch; nothing: nobody is there.  avoid: taken only when nobody else is there.
  std::optional<size_t> choose(Time now, size_t avoid = SIZE_MAX) const;

  void began(size_t member, Time now);
  void received(size_t member, uint64_t bytes, Time now);
  void ended(size_t member, Time now);
  void admit(size_t member) { members_[member].there = true; }
  void drop(size_t member) { members_[member].there = false; }

  bool there(size_t member) const { return members_[member].there; }
  size_t left() const;
  // Bytes per second of one connection; nothing: it was not tried.
  std::optional<double> rate(size_t member) const { return members_[member].rate; }

 private:
  struct Member {
    bool there = false;
    size_t connections = 0;
    std::optional<double> rate;
    size_t shared_by = 1;  // connections when it was measured
    Time measured{};       // the end of the last slice
    Time since{};          // the last moment that is part of the two below
    uint64_t bytes = 0;    // of the slice that is being measured
    double connection_seconds = 0;
  };
  static void pass_time(Member& member, Time now);
  static void measure(Member& member, double at_least, Time now);

  std::vector<Member> members_;
};

}  // namespace sjcp::transfer
