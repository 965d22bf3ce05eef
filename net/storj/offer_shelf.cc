#include "net/storj/offer_shelf.h"

#include <algorithm>
#include <system_error>

namespace sjcp::storj {

OfferShelf::OfferShelf(Ask ask, Options options, const Clock& clock)
    : ask_(std::move(ask)), options_(options), clock_(clock) {}

OfferShelf::~OfferShelf() = default;

void OfferShelf::put(Wanted wanted, Offer offer) {
  std::lock_guard lock(mutex_);
  entries_[wanted] = {State::kHere, false, std::move(offer), clock_.steady_now(), {}};
}

void OfferShelf::expect(std::span<const Wanted> wanted) {
  std::lock_guard lock(mutex_);
  for (const Wanted& each : wanted) {
    if (!entries_.contains(each)) want(each);
  }
}

Result<Offer> OfferShelf::take(Wanted wanted, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  std::optional<Result<Offer>> result;
  const bool answered = changed_.wait(lock, stop, [&] {
    result = ready(wanted);
    return result.has_value();
  });
  if (!answered) return make_error(Errc::kCancelled, "interrupted");
  return std::move(*result);
}

std::optional<Result<Offer>> OfferShelf::poll(Wanted wanted) {
  std::lock_guard lock(mutex_);
  return ready(wanted);
}

void OfferShelf::want(Wanted wanted) {
  Entry& entry = entries_[wanted];
  entry.state = State::kWanted;
  entry.error.reset();
  if (thread_.joinable()) {
    changed_.notify_all();
    return;
  }
  try {
    thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
  } catch (const std::system_error& failed) {
    entry.state = State::kFailed;
    entry.alone = true;
    entry.error = make_error(Errc::kLocalIo, std::string("cannot start a thread: ") + failed.what(),
                             failed.code().value());
  }
}

// The outcome for one offer, which then leaves the shelf; nothing: it is on its way.
std::optional<Result<Offer>> OfferShelf::ready(Wanted wanted) {
  auto found = entries_.find(wanted);
  if (found != entries_.end() && found->second.state == State::kHere &&
      clock_.steady_now() - found->second.since >= options_.lifetime) {
    entries_.erase(found);
    found = entries_.end();
  }
  if (found == entries_.end()) {
    want(wanted);
    found = entries_.find(wanted);
  }
  Entry& entry = found->second;
  if (entry.state == State::kFailed && !entry.alone) {
    // One bad item fails its whole batch; the others are not to suffer for it.
    entry.alone = true;
    want(wanted);
  }
  if (entry.state == State::kWanted || entry.state == State::kUnderWay) return std::nullopt;
  Result<Offer> result = entry.state == State::kHere ? Result<Offer>(std::move(entry.offer)) : *entry.error;
  entries_.erase(found);
  return result;
}

void OfferShelf::work(const std::stop_token& stop) {
  for (size_t most = options_.first_batch;; most = options_.batch) {
    std::vector<Wanted> batch;
    {
      std::unique_lock lock(mutex_);
      const bool found = changed_.wait(lock, stop, [&] {
        batch = next_batch(most);
        return !batch.empty();
      });
      if (!found) return;
    }
    auto answer = ask_(batch, stop);
    if (stop.stop_requested()) return;
    settle(batch, std::move(answer));
  }
}

std::vector<OfferShelf::Wanted> OfferShelf::next_batch(size_t most) {
  std::vector<Wanted> batch;
  for (auto& [wanted, entry] : entries_) {
    if (entry.state != State::kWanted) continue;
    if (entry.alone && !batch.empty()) continue;
    entry.state = State::kUnderWay;
    batch.push_back(wanted);
    if (entry.alone || batch.size() == most) break;
  }
  return batch;
}

void OfferShelf::settle(const std::vector<Wanted>& batch, Result<std::vector<Offer>> answer) {
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < batch.size(); ++i) {
    Entry& entry = entries_[batch[i]];
    if (answer) {
      entry.state = State::kHere;
      entry.offer = std::move((*answer)[i]);
      entry.since = clock_.steady_now();
    } else {
      entry.state = State::kFailed;
      entry.alone = batch.size() == 1;
      entry.error = answer.error();
    }
  }
  changed_.notify_all();
}

}  // namespace sjcp::storj
