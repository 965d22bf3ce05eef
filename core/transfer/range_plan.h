// How the missing bytes of an object are divided among fetches that could take any part of them.
//
// The first fetch takes everything; each further one so much of the rest of the one that would end last that
// both end together, half of it when they are equally fast.  So all end together, whatever their rates.
// Where it is known that several are about to begin, each of these takes an equal share, since a range that
// is cut short while it is fetched costs its connection.
//
// A fetch far slower than its siblings, or silent while they receive or have nothing to do, loses its range,
// which goes back to the pool, and its worker begins anew with another connection.  Each time that happens to
// a range, twice the patience is shown to whoever has it next, and after kMostReplacements nothing more is
// tried: where all new connections are as slow, that is how it is.
//
// Where fetches wait for each other (keep_parts()) nothing is divided or taken from anybody any more.
//
// Where order matters, the pool is handed out from the front in parts that are short (kFront: so that what is
// behind the front can be verified meanwhile; kStrict: so that it fits the memory of what has to wait for it)
// and become shorter towards the end.
//
// Pure: time comes from the caller.  Threads: one at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/base/clock.h"
#include "core/base/units.h"
#include "core/transfer/range_set.h"

namespace sjcp::transfer {

class RangePlan {
 public:
  using Time = Clock::Steady;
  using Id = size_t;
  enum class Order { kAny, kFront, kStrict };

  // A part that saves less than the time that so many bytes take is not worth a request.
  static constexpr uint64_t kMinSplit = 256 * kKiB;
  static constexpr unsigned kMostReplacements = 4;

  struct Options {
    Order order = Order::kAny;
    uint64_t min_split = kMinSplit;
    uint64_t ahead = 32 * kMiB;  // kStrict: bytes that may wait for those before them
  };
  struct Part {
    Id id = 0;
    ByteRange bytes;
  };

  // missing: in order, apart from each other.
  RangePlan(const std::vector<ByteRange>& missing, const Options& options);

  // From now on fetches wait for each other: what is free is handed out from the front and undivided, and
  // nothing is taken from anybody.
  void keep_parts() { keeps_parts_ = true; }

  // Whether take() would give something.
  bool worth(Time now) const;
  // What a further worker fetches from now on.  coming: others that are about to ask as well.  Nothing: no
  // part is worth a request now.
  std::optional<Part> take(Time now, size_t coming = 0);

  // Bytes of the part have come, up to this offset.  They will be written: its end does not fall below.
  void arrived(Id id, uint64_t offset, Time now);
  // From now on until go_on() the destination holds the fetch up, which says nothing of its rate.
  void hold(Id id, Time now);
  void go_on(Id id, Time now);
  // Where the part ends now.
  uint64_t end(Id id) const { return parts_.at(id).end; }
  // The fetch has ended and wrote the bytes before `offset`; what is missing goes back to the pool.
  void ended(Id id, uint64_t offset, Time now);
  // Takes ranges from fetches that are too slow, if their time has come.  True: there is something to take.
  bool look(Time now);

  // Nothing is left to hand out or being fetched.
  bool done() const { return pool_.empty() && parts_.empty(); }
  size_t active() const { return parts_.size(); }
  unsigned replaced() const { return replacements_; }

 private:
  using Duration = std::chrono::nanoseconds;
  struct Free {
    uint64_t end = 0;
    unsigned replaced = 0;  // times that it was taken from a fetch
  };
  struct Mark {
    Time time{};
    uint64_t offset = 0;
  };
  struct Active {
    uint64_t next = 0;  // bytes before it have come
    uint64_t end = 0;
    unsigned replaced = 0;
    bool lost = false;         // its range was taken; it is about to end
    Time started{};            // moves on with the time that the destination takes, as all of these
    Time last{};               // when bytes came
    std::optional<Mark> from;  // the rate is that since then
    Mark following;            // takes the place of `from` after a while
    std::optional<Time> held;
    uint64_t rest() const { return end - next; }
  };
  struct Split {
    Id victim = 0;
    uint64_t at = 0;
  };

  std::optional<double> rate(const Active& part, Time now) const;
  double likely_rate(const Active& part, Time now) const;
  double median_rate(Time now, Id except) const;
  double typical_rate(Time now, Id except = SIZE_MAX) const;
  double seconds_left(const Active& part, Time now) const;
  std::optional<Split> best_split(Time now) const;
  std::optional<Split> split(Id victim, const Active& part, Time now) const;
  uint64_t share(uint64_t range, size_t coming, Time now) const;
  uint64_t ordered_share(size_t fetches, Time now) const;
  std::map<uint64_t, Free>::iterator next_free();
  Part start(const ByteRange& range, unsigned replaced, Time now);
  Duration fair_time(Time now, Id except) const;
  bool too_slow(Id id, const Active& part, Time now) const;
  bool silent(Id id, const Active& part, Time now) const;

  const Options options_;
  std::map<uint64_t, Free> pool_;  // by begin
  uint64_t pool_bytes_ = 0;
  std::map<Id, Active> parts_;
  Id next_id_ = 0;
  unsigned replacements_ = 0;
  bool keeps_parts_ = false;
  size_t most_active_ = 0;           // at any time so far
  std::optional<Duration> opening_;  // from the begin of a fetch to its first byte
  double last_rate_ = 0;             // typical, of the fetches before these
};

}  // namespace sjcp::transfer
