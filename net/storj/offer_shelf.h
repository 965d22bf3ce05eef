// Offers for the segments of one object, asked for ahead and in batches, so that no segment waits for a round
// trip of its own.
//
//   expect(3, 4, 5) --> wanted --thread of its own, one batch--> under way --> here --take(4)--> the caller
//
// An offer is good once: take() hands it out for good, and whoever fails with it takes another one, which is
// asked for anew.  One that has grown old on the shelf is dropped.  The thread starts with the first question
// and lives as long as the shelf.
//
// Threads: any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "net/storj/wire/metainfo.pb.h"

namespace sjcp::storj {

using Offer = std::shared_ptr<const pb::DownloadSegmentResponse>;

class OfferShelf {
 public:
  struct Wanted {
    size_t segment = 0;
    bool all_nodes = false;  // every node that stores a piece, rather than the usual few more than needed
    auto operator<=>(const Wanted&) const = default;
  };
  // One question for several offers, answered in order.  Called by the shelf's thread.
  using Ask = std::function<Result<std::vector<Offer>>(std::span<const Wanted>, const std::stop_token&)>;

  struct Options {
    size_t batch = 24;  // most in one question: production counts every item
    // Most in the first question.  The answer, of 7.3 KB an offer, then fits what a fresh connection may
    // send at once; more of it would take another round trip, and all of it arrives at the end.
    size_t first_batch = 2;
    std::chrono::seconds lifetime{30 * 60};  // nodes refuse limits that are older than an hour
  };

  explicit OfferShelf(Ask ask) : OfferShelf(std::move(ask), Options(), system_clock()) {}
  OfferShelf(Ask ask, Options options, const Clock& clock);
  ~OfferShelf();

  // An offer that came by another way.
  void put(Wanted wanted, Offer offer);
  // These will be taken soon: asked for unless they are here or under way.  Returns at once.
  void expect(std::span<const Wanted> wanted);
  // Waits for the offer, which is asked for if nobody has.  The error is that of a question for this offer
  // alone.  kCancelled on stop.
  Result<Offer> take(Wanted wanted, const std::stop_token& stop);
  // As take(), without waiting: nothing while the question is under way.
  std::optional<Result<Offer>> poll(Wanted wanted);

 private:
  enum class State : uint8_t { kWanted, kUnderWay, kHere, kFailed };
  struct Entry {
    State state = State::kWanted;
    bool alone = false;  // asked for in a question of its own
    Offer offer;
    Clock::Steady since;
    std::optional<Error> error;
  };

  void want(Wanted wanted);
  std::optional<Result<Offer>> ready(Wanted wanted);
  void work(const std::stop_token& stop);
  std::vector<Wanted> next_batch(size_t most);
  void settle(const std::vector<Wanted>& batch, Result<std::vector<Offer>> answer);

  const Ask ask_;
  const Options options_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<Wanted, Entry> entries_;
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace sjcp::storj
