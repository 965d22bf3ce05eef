#include "core/transfer/name_claims.h"

#include <atomic>
#include <thread>
#include <vector>

#include "tests/support/catch.h"

using namespace sjcp;
using transfer::NameClaims;

TEST_CASE(
    "A name belongs to whoever asks first; others learn who that is, and whether it is the same thing") {
  NameClaims claims;
  CHECK_FALSE(claims.take("o/m.bin", "sj://b/a/m.bin", 0));
  CHECK_FALSE(claims.take("o/n.bin", "sj://b/a/n.bin", 0));
  const auto other = claims.take("o/m.bin", "sj://b/b/m.bin", 7);
  REQUIRE(other);
  CHECK(other->origin == 0);
  CHECK_FALSE(other->same_source);
  const auto same = claims.take("o/m.bin", "sj://b/a/m.bin", 8);
  REQUIRE(same);
  CHECK(same->origin == 0);
  CHECK(same->same_source);
}

TEST_CASE("Of many threads that ask for one name one gets it") {
  NameClaims claims;
  std::atomic<int> winners{0};
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int name = 0; name < 100; ++name) {
        if (!claims.take(std::to_string(name), std::to_string(i), i)) ++winners;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(winners == 100);
}
