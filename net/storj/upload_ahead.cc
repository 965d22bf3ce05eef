// The part of ObjectUpload that asks for offers before segments need them.
#include <algorithm>

#include "core/transfer/segment_gate.h"
#include "net/storj/object_upload.h"
#include "net/storj/question_size.h"

namespace sjcp::storj {

using transfer::Context;

namespace {

// An offer that waited longer is not used: nodes take new limits only.
constexpr auto kOfferAge = std::chrono::seconds(60);

}  // namespace

void ObjectUpload::expect(uint64_t index, const Context& context) {
  const std::lock_guard lock(mutex_);
  if (begin_ == Begin::kFailed || ask_error_ || !announced_.insert(index).second) return;
  wanted_.push_back(index);
  begun_.notify_all();
  if (asker_.joinable()) return;
  if (begin_ == Begin::kNot) begin_ = Begin::kRunning;
  gate_ = context.gate;
  asker_ = std::jthread([this, outer = context.stop](const std::stop_token& own) {
    std::stop_source either;
    const std::stop_callback first(outer, [&] { either.request_stop(); });
    const std::stop_callback second(own, [&] { either.request_stop(); });
    ask_ahead(either.get_token());
  });
}

void ObjectUpload::ask_ahead(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  QuestionSize most;
  for (;;) {
    const bool woken = begun_.wait(lock, stop, [this] { return asked_enough_ || has_question(); });
    if (asked_enough_) return;
    Status status = make_error(Errc::kCancelled, url_ + ": interrupted");
    if (woken && !stop.stop_requested()) {
      const auto end = wanted_.begin() + static_cast<std::ptrdiff_t>(std::min(most.next(), wanted_.size()));
      const std::vector<uint64_t> indexes(wanted_.begin(), end);
      wanted_.erase(wanted_.begin(), end);
      lock.unlock();
      status = ask(indexes, stop);
      lock.lock();
    }
    if (!status) ask_error_ = std::move(status).error();
    if (begin_ == Begin::kRunning) begin_ = ask_error_ ? Begin::kFailed : Begin::kDone;
    begun_.notify_all();
    if (ask_error_) return;
  }
}

// The last segment's commit travels with the object's; those before go as soon as they can, so that it is not
// kept waiting by them.
bool ObjectUpload::has_question() const {
  return !wanted_.empty() || (!pending_commits_.empty() && in_work_ > 0);
}

// Also begins the object, if that has not been done, and commits what waits for it.
Status ObjectUpload::ask(const std::vector<uint64_t>& indexes, const std::stop_token& stop) {
  bool begins = false;
  {
    const std::lock_guard lock(mutex_);
    begins = begin_ == Begin::kRunning;
  }
  const auto asked = std::chrono::steady_clock::now();
  auto offers = begins ? begin_object(indexes, stop) : begin_segments(indexes, stop);
  if (!offers) return std::move(offers).error();
  const auto now = std::chrono::steady_clock::now();
  if (begins && gate_ != nullptr) gate_->opened(now - asked);
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < indexes.size(); ++i) offers_[indexes[i]] = {std::move((*offers)[i]), now};
  return {};
}

// The offer asked for ahead, or why there is none.  Empty: it was not asked for, or is too old.
std::optional<Result<pb::BeginSegmentResponse>> ObjectUpload::take_offer(uint64_t index,
                                                                         const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (announced_.erase(index) == 0) return std::nullopt;
  begun_.wait(lock, stop, [&] { return offers_.contains(index) || ask_error_; });
  auto offer = offers_.extract(index);
  if (offer.empty()) {
    if (ask_error_) return *ask_error_;
    return make_error(Errc::kCancelled, url_ + ": interrupted");
  }
  if (std::chrono::steady_clock::now() - offer.mapped().since > kOfferAge) return std::nullopt;
  return std::move(offer.mapped().terms);
}

void ObjectUpload::end_asking() {
  {
    const std::lock_guard lock(mutex_);
    asked_enough_ = true;
    begun_.notify_all();
  }
  if (asker_.joinable()) asker_.join();
}

}  // namespace sjcp::storj
