#include "net/storj/offer_shelf.h"

#include <condition_variable>

#include "tests/support/catch.h"
#include "tests/support/hand_clock.h"

using namespace sjcp;
using namespace std::chrono_literals;
using storj::Offer;
using storj::OfferShelf;
using Wanted = OfferShelf::Wanted;

namespace {

Offer offer_of(size_t segment) {
  auto offer = std::make_shared<pb::DownloadSegmentResponse>();
  offer->set_segment_size(static_cast<int64_t>(segment));
  return offer;
}

// A satellite that counts questions, and answers when it is let.
class Satellite {
 public:
  OfferShelf::Ask ask() {
    return [this](std::span<const Wanted> wanted, const std::stop_token& stop) -> Result<std::vector<Offer>> {
      std::unique_lock lock(mutex_);
      questions.emplace_back(wanted.begin(), wanted.end());
      changed_.notify_all();
      changed_.wait(lock, stop, [&] { return open_; });
      std::vector<Offer> offers;
      for (const Wanted& each : wanted) {
        if (each.segment == bad) return make_error(Errc::kNotFound, "no such segment");
        offers.push_back(offer_of(each.segment));
      }
      return offers;
    };
  }
  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void close() {
    std::lock_guard lock(mutex_);
    open_ = false;
  }
  void wait_for_questions(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return questions.size() >= count; });
  }

  std::vector<std::vector<Wanted>> questions;
  size_t bad = ~size_t{0};

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool open_ = true;
};

size_t segment_of(const Result<Offer>& offer) {
  REQUIRE(offer);
  return static_cast<size_t>((*offer)->segment_size());
}

const std::stop_token kNeverStopped;

}  // namespace

TEST_CASE("Offers that are expected come in one batch and are taken without another question") {
  Satellite satellite;
  OfferShelf shelf(satellite.ask());
  shelf.expect(std::vector<Wanted>{{1}, {2}});
  CHECK(segment_of(shelf.take({2}, kNeverStopped)) == 2);
  CHECK(segment_of(shelf.take({1}, kNeverStopped)) == 1);
  CHECK(satellite.questions == std::vector<std::vector<Wanted>>{{{1}, {2}}});
}

TEST_CASE("What is here or under way is not asked for again") {
  Satellite satellite;
  satellite.close();
  OfferShelf shelf(satellite.ask());
  shelf.put({0}, offer_of(0));
  shelf.expect(std::vector<Wanted>{{0}, {1}});
  satellite.wait_for_questions(1);
  shelf.expect(std::vector<Wanted>{{0}, {1}, {2}});
  CHECK_FALSE(shelf.poll({1}));
  satellite.open();
  CHECK(segment_of(shelf.take({2}, kNeverStopped)) == 2);
  CHECK(segment_of(shelf.take({1}, kNeverStopped)) == 1);
  CHECK(segment_of(shelf.take({0}, kNeverStopped)) == 0);
  CHECK(satellite.questions == std::vector<std::vector<Wanted>>{{{1}}, {{2}}});
}

TEST_CASE("An offer is handed out once") {
  Satellite satellite;
  OfferShelf shelf(satellite.ask());
  const auto first = shelf.take({4}, kNeverStopped);
  const auto second = shelf.take({4}, kNeverStopped);
  CHECK(segment_of(first) == 4);
  CHECK(segment_of(second) == 4);
  CHECK(*first != *second);
  CHECK(satellite.questions.size() == 2);
}

TEST_CASE("An offer that has grown old is asked for anew") {
  Satellite satellite;
  test::HandClock clock;
  OfferShelf shelf(satellite.ask(), OfferShelf::Options(), clock);
  const Offer old = offer_of(1);
  shelf.put({1}, old);
  clock.set(30min - 1ns);
  shelf.put({2}, offer_of(2));
  CHECK(*shelf.poll({1}).value() == old);
  shelf.put({1}, old);
  clock.set(60min);
  CHECK(*shelf.take({1}, kNeverStopped) != old);
  CHECK(*shelf.take({2}, kNeverStopped) != nullptr);
  CHECK(satellite.questions.size() == 2);
}

TEST_CASE("One bad segment does not spoil the others of its batch") {
  Satellite satellite;
  satellite.bad = 2;
  OfferShelf shelf(satellite.ask(), {.first_batch = 3}, system_clock());
  shelf.expect(std::vector<Wanted>{{1}, {2}, {3}});
  CHECK(segment_of(shelf.take({1}, kNeverStopped)) == 1);
  CHECK(shelf.take({2}, kNeverStopped).error().code == Errc::kNotFound);
  CHECK(segment_of(shelf.take({3}, kNeverStopped)) == 3);
  CHECK(satellite.questions == std::vector<std::vector<Wanted>>{{{1}, {2}, {3}}, {{1}}, {{2}}, {{3}}});
}

TEST_CASE("A question holds no more items than the satellite likes") {
  Satellite satellite;
  OfferShelf shelf(satellite.ask(), {.batch = 2, .first_batch = 1}, system_clock());
  shelf.expect(std::vector<Wanted>{{1}, {2}, {3}, {4}});
  for (size_t i = 1; i <= 4; ++i) CHECK(segment_of(shelf.take({i}, kNeverStopped)) == i);
  CHECK(satellite.questions == std::vector<std::vector<Wanted>>{{{1}}, {{2}, {3}}, {{4}}});
}

TEST_CASE("Whoever waits for an offer is freed by a stop, and so is the shelf") {
  Satellite satellite;
  satellite.close();
  std::stop_source stop;
  {
    OfferShelf shelf(satellite.ask());
    std::jthread stopper([&] {
      satellite.wait_for_questions(1);
      stop.request_stop();
    });
    CHECK(shelf.take({1}, stop.get_token()).error().code == Errc::kCancelled);
  }
  CHECK(satellite.questions.size() == 1);
}
