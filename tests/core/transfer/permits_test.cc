#include "core/transfer/permits.h"

#include <optional>
#include <thread>
#include <utility>

#include "tests/support/catch.h"
#include "tests/support/rendezvous.h"

using namespace sjcp;
using transfer::Permits;

namespace {

bool await_waiting(const Permits& permits, size_t count) {
  const auto limit = std::chrono::steady_clock::now() + test::kPatience;
  while (permits.waiting() != count) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace

TEST_CASE("A lease grows up to the limit and gives back one by one") {
  Permits permits(3, "turns");
  auto lease = permits.acquire(1, {});
  REQUIRE(lease);
  CHECK(lease->grow());
  CHECK(lease->grow());
  CHECK_FALSE(lease->grow());
  CHECK(lease->count() == 3);
  CHECK(permits.room() == 0);
  lease->shrink();
  CHECK(lease->count() == 2);
  CHECK(permits.held() == 2);
  Permits::Lease moved = *std::move(lease);
  CHECK(moved.count() == 2);
  CHECK(permits.held() == 2);
  moved.release();
  CHECK(permits.held() == 0);
  CHECK_FALSE(moved.grow());
  CHECK_FALSE(Permits::Lease().grow());
  CHECK(permits.held() == 0);
}

TEST_CASE("A lease does not grow while somebody waits") {
  Permits permits(4, "turns");
  auto lease = permits.acquire(2, {});
  REQUIRE(lease);
  std::thread waiter([&] { static_cast<void>(permits.acquire(3, {})); });
  REQUIRE(await_waiting(permits, 1));
  CHECK_FALSE(lease->grow());
  lease->shrink();
  waiter.join();
  CHECK(lease->grow());
}

TEST_CASE("A limit that rises lets in those who wait, one that falls takes nothing away") {
  Permits permits(1, "turns");
  auto first = permits.acquire(1, {});
  REQUIRE(first);
  std::optional<Result<Permits::Lease>> second;
  std::thread waiter([&] { second = permits.acquire(2, {}); });
  REQUIRE(await_waiting(permits, 1));
  permits.set_limit(2);
  CHECK(permits.waiting() == 1);
  permits.set_limit(3);
  waiter.join();
  REQUIRE(second->has_value());
  CHECK(permits.held() == 3);
  permits.set_limit(2);
  CHECK(permits.held() == 3);
  CHECK(permits.room() == 0);
  CHECK_FALSE(first->grow());
  first->release();
  CHECK(permits.held() == 2);
  CHECK_FALSE((*second)->grow());
}

TEST_CASE("Whoever is stopped is told what it waited for") {
  Permits permits(1, "a turn");
  std::stop_source stop;
  stop.request_stop();
  auto lease = permits.acquire(1, stop.get_token());
  REQUIRE_FALSE(lease);
  CHECK(lease.error().what == "stopped while waiting for a turn");
}
