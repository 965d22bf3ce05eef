// Downloads of objects whose pieces have digests.
#include "core/transfer/pieces.h"

#include "core/transfer/copy.h"
#include "core/transfer/mirrors.h"
#include "tests/support/catch.h"
#include "tests/support/divisible_source.h"
#include "tests/support/fake_sink.h"

using namespace sjcp;
using namespace sjcp::transfer;
using test::DivisibleSource;
using test::FakeSink;
using test::pattern;

namespace {

const std::string kObject = pattern(0, 4'500'000);
constexpr uint64_t kLength = 1'000'000;

Digest digest_of(const std::string& bytes) {
  auto hasher = Hasher::create(DigestKind::kSha256, bytes.size());
  hasher->update(bytes);
  return hasher->finish();
}

PieceDigests pieces_of(const std::string& bytes) {
  PieceDigests pieces{DigestKind::kSha256, kLength, {}};
  for (uint64_t at = 0; at < bytes.size(); at += kLength) {
    pieces.hex.push_back(digest_of(bytes.substr(at, kLength)).hex);
  }
  return pieces;
}

std::string damaged(std::initializer_list<uint64_t> places) {
  std::string bytes = kObject;
  for (const uint64_t at : places) bytes[at] = static_cast<char>(bytes[at] + 1);
  return bytes;
}

struct Bench {
  MemoryBudget budget{1 << 20};
  Counters counters;
  std::stop_source stop;
  Context context{stop.get_token(), &budget, &counters};
  FakeSink sink;
  std::vector<std::string> dropped;
  std::vector<Mirrors::Member> members;

  DivisibleSource& add(const std::string& name, std::string bytes) {
    auto source = std::make_unique<DivisibleSource>(std::move(bytes));
    source->name = name;
    DivisibleSource& made = *source;
    members.push_back({name, std::move(source)});
    return made;
  }
  Result<CopySummary> run(bool with_digest = false) {
    CopyOptions options;
    options.parallelism = sink.in_order ? 1 : 4;
    options.pieces = pieces_of(kObject);
    if (with_digest) options.expect = {digest_of(kObject)};
    Mirrors mirrors(std::move(members),
                    {std::nullopt, [&](const Error& why) { dropped.push_back(why.what); }});
    return download(mirrors, sink, options, context);
  }
};

}  // namespace

TEST_CASE("Pieces are compared as they pass, however they are cut") {
  const PieceDigests pieces = pieces_of(kObject);
  CHECK(pieces.hex.size() == 5);
  CHECK(pieces.fit(kObject.size()));
  CHECK_FALSE(pieces.fit(4'000'000));
  CHECK_FALSE(pieces.fit(5'000'001));
  const std::string bad = damaged({0, 999'999, 3'000'000, 4'499'999});
  for (const size_t step : {size_t{1000}, size_t{777'777}, bad.size()}) {
    PieceCheck check(pieces, bad.size());
    for (size_t at = 0; at < bad.size(); at += step) check.update(std::string_view(bad).substr(at, step));
    CHECK(check.wrong() == std::vector<size_t>{0, 3, 4});
  }
}

TEST_CASE("Pieces that are wrong are fetched again from another mirror, and who served them is named") {
  for (const bool with_digest : {false, true}) {
    Bench bench;
    bench.add("http://bad/file", damaged({1'500'000, 3'200'000}));
    bench.add("http://good/file", kObject);
    REQUIRE(bench.run(with_digest));
    CHECK(bench.sink.bytes == kObject);
    CHECK(bench.sink.committed);
    // It served both of them, one, or none: who serves what is a matter of luck.
    for (const std::string& text : bench.dropped) CHECK(text == "http://bad/file: served other bytes");
  }
}

TEST_CASE("A mirror that served all of a piece is named, also when the next one is no better") {
  Bench bench;
  // Only the first one can serve until the whole is there once.
  bench.add("http://bad/file", damaged({1'500'000}));
  DivisibleSource& worse = bench.add("http://worse/file", damaged({1'600'000}));
  DivisibleSource& good = bench.add("http://good/file", kObject);
  worse.ranges = good.ranges = false;
  REQUIRE(bench.run());
  CHECK(bench.sink.bytes == kObject);
  std::ranges::sort(bench.dropped);
  CHECK(bench.dropped == std::vector<std::string>{"http://bad/file: served other bytes",
                                                  "http://worse/file: served other bytes"});
}

TEST_CASE("Only the pieces that are wrong come again") {
  Bench bench;
  bench.add("http://bad/file", damaged({1'500'000}));
  DivisibleSource& good = bench.add("http://good/file", kObject);
  good.on_block = [&](size_t, uint64_t offset, const Output&, const Context&) -> Status {
    CHECK((offset < 10'000 || offset > 990'000));
    CHECK((offset < 2'010'000 || (offset > 2'200'000 && offset < 2'300'000) || offset > 4'490'000));
    return {};
  };
  // Everything is there from an earlier run.
  bench.sink.bytes = damaged({1'500'000});
  bench.sink.there.add({0, kObject.size()});
  REQUIRE(bench.run());
  CHECK(bench.sink.bytes == kObject);
}

TEST_CASE("A piece that nobody has right is an error that names it") {
  Bench bench;
  bench.add("http://a/file", damaged({1'500'000}));
  bench.add("http://b/file", damaged({1'500'000}));
  auto done = bench.run();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::kIntegrity);
  CHECK(done.error().what.find("bytes 1000000 to 1999999 are not what their sha256 says") !=
        std::string::npos);
  CHECK(bench.sink.rejected);
}

TEST_CASE("A stream finds a wrong piece, too, and an object of another size has none that fit") {
  Bench bench;
  bench.add("http://a/file", damaged({1'500'000}));
  bench.sink.in_order = true;
  auto done = bench.run();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::kIntegrity);
  Bench other;
  other.add("http://a/file", kObject.substr(0, 3'000'000));
  done = other.run();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::kIntegrity);
  CHECK_FALSE(other.sink.begun);
}
