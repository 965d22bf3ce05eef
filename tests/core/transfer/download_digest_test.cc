// Downloads whose bytes are compared with what they must be.
#include <thread>

#include "core/transfer/copy.h"
#include "tests/support/catch.h"
#include "tests/support/divisible_source.h"
#include "tests/support/fake_sink.h"
#include "tests/support/fake_source.h"

using namespace sjcp;
using namespace sjcp::transfer;
using test::DivisibleSource;
using test::FakeSink;
using test::pattern;

namespace {

struct Bench {
  MemoryBudget budget{1 << 20};
  Counters counters;
  std::stop_source stop;
  Context context{stop.get_token(), &budget, &counters};
};

const std::string kObject = pattern(0, 9'000'000);

Digest digest_of(DigestKind kind, const std::string& bytes) {
  auto hasher = Hasher::create(kind, bytes.size());
  hasher->update(bytes);
  return hasher->finish();
}

Digest wrong(DigestKind kind) {
  Digest digest = digest_of(kind, "something else");
  return digest;
}

}  // namespace

TEST_CASE("Digests that the source promises and the caller expects are verified, and one is returned") {
  for (const unsigned parallelism : {1u, 8u}) {
    Bench bench;
    DivisibleSource source(kObject);
    source.digests = {digest_of(DigestKind::kSha256, kObject), digest_of(DigestKind::kMd5, kObject)};
    FakeSink sink;
    CopyOptions options;
    options.parallelism = parallelism;
    options.expect = {digest_of(DigestKind::kGitBlob, kObject), digest_of(DigestKind::kCrc32c, kObject)};
    options.compute = DigestKind::kCrc64Nvme;
    auto summary = download(source, sink, options, bench.context);
    REQUIRE(summary);
    CHECK(sink.bytes == kObject);
    CHECK(sink.committed);
    CHECK(summary->digest == digest_of(DigestKind::kCrc64Nvme, kObject));
  }
}

TEST_CASE("A digest that was verified is returned also when none was asked for") {
  Bench bench;
  DivisibleSource source(kObject);
  source.digests = {digest_of(DigestKind::kSha1, kObject)};
  FakeSink sink;
  auto summary = download(source, sink, {}, bench.context);
  REQUIRE(summary);
  CHECK(summary->digest == source.digests[0]);
  DivisibleSource silent(kObject);
  FakeSink other;
  summary = download(silent, other, {}, bench.context);
  REQUIRE(summary);
  CHECK_FALSE(summary->digest);
}

TEST_CASE("A digest that differs, promised or expected, rejects the bytes and names both") {
  for (const bool promised : {true, false}) {
    Bench bench;
    DivisibleSource source(kObject);
    CopyOptions options;
    (promised ? source.digests : options.expect).assign(1, wrong(DigestKind::kSha256));
    FakeSink sink;
    sink.put_aside = promised ? "" : "folder/file.sjcp-bad";
    auto summary = download(source, sink, options, bench.context);
    REQUIRE_FALSE(summary);
    CHECK(summary.error().code == Errc::kIntegrity);
    std::string text = "http://host/file: its sha256 is " + digest_of(DigestKind::kSha256, kObject).hex +
                       ", not " + wrong(DigestKind::kSha256).hex + " as expected";
    if (!promised) text += "; the bytes are kept as folder/file.sjcp-bad";
    CHECK(summary.error().what == text);
    CHECK(sink.rejected);
    CHECK_FALSE(sink.committed);
  }
}

TEST_CASE("Bytes of an earlier run are part of the digest") {
  for (const bool damaged : {false, true}) {
    Bench bench;
    DivisibleSource source(kObject);
    source.digests = {digest_of(DigestKind::kSha256, kObject)};
    FakeSink sink;
    sink.bytes = kObject;
    sink.there.add({0, 2'000'000});
    sink.there.add({3'000'000, 3'500'000});
    if (damaged) sink.bytes[1000] = static_cast<char>(sink.bytes[1000] + 1);
    auto summary = download(source, sink, {}, bench.context);
    CHECK(summary.has_value() == !damaged);
    CHECK(sink.committed == !damaged);
  }
}

TEST_CASE("Digests of the whole are not compared with a part") {
  Bench bench;
  DivisibleSource source(kObject);
  source.digests = {wrong(DigestKind::kSha256)};
  FakeSink sink;
  CopyOptions options;
  options.range = *RangeRequest::parse("0-99");
  options.compute = DigestKind::kMd5;
  auto summary = download(source, sink, options, bench.context);
  REQUIRE(summary);
  CHECK(sink.bytes == kObject.substr(0, 100));
  CHECK_FALSE(summary->digest);
}

TEST_CASE("An empty object has a digest, too") {
  Bench bench;
  DivisibleSource source("");
  source.digests = {digest_of(DigestKind::kSha256, "")};
  FakeSink sink;
  auto summary = download(source, sink, {}, bench.context);
  REQUIRE(summary);
  CHECK(summary->digest == source.digests[0]);
}

TEST_CASE("The digest of an object of unknown size is verified at its end") {
  Bench bench;
  DivisibleSource source(kObject);
  source.sized = false;
  source.digests = {digest_of(DigestKind::kSha256, kObject)};
  FakeSink sink;
  auto summary = download(source, sink, {}, bench.context);
  REQUIRE(summary);
  CHECK(summary->digest == source.digests[0]);
  CopyOptions options;
  options.compute = DigestKind::kGitBlob;
  DivisibleSource other(kObject);
  other.sized = false;
  FakeSink untouched;
  summary = download(other, untouched, options, bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kUnsupported);
  CHECK_FALSE(untouched.begun);
}

TEST_CASE("A digest that cannot be computed fails the download") {
  Bench bench;
  DivisibleSource source(kObject);
  source.digests = {digest_of(DigestKind::kSha256, kObject)};
  FakeSink sink;
  sink.readable = false;
  auto summary = download(source, sink, {}, bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kUnsupported);
  CHECK_FALSE(sink.committed);
}

TEST_CASE("Sources by segments are verified just so") {
  Bench bench;
  test::FakeSource source(100'000, 1000);
  FakeSink sink;
  CopyOptions options;
  options.expect = {digest_of(DigestKind::kSha512, pattern(0, 100'000))};
  REQUIRE(download(source, sink, options, bench.context));
  options.expect = {wrong(DigestKind::kSha512)};
  test::FakeSource again(100'000, 1000);
  FakeSink other;
  auto summary = download(again, other, options, bench.context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kIntegrity);
}

TEST_CASE("What is behind the front of a divided download is hashed while the rest arrives") {
  Bench bench;
  DivisibleSource source(pattern(0, 60 << 20));
  FakeSink sink;
  CopyOptions options;
  options.parallelism = 2;
  options.compute = DigestKind::kCrc32c;
  REQUIRE(download(source, sink, options, bench.context));
  // Parts from the front, not two halves.
  const auto asked = source.asked();
  REQUIRE(asked.size() >= 4);
  CHECK(asked[0].end <= 16u << 20);
}
