// How many small files travel together in one request, and how fast such requests may follow each other.
//
// A server that counts requests counts every file of a group, several times over: production satellites let
// 100 a second through per project, and an upload is three.  So groups begin small, grow while they succeed,
// and the first refusal for their rate turns the pace on: from then on all share what this class believes
// that the server lets through, counted as the server does it, in a bucket that fills steadily.
//
//   files()      kFirst .. kMost; doubled by a full group that succeeded, halved by a refusal;
//                with a pace, at most half a second's worth
//   book()       at once without a pace; with one, once the bucket holds the request
//   the pace     a refusal says that the server's bucket is empty: so what passed between two of them is what
//                it lets through.  From there the pace grows, slowly in the first ten seconds, then faster
//
// Threads: any.  Pure: time is an argument.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>

#include "core/base/clock.h"

namespace sjcp::transfer {

class GroupSize {
 public:
  using Time = Clock::Steady;

  static constexpr size_t kFirst = 32;
  // At 4 KiB each a group is about 1 MiB, of the 4 MiB that a message may have.
  static constexpr size_t kMost = 256;
  // What the pace begins with at least, in counted requests per second.
  static constexpr double kUsualRate = 100;
  static constexpr double kLeastRate = 4;

  // cost: requests that the server counts for one file; >= 1.
  explicit GroupSize(unsigned cost) : cost_(cost) {}

  // The most files for one request now; >= 1.
  size_t files() const;
  // Asks to send a request of so many files.  Nothing: it is booked, and to be sent at once.  Otherwise it is
  // not, and to be asked for again then, since others may have been refused meanwhile.
  std::optional<Time> book(size_t files, Time now);

  // What became of a request of so many files.
  void succeeded(size_t files);
  void refused();  // for one of its files
  // For its rate; `sent` is when it was booked.  Requests that were under way at the refusal before only show
  // again that the server's bucket is empty.  Returns how often in a row the pace has been too fast.
  int limited(size_t files, Time sent, Time now);

  // Counted requests per second; nothing without a pace.
  std::optional<double> pace() const;

 private:
  double rate() const;
  size_t limit() const;
  double measured(size_t refused_files, Time now) const;

  const unsigned cost_;
  mutable std::mutex mutex_;
  size_t size_ = kFirst;
  double base_ = 0;    // the pace after the last refusal, or doubled since; 0: no pace
  double grown_ = 0;   // counted requests that passed since then
  double passed_ = 0;  // and since the last refusal
  int refusals_ = 0;   // for the rate, in a row
  Time drained_{};     // the last refusal; before it, the first request
  Time empty_{};       // when the bucket here was empty, or will be
};

}  // namespace sjcp::transfer
