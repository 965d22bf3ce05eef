#include "core/transfer/crew.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "core/base/wait.h"
#include "tests/support/catch.h"
#include "tests/support/rendezvous.h"

using namespace sjcp;
using namespace sjcp::transfer;
using sjcp::test::Rendezvous;

namespace {

// What a crew works on: pieces that are handed out one by one, as long as there are any.
class Heap {
 public:
  Heap(Crew& crew, int pieces) : crew_(crew), pieces_(pieces) {}
  // True: the worker has got one.
  bool take(Crew::Turn& turn) {
    const int number = ++taken_;
    if (number >= pieces_) crew_.nothing_left();
    if (number > pieces_) return false;
    turn.taken();
    return true;
  }
  int done() const { return std::min(taken_.load(), pieces_); }

 private:
  Crew& crew_;
  const int pieces_;
  std::atomic<int> taken_{0};
};

// Until the crew stops or nothing is left.  False: patience is over.
bool await(const std::stop_token& stop) {
  return !wait_unless_stopped(test::kPatience, stop);
}

Error late() {
  return make_error(Errc::kInternal, "the others never came");
}

}  // namespace

TEST_CASE("While workers are busy another begins, up to the number allowed") {
  Crew crew({});
  Heap heap(crew, 5);
  Rendezvous all(5);
  REQUIRE(crew.start(5, [&](Crew::Turn& turn) -> Status {
    if (!heap.take(turn)) return {};
    return all.arrive() ? Status() : late();
  }));
  CHECK(crew.join());
  CHECK(heap.done() == 5);
}

TEST_CASE("A crew never has more workers than it may, and does all of the work") {
  Crew crew({});
  Heap heap(crew, 500);
  Rendezvous all(3);
  std::atomic<bool> too_many{false};
  REQUIRE(crew.start(3, [&](Crew::Turn& turn) -> Status {
    if (!heap.take(turn)) return {};
    if (!all.arrive()) return late();
    if (crew.workers() > 3) too_many = true;
    return {};
  }));
  CHECK(crew.wait());
  CHECK(crew.join());
  CHECK_FALSE(too_many);
  CHECK(heap.done() == 500);
  CHECK(crew.workers() == 0);
}

TEST_CASE("One worker does what there is when no more are allowed") {
  Crew crew({});
  Heap heap(crew, 20);
  std::atomic<int> busy{0};
  std::atomic<int> most{0};
  REQUIRE(crew.start(1, [&](Crew::Turn& turn) -> Status {
    if (!heap.take(turn)) return {};
    most = std::max(most.load(), ++busy);
    --busy;
    return {};
  }));
  CHECK(crew.join());
  CHECK(most == 1);
  CHECK(heap.done() == 20);
}

TEST_CASE("A caller that works alone does all of it in its own thread") {
  std::stop_source outer;
  Crew crew(outer.get_token());
  Heap heap(crew, 20);
  bool here = true;
  const auto caller = std::this_thread::get_id();
  SECTION("to the end") {
    CHECK(crew.alone([&](Crew::Turn& turn) -> Status {
      heap.take(turn);
      here = here && std::this_thread::get_id() == caller;
      return {};
    }));
    CHECK(heap.done() == 20);
  }
  SECTION("to an error") {
    const Status status = crew.alone([&](Crew::Turn& turn) -> Status {
      heap.take(turn);
      return make_error(Errc::kNetwork, "the line is cut");
    });
    CHECK(status.error().what == "the line is cut");
    CHECK(heap.done() == 1);
  }
  SECTION("to a stop from outside") {
    const Status status = crew.alone([&](Crew::Turn&) -> Status {
      outer.request_stop();
      return make_error(Errc::kNetwork, "the line is cut");
    });
    CHECK(status.error().code == Errc::kCancelled);
  }
  CHECK(here);
}

TEST_CASE("Nobody is started while somebody waits for a turn") {
  Crew crew({});
  Rendezvous second(1);
  Rendezvous third(1);
  std::atomic<int> turns{0};
  std::atomic<size_t> workers{0};
  REQUIRE(crew.start(8, [&](Crew::Turn& turn) -> Status {
    switch (++turns) {
      case 1:
        turn.taken();
        return second.wait() ? Status() : late();
      case 2:
        second.pass();
        // The worker of the first turn is back.
        if (!third.wait()) return late();
        turn.taken();
        workers = crew.workers();
        crew.nothing_left();
        return {};
      default:
        third.pass();
        return await(crew.idle()) ? Status() : late();
    }
  }));
  CHECK(crew.join());
  CHECK(workers == 2);
}

TEST_CASE("Those that wait are told when nothing is left, without a stop") {
  Crew crew({});
  Rendezvous waits(1);
  std::atomic<bool> first{true};
  REQUIRE(crew.start(2, [&](Crew::Turn& turn) -> Status {
    if (first.exchange(false)) {
      turn.taken();
      if (!waits.wait()) return late();
      crew.nothing_left();
      return {};
    }
    waits.pass();
    return await(crew.idle()) ? Status() : late();
  }));
  CHECK(crew.wait());
  CHECK_FALSE(crew.stop().stop_requested());
  CHECK(crew.join());
}

TEST_CASE("An error of one worker stops the others, those that wait as well, and is the verdict") {
  Crew crew({});
  Rendezvous there(3);
  std::atomic<int> number{0};
  REQUIRE(crew.start(3, [&](Crew::Turn& turn) -> Status {
    const int mine = ++number;
    if (mine == 3) {
      there.pass();
      return await(crew.idle()) ? Status(make_error(Errc::kCancelled, "stopped")) : late();
    }
    turn.taken();
    if (!there.arrive()) return late();
    if (mine == 1) return make_error(Errc::kNetwork, "the line is cut");
    return await(crew.stop()) ? Status(make_error(Errc::kCancelled, "stopped")) : late();
  }));
  CHECK_FALSE(crew.wait());
  Status status = crew.join();
  REQUIRE_FALSE(status);
  CHECK(status.error().what == "the line is cut");
}

TEST_CASE("A stop from outside ends a crew that waits") {
  std::stop_source outer;
  Crew crew(outer.get_token());
  Rendezvous waits(1);
  REQUIRE(crew.start(2, [&](Crew::Turn&) -> Status {
    waits.pass();
    return await(crew.idle()) ? Status(make_error(Errc::kCancelled, "stopped")) : late();
  }));
  REQUIRE(waits.wait());
  outer.request_stop();
  CHECK_FALSE(crew.wait());
  CHECK(crew.join().error().code == Errc::kCancelled);
}
