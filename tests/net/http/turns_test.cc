#include "net/http/turns.h"

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/hand_clock.h"

using namespace sjcp;
using namespace sjcp::http;

namespace {

bool wanted() {
  return false;
}

struct Fixture {
  Turns::Turn take() {
    auto turn = turns.take(url, stop.get_token(), wanted);
    REQUIRE(turn);
    REQUIRE(*turn);
    return *std::move(turn);
  }
  // So many at once, of which the first is refused.
  std::vector<Turns::Turn> refuse_of(size_t count) {
    std::vector<Turns::Turn> held;
    while (held.size() < count) held.push_back(take());
    clock.advance(std::chrono::milliseconds(1));
    held[0].refused();
    return held;
  }
  void wait_for_waiting(size_t count) {
    while (turns.waiting(url) != count) std::this_thread::yield();
  }

  test::HandClock clock;
  Turns turns{clock};
  Url url = *Url::parse("https://me:secret@host/path?x=1");
  std::stop_source stop;
};

}  // namespace

TEST_CASE("Turns are there at once until one is refused") {
  Fixture f;
  std::vector<Turns::Turn> held;
  for (int i = 0; i < 100; ++i) held.push_back(f.take());
  CHECK(f.turns.on_their_way(f.url) == 100);
  held.clear();
  CHECK(f.turns.on_their_way(f.url) == 0);
}

TEST_CASE("After a refusal half as many are given, in order of arrival") {
  Fixture f;
  auto held = f.refuse_of(4);
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      auto turn = f.turns.take(f.url, f.stop.get_token(), wanted);
      const std::lock_guard lock(mutex);
      order.push_back(i);
    });
    f.wait_for_waiting(static_cast<size_t>(i) + 1);
  }
  held.pop_back();
  held.pop_back();
  // Two are as many as may go.
  CHECK(f.turns.waiting(f.url) == 3);
  CHECK(f.turns.on_their_way(f.url) == 2);
  held.pop_back();
  for (std::jthread& thread : threads) thread.join();
  CHECK(order == std::vector<int>{0, 1, 2});
}

TEST_CASE("Each server has turns of its own") {
  Fixture f;
  const auto held = f.refuse_of(2);
  for (const char* other : {"https://other/path", "http://host/path", "https://host:444/"}) {
    const auto turn = f.turns.take(*Url::parse(other), f.stop.get_token(), [] { return true; });
    REQUIRE(turn);
    CHECK(*turn);
  }
  const auto same = f.turns.take(*Url::parse("https://host/else"), f.stop.get_token(), [] { return true; });
  REQUIRE(same);
  CHECK_FALSE(*same);
}

TEST_CASE("Answers bring turns back") {
  Fixture f;
  f.refuse_of(4);
  for (int round = 0; round < 2; ++round) {
    auto first = f.take();
    auto second = f.take();
    first.answered();
    second.answered();
  }
  const auto first = f.take();
  const auto second = f.take();
  const auto third = f.take();
  CHECK(f.turns.on_their_way(f.url) == 3);
}

TEST_CASE("Who waits for a turn leaves when it is stopped or its request is not wanted any more") {
  Fixture f;
  const auto held = f.refuse_of(2);
  std::atomic<bool> unwanted{false};
  std::optional<Result<Turns::Turn>> got;
  std::jthread waiter(
      [&] { got = f.turns.take(f.url, f.stop.get_token(), [&] { return unwanted.load(); }); });
  f.wait_for_waiting(1);
  unwanted = true;
  waiter.join();
  REQUIRE(*got);
  CHECK_FALSE(**got);
  std::jthread other([&] { got = f.turns.take(f.url, f.stop.get_token(), wanted); });
  f.wait_for_waiting(1);
  f.stop.request_stop();
  other.join();
  REQUIRE_FALSE(*got);
  CHECK(got->error().code == Errc::kCancelled);
  CHECK(f.turns.waiting(f.url) == 0);
}

TEST_CASE("What must not wait goes at once and holds nobody up, but is heard when it is refused") {
  Fixture f;
  f.refuse_of(2);
  {
    auto uncounted = f.turns.take_uncounted(f.url);
    CHECK(uncounted);
    const auto turn = f.take();
    CHECK(f.turns.on_their_way(f.url) == 1);
    CHECK(f.turns.take_uncounted(f.url));
  }
  CHECK(f.turns.on_their_way(f.url) == 0);
  Fixture other;
  other.turns.take_uncounted(other.url).refused();
  const auto first = other.take();
  const auto second = other.turns.take(other.url, other.stop.get_token(), [] { return true; });
  REQUIRE(second);
  CHECK_FALSE(*second);
}

TEST_CASE("Where nothing moves for long one more goes, and another only as much later") {
  Fixture f;
  const auto held = f.refuse_of(2);
  std::atomic<int> given{0};
  std::atomic<int> looked{0};
  std::vector<Turns::Turn> later(2);
  std::vector<std::jthread> threads;
  for (Turns::Turn& turn : later) {
    threads.emplace_back([&] {
      auto got = f.turns.take(f.url, f.stop.get_token(), [&] { return ++looked < 0; });
      if (!got) return;
      turn = *std::move(got);
      ++given;
    });
  }
  f.wait_for_waiting(2);
  f.clock.advance(Turns::kPatience);
  while (given == 0) std::this_thread::yield();
  const int before = looked;
  while (looked < before + 3) std::this_thread::yield();
  CHECK(given == 1);
  f.clock.advance(Turns::kPatience);
  for (std::jthread& thread : threads) thread.join();
  CHECK(given == 2);
}
