#include "core/transfer/segment_gate.h"

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/hand_clock.h"
#include "tests/support/rendezvous.h"

using namespace sjcp;
using namespace sjcp::transfer;
using namespace std::chrono_literals;

namespace {

// A gate that looks only when told to, on time that only tests move.
struct Stage {
  explicit Stage(SegmentWindow::Options options)
      : gate(options, goodput, &total, nullptr, &allowed, 0ms, clock) {}
  void pass(std::chrono::milliseconds time, uint64_t bytes) {
    clock.advance(time);
    goodput += bytes;
    gate.look();
  }
  test::HandClock clock;
  std::atomic<uint64_t> goodput{0};
  std::atomic<uint64_t> total{UINT64_MAX};
  std::atomic<int64_t> allowed{0};
  SegmentGate gate;
};

bool await_waiting(const SegmentGate& gate, size_t count) {
  const auto limit = std::chrono::steady_clock::now() + test::kPatience;
  while (gate.waiting() != count) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::yield();
  }
  return true;
}

constexpr SegmentWindow::Options kTwo{.start = 2, .least = 1, .most_rise = 4, .most = 4};

}  // namespace

TEST_CASE("As many segments are let in as the window says, the next when one leaves") {
  Stage stage(kTwo);
  CHECK(stage.allowed == 2);
  auto first = stage.gate.enter({});
  auto second = stage.gate.enter({});
  REQUIRE(first);
  REQUIRE(second);
  CHECK(stage.gate.in_flight() == 2);
  std::atomic<bool> inside{false};
  std::thread third([&] {
    auto slot = stage.gate.enter({});
    inside = static_cast<bool>(slot);
  });
  REQUIRE(await_waiting(stage.gate, 1));
  CHECK_FALSE(inside);
  first->release();
  third.join();
  CHECK(inside);
  CHECK(stage.gate.in_flight() == 1);
  *second = SegmentGate::Slot();
  CHECK(stage.gate.in_flight() == 0);
}

TEST_CASE("Segments come in in order of arrival") {
  Stage stage({.start = 1, .least = 1, .most_rise = 1, .most = 1});
  auto held = stage.gate.enter({});
  REQUIRE(held);
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::thread> threads;
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&, i] {
      auto slot = stage.gate.enter({});
      const std::lock_guard lock(mutex);
      order.push_back(i);
    });
    REQUIRE(await_waiting(stage.gate, static_cast<size_t>(i) + 1));
  }
  held->release();
  for (auto& thread : threads) thread.join();
  CHECK(order == std::vector<int>{0, 1, 2, 3, 4});
}

TEST_CASE("A window that grows lets in those who wait") {
  Stage stage(kTwo);
  auto first = stage.gate.enter({});
  auto second = stage.gate.enter({});
  std::atomic<int> inside{0};
  std::vector<std::thread> threads;
  threads.reserve(2);
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      auto slot = stage.gate.enter({});
      if (slot) ++inside;
    });
  }
  REQUIRE(await_waiting(stage.gate, 2));
  stage.pass(0ms, 0);
  stage.pass(200ms, 1'000'000);    // the first byte
  stage.pass(100ms, 10'000'000);   // a slice
  stage.pass(100ms, 100'000'000);  // much faster: twice as many
  for (auto& thread : threads) thread.join();
  CHECK(inside == 2);
  CHECK(stage.gate.allowed() == 4);
  CHECK(stage.allowed == 4);
}

TEST_CASE("A gate that knows the total tries nothing shortly before it is reached") {
  const uint64_t total = GENERATE(uint64_t{250'000'000}, uint64_t{3'000'000'000});
  Stage stage({.start = 2, .least = 1, .most_rise = 2, .most = 4});
  stage.total = total;
  auto first = stage.gate.enter({});
  auto second = stage.gate.enter({});
  std::stop_source stop;
  std::jthread waiter([&] { (void)stage.gate.enter(stop.get_token()); });
  REQUIRE(await_waiting(stage.gate, 1));
  stage.pass(0ms, 0);
  for (int tenth = 0; tenth < 20; ++tenth) stage.pass(100ms, 10'000'000);
  CHECK(stage.gate.allowed() == (total == 250'000'000 ? 2 : 3));
  stop.request_stop();
}

TEST_CASE("Whoever waits for a place leaves at once when stopped, and those behind it stay in line") {
  Stage stage({.start = 1, .least = 1, .most_rise = 1, .most = 1});
  auto held = stage.gate.enter({});
  std::stop_source stop;
  std::optional<Errc> code;
  std::thread waiter([&] {
    auto slot = stage.gate.enter(stop.get_token());
    if (!slot) code = slot.error().code;
  });
  REQUIRE(await_waiting(stage.gate, 1));
  std::atomic<bool> inside{false};
  std::thread behind([&] {
    auto slot = stage.gate.enter({});
    inside = static_cast<bool>(slot);
  });
  REQUIRE(await_waiting(stage.gate, 2));
  stop.request_stop();
  waiter.join();
  CHECK(code == Errc::kCancelled);
  CHECK(stage.gate.in_flight() == 1);
  held->release();
  behind.join();
  CHECK(inside);
  CHECK_FALSE(stage.gate.enter(stop.get_token()));
  CHECK(stage.gate.in_flight() == 0);
}

TEST_CASE("A gate watches by itself and ends at once") {
  std::atomic<uint64_t> goodput{0};
  std::atomic<int64_t> allowed{0};
  SegmentGate gate({.start = 1, .least = 1, .most_rise = 8, .most = 8}, goodput, nullptr, nullptr, &allowed,
                   1ms);
  auto held = gate.enter({});
  std::atomic<bool> inside{false};
  std::thread waiter([&] {
    auto slot = gate.enter({});
    inside = static_cast<bool>(slot);
  });
  REQUIRE(await_waiting(gate, 1));
  // Ever faster: sooner or later two slices differ.
  const auto begin = std::chrono::steady_clock::now();
  while (!inside && std::chrono::steady_clock::now() < begin + test::kPatience) {
    const auto elapsed =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    goodput = static_cast<uint64_t>(elapsed.count() * elapsed.count()) << 20;
    std::this_thread::yield();
  }
  if (!inside) held->release();
  waiter.join();
  CHECK(inside);
}
