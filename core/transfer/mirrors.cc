#include "core/transfer/mirrors.h"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

#include "core/base/units.h"

namespace sjcp::transfer {
namespace {

constexpr uint64_t kSample = 4 * kKiB;
// Once one member is open, those that could be better get so much time before it begins without them.
constexpr std::chrono::seconds kGrace{2};
constexpr std::chrono::milliseconds kTick{100};
// What samples of a member are waited for before all fetches begin at another one, at most.
constexpr std::chrono::milliseconds kLongestPatience{500};

// The begin, the middle and the end.  Not the very first byte: whoever asks for that gets the connection that
// is about to send the whole.
std::vector<ByteRange> sample_places(const ByteRange& range) {
  if (range.size() <= 4 * kSample) return {range};
  const uint64_t middle = range.begin + range.size() / 2;
  return {{range.begin + 1, range.begin + 1 + kSample},
          {middle, middle + kSample},
          {range.end - kSample, range.end}};
}

class SampleOutput final : public Output {
 public:
  explicit SampleOutput(const ByteRange& place) : place_(place) {}
  Status write(uint64_t offset, ByteView data) override {
    const uint64_t passed = std::min<uint64_t>(place_.begin - std::min(place_.begin, offset), data.size());
    bytes_ += data.sub(static_cast<size_t>(passed)).text();
    return {};
  }
  uint64_t end() const override { return place_.end; }
  std::string take() { return std::move(bytes_); }

 private:
  const ByteRange place_;
  std::string bytes_;
};

uint64_t bytes_of(const std::vector<ByteRange>& ranges) {
  uint64_t bytes = 0;
  for (const ByteRange& range : ranges) bytes += range.size();
  return bytes;
}

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

// from_begin: the source is about to send its begin, which costs nothing more.
Result<std::vector<std::string>> take_samples(Source& source, const ByteRange& range, bool from_begin,
                                              const Context& context) {
  std::vector<std::string> samples;
  for (const ByteRange& place : sample_places(range)) {
    SampleOutput output(place);
    const bool first = samples.empty() && from_begin;
    for (const Segment& part : cut(source, {first ? range.begin : place.begin, place.end})) {
      Status status = source.fetch(part, output, context);
      if (!status) return std::move(status).error();
    }
    samples.push_back(output.take());
  }
  return samples;
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
        clock_(*context.clock),
        began_(clock_.steady_now()) {
    const std::lock_guard lock(mirrors_.mutex_);
    mirrors_.running_.push_back(this);
    mirrors_.choice_.began(member_, began_);
    mirrors_.balance(began_);
  }
  ~MemberOutput() override {
    const std::lock_guard lock(mirrors_.mutex_);
    const auto now = clock_.steady_now();
    std::erase(mirrors_.running_, this);
    mirrors_.choice_.ended(member_, now);
    mirrors_.served_[member_].add({begin_, next_});
    if (leaving_) {
      mirrors_.moving_ = false;
    } else {
      mirrors_.balance(now);
    }
    // Somebody may wait for a member that serves one fetch at a time.
    mirrors_.changed_.notify_all();
  }
  MemberOutput(const MemberOutput&) = delete;
  MemberOutput& operator=(const MemberOutput&) = delete;

  Status write(uint64_t offset, ByteView data) override {
    arrived(offset + data.size());
    // Sources with segments do not look at end().
    enough_ = offset >= output_.end();
    if (enough_) return make_error(Errc::kCancelled, "enough");
    Status status = output_.write(offset, data);
    failed_ = !status;
    if (!status) return status;
    next_ = offset + data.size();
    mirrors_.passed(offset, data);
    return status;
  }
  void arrived(uint64_t offset) override {
    output_.arrived(offset);
    const uint64_t seen = seen_;
    if (offset <= seen) return;
    const std::lock_guard lock(mirrors_.mutex_);
    const auto now = clock_.steady_now();
    if (seen == begin_) mirrors_.choice_.opened(now - began_);
    seen_ = offset;
    if (mirrors_.choice_.received(member_, offset - seen, now)) mirrors_.balance(now);
  }
  // Down to what has arrived, where another member is to go on.
  uint64_t end() const override {
    return leaving_ ? std::min<uint64_t>(output_.end(), seen_) : output_.end();
  }

  uint64_t next() const { return next_; }
  bool enough() const { return enough_ || next_ >= output_.end(); }
  bool failed() const { return failed_; }  // the destination did
  bool leaving() const { return leaving_; }

  // Of any thread, with the lock.
  size_t member() const { return member_; }
  uint64_t rest() const { return output_.end() - std::min<uint64_t>(output_.end(), seen_); }
  // Each place where it has been has brought something: it comes to an end however often it moves.
  bool moves() const { return seen_ > begin_; }
  void leave() { leaving_ = true; }

 private:
  Mirrors& mirrors_;
  const size_t member_;
  const uint64_t begin_;
  uint64_t next_;
  std::atomic<uint64_t> seen_;
  Output& output_;
  const Clock& clock_;
  const Clock::Steady began_;
  bool enough_ = false;
  bool failed_ = false;
  std::atomic<bool> leaving_{false};
};

// Passes over what is there already, and compares it with what others showed of it.
class Mirrors::PassingOutput final : public Output {
 public:
  // samples: of the whole range, at the sample places; empty: `known` is the digest of what is passed over.
  PassingOutput(uint64_t next, Output& output, std::vector<ByteRange> places,
                std::vector<std::string> samples, std::optional<Digest> known, const std::string& other)
      : next_(next),
        output_(output),
        places_(std::move(places)),
        samples_(std::move(samples)),
        known_(std::move(known)),
        other_(other) {
    if (known_) hasher_ = Hasher::create(known_->kind, next);
  }

  Status write(uint64_t offset, ByteView data) override {
    if (Status same = compare(offset, data); !same) return same;
    const uint64_t passed = std::min<uint64_t>(next_ - std::min(next_, offset), data.size());
    if (hasher_ && passed > 0) hasher_->update(data.sub(0, static_cast<size_t>(passed)));
    if (passed == data.size()) return {};
    if (hasher_ && !(std::exchange(hasher_, nullptr)->finish() == *known_)) return differs();
    return output_.write(offset + passed, data.sub(static_cast<size_t>(passed)));
  }
  void arrived(uint64_t offset) override {
    if (offset > next_) output_.arrived(offset);
  }
  uint64_t end() const override { return output_.end(); }
  bool differed() const { return differed_; }

 private:
  Error differs() {
    differed_ = true;
    return make_error(Errc::kIntegrity, "has other bytes than " + other_);
  }
  Status compare(uint64_t offset, ByteView data) {
    for (size_t i = 0; i < samples_.size(); ++i) {
      const uint64_t begin = std::max(places_[i].begin, offset);
      const uint64_t end = std::min(places_[i].end, offset + data.size());
      if (begin >= end) continue;
      const auto mine =
          data.sub(static_cast<size_t>(begin - offset), static_cast<size_t>(end - begin)).text();
      const auto theirs =
          std::string_view(samples_[i])
              .substr(static_cast<size_t>(begin - places_[i].begin), static_cast<size_t>(end - begin));
      if (mine != theirs) return differs();
    }
    return {};
  }

  const uint64_t next_;
  Output& output_;
  const std::vector<ByteRange> places_;
  const std::vector<std::string> samples_;
  const std::optional<Digest> known_;
  const std::string other_;
  std::unique_ptr<Hasher> hasher_;
  bool differed_ = false;
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
  clock_ = context.clock;
  const Context inner = context.with_stop(group_->stop());
  for (size_t i = 0; i < members_.size(); ++i) {
    const auto body = [this, i, range, inner] {
      examine(i, range, inner);
      return Status();
    };
    if (!group_->start(1, body)) static_cast<void>(body().has_value());
  }
  const auto began = clock_->steady_now();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, context.stop, [this] {
    return std::ranges::all_of(candidates_, &Candidate::known) ||
           std::ranges::any_of(candidates_, [](const Candidate& c) { return c.info && !c.error; });
  });
  changed_.wait_for(lock, context.stop, kGrace, [this] { return may_begin(); });
  if (context.stop.stop_requested()) return make_error(Errc::kCancelled, "interrupted");
  if (!choose_first()) return nobody_left();
  // Two more requests on one more connection take about as long.
  const auto now = clock_->steady_now();
  patience_ = now + std::min<Clock::Steady::duration>(2 * (now - began), kLongestPatience);
  return info_;
}

void Mirrors::examine(size_t member, const RangeRequest& range, const Context& context) {
  Source& source = *members_[member].source;
  auto info = source.open(range, context);
  const ByteRange whole = info ? info->range : ByteRange{};
  // Whoever is not done when the transfer ends has done nothing wrong.
  if (context.stop.stop_requested()) return;
  if (!opened(member, std::move(info))) return;
  bool leads = false;
  {
    const std::lock_guard lock(mutex_);
    leads = leader() == member;
  }
  auto samples = take_samples(source, whole, !leads, context);
  if (context.stop.stop_requested()) return;
  sampled(member, std::move(samples));
}

// True: its samples are wanted.
bool Mirrors::opened(size_t member, Result<ObjectInfo> info) {
  const std::lock_guard lock(mutex_);
  Candidate& candidate = candidates_[member];
  memory_ = std::max(memory_.load(), members_[member].source->memory_per_segment());
  candidate.seekable = members_[member].source->seekable();
  if (!info) {
    candidate.error = std::move(info).error();
  } else if (options_.size && info->sized() && info->size != *options_.size) {
    candidate.error =
        make_error(Errc::kIntegrity, members_[member].name + ": has " + std::to_string(info->size) +
                                         " bytes, not " + std::to_string(*options_.size));
  } else {
    candidate.seekable = candidate.seekable && info->sized();
    candidate.info = *std::move(info);
  }
  const bool wanted = candidate.waiting() && members_.size() > 1;
  judge_all();
  changed_.notify_all();
  return wanted;
}

void Mirrors::sampled(size_t member, Result<std::vector<std::string>> samples) {
  const std::lock_guard lock(mutex_);
  Candidate& candidate = candidates_[member];
  if (samples) {
    candidate.samples = *std::move(samples);
    candidate.sampled = true;
  } else {
    candidate.error = std::move(samples).error();
    // It serves already.
    if (candidate.judged && choice_.there(member)) drop(member, *candidate.error);
  }
  judge_all();
  balance(clock_->steady_now());
  changed_.notify_all();
}

// The first of the list that has not failed.
std::optional<size_t> Mirrors::leader() const {
  const auto found = std::ranges::find_if(candidates_, [](const Candidate& c) { return !c.error; });
  if (found == candidates_.end()) return std::nullopt;
  return static_cast<size_t>(found - candidates_.begin());
}

bool Mirrors::may_begin() const {
  const auto lead = leader();
  if (!lead) return true;
  if (!candidates_[*lead].info) return false;
  // Another one may be better.
  if (!candidates_[*lead].seekable) return std::ranges::all_of(candidates_, &Candidate::known);
  if (members_.size() <= 2) return true;
  const bool all = std::ranges::all_of(
      candidates_, [](const Candidate& candidate) { return candidate.known() && !candidate.waiting(); });
  for (size_t i = 0; !all && i < candidates_.size(); ++i) {
    if (!candidates_[i].known() || candidates_[i].waiting()) return false;
    if (candidates_[i].sampled && agreeing(i) > 1) return true;
  }
  return all;
}

// Decides whose bytes are right, and takes those who agree.  Requires: the lock.
bool Mirrors::choose_first() {
  std::tuple<bool, bool, size_t> most{};
  for (size_t i = 0; i < candidates_.size(); ++i) {
    const Candidate& candidate = candidates_[i];
    if (!candidate.info || candidate.error) continue;
    const std::tuple score{candidate.seekable, candidate.info->sized(), agreeing(i)};
    if (first_ && score <= most) continue;
    most = score;
    first_ = i;
  }
  if (first_) {
    info_ = *candidates_[*first_].info;
    divisible_ = candidates_[*first_].seekable;
    if (info_.range.size() > 0) segments_ = {{0, info_.range}};
    if (!divisible_) prefix_ = Hasher::create(DigestKind::kCrc32c, info_.size);
    prefix_end_ = info_.range.begin;
  }
  judge_all();
  return choice_.left() > 0;
}

// Members with the same size and the same bytes in all samples, itself included.
size_t Mirrors::agreeing(size_t member) const {
  const Candidate& one = candidates_[member];
  return static_cast<size_t>(std::ranges::count_if(candidates_, [&](const Candidate& other) {
    return other.info && other.info->size == one.info->size && other.sampled == one.sampled &&
           other.samples == one.samples;
  }));
}

// Those that have shown enough since.  Requires: the lock.
void Mirrors::judge_all() {
  const bool beginning = !first_ && !std::ranges::all_of(candidates_, [](const Candidate& candidate) {
    return candidate.error.has_value();
  });
  if (beginning) return;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    if (!candidates_[i].judged) judge(i);
  }
}

void Mirrors::judge(size_t member) {
  Candidate& candidate = candidates_[member];
  const auto judged = [&](bool admitted) {
    candidate.judged = true;
    if (admitted) choice_.admit(member, member != *first_ && (!candidate.seekable || !divisible_));
    changed_.notify_all();
  };
  const auto object_to = [&](const std::string& why) {
    judged(false);
    drop(member, make_error(Errc::kIntegrity, members_[member].name + ": " + why));
  };
  if (candidate.error) {
    judged(false);
    return drop(member, *candidate.error);
  }
  if (!candidate.info) return;
  if (member == *first_) return judged(true);
  if (const auto why = objection(candidate)) return object_to(*why);
  if (!candidate.seekable || !divisible_) return judged(true);
  const auto other = reference();
  if (!candidate.sampled || !other) return;
  if (candidate.samples != candidates_[*other].samples) {
    return object_to("has other bytes than " + members_[*other].name);
  }
  judged(true);
}

// Whose samples are right; nothing: they are still to come.
std::optional<size_t> Mirrors::reference() const {
  if (candidates_[*first_].sampled) return first_;
  if (candidates_[*first_].waiting()) return std::nullopt;
  const auto found = std::ranges::find_if(candidates_, &Candidate::sampled);
  if (found == candidates_.end()) return std::nullopt;
  return static_cast<size_t>(found - candidates_.begin());
}

// Why a member cannot stand beside the first one.
std::optional<std::string> Mirrors::objection(const Candidate& candidate) const {
  const ObjectInfo& info = *candidate.info;
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
  return std::nullopt;
}

// Requires: the lock.
void Mirrors::drop(size_t member, const Error& why) {
  choice_.drop(member);
  errors_.push_back(why);
  if (options_.dropped) options_.dropped(why);
  changed_.notify_all();
}

void Mirrors::drop_liar(size_t member) {
  if (!choice_.there(member)) return;
  drop(member, make_error(Errc::kIntegrity, members_[member].name + ": served other bytes"));
}

// Whether somebody may still come.
bool Mirrors::undecided() const {
  return std::ranges::any_of(candidates_, [](const Candidate& candidate) { return !candidate.judged; });
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

// Has a fetch move to another member, if that pays.  One at a time: the next one is judged by what has become
// of it.  Requires: the lock.
void Mirrors::balance(Clock::Steady now) {
  if (moving_) return;
  const auto move = choice_.move(now);
  if (!move || !members_[move->from].source->divisible()) return;
  MemberOutput* longest = nullptr;
  for (MemberOutput* output : running_) {
    if (output->member() != move->from || !output->moves()) continue;
    if (longest == nullptr || output->rest() > longest->rest()) longest = output;
  }
  if (longest == nullptr || !choice_.worth(*move, longest->rest(), now)) return;
  longest->leave();
  moving_ = true;
}

// What follows the prefix belongs to it.
void Mirrors::passed(uint64_t offset, ByteView data) {
  const std::lock_guard lock(mutex_);
  if (!prefix_ || offset != prefix_end_) return;
  prefix_->update(data);
  prefix_end_ += data.size();
}

std::optional<size_t> Mirrors::choose(size_t avoid, uint64_t next, const Output& output,
                                      const Context& context) {
  std::unique_lock lock(mutex_);
  while (!context.stop.stop_requested()) {
    const auto now = context.clock->steady_now();
    const auto member = choice_.choose(now, avoid);
    // Where all have failed, one that is still being opened may yet come.
    if (!member && !undecided()) return std::nullopt;
    const bool busy = member && choice_.connections(*member) > 0;
    const bool patient = busy && now < patience_ && std::ranges::any_of(candidates_, &Candidate::waiting);
    if (member && !patient && !(busy && choice_.alone(*member))) return member;
    if (next >= output.end()) return std::nullopt;
    const auto limit = patient ? std::min<Clock::Steady::duration>(patience_ - now, kTick) : kTick;
    changed_.wait_for(lock, context.stop, limit, [] { return false; });
  }
  return std::nullopt;
}

Status Mirrors::fetch(const Segment& segment, Output& output, const Context& context) {
  return fetch_avoiding(SIZE_MAX, segment.bytes, output, context);
}

Status Mirrors::fetch_avoiding(size_t avoid, const ByteRange& range, Output& output, const Context& context) {
  uint64_t next = range.begin;
  for (;;) {
    const auto member = choose(avoid, next, output, context);
    if (context.stop.stop_requested()) return make_error(Errc::kCancelled, "stopped");
    if (next >= std::min(range.end, output.end())) return {};
    if (!member) {
      const std::lock_guard lock(mutex_);
      return nobody_left();
    }
    MemberOutput passing(*this, *member, next, output, context);
    Status status = fetch_from(*member, {next, range.end}, passing, context);
    next = passing.next();
    if (passing.enough()) return {};
    if (status && passing.leaving()) continue;
    if (status) return {};
    if (passing.failed() || context.stop.stop_requested()) return status;
    const std::lock_guard lock(mutex_);
    if (choice_.there(*member)) drop(*member, status.error());
  }
}

Status Mirrors::fetch_from(size_t member, const ByteRange& range, Output& output, const Context& context) {
  Source& source = *members_[member].source;
  bool through = false;
  {
    const std::lock_guard lock(mutex_);
    through = choice_.alone(member);
  }
  if (through && range.begin > info_.range.begin) return fetch_through(member, range, output, context);
  for (const Segment& part : cut(source, range)) {
    if (part.bytes.begin >= output.end()) return {};
    if (Status status = source.fetch(part, output, context); !status) return status;
  }
  return {};
}

Status Mirrors::fetch_through(size_t member, const ByteRange& range, Output& output, const Context& context) {
  Source& source = *members_[member].source;
  const std::string& name = members_[member].name;
  std::vector<std::string> samples;
  std::optional<Digest> known;
  std::string other;
  {
    const std::lock_guard lock(mutex_);
    const auto shown = reference();
    other = members_[shown.value_or(*first_)].name;
    if (divisible_ && shown) samples = candidates_[*shown].samples;
    // The hasher is used up: whoever goes on from here has been compared.
    if (!divisible_ && prefix_ && prefix_end_ == range.begin)
      known = std::exchange(prefix_, nullptr)->finish();
  }
  if (samples.empty() && !known) {
    return make_error(Errc::kProtocol,
                      name + ": serves no ranges, and nothing tells whether it has the bytes of " + other);
  }
  PassingOutput passing(range.begin, output, sample_places(info_.range), std::move(samples), std::move(known),
                        other);
  Status status;
  for (const Segment& part : cut(source, {info_.range.begin, range.end})) {
    status = source.fetch(part, passing, context);
    if (!status) break;
  }
  if (!status && passing.differed()) return with_context(std::move(status).error(), name);
  return status;
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
  if (suspects_.empty() || suspects_.back() == SIZE_MAX) return;
  drop_liar(suspects_.back());
}

// Asks those first who have not served any of it.
Result<bool> Mirrors::refetch(const ByteRange& wrong, Output& output, const Context& context) {
  std::optional<size_t> member;
  {
    const std::lock_guard lock(mutex_);
    std::vector<size_t>& asked = again_[wrong.begin];
    std::optional<uint64_t> least;
    for (size_t i = 0; i < members_.size(); ++i) {
      if (!choice_.there(i) || std::ranges::find(asked, i) != asked.end()) continue;
      const uint64_t served = wrong.size() - bytes_of(served_[i].missing(wrong));
      // Nobody else has had a part in it.
      if (asked.empty() && served == wrong.size()) continue;
      if (least && served >= *least) continue;
      least = served;
      member = i;
    }
    if (!member) return false;
    asked.push_back(*member);
  }
  MemberOutput passing(*this, *member, wrong.begin, output, context);
  Status status = fetch_from(*member, wrong, passing, context);
  if (passing.failed() || context.stop.stop_requested()) return std::move(status).error();
  if (!status) {
    const std::lock_guard lock(mutex_);
    if (choice_.there(*member)) drop(*member, status.error());
  }
  return true;
}

// Those that were asked before the last one have served wrong bytes.  So has who served what the last one
// changed, or all of it.
void Mirrors::refetched(const ByteRange& right, const RangeSet& changed) {
  const std::lock_guard lock(mutex_);
  const std::vector<size_t> asked = again_[right.begin];
  std::vector<size_t> served;  // before it was asked for again
  for (size_t i = 0; i < members_.size(); ++i) {
    if (std::ranges::find(asked, i) != asked.end()) {
      if (i != asked.back()) drop_liar(i);
    } else if (bytes_of(served_[i].missing(right)) < right.size()) {
      served.push_back(i);
    }
  }
  for (const size_t member : served) {
    const RangeSet& its = served_[member];
    const bool alone = served.size() == 1 && its.contains(right);
    // What an earlier one changed tells nothing.
    const bool replaced =
        asked.size() == 1 && std::ranges::any_of(changed.ranges(), [&](const ByteRange& range) {
          return bytes_of(its.missing(range)) < range.size();
        });
    if (alone || replaced) drop_liar(member);
  }
}

}  // namespace sjcp::transfer
