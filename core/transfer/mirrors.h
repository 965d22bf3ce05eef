// Several sources of the same bytes as one, of any kinds.
//
// All are opened at once.  The first of the list that can be used gives the name and the version, and so the
// identity for resuming, and serves at once; the others join when they have shown the same bytes in a few
// samples.  Of three members and more two have to agree before anything is served.  Each fetch goes to the
// one that serves it fastest, and moves when another one would be much faster (mirror_choice.h).  A member
// that cannot be opened, has another size, promises another digest, differs in a sample, or fails is dropped
// and named; its range goes on with another.  When the whole, or a piece that has a digest, turns out to be
// wrong, what one of the members served is fetched again from the others, until it is right: that one is
// named.
//
// A member that serves no ranges is used when no other is left, by one fetch at a time, which passes over
// what is there already, and only if what it passes over is what the others served.
//
// Threads: as Source; `dropped` is called by any of them, one at a time.
// Errors: the most telling of the members', when none is left; its text names all.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/transfer/digest.h"
#include "core/transfer/mirror_choice.h"
#include "core/transfer/range_set.h"
#include "core/transfer/source.h"
#include "core/transfer/worker_group.h"

namespace sjcp::transfer {

class Mirrors final : public Source {
 public:
  struct Member {
    std::string name;  // for messages
    std::unique_ptr<Source> source;
  };
  struct Options {
    std::optional<uint64_t> size;  // that the object must have; nothing: the first member's
    // A member is not used any more; the text names it and says why.
    std::function<void(const Error& why)> dropped;
  };

  // Requires: at least one member.
  Mirrors(std::vector<Member> members, Options options);
  ~Mirrors() override;

  Result<ObjectInfo> open(const RangeRequest& range, const Context& context) override;
  const std::vector<Segment>& segments() const override { return segments_; }
  bool divisible() const override { return divisible_; }
  bool seekable() const override { return divisible_; }
  uint64_t memory_per_segment() const override { return memory_; }
  Status fetch(const Segment& segment, Output& output, const Context& context) override;
  Result<bool> repair(Output& output, const Context& context) override;
  void repaired() override;
  Result<bool> refetch(const ByteRange& wrong, Output& output, const Context& context) override;
  void refetched(const ByteRange& right, const RangeSet& changed) override;

 private:
  class MemberOutput;
  class PassingOutput;
  // What opening a member has shown.
  struct Candidate {
    std::optional<ObjectInfo> info;    // once it is open
    std::optional<Error> error;        // it cannot be used
    bool seekable = true;              // it can be asked for any part
    bool sampled = false;              // its samples are there
    std::vector<std::string> samples;  // bytes from a few places
    bool judged = false;               // admitted or dropped

    bool known() const { return info || error; }
    bool waiting() const { return info && !error && seekable && !sampled; }  // for its samples
  };

  void examine(size_t member, const RangeRequest& range, const Context& context);
  bool opened(size_t member, Result<ObjectInfo> info);
  void sampled(size_t member, Result<std::vector<std::string>> samples);
  std::optional<size_t> leader() const;
  bool may_begin() const;
  bool choose_first();
  void judge_all();
  void judge(size_t member);
  std::optional<size_t> reference() const;
  std::optional<std::string> objection(const Candidate& candidate) const;
  size_t agreeing(size_t member) const;
  bool undecided() const;
  void drop(size_t member, const Error& why);
  void drop_liar(size_t member);
  Error nobody_left() const;
  void balance(Clock::Steady now);
  void passed(uint64_t offset, ByteView data);

  // Who fetches now; nothing: nobody is left, the output has enough, or stop was requested.
  std::optional<size_t> choose(size_t avoid, uint64_t next, const Output& output, const Context& context);
  Status fetch_avoiding(size_t avoid, const ByteRange& range, Output& output, const Context& context);
  // From one member, cut to its segments if it has such.
  Status fetch_from(size_t member, const ByteRange& range, Output& output, const Context& context);
  // From one that sends everything before it.
  Status fetch_through(size_t member, const ByteRange& range, Output& output, const Context& context);

  std::vector<Member> members_;
  const Options options_;
  ObjectInfo info_;
  std::vector<Segment> segments_;
  bool divisible_ = true;
  const Clock* clock_ = nullptr;  // of open()
  std::atomic<uint64_t> memory_{0};

  mutable std::mutex mutex_;  // guards the rest
  std::condition_variable_any changed_;
  std::vector<Candidate> candidates_;
  std::optional<size_t> first_;  // whose bytes are right, as far as anybody can tell
  MirrorChoice choice_;
  std::vector<MemberOutput*> running_;
  Clock::Steady patience_{};        // until then fetches wait for members that are about to join
  bool moving_ = false;             // a fetch is on its way from one member to another
  std::vector<RangeSet> served_;    // by each member, in offsets of the object
  std::unique_ptr<Hasher> prefix_;  // of what was served from the begin on, where nobody has samples
  uint64_t prefix_end_ = 0;
  std::vector<Error> errors_;     // why members were dropped
  std::vector<size_t> suspects_;  // members whose bytes were fetched again, the last one last
  bool all_again_ = false;        // and then those of earlier runs
  std::map<uint64_t, std::vector<size_t>> again_;  // by begin of a range: who was asked for it again
  std::unique_ptr<WorkerGroup> group_;             // those that open; gone first
};

}  // namespace sjcp::transfer
