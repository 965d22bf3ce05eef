// Uploads that are left to a later run, and taken up from an earlier one.
#include <atomic>

#include "core/transfer/copy.h"
#include "tests/support/catch.h"
#include "tests/support/fake_source.h"
#include "tests/support/fake_writer.h"

using namespace sjcp;
using namespace sjcp::transfer;
using test::FakeReader;
using test::FakeStore;
using test::FakeWriter;
using test::pattern;

namespace {

constexpr uint64_t kUnit = 100;

// One upload, with a store that holds what an earlier one of the same source began.
struct Bench {
  explicit Bench(uint64_t size = 350) : reader(pattern(0, size)) {
    reader.id = "source 1";
    writer.name = "destination";
    writer.suspended_bytes = 1024;
    options.store = &store;
    options.parallelism = 2;
  }
  void remember(const std::string& source = "source 1", const std::string& destination = "destination") {
    store.journal = UploadJournal{destination, source, "earlier upload"};
  }
  Result<CopySummary> run() { return upload(reader, writer, options, context); }
  std::set<uint64_t> sent() const {
    std::set<uint64_t> out;
    for (const auto& [index, segment] : writer.stored) {
      out.insert(index);
      CHECK(segment.bytes == pattern(index * kUnit, index * kUnit + segment.bytes.size()));
    }
    return out;
  }

  MemoryBudget budget{1 << 20};
  Counters counters;
  std::stop_source stop;
  Context context{stop.get_token(), &budget, &counters};
  FakeReader reader;
  FakeWriter writer{kUnit};
  FakeStore store;
  CopyOptions options;
};

using Indexes = std::set<uint64_t>;

}  // namespace

TEST_CASE("The journal of an upload comes back as it was written, and every damage is noticed") {
  const UploadJournal journal{"destination", std::string("a\0b", 3), "pending"};
  const std::string bytes = journal.serialize();
  CHECK(UploadJournal::parse(bytes) == journal);
  CHECK_FALSE(UploadJournal::parse(bytes + "x"));
  for (size_t at = 0; at < bytes.size(); ++at) {
    CHECK_FALSE(UploadJournal::parse(bytes.substr(0, at)));
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      CHECK_FALSE(UploadJournal::parse(damaged));
    }
  }
}

TEST_CASE("A resumed upload sends the segments that are not stored, and knows the last one") {
  struct Case {
    uint64_t size;
    Indexes stored;
    Indexes sent;
  };
  for (const Case& c : {Case{350, {0, 2}, {1, 3}}, Case{350, {3}, {0, 1, 2}}, Case{350, {0, 1, 2, 3}, {}},
                        Case{350, {0, 1, 2}, {3}}, Case{400, {1, 3}, {0, 2}}, Case{350, {}, {0, 1, 2, 3}}}) {
    for (const unsigned parallelism : {1u, 4u}) {
      Bench bench(c.size);
      bench.options.parallelism = parallelism;
      bench.remember();
      bench.writer.there = c.stored;
      auto summary = bench.run();
      REQUIRE(summary);
      CHECK(bench.writer.resumed == "earlier upload");
      CHECK(bench.sent() == c.sent);
      for (const auto& [index, segment] : bench.writer.stored) CHECK(segment.last == (index == 3));
      uint64_t there = 0;
      for (const uint64_t index : c.stored) there += std::min(kUnit, c.size - index * kUnit);
      CHECK(summary->bytes == c.size);
      CHECK(summary->resumed == there);
      CHECK(bench.counters.bytes_done == c.size - there);
      CHECK(bench.counters.bytes_resumed == there);
      CHECK(bench.writer.committed);
      CHECK_FALSE(bench.writer.aborted);
      CHECK_FALSE(bench.store.journal);
    }
  }
}

TEST_CASE("A failed upload is left to a later run, and remembered from its first segment on") {
  Bench bench;
  // Called by several threads, where nothing may be asserted.
  std::atomic<bool> remembered = true;
  bench.writer.on_finish = [&](uint64_t index, const Context&) -> Status {
    if (bench.store.journal != UploadJournal{"destination", "source 1", "pending upload"}) remembered = false;
    return index == 2 ? make_error(Errc::kNetwork, "lost") : Status();
  };
  auto summary = bench.run();
  REQUIRE_FALSE(summary);
  CHECK(remembered);
  CHECK(summary.error().what == "lost; 1.00 KiB are stored: the same command goes on from there");
  CHECK(bench.writer.suspended);
  CHECK_FALSE(bench.writer.aborted);
  CHECK(bench.store.journal);
}

TEST_CASE("An upload that has nothing stored, or cannot succeed later, is removed") {
  struct Case {
    Errc code;
    uint64_t suspended;
  };
  for (const Case& c : {Case{Errc::kNetwork, 0}, Case{Errc::kNotFound, 1024}, Case{Errc::kDenied, 1024},
                        Case{Errc::kConflict, 1024}}) {
    Bench bench;
    bench.writer.suspended_bytes = c.suspended;
    bench.writer.on_finish = [&](uint64_t, const Context&) -> Status { return make_error(c.code, "failed"); };
    auto summary = bench.run();
    REQUIRE_FALSE(summary);
    CHECK(summary.error().what == "failed");
    CHECK(bench.writer.aborted);
    CHECK_FALSE(bench.store.journal);
  }
}

TEST_CASE("An interrupted upload is left to a later run") {
  Bench bench;
  bench.writer.on_finish = [&](uint64_t, const Context&) -> Status {
    bench.stop.request_stop();
    return {};
  };
  auto summary = bench.run();
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kCancelled);
  CHECK(bench.writer.suspended);
  CHECK(bench.store.journal);
}

TEST_CASE("A changed source, or what the other end cannot go on with, starts over") {
  for (const int reason : {0, 1, 2, 3}) {
    CAPTURE(reason);
    Bench bench;
    bench.remember(reason == 0 ? "source 2" : "source 1");
    if (reason == 1) bench.options.resume = false;
    if (reason == 2) bench.writer.there = make_error(Errc::kNotFound, "nothing is pending");
    if (reason == 3) bench.writer.there = make_error(Errc::kDenied, "no listing");
    REQUIRE(bench.run());
    CHECK(bench.writer.discarded == "earlier upload");
    CHECK(bench.sent() == Indexes{0, 1, 2, 3});
    CHECK(bench.writer.committed);
    CHECK_FALSE(bench.store.journal);
  }
}

TEST_CASE("What is stored stays remembered when the other end cannot be asked") {
  Bench bench;
  bench.remember();
  bench.writer.there = make_error(Errc::kNetwork, "no connection");
  auto summary = bench.run();
  REQUIRE_FALSE(summary);
  CHECK(summary.error().what == "no connection");
  CHECK(bench.writer.discarded.empty());
  CHECK_FALSE(bench.writer.aborted);
  CHECK(bench.store.journal);
}

TEST_CASE("The journal of another destination is not ours to remove at the other end") {
  Bench bench;
  bench.remember("source 1", "another");
  REQUIRE(bench.run());
  CHECK(bench.writer.resumed.empty());
  CHECK(bench.writer.discarded.empty());
}

TEST_CASE("An upload whose source changes while it is read is not committed") {
  Bench bench;
  int asked = 0;
  bench.reader.changing_id = [&] { return std::to_string(asked++ == 0); };
  auto summary = bench.run();
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kConflict);
  CHECK_FALSE(bench.writer.committed);
  CHECK(bench.writer.aborted);
  CHECK_FALSE(bench.store.journal);
}

TEST_CASE("Without a store, an identity or a name at the other end a failed upload is removed") {
  for (const int missing : {0, 1, 2, 3, 4}) {
    CAPTURE(missing);
    Bench bench;
    bench.remember();
    if (missing == 0) bench.options.store = nullptr;
    if (missing == 1) bench.reader.id.clear();
    if (missing == 2) bench.writer.name.clear();
    if (missing == 3) bench.reader.known_size = false;
    if (missing == 4) bench.options.resume = false;
    bench.writer.on_finish = [](uint64_t, const Context&) -> Status {
      return make_error(Errc::kNetwork, "lost");
    };
    auto summary = bench.run();
    REQUIRE_FALSE(summary);
    CHECK(summary.error().what == "lost");
    CHECK(bench.writer.resumed.empty());
    CHECK_FALSE(bench.writer.suspended);
    CHECK(bench.writer.aborted);
  }
}

TEST_CASE("An upload that cannot be remembered is removed when it fails") {
  Bench bench;
  bench.store.full = true;
  bench.writer.on_finish = [](uint64_t, const Context&) -> Status {
    return make_error(Errc::kNetwork, "lost");
  };
  CHECK_FALSE(bench.run());
  CHECK_FALSE(bench.writer.suspended);
  CHECK(bench.writer.aborted);
}
