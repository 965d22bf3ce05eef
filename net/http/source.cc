#include "net/http/source.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "core/base/scope_guard.h"
#include "core/base/wait.h"
#include "core/flow/repeats.h"
#include "net/http/headers.h"
#include "net/http/probe.h"
#include "net/http/range_reply.h"
#include "net/http/range_writer.h"
#include "net/http/reply_turns.h"
#include "net/http/retry_after.h"
#include "net/http/status.h"

namespace sjcp::http {
namespace {

using std::chrono::milliseconds;
using transfer::Context;
using transfer::ObjectInfo;
using transfer::Output;
using transfer::RangeRequest;
using transfer::Segment;

constexpr size_t kMostErrorText = 64 << 10;
// Wrong replies in a row that are put down to one bad server among several.
constexpr unsigned kOddReplies = 3;
// Links that others found, refused in a row, after which a range asks for one of its own.
constexpr unsigned kStaleLinks = 2;
// Replies of other versions in a row, where only one reply is read at a time, after which the object has
// changed.
constexpr unsigned kOtherVersions = 6;
// Refusals in a row that are put down to connections that have just ended and that the server still counts.
constexpr unsigned kLateRefusals = 5;
constexpr milliseconds kTick{100};
constexpr milliseconds kLongestCrowdWait{20'000};
// libcurl's buffer and some more beside the gathered bytes.
constexpr uint64_t kMemory = RangeWriter::kUnit + (1 << 20);

std::optional<std::string> range_header(const RangeRequest& range) {
  if (range.suffix) return "bytes=-" + std::to_string(range.end.value_or(0));
  return range_value({range.begin, range.end.value_or(UINT64_MAX)});
}

// What servers that mind a Range answer to one.
bool refuses_ranges(int status) {
  return status == 400 || status == 403 || status == 405 || status == 406 || status == 501;
}

// Takes one reply for a fetch.
class FetchReceiver final : public Receiver {
 public:
  // asked: nothing: the whole object, of which what precedes the writer's position is passed over.
  // delivering: counts those that receive bytes of what they asked for.
  FetchReceiver(const Known& known, std::optional<ByteRange> asked, RangeWriter& writer,
                std::atomic<int>& delivering)
      : known_(known), asked_(asked), writer_(writer), delivering_(delivering) {
    if (!asked_) skip_ = writer.position();
  }
  ~FetchReceiver() override {
    if (counted_) --delivering_;
  }

  Status head(const Head& head) override {
    static_cast<Head&>(refusal) = head;
    if (head.status >= 300) {
      refused = true;
      return {};
    }
    if (asked_) {
      auto range = check_range_reply(head, *asked_, known_);
      if (!range) return range.error();
      promised = range->end;
    } else if (Status whole = check_whole_reply(head, known_); !whole) {
      return whole;
    }
    return {};
  }

  Status body(ByteView bytes) override {
    if (refused) {
      refusal.body += bytes.text().substr(0, kMostErrorText - std::min(kMostErrorText, refusal.body.size()));
      return {};
    }
    // Not before: servers that answer and then fall silent would be waited for by each other without end.
    if (!std::exchange(counted_, true)) ++delivering_;
    const auto skipped = static_cast<size_t>(std::min<uint64_t>(skip_, bytes.size()));
    skip_ -= skipped;
    return writer_.take(bytes.sub(skipped));
  }

  bool enough() override {
    if (refused) return refusal.body.size() >= kMostErrorText;
    (void)writer_.tick(std::chrono::steady_clock::now());
    return writer_.enough();
  }

  Reply refusal;
  bool refused = false;
  uint64_t promised = 0;  // where the reply's range ends; it may be shorter than what was asked for

 private:
  const Known& known_;
  const std::optional<ByteRange> asked_;
  RangeWriter& writer_;
  std::atomic<int>& delivering_;
  bool counted_ = false;
  uint64_t skip_ = 0;
};

class HttpSource final : public transfer::Source {
 public:
  HttpSource(Client& client, SourceOptions options) : client_(client), options_(std::move(options)) {}

  Result<ObjectInfo> open(const RangeRequest& range, const Context& context) override;
  const std::vector<Segment>& segments() const override { return segments_; }
  bool divisible() const override { return divisible_; }
  bool one_at_a_time() const override { return in_turn_; }
  bool seekable() const override { return ranged_; }
  uint64_t memory_per_segment() const override { return kMemory; }
  Status fetch(const Segment& segment, Output& output, const Context& context) override;

 private:
  struct Asked {
    Request request;
    std::string url;          // of the request as it was made
    bool redirected = false;  // goes straight to where an earlier one was sent
  };
  // What a try that failed says of the next.
  struct Verdict {
    std::optional<std::chrono::seconds> wait;  // the server's wish
    bool odd = false;      // what came is wrong, but may come from one bad server among several
    bool stale = false;    // the place that an earlier request was sent to refuses
    bool in_turn = false;  // where one reply is read at a time
    int refused = 0;       // the status, where it is 400 or more
  };
  // Of one fetch: failures in a row.
  struct Row {
    unsigned odd = 0;
    unsigned stale = 0;
    unsigned failed = 0;
    unsigned refused = 0;
    unsigned others = 0;  // of another version
  };
  Result<Asked> ask(const Context& context, bool own_link = false);
  void remember(const Asked& asked, const Head& head);
  bool forget(const Asked& asked, int status);
  Error explained(const Reply& reply, const Asked& asked) const;

  Result<ObjectInfo> try_open(const RangeRequest& range, bool ranged, const Context& context,
                              std::optional<std::chrono::seconds>& wait);
  Result<ObjectInfo> opened(const RangeRequest& range, const Reply& reply);
  Result<ObjectInfo> beyond(const RangeRequest& range, const Reply& reply, const Asked& asked,
                            const Context& context, std::optional<std::chrono::seconds>& wait);

  std::shared_ptr<Probe> take_probe(uint64_t position);
  void give_back(const std::shared_ptr<Probe>& probe);
  Result<bool> feed_first(RangeWriter& writer, const Context& context);
  // What follows a failure: nothing: try again.
  std::optional<Error> judge(const Error& error, const Verdict& verdict, Row& row, flow::Repeats& repeats,
                             RangeWriter& writer, const Context& context);
  Status wait_for_others(const Row& row, const RangeWriter& writer, const Context& context);
  // One reply at a time.
  void take_turns();
  Status fetch_in_turn(RangeWriter& writer, const Context& context, bool own_link, Verdict& verdict);
  Result<std::shared_ptr<Probe>> await_turn(RangeWriter& writer, const Context& context);
  Result<std::shared_ptr<Probe>> open_reply(const RangeWriter& writer, const Context& context, bool own_link,
                                            Verdict& verdict);
  Known pinned() const;
  Status fetch_rest(RangeWriter& writer, const Context& context);
  Status fetch_once(RangeWriter& writer, const Context& context, bool own_link, Verdict& verdict);
  Status may_begin_anew(const RangeWriter& writer) const;

  Client& client_;
  const SourceOptions options_;
  flow::RetryBudget budget_;

  // Set by open().
  std::string service_;  // by which people know who is waited for
  Known known_;
  std::vector<Segment> segments_;
  bool divisible_ = false;
  bool ranged_ = false;       // the server serves ranges
  uint64_t probe_begin_ = 0;  // where the probe's body is of interest
  bool warned_ = false;       // of an encoding

  std::atomic<int> delivering_{0};     // fetches that receive what they asked for
  std::atomic<bool> in_turn_{false};   // one reply at a time
  std::atomic<bool> unpinned_{false};  // the digest decides: any version is taken

  std::mutex mutex_;  // guards the rest
  std::condition_variable_any changed_;
  std::shared_ptr<Probe> probe_;  // the first reply, or the one that is read in turn
  ReplyTurns turns_;
  std::string redirect_from_;
  std::string redirect_to_;
};

// The request as its maker makes it, or to where its URL was redirected before: a signed link is asked for
// once, not once for each range.  own_link: as its maker makes it in any case.
Result<HttpSource::Asked> HttpSource::ask(const Context& context, bool own_link) {
  auto request = options_.request(context);
  if (!request) return request.error();
  Asked asked{*std::move(request), "", false};
  asked.url = asked.request.url;
  const std::lock_guard lock(mutex_);
  if (own_link || redirect_to_.empty() || redirect_from_ != asked.url) return asked;
  const auto from = Url::parse(asked.url);
  const auto to = Url::parse(redirect_to_);
  if (!from || !to) return asked;
  if (!from->same_origin(*to)) drop_secrets(asked.request);
  asked.request.url = redirect_to_;
  asked.redirected = true;
  return asked;
}

void HttpSource::remember(const Asked& asked, const Head& head) {
  if (asked.redirected || head.url == asked.url || head.url.empty()) return;
  const std::lock_guard lock(mutex_);
  redirect_from_ = asked.url;
  redirect_to_ = head.url;
}

// True: the place that the URL was redirected to refuses; nobody else is sent there.
bool HttpSource::forget(const Asked& asked, int status) {
  const bool expired = status == 400 || status == 401 || status == 403 || status == 404 || status == 410;
  if (!asked.redirected || !expired) return false;
  const std::lock_guard lock(mutex_);
  if (redirect_to_ == asked.request.url) redirect_to_.clear();
  return true;
}

Error HttpSource::explained(const Reply& reply, const Asked& asked) const {
  if (options_.explain) return options_.explain(reply);
  const std::string& name = options_.name;
  return status_error(name.empty() ? shown_url(asked.url) : name, reply.status);
}

Result<ObjectInfo> HttpSource::open(const RangeRequest& range, const Context& context) {
  if (!range.suffix && range.end && *range.end <= range.begin) {
    return make_error(Errc::kUsage, "the range is empty");
  }
  std::optional<flow::Repeats> repeats;
  for (;;) {
    std::optional<std::chrono::seconds> asked;
    auto info = try_open(range, true, context, asked);
    if (info) {
      if (repeats) repeats->progress();
      return info;
    }
    if (!repeats) repeats.emplace(client_.waits(), service_, &budget_, &context.counters->retries);
    const auto next = repeats->after(info.error(), flow::Question::kSafe, context.stop, asked);
    if (!next) return next.error();
  }
}

Result<ObjectInfo> HttpSource::try_open(const RangeRequest& range, bool ranged, const Context& context,
                                        std::optional<std::chrono::seconds>& wait) {
  auto asked = ask(context);
  if (!asked) return asked.error();
  if (service_.empty()) {
    const auto url = Url::parse(asked->url);
    service_ = url ? url->shown_origin() : shown_url(asked->url);
  }
  if (known_.name.empty()) known_.name = options_.name.empty() ? shown_url(asked->url) : options_.name;
  Request request = asked->request;
  if (ranged) request.headers.push_back({"Range", *range_header(range), false});
  request.may_take = true;
  auto probe = std::make_shared<Probe>(client_, std::move(request), context);
  auto reply = probe->answer();
  if (!reply) return reply.error();
  if (ranged && refuses_ranges(reply->status)) {
    // Perhaps only because it is a range.
    probe->drop();
    return try_open(range, false, context, wait);
  }
  if (reply->status == 416 && ranged) {
    probe->drop();
    return beyond(range, *reply, *asked, context, wait);
  }
  if (reply->status != 200 && reply->status != 206) {
    wait = retry_after(*reply, context.clock->wall_now());
    forget(*asked, reply->status);
    return explained(*reply, *asked);
  }
  auto info = opened(range, *reply);
  if (info) {
    remember(*asked, *reply);
    probe->begins_at(ranged_ ? probe_begin_ : 0);
    const std::lock_guard lock(mutex_);
    probe_ = std::move(probe);
  } else if (reply->status == 206 && ranged && info.error().code == Errc::kProtocol) {
    // Ranges that make no sense: the whole may.
    probe->drop();
    return try_open(range, false, context, wait);
  }
  return info;
}

// The range lies outside the object, or the object is empty and the server particular about it.
Result<ObjectInfo> HttpSource::beyond(const RangeRequest& range, const Reply& reply, const Asked& asked,
                                      const Context& context, std::optional<std::chrono::seconds>& wait) {
  const auto field = reply.header("Content-Range");
  const auto said = field ? parse_content_range(*field) : std::nullopt;
  if (said && said->total && *said->total > 0) {
    auto resolved = range.resolve(*said->total);
    if (!resolved) return with_context(resolved.error(), known_.name);
  }
  if (range.suffix || range.begin == 0) return try_open(range, false, context, wait);
  return explained(reply, asked);
}

Result<ObjectInfo> HttpSource::opened(const RangeRequest& range, const Reply& reply) {
  ObjectInfo info;
  known_.size.reset();
  known_.validator = Validator(reply);
  known_.encoding = content_encoding(reply);
  ranged_ = reply.status == 206;
  if (ranged_) {
    const auto sent = sent_range(reply);
    if (!sent) {
      return make_error(Errc::kProtocol, known_.name + ": the server does not say what it sends", 206);
    }
    known_.size = sent->total;
    auto resolved = range.resolve(sent->total);
    if (!resolved) return with_context(resolved.error(), known_.name);
    if (sent->bytes.begin != resolved->begin || sent->bytes.end > resolved->end) {
      return make_error(Errc::kProtocol,
                        known_.name + ": the server sends another range than it was asked for", 206);
    }
    info.range = *resolved;
  } else {
    known_.size = content_length(reply);
    if (known_.size) {
      auto resolved = range.everything() ? ByteRange{0, *known_.size} : range.resolve(*known_.size);
      if (!resolved) return with_context(resolved.error(), known_.name);
      info.range = *resolved;
    } else if (!range.everything()) {
      return make_error(Errc::kUnsupported, known_.name +
                                                ": the server serves no ranges and does not say how "
                                                "long the object is: only all of it can be had");
    } else {
      info.range = {0, transfer::kUnknownSize};
    }
  }
  probe_begin_ = info.range.begin;
  info.name = known_.name;
  info.size = known_.size.value_or(transfer::kUnknownSize);
  info.version = known_.validator.version(info.size);
  info.created = known_.validator.modified().value_or(std::chrono::system_clock::time_point{});
  if (const auto disposition = reply.header("Content-Disposition")) {
    info.file_name = disposition_file_name(*disposition);
  }
  info.digests = promised_digests(reply);
  if (options_.describe) options_.describe(reply, info);
  const auto url = Url::parse(reply.url);
  if (!known_.encoding.empty() && !(url && encoding_of_name(known_.encoding, url->path())) &&
      !encoding_of_name(known_.encoding, info.file_name) && !std::exchange(warned_, true)) {
    spdlog::warn("{}: the server sends it packed (Content-Encoding: {}); it is kept as it comes", known_.name,
                 one_line(known_.encoding, 40));
  }
  segments_.clear();
  if (info.range.size() > 0) segments_.push_back({0, info.range});
  divisible_ = ranged_ && info.range.size() > 0;
  return info;
}

// The probe, if its body begins here: nobody else gets it then.
std::shared_ptr<Probe> HttpSource::take_probe(uint64_t position) {
  const std::lock_guard lock(mutex_);
  if (!probe_ || in_turn_) return nullptr;
  if (position == probe_begin_ && turns_.begin()) return probe_;
  probe_->hurry();
  return nullptr;
}

void HttpSource::give_back(const std::shared_ptr<Probe>& probe) {
  std::shared_ptr<Probe> over;  // ended without the lock
  const std::lock_guard lock(mutex_);
  turns_.end(probe->position(), std::chrono::steady_clock::now());
  if (!in_turn_ && probe_ == probe) over = std::move(probe_);
  changed_.notify_all();
}

// False: nothing came of it.
Result<bool> HttpSource::feed_first(RangeWriter& writer, const Context& context) {
  const auto probe = take_probe(writer.position());
  if (!probe) return false;
  ++delivering_;
  const ScopeGuard done([&] {
    --delivering_;
    give_back(probe);
  });
  const std::stop_callback stopped(context.stop, [&] { probe->stop(); });
  auto fed = probe->feed(writer);
  if (!fed && fed.error().fault == Fault::kNone) return fed.error();
  if (!fed) context.counters->retries.fetch_add(1, std::memory_order_relaxed);
  return fed && *fed;
}

Status HttpSource::fetch(const Segment& segment, Output& output, const Context& context) {
  RangeWriter writer(output, segment.bytes);
  auto fed = feed_first(writer, context);
  if (!fed) return fed.error();
  if (*fed && !known_.size) return writer.flush();
  if (Status s = fetch_rest(writer, context); !s) {
    // What came is good: the engine may go on from there.
    (void)writer.flush();
    return s;
  }
  return writer.flush();
}

Status HttpSource::fetch_rest(RangeWriter& writer, const Context& context) {
  flow::Repeats repeats(client_.waits(), service_, &budget_, &context.counters->retries);
  Row row;
  while (!writer.enough()) {
    const uint64_t before = writer.position();
    Verdict verdict;
    const bool own_link = row.stale >= kStaleLinks;
    verdict.in_turn = in_turn_;
    Status status = verdict.in_turn ? fetch_in_turn(writer, context, own_link, verdict)
                                    : fetch_once(writer, context, own_link, verdict);
    if (writer.position() > before) {
      repeats.progress();
      budget_.earn(writer.position() - before);
      row = {};
    }
    row.stale = verdict.stale ? row.stale + 1 : 0;
    if (status && !known_.size) return status;
    if (status) continue;
    if (status.error().code == Errc::kCancelled) return status;
    if (verdict.stale) {
      // Bounded: a range that asks for a link of its own meets none.
      context.counters->retries.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    ++row.failed;
    row.refused = verdict.refused != 0 ? row.refused + 1 : 0;
    if (auto final = judge(status.error(), verdict, row, repeats, writer, context)) return *final;
  }
  return {};
}

std::optional<Error> HttpSource::judge(const Error& error, const Verdict& verdict, Row& row,
                                       flow::Repeats& repeats, RangeWriter& writer, const Context& context) {
  const bool other = other_version(error);
  if (other && options_.digest_known && !unpinned_.exchange(true)) return std::nullopt;
  const bool strange = other || verdict.odd;
  if (ranged_ && !verdict.in_turn && strange && (other || in_turn_ || row.odd >= kOddReplies)) {
    take_turns();
    row = {};
    return std::nullopt;
  }
  Error judged = error;
  const bool refused = verdict.refused == 400 || verdict.refused == 403 || verdict.refused == 404;
  if (delivering_ > 0 && !verdict.wait && (refused || (row.failed > 1 && error.fault != Fault::kNone))) {
    Status waited = wait_for_others(row, writer, context);
    return waited ? std::nullopt : std::optional(waited.error());
  }
  if (refused && row.refused <= kLateRefusals) judged.fault = Fault::kUnavailable;
  if (other && verdict.in_turn && row.others++ < kOtherVersions) judged.fault = Fault::kBroken;
  if (verdict.odd) {
    if (++row.odd > kOddReplies) return error;
    judged.fault = Fault::kBroken;
  }
  const auto next = repeats.after(judged, flow::Question::kSafe, context.stop, verdict.wait,
                                  [&] { return writer.enough(); });
  return next ? std::nullopt : std::optional(next.error());
}

// Refused while others receive: there are more connections than the server wants; a failure that repeats
// itself may be one, too.  Until nobody receives any more, or for a while, after which there may be room.
Status HttpSource::wait_for_others(const Row& row, const RangeWriter& writer, const Context& context) {
  context.counters->retries.fetch_add(1, std::memory_order_relaxed);
  const milliseconds wait = std::min(kTick * (1 << std::min(row.failed, 10U)), kLongestCrowdWait);
  const auto until = std::chrono::steady_clock::now() + wait;
  while (delivering_ > 0 && !writer.enough() && std::chrono::steady_clock::now() < until) {
    if (!wait_unless_stopped(kTick, context.stop)) return make_error(Errc::kCancelled, "stopped");
  }
  return {};
}

void HttpSource::take_turns() {
  const std::lock_guard lock(mutex_);
  if (in_turn_.exchange(true)) return;
  if (probe_) probe_->hold();
}

// The reply that the caller is to read from now on; null: it has to ask for one.  An error: it is not wanted
// any more (kCancelled), or stopped.
Result<std::shared_ptr<Probe>> HttpSource::await_turn(RangeWriter& writer, const Context& context) {
  std::unique_lock lock(mutex_);
  const uint64_t position = writer.position();
  turns_.wait(position);
  const ScopeGuard left([&] {
    turns_.leave(position);
    changed_.notify_all();
  });
  const auto mine = [&] { return turns_.may_read(position, std::chrono::steady_clock::now()); };
  while (!mine() || writer.enough()) {
    changed_.wait_for(lock, context.stop, kTick, mine);
    if (context.stop.stop_requested() || writer.enough()) return make_error(Errc::kCancelled, "stopped");
  }
  turns_.begin();
  if (probe_ && probe_->position() > position) probe_.reset();
  return probe_;
}

Status HttpSource::fetch_in_turn(RangeWriter& writer, const Context& context, bool own_link,
                                 Verdict& verdict) {
  auto turn = await_turn(writer, context);
  if (!turn) return writer.enough() ? Status() : turn.error();
  std::shared_ptr<Probe> probe = *std::move(turn);
  const ScopeGuard done([&] {
    const std::lock_guard lock(mutex_);
    turns_.end(writer.position(), std::chrono::steady_clock::now());
    changed_.notify_all();
  });
  const bool fresh = !probe;
  if (fresh) {
    auto opened = open_reply(writer, context, own_link, verdict);
    if (!opened) return opened.error();
    probe = *std::move(opened);
    const std::lock_guard lock(mutex_);
    probe_ = probe;
  }
  ++delivering_;
  const ScopeGuard counted([&] { --delivering_; });
  const uint64_t before = writer.position();
  const std::stop_callback stopped(context.stop, [&] { probe->stop(); });
  auto fed = probe->feed(writer);
  if (!writer.enough()) {
    // Over, or broken.
    const std::lock_guard lock(mutex_);
    probe_.reset();
  }
  if (!fed) return fed.error();
  // A reply that was over by the time that its turn came says nothing.
  if (writer.enough() || writer.position() > before || !fresh) return {};
  return make_error(Errc::kNetwork, known_.name + ": the reply ended before its range did", 0,
                    Fault::kBroken);
}

// All that follows the writer's position, of the version that is known; where ranges are not served any more,
// the whole.
Result<std::shared_ptr<Probe>> HttpSource::open_reply(const RangeWriter& writer, const Context& context,
                                                      bool own_link, Verdict& verdict) {
  auto asked = ask(context, own_link);
  if (!asked) return asked.error();
  Request request = asked->request;
  const Known known = pinned();
  const ByteRange range{writer.position(), segments_.front().bytes.end};
  request.headers.push_back({"Range", range_value(range), false});
  known.validator.add_conditions(request.headers);
  auto probe = std::make_shared<Probe>(client_, std::move(request), context);
  auto reply = probe->answer();
  if (!reply) return reply.error();
  if (reply->status == 200 && !known.validator.version(0).empty()) {
    if (Status whole = check_whole_reply(*reply, known); !whole) {
      if (other_version(whole.error())) return whole.error();
      verdict.odd = true;
      return check_range_reply(*reply, range, known).error();
    }
    probe->begins_at(0);
  } else if (reply->status < 300) {
    auto sent = check_range_reply(*reply, range, known);
    verdict.odd = !sent && sent.error().code == Errc::kProtocol;
    if (!sent) return sent.error();
    probe->begins_at(sent->begin);
  } else {
    verdict.wait = retry_after(*reply, context.clock->wall_now());
    verdict.stale = forget(*asked, reply->status);
    verdict.refused = reply->status;
    if (reply->status == 412 || reply->status == 416) return check_range_reply(*reply, range, known).error();
    return explained(*reply, *asked);
  }
  remember(*asked, *reply);
  probe->hold();
  return probe;
}

// What replies have to be of.
Known HttpSource::pinned() const {
  Known known = known_;
  if (unpinned_) {
    known.any_version = true;
    known.validator = {};
  }
  return known;
}

Status HttpSource::fetch_once(RangeWriter& writer, const Context& context, bool own_link, Verdict& verdict) {
  if (!ranged_) {
    if (Status s = may_begin_anew(writer); !s) return s;
  }
  auto asked = ask(context, own_link);
  if (!asked) return asked.error();
  Request request = asked->request;
  std::optional<ByteRange> range;
  if (ranged_) {
    range = ByteRange{writer.position(), writer.end()};
    request.headers.push_back({"Range", range_value(*range), false});
  }
  const Known known = pinned();
  known.validator.add_conditions(request.headers);
  request.crowded = [this](const Head& head) {
    return delivering_ > 0 && (head.status == 403 || head.status == 404);
  };
  FetchReceiver receiver(known, range, writer, delivering_);
  Status status = client_.stream(request, receiver, context);
  if (status && receiver.refused) {
    const Reply& refusal = receiver.refusal;
    verdict.wait = retry_after(refusal, context.clock->wall_now());
    verdict.stale = forget(*asked, refusal.status);
    verdict.refused = refusal.status >= 400 && refusal.status != 429 ? refusal.status : 0;
    if (range && (refusal.status == 412 || refusal.status == 416)) {
      return check_range_reply(refusal, *range, known).error();
    }
    if (refusal.status == 412) return check_whole_reply(refusal, known);
    return explained(refusal, *asked);
  }
  if (status) {
    remember(*asked, receiver.refusal);
    if (!writer.enough() && known_.size && writer.position() < (range ? receiver.promised : *known_.size)) {
      return make_error(Errc::kNetwork, known_.name + ": the reply ended before its range did", 0,
                        Fault::kBroken);
    }
  } else {
    verdict.odd = status.error().code == Errc::kProtocol && receiver.refusal.status != 0;
  }
  return status;
}

Status HttpSource::may_begin_anew(const RangeWriter& writer) const {
  if (writer.position() == segments_.front().bytes.begin) return {};
  if (known_.validator.version(0).empty()) {
    return make_error(Errc::kProtocol,
                      known_.name +
                          ": the connection was lost; the server serves no ranges, and nothing "
                          "tells whether the object is still the same");
  }
  return {};
}

}  // namespace

std::unique_ptr<transfer::Source> make_source(Client& client, SourceOptions options) {
  return std::make_unique<HttpSource>(client, std::move(options));
}

std::unique_ptr<transfer::Source> make_source(Client& client, Request request, bool digest_known) {
  SourceOptions options;
  options.request = [request = std::move(request)](const Context&) -> Result<Request> { return request; };
  options.digest_known = digest_known;
  return make_source(client, std::move(options));
}

}  // namespace sjcp::http
