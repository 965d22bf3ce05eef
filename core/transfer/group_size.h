// How many small files travel together in one request, and how fast such requests may follow each other.
//
// A server that counts requests counts every file of a group, several times over: production satellites let
// 100 a second through per project, and an upload is three.  So groups begin small, grow while they succeed,
// and the first refusal for their rate turns the pace on: from then on a bucket of requests per second is
// shared by all, which shrinks with every further refusal and grows slowly with success.
//
//   files()      kFirst .. kMost; doubled by a full group that succeeded, halved by a refusal;
//                with a pace, at most half a second's worth
//   reserve()    at once without a pace; with one, when the requests before it have had their time
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
  // What the pace begins with, in counted requests per second.
  static constexpr double kUsualRate = 100;
  static constexpr double kLeastRate = 4;

  // cost: requests that the server counts for one file; >= 1.
  explicit GroupSize(unsigned cost) : cost_(cost) {}

  // The most files for one request now; >= 1.
  size_t files() const;
  // Books a request of so many files: when it may be sent, which is never before `now`.
  Time reserve(size_t files, Time now);

  // What became of a request of so many files.
  void succeeded(size_t files);
  void refused();  // for one of its files
  // For its rate; `sent` is when it was.  Requests that were under way when the pace changed change nothing.
  void limited(Time sent, Time now);

  // Counted requests per second; nothing without a pace.
  std::optional<double> pace() const;

 private:
  size_t limit() const;

  const unsigned cost_;
  mutable std::mutex mutex_;
  size_t size_ = kFirst;
  double rate_ = 0;   // 0: no pace
  int refusals_ = 0;  // for the rate, in a row
  Time changed_{};    // the pace, last
  Time next_{};       // when the next request may go
};

}  // namespace sjcp::transfer
