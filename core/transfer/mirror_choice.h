// Which of several sources of the same bytes serves the next fetch.
//
// The one that would serve it fastest if all its connections shared one line; among equals the one with the
// fewest.  A source that nobody has tried, or not for a while, is tried by one fetch.  Where connections do
// not share a line, measuring shows that more of them are as fast as before.
//
// Fetches end when they end, so the connections of a source may become few or none while another one has
// many: then a fetch that runs moves, if it would be served much faster.
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
  // A fetch moves to where it would be so many times as fast, ...
  static constexpr double kMuchFaster = 1.5;
  // ... if that saves as much time as so many connections take to bring their first byte.
  static constexpr double kWorthOpenings = 2;

  // None is there before admit().
  explicit MirrorChoice(size_t members) : members_(members) {}

  // Who serves the next fetch; nothing: nobody is there.  avoid: taken only when nobody else is there.
  std::optional<size_t> choose(Time now, size_t avoid = SIZE_MAX) const;

  // From where to where a fetch that runs should move; nothing: they are well placed.
  struct Move {
    size_t from = 0;
    size_t to = 0;
  };
  std::optional<Move> move(Time now) const;
  // Whether that pays for one that still fetches so many bytes.
  bool worth(const Move& move, uint64_t rest, Time now) const;

  void began(size_t member, Time now);
  // How long a fetch waited for its first byte.
  void opened(std::chrono::nanoseconds took);
  // True: the member's rate is known anew.
  bool received(size_t member, uint64_t bytes, Time now);
  void ended(size_t member, Time now);
  // alone: it serves one fetch at a time, and only when no other is there.
  void admit(size_t member, bool alone = false) {
    members_[member].there = true;
    members_[member].alone = alone;
  }
  void drop(size_t member) { members_[member].there = false; }

  bool there(size_t member) const { return members_[member].there; }
  bool alone(size_t member) const { return members_[member].alone; }
  size_t connections(size_t member) const { return members_[member].connections; }
  size_t left() const;
  // Bytes per second of one connection; nothing: it was not tried.
  std::optional<double> rate(size_t member) const { return members_[member].rate; }

 private:
  struct Member {
    bool there = false;
    bool alone = false;
    size_t connections = 0;
    std::optional<double> rate;
    size_t shared_by = 1;  // connections when it was measured
    Time measured{};       // the end of the last slice
    Time since{};          // the last moment that is part of the two below
    uint64_t bytes = 0;    // of the slice that is being measured
    double connection_seconds = 0;
  };
  static void pass_time(Member& member, Time now);
  static bool measure(Member& member, double at_least, Time now);
  static double rate_with(const Member& member, size_t connections);
  static double promise(const Member& member, Time now);

  std::vector<Member> members_;
  double opening_ = 0;  // seconds, of late
};

}  // namespace sjcp::transfer
