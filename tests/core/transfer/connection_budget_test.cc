#include "core/transfer/connection_budget.h"

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/rendezvous.h"

using namespace sjcp;
using transfer::ConnectionBudget;

namespace {

bool await_waiting(const ConnectionBudget& budget, size_t count) {
  const auto limit = std::chrono::steady_clock::now() + test::kPatience;
  while (budget.waiting() != count) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace

TEST_CASE("A segment has what it needs from the start, and more while there is any") {
  ConnectionBudget budget(10);
  auto first = budget.open(4, {});
  auto second = budget.open(4, {});
  REQUIRE(first);
  REQUIRE(second);
  CHECK(budget.held() == 8);
  CHECK(budget.room() == 2);
  for (int i = 0; i < 5; ++i) CHECK(first->take());
  for (int i = 0; i < 5; ++i) CHECK(second->take());
  CHECK_FALSE(first->take());
  CHECK_FALSE(second->take());
  CHECK(budget.room() == 0);
  // One more than needed goes back to all; the needed ones stay its own.
  first->put_back();
  CHECK(budget.held() == 9);
  first->put_back();
  CHECK(budget.held() == 9);
  CHECK(second->take());
  CHECK_FALSE(second->take());
  CHECK(first->take());
  first->release();
  CHECK(budget.held() == 6);
  *second = ConnectionBudget::Share();
  CHECK(budget.held() == 0);
}

TEST_CASE("A segment that needs more than the whole budget runs when nothing else is held") {
  ConnectionBudget budget(10);
  auto small = budget.open(1, {});
  REQUIRE(small);
  std::atomic<bool> granted{false};
  std::thread big([&] {
    auto share = budget.open(29, {});
    granted = share.has_value();
  });
  REQUIRE(await_waiting(budget, 1));
  CHECK_FALSE(granted);
  // Who waits for what it cannot do without goes before who would like one more.
  CHECK(small->take());
  CHECK_FALSE(small->take());
  small->release();
  big.join();
  CHECK(granted);
}

TEST_CASE("Shares are granted in order of arrival, a small one does not overtake") {
  ConnectionBudget budget(10);
  auto held = budget.open(6, {});
  REQUIRE(held);
  std::vector<int> order;
  std::mutex mutex;
  auto open = [&](size_t needed, int name) {
    auto share = budget.open(needed, {});
    std::lock_guard lock(mutex);
    if (share) order.push_back(name);
  };
  std::thread large(open, 8, 1);
  REQUIRE(await_waiting(budget, 1));
  std::thread small(open, 4, 2);
  REQUIRE(await_waiting(budget, 2));
  held->release();
  large.join();
  small.join();
  CHECK(order == std::vector<int>{1, 2});
}

TEST_CASE("A stop ends the wait for connections and passes the turn on") {
  ConnectionBudget budget(4);
  auto held = budget.open(2, {});
  std::stop_source stop;
  std::optional<Errc> code;
  std::thread large([&] {
    auto share = budget.open(4, stop.get_token());
    if (!share) code = share.error().code;
  });
  REQUIRE(await_waiting(budget, 1));
  std::atomic<bool> granted{false};
  std::thread small([&] { granted = budget.open(2, {}).has_value(); });
  REQUIRE(await_waiting(budget, 2));
  stop.request_stop();
  large.join();
  small.join();
  CHECK(code == Errc::kCancelled);
  CHECK(granted);
}

TEST_CASE("However segments compete, each finishes and the limit holds") {
  ConnectionBudget budget(20);
  std::atomic<bool> exceeded{false};
  std::atomic<int> finished{0};
  std::vector<std::thread> segments;
  segments.reserve(16);
  for (int i = 0; i < 16; ++i) {
    segments.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        auto share = budget.open(7, {});
        if (!share) return;
        while (share->taken() < 12 && share->take()) {
        }
        if (budget.held() > budget.limit()) exceeded = true;
        while (share->taken() > 0) share->put_back();
      }
      ++finished;
    });
  }
  for (auto& segment : segments) segment.join();
  CHECK(finished == 16);
  CHECK_FALSE(exceeded);
  CHECK(budget.held() == 0);
}
