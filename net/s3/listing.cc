#include "net/s3/listing.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sjcp::s3 {

using transfer::Context;
using transfer::ObjectItem;

namespace {

// A page begins to come when the service has all of it.  The first is short, so that it is there soon.
constexpr unsigned kFirstPage = 512;
constexpr unsigned kLongestPage = 1000;
// Pages in a row that name nothing: services that pass over much that was deleted give some.
constexpr unsigned kMostEmpty = 1000;

}  // namespace

// Takes a page of objects apart.
class Listing::Receiver final : public http::Receiver {
 public:
  // What this page has told before it broke off is passed over.
  explicit Receiver(Listing& listing) : listing_(listing), passed_(listing.page_keys_) {}

  Status head(const http::Head&) override { return {}; }
  Status body(ByteView bytes) override {
    auto items = objects_.add(bytes.text());
    if (!items) return with_context(std::move(items).error(), shown(listing_.bucket_, ""));
    give(std::move(*items));
    return {};
  }
  // The page is whole: where the next begins.
  Result<Way> finish() {
    auto page = objects_.finish();
    if (!page) return with_context(std::move(page).error(), shown(listing_.bucket_, ""));
    give(std::move(page->items));
    return std::move(page->next);
  }

 private:
  void give(std::vector<ObjectItem> items) {
    if (!passed_.empty())
      std::erase_if(items, [&](const ObjectItem& item) { return passed_.contains(item.key); });
    listing_.give(std::move(items));
  }

  Listing& listing_;
  const std::unordered_set<std::string> passed_;
  ObjectList objects_;
};

Listing::Listing(Requester& requester, std::string bucket, const transfer::ListOptions& options,
                 const std::stop_token& stop)
    : requester_(requester),
      bucket_(std::move(bucket)),
      options_(options),
      thread_([this](const std::stop_token& ended) { run(ended); }),
      link_(stop, [this] { thread_.request_stop(); }) {}

Result<std::optional<ObjectItem>> Listing::next() {
  if (taken_.empty()) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !waiting_.empty() || ended_; });
    if (waiting_.empty())
      return verdict_ ? Result<std::optional<ObjectItem>>(std::nullopt) : verdict_.error();
    std::move(waiting_.begin(), waiting_.end(), std::back_inserter(taken_));
    waiting_.clear();
    changed_.notify_all();
  }
  std::optional<ObjectItem> item = std::move(taken_.front());
  taken_.pop_front();
  return item;
}

void Listing::run(const std::stop_token& stop) {
  Status verdict = list(stop);
  line_.release();
  const std::lock_guard lock(mutex_);
  verdict_ = std::move(verdict);
  ended_ = true;
  changed_.notify_all();
}

Status Listing::list(const std::stop_token& stop) {
  transfer::Counters counters;
  const Context context{stop, nullptr, &counters};
  const auto endless = [&] {
    return make_error(Errc::kProtocol,
                      shown(bucket_, "") + ": the service gives the same page again and again");
  };
  Way from;
  unsigned empty = 0;
  std::string first_before;
  std::string last_before;
  for (unsigned size = kFirstPage;; size = std::min(4 * size, kLongestPage)) {
    auto next = ask_page(from, size, context);
    if (!next) return std::move(next).error();
    if (next->empty()) return {};
    empty = last_key_.empty() ? empty + 1 : 0;
    const bool same =
        !options_.pending && !last_key_.empty() && first_key_ == first_before && last_key_ == last_before;
    if (*next == from || same || empty > kMostEmpty) return endless();
    first_before = first_key_;
    last_before = last_key_;
    from = std::move(*next);
    if (!await_room(stop)) return make_error(Errc::kCancelled, shown(bucket_, "") + ": interrupted");
  }
}

// A service that refuses the second version of listings, or answers with the first, is asked for that.
Result<Listing::Way> Listing::ask_page(const Way& from, unsigned size, const Context& context) {
  first_version_ = first_version_ || from.contains("marker");
  auto next = page(from, size, context);
  const bool may_be_old = !first_version_ && !options_.pending && from.empty() && last_key_.empty();
  if (next || !may_be_old || (next.error().code != Errc::kUsage && next.error().code != Errc::kUnsupported)) {
    return next;
  }
  first_version_ = true;
  auto old = page(from, size, context);
  return old ? std::move(old) : std::move(next);
}

Result<Listing::Way> Listing::page(const Way& from, unsigned size, const Context& context) {
  const Call call = call_for(from, size);
  std::optional<flow::Repeats> failures;
  page_keys_.clear();
  last_key_.clear();
  first_key_.clear();
  for (;;) {
    auto next = try_page(call, context);
    if (next) return next;
    // The requester repeats what was not answered.
    if (!failures) failures.emplace(requester_.repeats(context));
    const auto again = failures->after(next.error(), flow::Question::kSafe, context.stop);
    if (!again) return again.error();
  }
}

Result<Listing::Way> Listing::try_page(const Call& call, const Context& context) {
  if (options_.recursive && !options_.pending) {
    Receiver receiver(*this);
    Status status = requester_.stream(call, receiver, context);
    if (!status) return std::move(status).error();
    return receiver.finish();
  }
  // Prefixes come behind the objects that they belong between.
  auto reply = requester_.call(call, context);
  if (!reply) return std::move(reply).error();
  auto page = options_.pending ? parse_uploads(reply->body) : parse_objects(reply->body);
  if (!page) return with_context(std::move(page).error(), shown(bucket_, ""));
  give(std::move(page->items));
  return std::move(page->next);
}

Call Listing::call_for(const Way& from, unsigned size) {
  Call call;
  call.bucket = bucket_;
  call.whole_bucket = true;
  call.own = &line_;
  if (options_.pending) {
    call.query.emplace_back("uploads", "");
  } else if (!first_version_) {
    call.query.emplace_back("list-type", "2");
  }
  call.query.emplace_back("encoding-type", "url");
  call.query.emplace_back("prefix", options_.prefix);
  if (!options_.recursive) call.query.emplace_back("delimiter", "/");
  for (const auto& parameter : from) call.query.push_back(parameter);
  call.query.emplace_back(options_.pending ? "max-uploads" : "max-keys", std::to_string(size));
  return call;
}

void Listing::give(std::vector<ObjectItem> items) {
  if (items.empty()) return;
  for (const auto& item : items) page_keys_.insert(item.key);
  last_key_ = items.back().key;
  if (first_key_.empty()) first_key_ = items.front().key;
  const std::lock_guard lock(mutex_);
  std::move(items.begin(), items.end(), std::back_inserter(waiting_));
  changed_.notify_all();
}

bool Listing::await_room(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop, [this] { return waiting_.size() < kAhead; });
  return !stop.stop_requested();
}

}  // namespace sjcp::s3
