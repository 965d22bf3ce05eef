#include "cli/sameness.h"

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

namespace sjcp::cli {
namespace {

using transfer::Digest;
using transfer::DigestKind;
using transfer::Time;

const Time kEarly{std::chrono::seconds(1000)};
const Time kLate{std::chrono::seconds(2000)};
const Digest kMd5Hello{DigestKind::kMd5, "5d41402abc4b2a76b9719d911017c592"};
const Digest kMd5Other{DigestKind::kMd5, std::string(32, '0')};
const Digest kSha1Hello{DigestKind::kSha1, "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"};

}  // namespace

TEST_CASE("A destination is the same by size and time only where both are known on both sides") {
  struct Case {
    Known source;
    Known destination;
    bool same;
  };
  for (const Case& c :
       {Case{{5, kEarly}, {5, kLate}, true}, Case{{5, kEarly}, {5, kEarly}, true},
        Case{{5, kLate}, {5, kEarly}, false}, Case{{5, kEarly}, {6, kLate}, false},
        Case{{5, std::nullopt}, {5, kLate}, false}, Case{{5, kEarly}, {5, std::nullopt}, false},
        Case{{std::nullopt, kEarly}, {5, kLate}, false}, Case{{5, kEarly}, {std::nullopt, kLate}, false},
        Case{{}, {}, false}}) {
    CAPTURE(c.source.size, c.destination.size);
    CHECK(same(c.source, c.destination) == c.same);
  }
}

TEST_CASE("Digests of one kind decide, whatever the times say") {
  CHECK(same({5, kLate, {kMd5Hello}}, {5, kEarly, {kMd5Hello}}));
  CHECK_FALSE(same({5, kEarly, {kMd5Hello}}, {5, kLate, {kMd5Other}}));
  CHECK(same({std::nullopt, std::nullopt, {kMd5Hello}}, {std::nullopt, std::nullopt, {kMd5Hello}}));
  CHECK_FALSE(same({5, kEarly, {kMd5Hello}}, {6, kLate, {kMd5Hello}}));
  // Of several, all that can be compared have to be equal.
  CHECK_FALSE(same({5, kEarly, {kMd5Hello, kSha1Hello}}, {5, kLate, {kSha1Hello, kMd5Other}}));
  // Digests of other kinds say nothing: the times do.
  CHECK(same({5, kEarly, {kMd5Hello}}, {5, kLate, {kSha1Hello}}));
  CHECK_FALSE(same({5, std::nullopt, {kMd5Hello}}, {5, std::nullopt, {kSha1Hello}}));
}

TEST_CASE("A side that tells no digest computes it; one that cannot leaves it to the times") {
  const auto hello = [](DigestKind) { return std::optional(kMd5Hello); };
  const auto none = [](DigestKind) { return std::optional<Digest>(); };
  CHECK(same({5, std::nullopt, {kMd5Hello}}, {5, kLate}, hello));
  CHECK(same({5, kLate}, {5, kEarly, {kMd5Hello}}, hello));
  CHECK_FALSE(same({5, kEarly, {kMd5Other}}, {5, kLate}, hello));
  CHECK(same({5, kEarly, {kMd5Hello}}, {5, kLate}, none));
  CHECK_FALSE(same({5, std::nullopt, {kMd5Hello}}, {5, kLate}, none));
}

TEST_CASE("The epoch, an unknown size and the digest of a whole beside a part are not known") {
  transfer::ObjectInfo info;
  info.size = 10;
  info.range = {0, 10};
  info.digests = {kMd5Hello};
  CHECK(known_of(info).digests.size() == 1);
  CHECK_FALSE(known_of(info).changed);
  info.range = {0, 5};
  CHECK(known_of(info).size == 5);
  CHECK(known_of(info).digests.empty());
  info.size = transfer::kUnknownSize;
  info.range = {0, transfer::kUnknownSize};
  CHECK_FALSE(known_of(info).size);
  transfer::ObjectItem item;
  item.size = transfer::kUnknownSize;
  CHECK_FALSE(known_of(item).size);
  CHECK_FALSE(known_of(item).changed);
}

TEST_CASE("Digests of a local file are those of its bytes") {
  const test::TempFolder folder;
  test::write_file(folder / "f", "hello");
  LocalDigests digests(folder / "f", {});
  CHECK(digests(DigestKind::kMd5) == kMd5Hello);
  CHECK(digests(DigestKind::kSha1) == kSha1Hello);
  CHECK(digests(DigestKind::kGitBlob)->hex == "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0");
  CHECK_FALSE(LocalDigests(folder / "none", {})(DigestKind::kMd5));
  std::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(LocalDigests(folder / "f", stop.get_token())(DigestKind::kMd5));
}

}  // namespace sjcp::cli
