// How many files a copy has in flight, steered by how fast they end.
//
//   beginning --a round--> measured --more--> trying --pays--> trying more ...
//                              ^                 \--does not--> resting, and then again
//
// A round is as many files as the window holds, and takes at least 50 ms.  Small files cost round trips, so
// twice as many in flight end twice as fast until the line, the server or this machine is busy; large ones
// end no faster, and the window stays as it is.  After each change the first round does not count: what is
// new has to connect before.  A window that did not pay is taken back; after a rest half as many again are
// tried.
//
// Pure: time is an argument.  Threads: one at a time.
#pragma once

#include <chrono>

#include "core/base/clock.h"

namespace sjcp::transfer {

class FileWindow {
 public:
  using Time = Clock::Steady;
  struct Options {
    unsigned start = 16;
    unsigned most = 256;
  };

  explicit FileWindow(Options options);

  // A first question was answered after so much time.  On a long path more begin; counts before the first
  // file has ended only.
  void answered(std::chrono::nanoseconds took);
  // A file has ended.  wanted: another waits to be let in.
  void ended(Time now, bool wanted);

  // Files that may be in flight.
  unsigned size() const { return size_; }

 private:
  enum class Phase : uint8_t { kBeginning, kMeasuring, kSettling, kTrying, kResting };

  void begin_round(Time now);
  void enter(Phase phase, Time now);
  void judge(double rate, Time now);
  void grow(unsigned size, Time now);

  const Options options_;
  unsigned size_;
  Phase phase_ = Phase::kBeginning;
  Time round_began_{};
  unsigned ended_ = 0;  // in this round
  bool begun_ = false;

  double base_rate_ = 0;  // files a second, at base_size_
  unsigned base_size_ = 0;
  bool doubling_ = true;  // nothing has failed to pay yet
  std::chrono::seconds rest_;
  Time rests_until_{};
};

}  // namespace sjcp::transfer
