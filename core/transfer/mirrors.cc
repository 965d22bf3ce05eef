#include "core/transfer/mirrors.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/units.h"

namespace sjcp::transfer {
namespace {

constexpr uint64_t kSample = 4 * kKiB;
// Once one member is open, the others get so much time before it begins without them.
constexpr std::chrono::seconds kGrace{2};

// The begin, the middle and the end.
std::vector<ByteRange> sample_places(const ByteRange& range) {
  if (range.size() <= 3 * kSample) return {range};
  const uint64_t middle = range.begin + range.size() / 2;
  return {{range.begin, range.begin + kSample}, {middle, middle + kSample}, {range.end - kSample, range.end}};
}

class SampleOutput final : public Output {
 public:
  explicit SampleOutput(uint64_t end) : end_(end) {}
  Status write(uint64_t, ByteView data) override {
    bytes_ += data.text();
    return {};
  }
  uint64_t end() const override { return end_; }
  std::string take() { return std::move(bytes_); }

 private:
  const uint64_t end_;
  std::string bytes_;
};

// The parts of a range that one fetch of the source can bring.
std::vector<Segment> cut(Source& source, const ByteRange& range) {
  if (source.divisible()) return {{0, range}};
  std::vector<Segment> parts;
  for (const Segment& segment : source.segments()) {
    const ByteRange part{std::max(segment.bytes.begin, range.begin), std::min(segment.bytes.end, range.end)};
    if (part.begin < part.end) parts.push_back({segment.index, part});
  }
  return parts;
}

}  // namespace

// Between a member's fetch and the output: knows how far the member came, and why it ended.
class Mirrors::MemberOutput final : public Output {
 public:
  MemberOutput(Mirrors& mirrors, size_t member, uint64_t begin, Output& output, const Context& context)
      : mirrors_(mirrors),
        member_(member),
        begin_(begin),
        next_(begin),
        seen_(begin),
        output_(output),
        clock_(*context.clock) {
    const std::lock_guard lock(mirrors_.mutex_);
    mirrors_.choice_.began(member_, clock_.steady_now());
  }
  ~MemberOutput() override {
    const std::lock_guard lock(mirrors_.mutex_);
    mirrors_.choice_.ended(member_, clock_.steady_now());
    mirrors_.served_[member_].add({begin_, next_});
  }

  Status write(uint64_t offset, ByteView data) override {
    arrived(offset + data.size());
    // Sources with segments do not look at end().
    enough_ = offset >= output_.end();
    if (enough_) return make_error(Errc::kCancelled, "enough");
    Status status = output_.write(offset, data);
    failed_ = !status;
    if (status) next_ = offset + data.size();
    return status;
  }
  void arrived(uint64_t offset) override {
    output_.arrived(offset);
    if (offset <= seen_) return;
    const std::lock_guard lock(mirrors_.mutex_);
    mirrors_.choice_.received(member_, offset - std::exchange(seen_, offset), clock_.steady_now());
  }
  uint64_t end() const override { return output_.end(); }

  uint64_t next() const { return next_; }
  bool enough() const { return enough_ || next_ >= output_.end(); }
  bool failed() const { return failed_; }  // the destination did

 private:
  Mirrors& mirrors_;
  const size_t member_;
  const uint64_t begin_;
  uint64_t next_;
  uint64_t seen_;
  Output& output_;
  const Clock& clock_;
  bool enough_ = false;
  bool failed_ = false;
};

Mirrors::Mirrors(std::vector<Member> members, Options options)
    : members_(std::move(members)),
      options_(std::move(options)),
      candidates_(members_.size()),
      choice_(members_.size()),
      served_(members_.size()) {}

Mirrors::~Mirrors() = default;

Result<ObjectInfo> Mirrors::open(const RangeRequest& range, const Context& context) {
  group_ = std::make_unique<WorkerGroup>(context.stop);
  opening_ = members_.size();
  const Context inner = context.with_stop(group_->stop());
  for (size_t i = 0; i < members_.size(); ++i) {
    const auto body = [this, i, range, inner] {
      examined(i, examine(*members_[i].source, range, inner));
      return Status();
    };
    if (!group_->start(1, body)) static_cast<void>(body().has_value());
  }
  std::unique_lock lock(mutex_);
  const auto usable = [this] {
    return opening_ == 0 ||
           std::ranges::any_of(candidates_, [](const Candidate& c) { return c.info.has_value(); });
  };
  changed_.wait(lock, context.stop, usable);
  changed_.wait_for(lock, context.stop, kGrace, [this] { return opening_ == 0; });
  if (context.stop.stop_requested()) return make_error(Errc::kCancelled, "interrupted");
  if (!admit_first()) return nobody_left();
  return info_;
}

Mirrors::Candidate Mirrors::examine(Source& source, const RangeRequest& range, const Context& context) const {
  Candidate candidate;
  auto info = source.open(range, context);
  if (!info) {
    candidate.error = std::move(info).error();
    return candidate;
  }
  if (info->sized() && members_.size() > 1) {
    for (const ByteRange& place : sample_places(info->range)) {
      SampleOutput output(place.end);
      for (const Segment& part : cut(source, place)) {
        Status status = source.fetch(part, output, context);
        if (status) continue;
        candidate.error = std::move(status).error();
        return candidate;
      }
      candidate.samples.push_back(output.take());
    }
  }
  candidate.info = *std::move(info);
  return candidate;
}

// One more is known.
void Mirrors::examined(size_t member, Candidate candidate) {
  const std::lock_guard lock(mutex_);
  candidates_[member] = std::move(candidate);
  memory_ = std::max(memory_.load(), members_[member].source->memory_per_segment());
  candidates_[member].done = true;
  --opening_;
  if (first_) admit(member);
  changed_.notify_all();
}

// Decides whose bytes are right, and takes those who agree.  Requires: the lock.
bool Mirrors::admit_first() {
  size_t most = 0;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    if (!candidates_[i].info) continue;
    const bool right_size = !options_.size || candidates_[i].info->size == *options_.size;
    // One that tells its size comes before all that do not.
    const size_t score =
        1 + (right_size ? 4 * members_.size() : 0) + (candidates_[i].info->sized() ? 2 * agreeing(i) : 0);
    if (score <= most) continue;
    most = score;
    first_ = i;
  }
  if (first_) {
    info_ = *candidates_[*first_].info;
    if (info_.range.size() > 0) segments_ = {{0, info_.range}};
  }
  for (size_t i = 0; i < candidates_.size(); ++i) {
    if (candidates_[i].done) admit(i);
  }
  return choice_.left() > 0;
}

// Members with the same size and the same bytes in all samples, itself included.
size_t Mirrors::agreeing(size_t member) const {
  const Candidate& one = candidates_[member];
  return static_cast<size_t>(std::ranges::count_if(candidates_, [&](const Candidate& other) {
    return other.info && other.info->size == one.info->size && other.samples == one.samples;
  }));
}

void Mirrors::admit(size_t member) {
  const Candidate& candidate = candidates_[member];
  if (candidate.error) {
    drop(member, *candidate.error);
  } else if (auto why = objection(candidate)) {
    drop(member, make_error(Errc::kIntegrity, members_[member].name + ": " + *why));
  } else {
    choice_.admit(member);
  }
}

// Why a member cannot stand beside the first one.
std::optional<std::string> Mirrors::objection(const Candidate& candidate) const {
  const ObjectInfo& info = *candidate.info;
  if (options_.size && info.size != *options_.size && info.sized()) {
    return "has " + std::to_string(info.size) + " bytes, not " + std::to_string(*options_.size);
  }
  if (&candidate == &candidates_[*first_]) return std::nullopt;
  if (!info.sized()) return "does not tell its size";
  if (info.size != info_.size) {
    return "has " + std::to_string(info.size) + " bytes, and " + members_[*first_].name + " has " +
           std::to_string(info_.size);
  }
  for (const Digest& digest : info.digests) {
    const auto same_kind = std::ranges::find(info_.digests, digest.kind, &Digest::kind);
    if (same_kind != info_.digests.end() && *same_kind != digest) {
      return std::string("has another ") + to_string(digest.kind) + " than " + members_[*first_].name;
    }
  }
  if (candidate.samples != candidates_[*first_].samples) {
    return "has other bytes than " + members_[*first_].name;
  }
  return std::nullopt;
}

// Requires: the lock.
void Mirrors::drop(size_t member, const Error& why) {
  choice_.drop(member);
  errors_.push_back(why);
  if (options_.dropped) options_.dropped(why);
  changed_.notify_all();
}

Error Mirrors::nobody_left() const {
  if (members_.size() == 1 && errors_.size() == 1) return errors_.front();
  WorstError worst;
  std::string all;
  for (const Error& error : errors_) {
    worst.add(error);
    all += (all.empty() ? "" : "; ") + error.what;
  }
  const Errc code = worst.get() ? worst.get()->code : Errc::kInternal;
  return make_error(code, "none of the " + std::to_string(members_.size()) + " mirrors can be used: " + all);
}

std::optional<size_t> Mirrors::choose(size_t avoid, const Context& context) {
  std::unique_lock lock(mutex_);
  // Where all have failed, one that is still being opened may yet come.
  changed_.wait(lock, context.stop, [this] { return choice_.left() > 0 || opening_ == 0; });
  return choice_.choose(context.clock->steady_now(), avoid);
}

Status Mirrors::fetch(const Segment& segment, Output& output, const Context& context) {
  return fetch_avoiding(SIZE_MAX, segment.bytes, output, context);
}

Status Mirrors::fetch_avoiding(size_t avoid, const ByteRange& range, Output& output, const Context& context) {
  uint64_t next = range.begin;
  for (;;) {
    const auto member = choose(avoid, context);
    if (context.stop.stop_requested()) return make_error(Errc::kCancelled, "stopped");
    if (!member) {
      const std::lock_guard lock(mutex_);
      return nobody_left();
    }
    MemberOutput passing(*this, *member, next, output, context);
    Status status = fetch_from(*member, {next, range.end}, passing, context);
    next = passing.next();
    if (status || passing.enough()) return {};
    if (passing.failed() || context.stop.stop_requested()) return status;
    const std::lock_guard lock(mutex_);
    if (choice_.there(*member)) drop(*member, status.error());
  }
}

Status Mirrors::fetch_from(size_t member, const ByteRange& range, Output& output, const Context& context) {
  Source& source = *members_[member].source;
  for (const Segment& part : cut(source, range)) {
    if (part.bytes.begin >= output.end()) return {};
    if (Status status = source.fetch(part, output, context); !status) return status;
  }
  return {};
}

// Takes the bytes of one member after another from somebody else, beginning with the one that served least;
// at last those that nobody served in this run.
Result<bool> Mirrors::repair(Output& output, const Context& context) {
  std::optional<size_t> suspect;
  std::vector<ByteRange> again;
  {
    const std::lock_guard lock(mutex_);
    if (choice_.left() < 2 && !(choice_.left() == 1 && !all_again_)) return false;
    for (size_t i = 0; i < members_.size(); ++i) {
      if (served_[i].empty() || std::ranges::find(suspects_, i) != suspects_.end()) continue;
      if (choice_.left() == 1 && choice_.there(i)) continue;
      if (!suspect || served_[i].bytes() < served_[*suspect].bytes()) suspect = i;
    }
    if (suspect) {
      suspects_.push_back(*suspect);
      again = std::exchange(served_[*suspect], {}).ranges();
    } else if (!std::exchange(all_again_, true)) {
      RangeSet known;
      for (const RangeSet& set : served_) {
        for (const ByteRange& range : set.ranges()) known.add(range);
      }
      again = known.missing(info_.range);
      suspects_.push_back(SIZE_MAX);
    }
  }
  for (const ByteRange& range : again) {
    Status status = fetch_avoiding(suspect.value_or(SIZE_MAX), range, output, context);
    if (!status) return std::move(status).error();
  }
  return !again.empty();
}

void Mirrors::repaired() {
  const std::lock_guard lock(mutex_);
  if (suspects_.empty() || suspects_.back() == SIZE_MAX || !choice_.there(suspects_.back())) return;
  drop(suspects_.back(),
       make_error(Errc::kIntegrity, members_[suspects_.back()].name + ": served other bytes"));
}

}  // namespace sjcp::transfer
