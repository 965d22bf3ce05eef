#include "core/transfer/batch.h"

#include <atomic>
#include <map>
#include <thread>

#include "core/base/wait.h"
#include "core/transfer/file_gate.h"
#include "core/transfer/worker_group.h"
#include "tests/support/catch.h"
#include "tests/support/rendezvous.h"

using namespace sjcp;
using namespace sjcp::transfer;
using test::Rendezvous;
using namespace std::chrono_literals;

namespace {

struct Bench {
  MemoryBudget budget{1 << 20};
  Counters counters;
  std::stop_source stop;
  Context context{stop.get_token(), &budget, &counters};
};

// Submits `count` jobs named by their number.
Producer numbered(int count, const std::function<Status(int, const Context&)>& body) {
  return [count, body](const Submit& submit) -> Status {
    for (int i = 0; i < count; ++i) {
      Status status =
          submit({std::to_string(i), [body, i](const Context& context) { return body(i, context); }});
      if (!status) return status;
    }
    return {};
  };
}

}  // namespace

TEST_CASE("A batch runs every job once and reports each") {
  for (unsigned parallelism : {1u, 4u}) {
    Bench bench;
    std::map<std::string, int> seen;
    auto totals = run_batch(
        parallelism, numbered(500, [](int, const Context&) { return Status(); }),
        [&](const std::string& name, const Status& status) { seen[name] += status ? 1 : 100; },
        bench.context);
    CHECK(totals.done == 500);
    CHECK(totals.failed == 0);
    CHECK_FALSE(totals.worst_error);
    CHECK_FALSE(totals.ended_early);
    CHECK(seen.size() == 500);
    for (const auto& [name, count] : seen) CHECK(count == 1);
    CHECK(bench.counters.files_done == 500);
  }
}

TEST_CASE("An empty batch ends at once") {
  Bench bench;
  auto totals = run_batch(4, numbered(0, nullptr), nullptr, bench.context);
  CHECK(totals.done == 0);
  CHECK_FALSE(totals.ended_early);
}

TEST_CASE("As many jobs as asked for run at once, and no more") {
  Bench bench;
  constexpr int kParallelism = 6;
  Rendezvous all(kParallelism);
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  auto totals =
      run_batch(kParallelism,
                numbered(60,
                         [&](int, const Context&) -> Status {
                           const int now = ++running;
                           int seen = most;
                           while (now > seen && !most.compare_exchange_weak(seen, now)) {
                           }
                           const bool met = all.arrive();
                           --running;
                           return met ? Status() : make_error(Errc::kInternal, "the others never came");
                         }),
                nullptr, bench.context);
  CHECK(totals.done == 60);
  CHECK(most == kParallelism);
}

TEST_CASE("A gate lets in as many files as it allows, more once it allows more, and every one in the end") {
  constexpr int kThreads = 12;
  for (const auto& [took, allowed] : {std::pair(0ms, 2), std::pair(100ms, kThreads)}) {
    Bench bench;
    FileGate gate({2, kThreads});
    gate.answered(took);
    REQUIRE(gate.allowed() == static_cast<unsigned>(allowed));
    bench.context.files = &gate;
    Rendezvous all(allowed);
    std::atomic<int> running{0};
    std::atomic<int> most{0};
    auto totals =
        run_batch(kThreads,
                  numbered(allowed * 5,
                           [&](int, const Context&) -> Status {
                             const int now = ++running;
                             int seen = most;
                             while (now > seen && !most.compare_exchange_weak(seen, now)) {
                             }
                             const bool met = all.arrive();
                             --running;
                             return met ? Status() : make_error(Errc::kInternal, "the others never came");
                           }),
                  nullptr, bench.context);
    CHECK(totals.done == static_cast<uint64_t>(allowed) * 5);
    CHECK(most == allowed);
  }
}

TEST_CASE("A producer runs ahead of the jobs by a bounded number") {
  Bench bench;
  std::atomic<int> produced{0};
  std::atomic<int> finished{0};
  std::atomic<int> furthest{0};
  auto totals = run_batch(
      3,
      [&](const Submit& submit) -> Status {
        for (int i = 0; i < 2000; ++i) {
          Status status = submit({"", [&](const Context&) -> Status {
                                    ++finished;
                                    return {};
                                  }});
          if (!status) return status;
          furthest = std::max(furthest.load(), ++produced - finished);
        }
        return {};
      },
      nullptr, bench.context);
  CHECK(totals.done == 2000);
  // Three queued, three running.
  CHECK(furthest <= 6);
}

TEST_CASE("A batch goes on after jobs that fail and remembers the first error") {
  Bench bench;
  int reported = 0;
  auto totals = run_batch(
      1,
      numbered(10,
               [](int i, const Context&) -> Status {
                 if (i % 3 == 1) return make_error(Errc::kNotFound, "job " + std::to_string(i));
                 return {};
               }),
      [&](const std::string&, const Status& status) { reported += status ? 0 : 1; }, bench.context);
  CHECK(totals.done == 7);
  CHECK(totals.failed == 3);
  CHECK(reported == 3);
  REQUIRE(totals.worst_error);
  CHECK(totals.worst_error->what == "job 1");
  CHECK_FALSE(totals.ended_early);
  CHECK(bench.counters.files_failed == 3);
}

TEST_CASE("A job of several files counts and reports each of them") {
  Bench bench;
  std::map<std::string, std::string> seen;
  auto totals = run_batch(
      2,
      [&](const Submit& submit) -> Status {
        Job group;
        group.run_files = [](const Context&, const OnResult& done) {
          done("a", {});
          done("b", make_error(Errc::kDenied, "not b"));
          done("c", {});
        };
        if (Status status = submit(std::move(group)); !status) return status;
        return submit({"d", [](const Context&) { return Status(); }});
      },
      [&](const std::string& name, const Status& status) { seen[name] = status ? "" : status.error().what; },
      bench.context);
  CHECK(totals.done == 3);
  CHECK(totals.failed == 1);
  REQUIRE(totals.worst_error);
  CHECK(totals.worst_error->what == "not b");
  CHECK(seen == std::map<std::string, std::string>{{"a", ""}, {"b", "not b"}, {"c", ""}, {"d", ""}});
  CHECK(bench.counters.files_done == 3);
  CHECK(bench.counters.files_failed == 1);
}

TEST_CASE("A cancelled file of a job of several files ends the batch") {
  Bench bench;
  int jobs = 0;
  auto totals = run_batch(
      1,
      [&](const Submit& submit) -> Status {
        for (int i = 0; i < 100; ++i) {
          Job group;
          group.run_files = [&](const Context&, const OnResult& done) {
            ++jobs;
            done("a", {});
            done("b", make_error(Errc::kCancelled, "interrupted"));
            done("c", make_error(Errc::kNetwork, "lost"));
          };
          if (Status status = submit(std::move(group)); !status) return status;
        }
        return {};
      },
      nullptr, bench.context);
  CHECK(jobs == 1);
  CHECK(totals.done == 1);
  CHECK(totals.failed == 1);
  REQUIRE(totals.ended_early);
  CHECK(totals.ended_early->code == Errc::kCancelled);
}

TEST_CASE("An error of the producer ends the batch after what was submitted") {
  Bench bench;
  auto totals = run_batch(
      2,
      [&](const Submit& submit) -> Status {
        for (int i = 0; i < 3; ++i) {
          Status status = submit({"", [](const Context&) { return Status(); }});
          if (!status) return status;
        }
        return make_error(Errc::kNetwork, "listing failed");
      },
      nullptr, bench.context);
  CHECK(totals.done == 3);
  REQUIRE(totals.ended_early);
  CHECK(totals.ended_early->what == "listing failed");
}

TEST_CASE("A stop ends a batch: running jobs are told, waiting ones never start, the producer is freed") {
  Bench bench;
  Rendezvous running(2);
  std::atomic<int> started{0};
  std::thread user([&] {
    running.wait();
    bench.stop.request_stop();
  });
  auto totals = run_batch(2,
                          numbered(1000000,
                                   [&](int, const Context& context) -> Status {
                                     ++started;
                                     running.pass();
                                     wait_unless_stopped(test::kPatience, context.stop);
                                     return make_error(Errc::kCancelled, "stopped");
                                   }),
                          nullptr, bench.context);
  user.join();
  CHECK(started == 2);
  CHECK(totals.done == 0);
  CHECK(totals.failed == 0);
  REQUIRE(totals.ended_early);
  CHECK(totals.ended_early->code == Errc::kCancelled);
}

TEST_CASE("A job that waits when a stop comes never starts, even if the running ones end well") {
  Bench bench;
  Rendezvous queued(1);
  std::atomic<int> started{0};
  auto totals = run_batch(
      1,
      [&](const Submit& submit) -> Status {
        const auto job = [&](const Context&) -> Status {
          ++started;
          queued.wait();
          bench.stop.request_stop();
          return {};
        };
        Status status = submit({"first", job});
        if (status) status = submit({"second", job});
        queued.pass();
        return status;
      },
      nullptr, bench.context);
  CHECK(started == 1);
  CHECK(totals.done == 1);
  REQUIRE(totals.ended_early);
  CHECK(totals.ended_early->code == Errc::kCancelled);
}

TEST_CASE("A job that reports being cancelled ends the batch") {
  Bench bench;
  std::atomic<int> started{0};
  auto totals = run_batch(1,
                          numbered(1000,
                                   [&](int i, const Context&) -> Status {
                                     ++started;
                                     if (i == 5) return make_error(Errc::kCancelled, "interrupted");
                                     return {};
                                   }),
                          nullptr, bench.context);
  CHECK(started == 6);
  CHECK(totals.done == 5);
  CHECK(totals.failed == 0);
  REQUIRE(totals.ended_early);
  CHECK(totals.ended_early->code == Errc::kCancelled);
}

TEST_CASE("A worker group without errors joins clean, with or without workers") {
  WorkerGroup group({});
  CHECK(group.wait());
  REQUIRE(group.start(3, [] { return Status(); }));
  CHECK(group.wait());
  CHECK(group.join());
  CHECK_FALSE(group.stop().stop_requested());
}

TEST_CASE("An error in one worker stops the group and is what join reports") {
  WorkerGroup group({});
  std::atomic<int> number{0};
  const std::stop_token stop = group.stop();
  REQUIRE(group.start(3, [&]() -> Status {
    if (++number == 2) return make_error(Errc::kNetwork, "lost");
    wait_unless_stopped(test::kPatience, stop);
    return make_error(Errc::kCancelled, "stopped");
  }));
  CHECK_FALSE(group.wait());
  Status status = group.join();
  REQUIRE_FALSE(status);
  CHECK(status.error().what == "lost");
}
