#include "core/transfer/budget.h"

#include <atomic>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/rendezvous.h"

using sjcp::Errc;
using sjcp::transfer::MemoryBudget;

namespace {

// Until so many threads wait in the budget; yields, since the budget offers no event for it.
bool await_waiting(const MemoryBudget& budget, size_t count) {
  const auto limit = std::chrono::steady_clock::now() + sjcp::test::kPatience;
  while (budget.waiting() != count) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace

TEST_CASE("A lease holds its bytes until it is released, destroyed or overwritten") {
  MemoryBudget budget(100);
  auto first = budget.acquire(60, {});
  REQUIRE(first);
  CHECK(budget.held() == 60);
  MemoryBudget::Lease moved = *std::move(first);
  CHECK(budget.held() == 60);
  CHECK(moved.count() == 60);
  auto second = budget.acquire(40, {});
  REQUIRE(second);
  CHECK(budget.held() == 100);
  moved = *std::move(second);
  CHECK(budget.held() == 40);
  {
    MemoryBudget::Lease last = std::move(moved);
    CHECK(budget.held() == 40);
  }
  CHECK(budget.held() == 0);
}

TEST_CASE("A request above the whole budget is granted when nothing else is held") {
  MemoryBudget budget(10);
  auto big = budget.acquire(1000, {});
  REQUIRE(big);
  CHECK(budget.held() == 1000);

  std::atomic<bool> granted{false};
  std::thread small([&] {
    auto lease = budget.acquire(1, {});
    granted = lease.has_value();
  });
  REQUIRE(await_waiting(budget, 1));
  CHECK_FALSE(granted);
  big->release();
  small.join();
  CHECK(granted);
}

TEST_CASE("Budget is granted in order of arrival, small requests do not overtake a large one") {
  MemoryBudget budget(100);
  auto held = budget.acquire(50, {});
  REQUIRE(held);
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::thread> threads;
  // The large one waits; the small ones would fit beside what is held.
  const std::vector<uint64_t> sizes = {100, 10, 10};
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      auto lease = budget.acquire(sizes[static_cast<size_t>(i)], {});
      std::lock_guard lock(mutex);
      order.push_back(i);
    });
    REQUIRE(await_waiting(budget, static_cast<size_t>(i) + 1));
  }
  CHECK(budget.held() == 50);
  held->release();
  for (auto& thread : threads) thread.join();
  REQUIRE(order.size() == 3);
  CHECK(order[0] == 0);
  CHECK(budget.held() == 0);
}

TEST_CASE("A waiter that is stopped leaves the queue and lets those behind it pass") {
  MemoryBudget budget(100);
  auto held = budget.acquire(50, {});
  REQUIRE(held);
  std::stop_source stop;
  Errc code = Errc::kInternal;
  std::thread large([&] {
    auto lease = budget.acquire(100, stop.get_token());
    if (!lease) code = lease.error().code;
  });
  REQUIRE(await_waiting(budget, 1));
  std::atomic<bool> granted{false};
  std::thread small([&] {
    auto lease = budget.acquire(10, {});
    granted = lease.has_value();
  });
  REQUIRE(await_waiting(budget, 2));
  stop.request_stop();
  large.join();
  small.join();
  CHECK(code == Errc::kCancelled);
  CHECK(granted);
  CHECK(budget.held() == 50);
}

TEST_CASE("A stop that came first refuses budget even when it is free") {
  MemoryBudget budget(100);
  std::stop_source stop;
  stop.request_stop();
  auto lease = budget.acquire(1, stop.get_token());
  REQUIRE_FALSE(lease);
  CHECK(lease.error().code == Errc::kCancelled);
  CHECK(budget.held() == 0);
}

TEST_CASE("The budget is never exceeded when many threads use it") {
  MemoryBudget budget(1000);
  std::atomic<uint64_t> in_use{0};
  std::atomic<uint64_t> most{0};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < 300; ++i) {
        const uint64_t bytes = 1 + (t * 131 + i * 37) % 700;
        auto lease = budget.acquire(bytes, {});
        const uint64_t now = in_use += bytes;
        uint64_t seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        in_use -= bytes;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(most <= 1000);
  CHECK(budget.held() == 0);
}
