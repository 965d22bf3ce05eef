// Several sources of the same bytes as one, of any kinds.
//
// All are opened at once, and late ones join while the others serve; each fetch goes to the one that serves
// it fastest (mirror_choice.h).  A member that cannot be opened, has another size, promises another digest,
// differs in a sample, or fails is dropped and named; its range goes on with another.  When the whole turns
// out to be wrong, what one of the members served is fetched again from the others, until the whole is right:
// that one is named.
//
// The first member that can be used gives the name and the version, and so the identity for resuming.
//
// Threads: as Source; `dropped` is called by any of them, one at a time.
// Errors: the most telling of the members', when none is left; its text names all.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

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
  bool divisible() const override { return true; }
  uint64_t memory_per_segment() const override { return memory_; }
  Status fetch(const Segment& segment, Output& output, const Context& context) override;
  Result<bool> repair(Output& output, const Context& context) override;
  void repaired() override;

 private:
  class MemberOutput;
  // What opening a member has shown.
  struct Candidate {
    bool done = false;
    std::optional<ObjectInfo> info;
    std::vector<std::string> samples;  // bytes from a few places
    std::optional<Error> error;
  };

  Candidate examine(Source& source, const RangeRequest& range, const Context& context) const;
  void examined(size_t member, Candidate candidate);
  bool admit_first();
  void admit(size_t member);
  std::optional<std::string> objection(const Candidate& candidate) const;
  size_t agreeing(size_t member) const;
  void drop(size_t member, const Error& why);
  Error nobody_left() const;
  // Who fetches now; nothing: nobody is left, or stop was requested.
  std::optional<size_t> choose(size_t avoid, const Context& context);
  Status fetch_avoiding(size_t avoid, const ByteRange& range, Output& output, const Context& context);
  // From one member, cut to its segments if it has such.
  Status fetch_from(size_t member, const ByteRange& range, Output& output, const Context& context);

  std::vector<Member> members_;
  const Options options_;
  ObjectInfo info_;
  std::vector<Segment> segments_;
  std::atomic<uint64_t> memory_{0};

  mutable std::mutex mutex_;  // guards the rest
  std::condition_variable_any changed_;
  std::vector<Candidate> candidates_;
  size_t opening_ = 0;
  std::optional<size_t> first_;  // whose bytes are right, as far as samples show
  MirrorChoice choice_;
  std::vector<RangeSet> served_;        // by each member, in offsets of the object
  std::vector<Error> errors_;           // why members were dropped
  std::vector<size_t> suspects_;        // members whose bytes were fetched again, the last one last
  bool all_again_ = false;              // and then those of earlier runs
  std::unique_ptr<WorkerGroup> group_;  // those that open; gone first
};

}  // namespace sjcp::transfer
