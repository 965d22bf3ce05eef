#include "net/s3/requester.h"

#include <algorithm>

#include "net/http/part_body.h"
#include "net/http/retry_after.h"

namespace sjcp::s3 {

using transfer::Context;

namespace {

constexpr size_t kMaxReply = 16u << 20;  // pages of a thousand long names are 4 MiB
constexpr size_t kMaxErrorReply = 64u << 10;
// Of whatever is no object's bytes; a large object may take minutes to be put together.
constexpr auto kLongestQuestion = std::chrono::minutes(10);
// Repetitions of a store's whole life, beside those that answers earn: each request has its own, smaller
// limit.
constexpr unsigned kBudget = 10'000;
// A body up to here is sent from a string: the client need not ask for it piece by piece.
constexpr size_t kSmallBody = 64u << 10;
constexpr std::string_view kEmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

class Collector final : public http::Receiver {
 public:
  Status head(const http::Head& head) override {
    reply_ = {};
    static_cast<http::Head&>(reply_) = head;
    return {};
  }
  Status body(ByteView bytes) override {
    if (reply_.body.size() + bytes.size() > kMaxReply) {
      return make_error(Errc::kProtocol, "the reply is too long");
    }
    reply_.body.append(bytes.text());
    return {};
  }
  const http::Reply& reply() const { return reply_; }
  http::Reply take() { return std::move(reply_); }

 private:
  http::Reply reply_;
};

std::string service_of(const Settings& settings) {
  const auto url = http::Url::parse(settings.endpoint);
  return url ? url->shown_origin() : "s3://";
}

// Its bytes go one way or the other, which takes as long as it takes.
bool moves_object(const Call& call) {
  return call.method == "PUT" || (call.method == "GET" && !call.key.empty() && call.query.empty());
}

bool is_success(int status) {
  return status >= 200 && status < 300;
}

void tell_refused(const Call& call, const Error& error) {
  const bool unsure = flow::next_of(error.fault, flow::Question::kTraceable) == flow::Next::kLook;
  if (call.tries != nullptr && !unsure) call.tries->refused();
}

}  // namespace

std::string shown(const std::string& bucket, const std::string& key) {
  if (bucket.empty()) return "s3://";
  return key.empty() ? "s3://" + bucket : "s3://" + bucket + "/" + key;
}

Result<size_t> MemoryBody::read(ByteSpan out) {
  const size_t count = std::min(out.size(), bytes_.size() - position_);
  std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(position_), count, out.begin());
  position_ += count;
  return count;
}

// Passes on what succeeds and keeps what fails.
class Requester::Answer final : public http::Receiver {
 public:
  explicit Answer(http::Receiver& receiver) : receiver_(receiver) {}

  Status head(const http::Head& head) override {
    head_ = head;
    if (!is_success(head.status)) return {};
    begun_ = true;
    return receiver_.head(head);
  }
  Status body(ByteView bytes) override {
    if (begun_) return receiver_.body(bytes);
    error_.append(bytes.text().substr(0, kMaxErrorReply - std::min(kMaxErrorReply, error_.size())));
    return {};
  }
  bool enough() override { return begun_ && receiver_.enough(); }

  bool begun() const { return begun_; }
  const http::Head& head() const { return head_; }
  ServiceError error() const { return error_of(head_, error_); }
  void reset() {
    head_ = {};
    begun_ = false;
    error_.clear();
  }

 private:
  http::Receiver& receiver_;
  http::Head head_;
  std::string error_;
  bool begun_ = false;
};

Requester::Requester(Settings settings, std::unique_ptr<Credentials> credentials, http::Client& client,
                     const Clock& clock, bool requester_pays)
    : settings_(std::move(settings)),
      credentials_(std::move(credentials)),
      client_(client),
      clock_(clock),
      requester_pays_(requester_pays),
      service_(service_of(settings_)),
      budget_(kBudget),
      trailers_(settings_.checksums && !settings_.sign_payload && !settings_.storj_gateway()),
      checksums_(settings_.checksums),
      etags_are_md5_(settings_.endpoint.empty()) {}

std::string Requester::region_of(const std::string& bucket) const {
  const std::lock_guard lock(mutex_);
  const auto found = regions_.find(bucket);
  return found == regions_.end() ? settings_.region : found->second;
}

Clock::Wall Requester::service_time() const {
  return clock_.wall_now() + std::chrono::seconds(clock_offset_.load(std::memory_order_relaxed));
}

Result<std::string> Requester::payload_of(const Call& call) const {
  if (call.trailing != nullptr) return std::string(kUnsignedTrailer);
  if (call.body.empty() && call.part == nullptr) return std::string(kEmptyHash);
  const bool data = call.method == "PUT" && !call.key.empty();
  if (data && !settings_.sign_payload) return std::string(kUnsignedPayload);
  if (call.part == nullptr) return payload_hash(call.body);
  crypto::Sha256 hash;
  Status read = call.part->each([&](ByteView piece) { hash.update(piece); });
  if (!read) return std::move(read).error();
  return to_hex(hash.finish());
}

Result<http::Reply> Requester::call(const Call& call, const Context& context) {
  Collector collector;
  const auto asked = context.clock->steady_now();
  Status status = ask(call, collector, &collector.reply(), context);
  if (!status) return std::move(status).error();
  if (said_of(call.deed, collector.reply(), collector.reply().body) == Said::kUnclear) {
    Status proven = prove(*this, call, collector.reply(), asked, context);
    if (!proven) return std::move(proven).error();
  }
  return collector.take();
}

Status Requester::stream(const Call& call, http::Receiver& receiver, const Context& context) {
  return ask(call, receiver, nullptr, context);
}

// collected: what the receiver got, where it wants all of it before anything counts.
Status Requester::ask(const Call& call, http::Receiver& receiver, const http::Reply* collected,
                      const Context& context) {
  const std::string url = shown(call.bucket, call.key);
  std::optional<flow::Repeats> failures;
  Answer answer(receiver);
  Tried tried;
  for (;;) {
    answer.reset();
    std::shared_ptr<const Keys> keys;
    if (call.tries != nullptr) call.tries->asking(clock_.wall_now());
    Status status = try_once(call, answer, keys, context);
    const bool refused =
        status && collected != nullptr && said_of(call.deed, *collected, collected->body) == Said::kRefused;
    if (status && is_success(answer.head().status) && !refused) {
      budget_.earn(flow::RetryBudget::kEarning);
      if (failures) failures->progress();
      return {};
    }
    const bool gone = answer.begun() && collected == nullptr;  // to the receiver
    if (!status && (gone || status.error().code == Errc::kCancelled)) return status;
    Error error = status ? make_error(Errc::kInternal, url) : std::move(status).error();
    std::optional<std::chrono::seconds> asked;
    if (status) {
      const ServiceError service = refused ? error_of(*collected, collected->body) : answer.error();
      error = to_error(service, url, !call.key.empty());
      tell_refused(call, error);
      if (remedied(call, answer, service, keys.get(), tried, context)) continue;
      asked = http::retry_after(answer.head(), clock_.wall_now());
    } else {
      tell_refused(call, error);
    }
    if (call.time_limit.count() > 0) return error;
    if (!failures) failures.emplace(repeats(context));
    const auto next = failures->after(error, call.question, context.stop, asked);
    if (!next) return next.error();
  }
}

// An error: no reply, or the receiver's own.
Status Requester::try_once(const Call& call, Answer& answer, std::shared_ptr<const Keys>& keys,
                           const Context& context) {
  auto got = credentials_->get(context.stop);
  if (!got) return with_context(std::move(got).error(), shown(call.bucket, call.key));
  keys = *std::move(got);
  const std::string region = region_of(call.bucket);
  const Place place = place_of(settings_, call.bucket, region, call.whole_bucket);
  std::string path = place.path;
  if (!call.key.empty()) {
    path += escape_path(call.key);
  } else if (path.empty()) {
    path = "/";
  }
  const Target target{call.method, place.host, std::move(path), query_text(call.query)};
  http::Request request;
  request.method = call.method;
  request.url = place.scheme + "://" + target.host + target.path;
  if (!target.query.empty()) request.url += "?" + target.query;
  request.redirects = 0;
  request.timeout = call.time_limit;
  if (call.time_limit.count() == 0 && !moves_object(call)) request.timeout = kLongestQuestion;
  // What tidies up, in little time, waits for nobody.
  request.waits = call.time_limit.count() == 0;
  request.asks_first = !call.expected;
  request.expects = call.expects;
  request.own = call.own;
  request.followers = call.followers;
  request.headers = call.headers;
  if (requester_pays_) request.headers.push_back({"x-amz-request-payer", "requester"});
  if (call.trailing != nullptr) {
    request.headers.push_back({"content-encoding", "aws-chunked"});
    request.headers.push_back({"x-amz-decoded-content-length", std::to_string(call.trailing->data_size())});
    request.headers.push_back({"x-amz-trailer", TrailingBody::kHeader});
    // A signature brings it along.
    if (!keys) request.headers.push_back({"x-amz-content-sha256", std::string(kUnsignedTrailer)});
  }
  if (keys) {
    auto payload = payload_of(call);
    if (!payload) return std::move(payload).error();
    signer_.sign(target, *keys, region, *payload, service_time(), request.headers);
  }
  MemoryBody body(call.body);
  std::optional<http::PartBody> part;
  if (call.trailing != nullptr) {
    if (Status again = call.trailing->rewind(); !again) return again;
    request.stream = call.trailing;
  } else if (call.part != nullptr) {
    request.stream = &part.emplace(*call.part);
  } else if (call.body.size() > kSmallBody) {
    request.stream = &body;
  } else {
    request.body = call.body.str();
  }
  return client_.stream(request, answer, context);
}

// Whether the next try differs in what this one failed for.
bool Requester::remedied(const Call& call, const Answer& answer, const ServiceError& error, const Keys* keys,
                         Tried& tried, const Context& context) {
  constexpr unsigned kPlaces = 2;
  switch (remedy_for(error)) {
    case Remedy::kOtherClock:
      return !std::exchange(tried.clock, true) && learn_clock(answer.head());
    case Remedy::kOtherKeys:
      return !std::exchange(tried.keys, true) && keys != nullptr && credentials_->renew(*keys);
    case Remedy::kOtherPlace:
      return tried.places++ < kPlaces && learn_region(call, error, context);
    default:
      return false;
  }
}

bool Requester::learn_clock(const http::Head& head) {
  const auto value = head.header("Date");
  const auto date = value ? http::parse_date(*value) : std::nullopt;
  if (!date) return false;
  const auto offset = std::chrono::round<std::chrono::seconds>(*date - clock_.wall_now());
  clock_offset_.store(offset.count(), std::memory_order_relaxed);
  return true;
}

// From the reply, or else by asking where the bucket is.
bool Requester::learn_region(const Call& call, const ServiceError& error, const Context& context) {
  const std::string before = region_of(call.bucket);
  std::string region = error.region;
  if (region.empty() && settings_.endpoint.empty()) region = region_in(error.endpoint);
  if (region.empty() && !call.bucket.empty()) region = ask_region(call.bucket, context);
  // It becomes a part of a host's name.
  const bool sound = !region.empty() && region.size() < 64 &&
                     region.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  if (!sound || region == before) return false;
  const std::lock_guard lock(mutex_);
  regions_[call.bucket] = region;
  return true;
}

// Amazon names it in a header of whatever answer; others in the error for a signature of the wrong one.
std::string Requester::ask_region(const std::string& bucket, const Context& context) {
  Call call;
  call.bucket = bucket;
  call.whole_bucket = true;
  call.query.emplace_back("location", "");
  Collector unused;
  Answer answer(unused);
  std::shared_ptr<const Keys> keys;
  if (auto status = try_once(call, answer, keys, context); !status) return "";
  return answer.error().region;
}

Result<std::string> Requester::presign(const Call& call, std::chrono::seconds expires,
                                       const Context& context) {
  auto keys = credentials_->get(context.stop);
  if (!keys) return std::move(keys).error();
  if (!*keys)
    return make_error(Errc::kUsage, shown(call.bucket, call.key) + ": a signature needs credentials");
  const std::string region = region_of(call.bucket);
  const Place place = place_of(settings_, call.bucket, region, call.whole_bucket);
  const std::string path =
      call.key.empty() && !place.path.empty() ? place.path : place.path + escape_path(call.key);
  const Target target{call.method, place.host, path, ""};
  Query query = call.query;
  if (requester_pays_) query.emplace_back("x-amz-request-payer", "requester");
  return place.scheme + "://" + place.host + path + "?" +
         signer_.presigned_query(target, query, **keys, region, service_time(), expires);
}

}  // namespace sjcp::s3
