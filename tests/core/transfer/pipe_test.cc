#include "core/transfer/pipe.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/transfer/segment_gate.h"
#include "tests/support/catch.h"
#include "tests/support/divisible_source.h"
#include "tests/support/fake_source.h"
#include "tests/support/fake_writer.h"
#include "tests/support/rendezvous.h"

using namespace sjcp;
using namespace sjcp::transfer;
using test::DivisibleSource;
using test::FakeWriter;
using test::pattern;

namespace {

const std::string kObject = pattern(0, 25'000'000);

struct Bench {
  MemoryBudget budget{64 << 20};
  Counters counters;
  std::stop_source stop;
  Context context{stop.get_token(), &budget, &counters};
};

CopyOptions with_parallelism(unsigned n) {
  CopyOptions options;
  options.parallelism = n;
  return options;
}

std::string stored_bytes(const FakeWriter& writer) {
  std::string bytes;
  for (const auto& [index, segment] : writer.stored) bytes += segment.bytes;
  return bytes;
}

Digest sha256_of(const std::string& bytes) {
  auto hasher = Hasher::create(DigestKind::kSha256, bytes.size());
  hasher->update(bytes);
  return hasher->finish();
}

}  // namespace

TEST_CASE("What several writers put into a pipe comes out in order, however small the pipe") {
  for (const uint64_t capacity : {1u, 7u, 1000u, 100'000u}) {
    const std::string all = pattern(0, 20'000);
    Pipe pipe("pipe", capacity);
    std::string watched;
    pipe.watch([&](ByteView bytes) { watched += bytes.text(); });
    REQUIRE(pipe.begin(all.size()));
    CHECK(pipe.size() == all.size());
    std::vector<std::thread> writers;
    std::atomic<int> failed{0};
    for (size_t first = 0; first < 3; ++first) {
      writers.emplace_back([&, first] {
        for (size_t at = first * 100; at < all.size(); at += 300) {
          if (!pipe.write(at, std::string_view(all).substr(at, 100))) ++failed;
        }
      });
    }
    std::thread committer([&] {
      for (std::thread& writer : writers) writer.join();
      if (!pipe.commit()) ++failed;
    });
    std::string out;
    for (;;) {
      Bytes part(777);
      const auto count = pipe.read(part);
      REQUIRE(count);
      out += ByteView(ByteSpan(part)).sub(0, *count).text();
      if (*count < part.size()) break;
    }
    committer.join();
    CHECK(failed == 0);
    CHECK(out == all);
    CHECK(watched == all);
  }
}

TEST_CASE("When one side of a pipe gives up the other one's calls fail") {
  Pipe pipe("pipe", 10);
  REQUIRE(pipe.begin(100));
  REQUIRE(pipe.write(0, std::string(10, 'x')));
  std::thread reader([&] { pipe.cancel(); });
  const Status full = pipe.write(10, std::string(10, 'y'));
  reader.join();
  REQUIRE_FALSE(full);
  CHECK(full.error().code == Errc::kCancelled);
  Bytes out(5);
  CHECK_FALSE(pipe.read(out));
  CHECK_FALSE(pipe.commit());

  Pipe other("pipe", 10);
  std::thread writer([&] { other.abort(); });
  CHECK_FALSE(other.wait_for_begin());
  writer.join();
  CHECK_FALSE(other.begin(5));
}

TEST_CASE("The end of a pipe shows only after the commit") {
  Pipe pipe("pipe", 10);
  REQUIRE(pipe.begin(kUnknownSize));
  CHECK_FALSE(pipe.size());
  REQUIRE(pipe.write(0, std::string_view("abc")));
  std::atomic<bool> committed{false};
  std::thread committer([&] {
    std::this_thread::yield();
    committed = true;
    if (!pipe.commit()) committed = false;
  });
  Bytes out(10);
  const auto count = pipe.read(out);
  CHECK(committed);
  committer.join();
  REQUIRE(count);
  CHECK(*count == 3);
}

TEST_CASE("A relay stores what it fetches, whatever the sizes") {
  for (const unsigned parallelism : {1u, 6u}) {
    for (const size_t size : {size_t{0}, size_t{1}, size_t{1'000'000}, kObject.size()}) {
      Bench bench;
      DivisibleSource source(kObject.substr(0, size));
      source.digests = {sha256_of(kObject.substr(0, size))};
      FakeWriter writer(1'000'000);
      writer.memory = 2 << 20;
      auto summary = relay(source, writer, with_parallelism(parallelism), bench.context);
      INFO(size);
      REQUIRE(summary);
      CHECK(summary->bytes == size);
      CHECK(summary->digest == source.digests[0]);
      CHECK(stored_bytes(writer) == kObject.substr(0, size));
      CHECK(writer.committed);
      CHECK(bench.counters.bytes_total == size);
      CHECK(bench.counters.bytes_done == size);
      CHECK(bench.budget.held() == 0);
    }
  }
}

TEST_CASE("Each direction of a relay has its own rate") {
  Bench bench;
  Throttle up;
  Throttle down;
  bench.context.throttle = &up;
  bench.context.source_throttle = &down;
  DivisibleSource source(kObject.substr(0, 1'000'000));
  std::atomic<bool> right{true};
  source.on_block = [&](size_t, uint64_t, const Output&, const Context& context) -> Status {
    if (context.throttle != &down) right = false;
    return {};
  };
  FakeWriter writer(1'000'000);
  writer.on_finish = [&](uint64_t, const Context& context) -> Status {
    if (context.throttle != &up) right = false;
    return {};
  };
  CHECK(relay(source, writer, with_parallelism(0), bench.context));
  CHECK(right);
}

TEST_CASE("A relay keeps as many parts in flight as its memory has room for") {
  Bench bench;
  DivisibleSource source(kObject);
  FakeWriter writer(1'000'000);
  writer.memory = 2 << 20;
  std::mutex mutex;
  std::condition_variable changed;
  int waiting = 0;
  int most = 0;
  // All that may be in flight are, before the first goes on.
  writer.on_finish = [&](uint64_t, const Context& context) -> Status {
    std::unique_lock lock(mutex);
    most = std::max(most, ++waiting);
    changed.notify_all();
    changed.wait_for(lock, std::chrono::seconds(most < 8 ? 10 : 0),
                     [&] { return most == 8 || context.stop.stop_requested(); });
    --waiting;
    return {};
  };
  CHECK(relay(source, writer, with_parallelism(8), bench.context));
  CHECK(most == 8);
}

TEST_CASE("What a relay sends has a gate of its own, as wide as its memory at most") {
  Bench bench;
  MemoryBudget budget(24 << 20);
  bench.context.budget = &budget;
  DivisibleSource source(kObject);
  FakeWriter writer(100'000);
  writer.memory = 4 << 20;
  std::atomic<bool> well = true;
  writer.on_finish = [&](uint64_t, const Context& context) -> Status {
    // Three segments fit beside the pipe and what the source holds, however many would pay.
    if (context.gate == nullptr || context.gate == bench.context.gate) well = false;
    if (well) context.gate->opened(std::chrono::seconds(1), true);
    if (well && (context.gate->allowed() > 3 || context.gate->in_flight() > 3)) well = false;
    return {};
  };
  CHECK(relay(source, writer, with_parallelism(0), bench.context));
  CHECK(well);
  DivisibleSource again(kObject);
  FakeWriter other(100'000);
  other.on_finish = [&](uint64_t, const Context& context) -> Status {
    if (context.gate != nullptr) well = false;
    return {};
  };
  CHECK(relay(again, other, with_parallelism(2), bench.context));
  CHECK(well);
}

TEST_CASE("Of the parts that a relay is asked to keep in flight, those that fit are") {
  Bench bench;
  MemoryBudget budget(16 << 20);
  bench.context.budget = &budget;
  DivisibleSource source(kObject);
  FakeWriter writer(100'000);
  // An eighth is the pipe's and a quarter the source's.
  writer.memory = 3 << 20;
  std::mutex mutex;
  std::condition_variable changed;
  int waiting = 0;
  int most = 0;
  writer.on_finish = [&](uint64_t index, const Context&) -> Status {
    std::unique_lock lock(mutex);
    most = std::max(most, ++waiting);
    changed.notify_all();
    // Long enough for all that could come.
    changed.wait_for(lock, std::chrono::milliseconds(index == 0 ? 300 : 0), [&] { return most > 3; });
    --waiting;
    return {};
  };
  CHECK(relay(source, writer, with_parallelism(16), bench.context));
  CHECK(most <= 3);
}

TEST_CASE("A relay needs no more memory than there is, and two of them do not wait for each other") {
  Bench bench;
  MemoryBudget tiny(1000);
  bench.context.budget = &tiny;
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      DivisibleSource source(kObject);
      source.memory = 5000;
      FakeWriter writer(1'000'000);
      writer.memory = 2 << 20;
      auto summary = relay(source, writer, with_parallelism(4), bench.context);
      if (summary && stored_bytes(writer) == kObject) ++good;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 2);
  CHECK(tiny.held() == 0);
}

TEST_CASE("An object of unknown size is relayed, and segments go as they are") {
  Bench bench;
  DivisibleSource source(kObject);
  source.sized = false;
  FakeWriter writer(1'000'000);
  auto summary = relay(source, writer, {}, bench.context);
  REQUIRE(summary);
  CHECK(summary->bytes == kObject.size());
  CHECK(stored_bytes(writer) == kObject);

  test::FakeSource by_segments(300'000, 10'000);
  FakeWriter other(1'000'000);
  REQUIRE(relay(by_segments, other, with_parallelism(5), bench.context));
  CHECK(stored_bytes(other) == pattern(0, 300'000));
}

TEST_CASE("An error of the source ends a relay, and nothing is stored") {
  Bench bench;
  DivisibleSource source(kObject);
  source.on_block = [](size_t, uint64_t offset, const Output&, const Context&) -> Status {
    return offset > 20'000'000 ? make_error(Errc::kNetwork, "connection lost") : Status();
  };
  FakeWriter writer(1'000'000);
  auto summary = relay(source, writer, with_parallelism(3), bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().what == "connection lost");
  CHECK(writer.aborted);
  CHECK_FALSE(writer.committed);
  CHECK(bench.budget.held() == 0);
}

TEST_CASE("A source that cannot be opened, or is skipped, leaves the other end alone") {
  for (const bool skipped : {false, true}) {
    Bench bench;
    DivisibleSource source(kObject);
    if (!skipped) source.open_error = make_error(Errc::kNotFound, "no such object");
    FakeWriter writer(1'000'000);
    CopyOptions options;
    options.skip = [](const ObjectInfo&) { return true; };
    auto summary = relay(source, writer, options, bench.context);
    CHECK(summary.has_value() == skipped);
    if (summary) CHECK(summary->skipped);
    CHECK(writer.stored.empty());
    CHECK_FALSE(writer.committed);
  }
}

TEST_CASE("An error of the writer ends a relay whose source is silent") {
  for (const bool at_commit : {false, true}) {
    Bench bench;
    DivisibleSource source(kObject);
    FakeWriter writer(1'000'000);
    if (at_commit) {
      writer.commit_result = make_error(Errc::kDenied, "no permission");
    } else {
      writer.on_finish = [](uint64_t index, const Context&) -> Status {
        return index == 1 ? make_error(Errc::kDenied, "no permission") : Status();
      };
      source.on_block = [](size_t, uint64_t offset, const Output&, const Context& context) -> Status {
        if (offset < 5'000'000) return {};
        while (!context.stop.stop_requested()) std::this_thread::yield();
        return make_error(Errc::kCancelled, "stopped");
      };
    }
    auto summary = relay(source, writer, with_parallelism(1), bench.context);
    REQUIRE_FALSE(summary);
    CHECK(summary.error().what == "no permission");
    CHECK(writer.aborted);
  }
}

TEST_CASE("Bytes that are not what they must be are never stored under their name") {
  Bench bench;
  DivisibleSource source(kObject);
  source.digests = {sha256_of("something else")};
  FakeWriter writer(1'000'000);
  auto summary = relay(source, writer, with_parallelism(4), bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kIntegrity);
  CHECK(writer.aborted);
  CHECK_FALSE(writer.committed);
}

TEST_CASE("A stop ends both halves of a relay") {
  Bench bench;
  DivisibleSource source(kObject);
  test::Rendezvous reached(1);
  source.on_block = [&](size_t, uint64_t offset, const Output&, const Context& context) -> Status {
    if (offset < 5'000'000) return {};
    reached.pass();
    while (!context.stop.stop_requested()) std::this_thread::yield();
    return make_error(Errc::kCancelled, "stopped");
  };
  std::thread user([&] {
    reached.wait();
    bench.stop.request_stop();
  });
  FakeWriter writer(1'000'000);
  auto summary = relay(source, writer, with_parallelism(1), bench.context);
  user.join();
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kCancelled);
  CHECK(summary.error().what == "interrupted");
  CHECK(writer.aborted);
}
