#include "core/transfer/mirrors.h"

#include <set>
#include <thread>

#include "core/transfer/copy.h"
#include "tests/support/catch.h"
#include "tests/support/divisible_source.h"
#include "tests/support/fake_sink.h"
#include "tests/support/fake_source.h"
#include "tests/support/rendezvous.h"

using namespace sjcp;
using namespace sjcp::transfer;
using namespace std::chrono_literals;
using test::DivisibleSource;
using test::FakeSink;
using test::FakeSource;
using test::pattern;

namespace {

const std::string kObject = pattern(0, 12'000'000);

struct Bench {
  MemoryBudget budget{1 << 20};
  Counters counters;
  std::stop_source stop;
  Context context{stop.get_token(), &budget, &counters};
};

// Tells the first block of each fetch from the later ones.
class Blocks {
 public:
  bool first(size_t fetch) {
    const std::lock_guard lock(mutex_);
    return seen_.insert(fetch).second;
  }

 private:
  std::mutex mutex_;
  std::set<size_t> seen_;
};

// Members, and what was said of those that were dropped.
struct Set {
  std::vector<Mirrors::Member> members;
  std::vector<std::string> dropped;
  test::Rendezvous* judged = nullptr;  // where each drop counts
  std::optional<uint64_t> size;

  DivisibleSource& add(const std::string& name, std::string bytes = kObject) {
    auto source = std::make_unique<DivisibleSource>(std::move(bytes));
    DivisibleSource& made = *source;
    made.name = name;
    members.push_back({name, std::move(source)});
    return made;
  }
  Mirrors make() {
    Mirrors::Options options;
    options.size = size;
    options.dropped = [this](const Error& why) {
      dropped.push_back(why.what);
      if (judged != nullptr) judged->pass();
    };
    return Mirrors(std::move(members), std::move(options));
  }
};

CopyOptions with_parallelism(unsigned n) {
  CopyOptions options;
  options.parallelism = n;
  return options;
}

Digest sha256_of(const std::string& bytes) {
  auto hasher = Hasher::create(DigestKind::kSha256, bytes.size());
  hasher->update(bytes);
  return hasher->finish();
}

std::string damaged(uint64_t at) {
  std::string bytes = kObject;
  bytes[at] = static_cast<char>(bytes[at] + 1);
  return bytes;
}

}  // namespace

TEST_CASE("A mirror that was not tried comes first, then the one whose connections are fastest") {
  MirrorChoice choice(3);
  MirrorChoice::Time now{};
  CHECK_FALSE(choice.choose(now));
  for (size_t i = 0; i < 3; ++i) choice.admit(i);
  // Nobody is known: one after another.
  for (const size_t expected : {0u, 1u, 2u, 0u}) {
    CHECK(choice.choose(now) == expected);
    choice.began(expected, now);
  }
  now += 1s;
  choice.received(0, 2 << 20, now);  // by two connections
  CHECK(choice.rate(0) == Approx(1 << 20));
  CHECK(choice.choose(now) == 1u);
  choice.received(1, 5 << 20, now);
  choice.received(2, 3 << 20, now);
  CHECK(choice.choose(now) == 1u);
  // More connections to it, each slower than those of the third.
  choice.began(1, now);
  choice.began(1, now);
  now += 1s;
  choice.received(1, 5 << 20, now);
  choice.received(2, 4 << 20, now);
  choice.received(1, 0, now);
  CHECK(choice.choose(now) == 2u);
  choice.drop(2);
  CHECK(choice.choose(now) == 1u);
  CHECK(choice.choose(now, 1) == 0u);
  choice.drop(0);
  choice.drop(1);
  CHECK_FALSE(choice.choose(now));
}

TEST_CASE("A mirror that was not used for long is tried again") {
  MirrorChoice choice(2);
  MirrorChoice::Time now{};
  choice.admit(0);
  choice.admit(1);
  choice.began(0, now);
  choice.began(1, now);
  now += 1s;
  choice.received(0, 10, now);
  choice.received(1, 1000, now);
  choice.ended(0, now);
  CHECK(choice.choose(now) == 1u);
  now += 11s;
  choice.received(1, 20000, now);
  CHECK(choice.choose(now) == 0u);
}

TEST_CASE("Mirrors serve one object together") {
  Bench bench;
  Set set;
  DivisibleSource& a = set.add("http://a/file");
  DivisibleSource& b = set.add("http://b/file");
  // The first one serves at once, and not all of it before the other one has shown its samples.
  Blocks blocks;
  a.on_block = [&](size_t fetch, uint64_t offset, const Output& output, const Context& context) -> Status {
    if (blocks.first(fetch)) return {};
    while (offset > 6'000'000 && offset < 11'000'000 && b.bytes_written < 1 << 20 && output.end() > offset &&
           !context.stop.stop_requested()) {
      std::this_thread::yield();
    }
    return {};
  };
  Mirrors mirrors = set.make();
  FakeSink sink;
  auto summary = download(mirrors, sink, with_parallelism(4), bench.context);
  REQUIRE(summary);
  CHECK(sink.bytes == kObject);
  CHECK(sink.content == Content{"http://a/file", "v1", kObject.size(), {0, kObject.size()}});
  CHECK(a.bytes_written > 1 << 20);
  CHECK(b.bytes_written >= 1 << 20);
  CHECK(set.dropped.empty());
}

TEST_CASE("Where one mirror has far more fetches than it should, one of them moves, if that pays") {
  MirrorChoice choice(3);
  MirrorChoice::Time now{};
  choice.admit(0);
  for (int i = 0; i < 8; ++i) choice.began(0, now);
  CHECK_FALSE(choice.move(now));
  // One that nobody knows is tried by one fetch.
  choice.admit(1);
  REQUIRE(choice.move(now));
  CHECK(choice.move(now)->from == 0u);
  CHECK(choice.move(now)->to == 1u);
  choice.ended(0, now);
  choice.began(1, now);
  CHECK_FALSE(choice.move(now));
  // Both have lines of 8 MiB/s.
  choice.opened(100ms);
  now += 1s;
  choice.received(0, 8 << 20, now);
  choice.received(1, 8 << 20, now);
  const auto move = choice.move(now);
  REQUIRE(move);
  CHECK(move->from == 0u);
  CHECK(move->to == 1u);
  CHECK(choice.worth(*move, 8 << 20, now));
  CHECK_FALSE(choice.worth(*move, 64 << 10, now));  // nearly there
  for (int moved = 0; moved < 2; ++moved) {
    choice.ended(0, now);
    choice.began(1, now);
  }
  CHECK_FALSE(choice.move(now));  // 5 and 3: much the same
  // A source that serves alone gets nothing that others have.
  choice.admit(2, true);
  CHECK_FALSE(choice.move(now));
  CHECK(choice.choose(now) != 2u);
  choice.drop(0);
  choice.drop(1);
  CHECK(choice.choose(now) == 2u);
}

TEST_CASE("What one mirror holds up goes to another that has become idle") {
  Bench bench;
  Set set;
  DivisibleSource& a = set.add("http://a/file");
  DivisibleSource& b = set.add("http://b/file");
  // Fetches from the first one hang until somebody takes their ranges.
  std::atomic<bool> stuck{false};
  const auto give_up = std::chrono::steady_clock::now() + 20s;
  Blocks blocks;
  a.on_block = [&](size_t fetch, uint64_t offset, const Output& output, const Context& context) -> Status {
    if (blocks.first(fetch) || offset < 1'000'000 || offset > 11'900'000) return {};
    while (output.end() > offset && b.bytes_written < 3'000'000) {
      if (context.stop.stop_requested()) return make_error(Errc::kCancelled, "stopped");
      if (std::chrono::steady_clock::now() > give_up) {
        stuck = true;
        break;
      }
      std::this_thread::yield();
    }
    return {};
  };
  // Late: all fetches are at the first by then.
  b.on_block = [&](size_t fetch, uint64_t, const Output&, const Context& context) -> Status {
    while (fetch == 0 && a.fetches < 6 && !context.stop.stop_requested()) std::this_thread::yield();
    return {};
  };
  Mirrors mirrors = set.make();
  FakeSink sink;
  REQUIRE(download(mirrors, sink, with_parallelism(4), bench.context));
  CHECK(sink.bytes == kObject);
  // Whole fetches went over, or halves of them by workers that became free.
  CHECK_FALSE(stuck);
  CHECK(b.bytes_written > 0);
  CHECK(set.dropped.empty());
}

TEST_CASE("A mirror without ranges serves when it is the only one, and takes over when no other is left") {
  for (const bool alone : {true, false}) {
    Bench bench;
    Set set;
    DivisibleSource& stream = set.add("http://stream/file");
    stream.ranges = false;
    DivisibleSource& other = set.add("http://other/file");
    if (alone) {
      other.open_error = make_error(Errc::kNotFound, "http://other/file: no such file");
    } else {
      other.on_block = [](size_t, uint64_t offset, const Output&, const Context&) -> Status {
        const bool sample =
            offset < 10'000 || (offset > 5'990'000 && offset < 6'010'000) || offset > 11'990'000;
        if (!sample) return make_error(Errc::kNetwork, "http://other/file: connection lost");
        return {};
      };
    }
    Mirrors mirrors = set.make();
    FakeSink sink;
    REQUIRE(download(mirrors, sink, with_parallelism(4), bench.context));
    CHECK(sink.bytes == kObject);
    CHECK(set.dropped.size() == 1);
    for (const auto& range : stream.asked()) CHECK(range.begin == 0);
  }
}

TEST_CASE("A mirror without ranges that has other bytes than those that are there is not gone on with") {
  Bench bench;
  Set set;
  DivisibleSource& first = set.add("http://first/file");
  first.on_block = [](size_t, uint64_t offset, const Output&, const Context&) -> Status {
    const bool sample = offset < 10'000 || (offset > 5'990'000 && offset < 6'010'000) || offset > 11'990'000;
    if (!sample) return make_error(Errc::kNetwork, "http://first/file: connection lost");
    return {};
  };
  set.add("http://stream/file", damaged(6'000'100)).ranges = false;
  Mirrors mirrors = set.make();
  FakeSink sink;
  auto summary = download(mirrors, sink, with_parallelism(4), bench.context);
  REQUIRE_FALSE(summary);
  CHECK(set.dropped.size() == 2);
  CHECK(set.dropped.back() == "http://stream/file: has other bytes than http://first/file");
}

TEST_CASE(
    "Of two mirrors without ranges the second goes on where the first broke, if it has the same bytes") {
  for (const bool same : {true, false}) {
    Bench bench;
    Set set;
    DivisibleSource& broken = set.add("http://broken/file");
    broken.ranges = false;
    broken.on_block = [](size_t, uint64_t offset, const Output&, const Context&) -> Status {
      if (offset > 5'000'000) return make_error(Errc::kNetwork, "http://broken/file: connection lost");
      return {};
    };
    set.add("http://whole/file", same ? kObject : damaged(77)).ranges = false;
    Mirrors mirrors = set.make();
    FakeSink sink;
    auto summary = download(mirrors, sink, with_parallelism(4), bench.context);
    CHECK(summary.has_value() == same);
    if (same) CHECK(sink.bytes == kObject);
    CHECK(set.dropped.size() == (same ? 1 : 2));
    if (!same) CHECK(set.dropped.back() == "http://whole/file: has other bytes than http://broken/file");
  }
}

TEST_CASE("A source with segments stands beside one without, also for a range") {
  for (const bool part : {false, true}) {
    Bench bench;
    Set set;
    DivisibleSource& ranges = set.add("http://a/file", pattern(0, 4'000'000));
    auto segmented = std::make_unique<FakeSource>(4'000'000, 500'000);
    segmented->write_size = 10'000;
    FakeSource& by_segments = *segmented;
    // Fetches from the first one wait for those from the other.
    Blocks blocks;
    ranges.on_block = [&](size_t fetch, uint64_t offset, const Output& output,
                          const Context& context) -> Status {
      if (blocks.first(fetch)) return {};
      while (by_segments.fetches <= 3 && output.end() > offset && !context.stop.stop_requested())
        std::this_thread::yield();
      return {};
    };
    set.members.push_back({"sj://bucket/key", std::move(segmented)});
    Mirrors mirrors = set.make();
    FakeSink sink;
    CopyOptions options = with_parallelism(4);
    if (part) options.range = *RangeRequest::parse("1234567-3456789");
    REQUIRE(download(mirrors, sink, options, bench.context));
    CHECK(sink.bytes == (part ? pattern(1234567, 3456790) : pattern(0, 4'000'000)));
    CHECK(by_segments.fetches > 3);
    CHECK(set.dropped.empty());
  }
}

TEST_CASE("Members that cannot be opened, or hold something else, are dropped and named") {
  Bench bench;
  Set set;
  set.add("http://gone/file").open_error = make_error(Errc::kNotFound, "http://gone/file: no such file");
  auto& a = set.add("http://a/file");
  set.add("http://short/file", kObject.substr(0, 1000));
  set.add("http://other/file", damaged(kObject.size() - 3));
  set.add("http://unsized/file").sized = false;
  auto& b = set.add("http://b/file");
  // It does not end before the last of them was opened.
  test::Rendezvous judged(4);
  set.judged = &judged;
  a.on_block = b.on_block = [&](size_t, uint64_t, const Output&, const Context&) -> Status {
    if (a.bytes_written + b.bytes_written < kObject.size() / 2 || judged.wait()) return {};
    return make_error(Errc::kNetwork, "somebody was not dropped");
  };
  Mirrors mirrors = set.make();
  FakeSink sink;
  REQUIRE(download(mirrors, sink, with_parallelism(4), bench.context));
  CHECK(sink.bytes == kObject);
  std::ranges::sort(set.dropped);
  CHECK(set.dropped == std::vector<std::string>{
                           "http://gone/file: no such file",
                           "http://other/file: has other bytes than http://a/file",
                           "http://short/file: has 1000 bytes, and http://a/file has 12000000",
                           "http://unsized/file: does not tell its size",
                       });
}

TEST_CASE(
    "The first member is not right when the others agree against it, or its size is not the known one") {
  Bench bench;
  Set set;
  set.add("http://other/file", damaged(1));
  set.add("http://a/file");
  set.add("http://b/file");
  Mirrors mirrors = set.make();
  FakeSink sink;
  REQUIRE(download(mirrors, sink, with_parallelism(4), bench.context));
  CHECK(sink.bytes == kObject);
  CHECK(set.dropped == std::vector<std::string>{"http://other/file: has other bytes than http://a/file"});

  Set known;
  known.size = kObject.size();
  known.add("http://short/file", "short");
  known.add("http://a/file");
  Mirrors again = known.make();
  FakeSink other;
  REQUIRE(download(again, other, with_parallelism(4), bench.context));
  CHECK(other.bytes == kObject);
  CHECK(known.dropped == std::vector<std::string>{"http://short/file: has 5 bytes, not 12000000"});
}

TEST_CASE("A set without a usable member says why of each") {
  Bench bench;
  Set set;
  set.add("http://gone/file").open_error = make_error(Errc::kNotFound, "http://gone/file: no such file");
  set.add("http://off/file").open_error = make_error(Errc::kNetwork, "http://off/file: no answer");
  Mirrors mirrors = set.make();
  FakeSink sink;
  auto summary = download(mirrors, sink, with_parallelism(4), bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kNotFound);
  CHECK(summary.error().what.starts_with("none of the 2 mirrors can be used: http://"));
  CHECK(summary.error().what.find("no answer") != std::string::npos);
  CHECK(summary.error().what.find("no such file") != std::string::npos);
  CHECK_FALSE(sink.begun);
}

TEST_CASE("The range of a member that fails goes on with another") {
  Bench bench;
  Set set;
  DivisibleSource& bad = set.add("http://bad/file");
  std::atomic<int> blocks{0};
  bad.on_block = [&](size_t, uint64_t, const Output&, const Context&) -> Status {
    if (++blocks > 50) return make_error(Errc::kNetwork, "http://bad/file: connection lost");
    return {};
  };
  set.add("http://good/file");
  Mirrors mirrors = set.make();
  FakeSink sink;
  REQUIRE(download(mirrors, sink, with_parallelism(4), bench.context));
  CHECK(sink.bytes == kObject);
  CHECK(bench.counters.bytes_done == kObject.size());
  CHECK(set.dropped == std::vector<std::string>{"http://bad/file: connection lost"});
}

TEST_CASE("When all members have failed the download has") {
  Bench bench;
  Set set;
  for (const std::string name : {"http://a/file", "http://b/file"}) {
    set.add(name).on_block = [name](size_t, uint64_t offset, const Output&, const Context&) -> Status {
      // Samples still come.
      if (offset > 100'000 && offset < 5'000'000)
        return make_error(Errc::kNetwork, name + ": connection lost");
      return {};
    };
  }
  Mirrors mirrors = set.make();
  FakeSink sink;
  auto summary = download(mirrors, sink, with_parallelism(4), bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kNetwork);
  CHECK(set.dropped.size() == 2);
  CHECK(sink.aborted);
}

TEST_CASE("An error of the destination is not held against a member") {
  Bench bench;
  Set set;
  set.add("http://a/file");
  set.add("http://b/file");
  Mirrors mirrors = set.make();
  FakeSink sink;
  sink.on_write = [](uint64_t, ByteView) -> Status { return make_error(Errc::kLocalIo, "disk full"); };
  auto summary = download(mirrors, sink, with_parallelism(4), bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().what == "disk full");
  CHECK(set.dropped.empty());
}

TEST_CASE("A member whose bytes make the digest wrong is found, dropped and named, and the rest is right") {
  for (const bool first : {true, false}) {
    Bench bench;
    Set set;
    // Outside of all samples, and wherever it serves.
    std::string bad = kObject;
    for (uint64_t at = 50'000; at < bad.size() - 50'000; at += 10'000) {
      const bool sampled = at > 5'900'000 && at < 6'100'000;
      if (!sampled) bad[at] = static_cast<char>(bad[at] + 1);
    }
    DivisibleSource* liar = first ? &set.add("http://bad/file", bad) : nullptr;
    DivisibleSource& good = set.add("http://good/file");
    if (!first) liar = &set.add("http://bad/file", bad);
    // The liar has its chance.
    Blocks blocks;
    good.on_block = [&](size_t fetch, uint64_t offset, const Output& output,
                        const Context& context) -> Status {
      if (blocks.first(fetch)) return {};
      while (offset > 6'100'000 && offset < 11'000'000 && liar->bytes_written < 1 << 20 &&
             output.end() > offset && !context.stop.stop_requested()) {
        std::this_thread::yield();
      }
      return {};
    };
    Mirrors mirrors = set.make();
    FakeSink sink;
    CopyOptions options = with_parallelism(4);
    options.expect = {sha256_of(kObject)};
    auto summary = download(mirrors, sink, options, bench.context);
    REQUIRE(summary);
    CHECK(sink.bytes == kObject);
    CHECK(sink.committed);
    CHECK(summary->digest == sha256_of(kObject));
    CHECK(set.dropped == std::vector<std::string>{"http://bad/file: served other bytes"});
  }
}

TEST_CASE("Damage from an earlier run is repaired, and nobody is blamed") {
  Bench bench;
  Set set;
  set.add("http://a/file");
  set.add("http://b/file");
  Mirrors mirrors = set.make();
  FakeSink sink;
  sink.bytes = damaged(100);
  sink.there.add({0, 1'000'000});
  CopyOptions options = with_parallelism(4);
  options.expect = {sha256_of(kObject)};
  REQUIRE(download(mirrors, sink, options, bench.context));
  CHECK(sink.bytes == kObject);
  CHECK(set.dropped.empty());
}

TEST_CASE("A digest that no member can satisfy is a mismatch as ever") {
  Bench bench;
  Set set;
  set.add("http://a/file");
  set.add("http://b/file");
  Mirrors mirrors = set.make();
  FakeSink sink;
  CopyOptions options = with_parallelism(4);
  options.expect = {sha256_of("something else")};
  auto summary = download(mirrors, sink, options, bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kIntegrity);
  CHECK(sink.rejected);
  CHECK(set.dropped.empty());
}

TEST_CASE("Members of unknown size serve alone") {
  Bench bench;
  Set set;
  set.add("http://a/file").sized = false;
  set.add("http://b/file").sized = false;
  Mirrors mirrors = set.make();
  FakeSink sink;
  REQUIRE(download(mirrors, sink, with_parallelism(4), bench.context));
  CHECK(sink.bytes == kObject);
  CHECK(set.dropped == std::vector<std::string>{"http://b/file: does not tell its size"});
}

TEST_CASE("A stop ends a set of mirrors that are still being opened") {
  class Hanging final : public Source {
   public:
    Result<ObjectInfo> open(const RangeRequest&, const Context& context) override {
      while (!context.stop.stop_requested()) std::this_thread::yield();
      return make_error(Errc::kCancelled, "stopped");
    }
    const std::vector<Segment>& segments() const override { return none_; }
    uint64_t memory_per_segment() const override { return 0; }
    Status fetch(const Segment&, Output&, const Context&) override { return {}; }

   private:
    std::vector<Segment> none_;
  };
  Bench bench;
  std::vector<Mirrors::Member> members;
  for (const std::string name : {"a", "b"}) members.push_back({name, std::make_unique<Hanging>()});
  Mirrors mirrors(std::move(members), {});
  std::thread user([&] { bench.stop.request_stop(); });
  FakeSink sink;
  auto summary = download(mirrors, sink, with_parallelism(4), bench.context);
  user.join();
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kCancelled);
}

TEST_CASE("A mirror that was still being compared when all was there is not blamed") {
  Bench bench;
  Set set;
  std::atomic<bool> asked{false};
  std::atomic<bool> held{false};
  set.add("http://a/file").on_block = [&](size_t, uint64_t, const Output&, const Context& context) -> Status {
    // All fetches wait until the other one is asked.
    while (!asked && !context.stop.stop_requested()) std::this_thread::yield();
    return {};
  };
  set.add("http://b/file").on_block = [&](size_t, uint64_t, const Output&, const Context& context) -> Status {
    asked = true;
    while (!context.stop.stop_requested()) std::this_thread::yield();
    held = true;
    return make_error(Errc::kCancelled, "http://b/file: cancelled");
  };
  {
    Mirrors mirrors = set.make();
    FakeSink sink;
    REQUIRE(download(mirrors, sink, with_parallelism(4), bench.context));
    CHECK(sink.bytes == kObject);
  }
  CHECK(held);
  CHECK(set.dropped.empty());
}
