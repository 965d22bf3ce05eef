#include "core/segment/segment_decoder.h"

#include <algorithm>
#include <random>

#include "tests/core/segment/fake_race.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::segment;
using test::FakeRace;
using test::FakeSegment;

namespace {

const Redundancy kWide{29, 35, 65, 80, 256};
const Redundancy kSmall{4, 5, 8, 10, 256};

std::vector<unsigned> first(unsigned count) {
  std::vector<unsigned> numbers(count);
  for (unsigned i = 0; i < count; ++i) numbers[i] = i;
  return numbers;
}

}  // namespace

TEST_CASE("SegmentDecoder gives back what was encoded from any k pieces that arrive in any order") {
  std::mt19937_64 random(1);
  for (const Redundancy& rs : {kWide, kSmall, Redundancy{2, 2, 4, 4, 256}, Redundancy{1, 1, 1, 1, 256},
                               Redundancy{128, 200, 250, 255, 256}, Redundancy{3, 3, 5, 5, 1000}}) {
    for (size_t size : std::initializer_list<size_t>{0, 1, 4095, 4096, 4097, 7403, 7404, 7405, 7406, 7407,
                                                     7408, 7409, 1048575, 1048577, 5 << 20}) {
      const FakeSegment segment(random, size, rs);
      FakeRace race(segment, segment.options());
      race.add(test::random_subset(random, rs.total, rs.required));
      const auto done = race.run(random, 20011);
      INFO(rs.required << "/" << rs.total << " size " << size);
      REQUIRE(done);
      CHECK(*done);
      CHECK(race.all_right());
      CHECK(race.contiguous);
    }
  }
}

TEST_CASE("SegmentDecoder gives back what was encoded when pieces come in single bytes") {
  std::mt19937_64 random(2);
  const FakeSegment segment(random, 30000, kSmall);
  FakeRace race(segment, segment.options());
  race.add(test::random_subset(random, 10, 6));
  CHECK(*race.run(random, 1));
  CHECK(race.all_right());
}

TEST_CASE("SegmentDecoder reads any range, and asks for no more of the pieces than its blocks need") {
  std::mt19937_64 random(3);
  for (const Redundancy& rs : {kWide, kSmall, Redundancy{58, 58, 80, 80, 256}}) {
    const FakeSegment segment(random, 1 << 20, rs);
    for (int round = 0; round < 60; ++round) {
      auto options = segment.options();
      const uint64_t begin = random() % segment.plain.size();
      options.range = {begin, begin + 1 + random() % (round % 2 ? 100 : segment.plain.size() - begin)};
      options.range.end = std::min<uint64_t>(options.range.end, segment.plain.size());
      options.output_bytes = round % 3 ? 1 << 20 : 10000;
      FakeRace race(segment, options);
      race.add(test::random_subset(random, rs.total, rs.required + 1));
      INFO(rs.required << " range " << options.range.begin << " - " << options.range.end);
      CHECK(*race.run(random, 9000));
      CHECK(race.all_right());
      CHECK(race.contiguous);
      CHECK(race.decoder.piece_range().size() * rs.required <=
            options.range.size() + 4 * 7424 + 2 * rs.stripe_size());
    }
  }
}

TEST_CASE("SegmentDecoder never writes beyond the plain size, when the range asks for it") {
  std::mt19937_64 random(4);
  const FakeSegment segment(random, 10000, kSmall);
  auto options = segment.options();
  options.range = {0, 64 << 20};
  FakeRace race(segment, options);
  race.add({0, 1, 2, 3});
  CHECK(*race.run(random, 5000));
  CHECK(race.output == segment.plain);
}

TEST_CASE("SegmentDecoder is done at once when the range is empty") {
  std::mt19937_64 random(5);
  const FakeSegment segment(random, 10000, kSmall);
  auto options = segment.options();
  options.range = {500, 500};
  FakeRace race(segment, options);
  CHECK(race.decoder.piece_range() == ByteRange{});
  CHECK(*race.decoder.advance());
  CHECK(race.output.empty());
}

TEST_CASE("SegmentDecoder opens every cipher of the network") {
  std::mt19937_64 random(6);
  for (auto cipher :
       {crypto::CipherSuite::kNull, crypto::CipherSuite::kAesGcm, crypto::CipherSuite::kSecretBox}) {
    for (uint32_t block : {64u, 1000u, 7424u, 100000u}) {
      const FakeSegment segment(random, 300001, kSmall, {cipher, block});
      auto options = segment.options();
      options.range = {12345, 300001};
      FakeRace race(segment, options);
      race.add({9, 1, 5, 7});
      CHECK(*race.run(random, 30000));
      CHECK(race.all_right());
    }
  }
}

TEST_CASE("SegmentDecoder writes runs that end at multiples of the output size, except the last") {
  std::mt19937_64 random(7);
  const FakeSegment segment(random, 5 << 20, kWide);
  auto options = segment.options();
  options.range = {100000, (5 << 20) - 77};
  FakeRace race(segment, options);
  race.add(first(29));
  CHECK(*race.run(random, 16384));
  CHECK(race.runs == std::vector<uint64_t>{1 << 20, 2 << 20, 3 << 20, 4 << 20, (5 << 20) - 77});
}

TEST_CASE("SegmentDecoder holds at most a ring of every piece, and no more when one piece stalls") {
  std::mt19937_64 random(8);
  const FakeSegment segment(random, 5 << 20, kSmall);
  FakeRace race(segment, segment.options());
  race.add({0, 1, 2, 3});
  for (unsigned i : {0u, 1u, 2u}) {
    CHECK(race.decoder.room(i) == 64 * 1024);
    race.decoder.feed(i, ByteView(segment.pieces[i]).first(64 * 1024));
    CHECK(race.decoder.room(i) == 0);
  }
  CHECK_FALSE(*race.decoder.advance());
  race.decoder.feed(3, ByteView(segment.pieces[3]).first(16 * 1024));
  CHECK_FALSE(*race.decoder.advance());
  CHECK(race.decoder.room(0) == 16 * 1024);
  CHECK(race.decoder.room(3) == 64 * 1024);
}

TEST_CASE("SegmentDecoder goes on with others when pieces stall or are taken out") {
  std::mt19937_64 random(9);
  const FakeSegment segment(random, 3 << 20, kSmall);
  FakeRace race(segment, segment.options());
  race.add(first(4));
  CHECK_FALSE(*race.run(random, 10000, 400000));
  const uint64_t before = race.decoder.written();
  CHECK(before > 0);
  // Two stall without a word, two are known to be gone; new ones come from the beginning.
  race.decoder.remove(0);
  race.decoder.remove(1);
  CHECK_FALSE(race.decoder.in_play(0));
  CHECK(race.decoder.room(0) == 0);
  race.add({4, 5, 6, 7});
  for (bool moved = true; moved && !*race.decoder.advance();) {
    moved = false;
    for (unsigned i : {4u, 5u, 6u, 7u}) {
      const size_t size = std::min<size_t>(race.decoder.room(i), 1 + random() % 30000);
      race.decoder.feed(i, ByteView(segment.pieces[i]).sub(race.decoder.taken(i), size));
      moved |= size != 0;
    }
  }
  CHECK(*race.decoder.advance());
  CHECK(race.all_right());
}

TEST_CASE("SegmentDecoder takes a piece back from its beginning after it was out of play") {
  std::mt19937_64 random(10);
  const FakeSegment segment(random, 1 << 20, kSmall);
  FakeRace race(segment, segment.options());
  race.add(first(4));
  CHECK_FALSE(*race.run(random, 10000, 100000));
  race.decoder.remove(2);
  race.decoder.add(2);
  CHECK(race.decoder.taken(2) == 0);
  CHECK(*race.run(random, 10000));
  CHECK(race.all_right());
  CHECK(race.decoder.complete(2));
}

TEST_CASE("SegmentDecoder works with rings of few stripes, and with large shares") {
  std::mt19937_64 random(11);
  for (const auto& [share, ring] :
       {std::pair<uint32_t, size_t>{256, 1}, {256, 1300}, {100000, 64 * 1024}, {1 << 20, 0}}) {
    const FakeSegment segment(random, 3 << 20, {2, 2, 5, 5, share});
    auto options = segment.options();
    options.ring_bytes = ring;
    options.output_bytes = 1000;
    FakeRace race(segment, options);
    race.add({1, 3, 4});
    CHECK(*race.run(random, 50000));
    CHECK(race.all_right());
  }
}

TEST_CASE("SegmentDecoder stops with kIntegrity and names the pieces in use when a share is wrong") {
  std::mt19937_64 random(12);
  for (const Redundancy& rs : {kWide, kSmall}) {
    FakeSegment segment(random, 2 << 20, rs);
    const uint64_t at = segment.pieces[3].size() * 7 / 10;
    segment.pieces[3][at] ^= 0x40;
    FakeRace race(segment, segment.options());
    race.add(first(rs.required));
    const auto done = race.run(random, 10000);
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Errc::kIntegrity);
    CHECK(race.decoder.suspects() == first(rs.required));
    // Everything before the wrong block is out.
    CHECK(race.right_so_far());
    CHECK(race.decoder.written() + 3 * 7424 > at * rs.required);
    CHECK(race.decoder.written() < segment.plain.size());
    CHECK_FALSE(race.decoder.advance());
  }
}

TEST_CASE("SegmentDecoder suspects every piece that had a part in a block of several share sets") {
  std::mt19937_64 random(13);
  FakeSegment segment(random, 200000, kSmall, {crypto::CipherSuite::kAesGcm, 80000});
  segment.pieces[0][0] ^= 1;
  auto options = segment.options();
  options.ring_bytes = 4096;
  FakeRace race(segment, options);
  race.add(first(4));
  CHECK_FALSE(*race.run(random, 1000, 8192));
  race.decoder.remove(0);
  race.decoder.add(8);
  const auto done = race.run(random, 1000);
  REQUIRE_FALSE(done);
  CHECK(race.decoder.suspects() == std::vector<unsigned>{0, 1, 2, 3, 8});
}

TEST_CASE("SegmentDecoder corrects wrong pieces and names them when it may wait for more") {
  std::mt19937_64 random(14);
  for (const Redundancy& rs : {kWide, kSmall}) {
    FakeSegment segment(random, 2 << 20, rs);
    const auto playing = test::random_subset(random, rs.total, rs.required + 6);
    std::vector<unsigned> wrong(playing.begin(), playing.begin() + 3);
    segment.pieces[wrong[0]][100] ^= 1;
    for (auto& byte : segment.pieces[wrong[1]]) byte ^= 0x55;
    segment.pieces[wrong[2]].back() ^= 1;  // in the padding stripe: not read
    segment.pieces[wrong[2]][segment.pieces[0].size() - 600] ^= 1;
    std::ranges::sort(wrong);
    auto options = segment.options();
    options.correct_errors = true;
    FakeRace race(segment, options);
    race.add(playing);
    const auto done = race.run(random, 30000);
    REQUIRE(done);
    CHECK(*done);
    CHECK(race.all_right());
    CHECK(race.decoder.wrong_pieces() == wrong);
    for (unsigned number : wrong) CHECK_FALSE(race.decoder.in_play(number));
  }
}

TEST_CASE("SegmentDecoder fails with kIntegrity when more pieces are wrong than can be corrected") {
  std::mt19937_64 random(15);
  FakeSegment segment(random, 1 << 20, kSmall);
  for (unsigned i : {0u, 1u, 2u}) segment.pieces[i][1000] ^= 1;
  auto options = segment.options();
  options.correct_errors = true;
  FakeRace race(segment, options);
  race.add(first(8));
  const auto done = race.run(random, 30000);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::kIntegrity);
  CHECK(race.right_so_far());
  CHECK(race.decoder.suspects() == first(8));
}

TEST_CASE("SegmentDecoder fails with kIntegrity when the key is wrong") {
  std::mt19937_64 random(16);
  const FakeSegment segment(random, 10000, kSmall);
  auto options = segment.options();
  options.key = crypto::Key();
  FakeRace race(segment, options);
  race.add(first(4));
  const auto done = race.run(random, 3000);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::kIntegrity);
  CHECK(race.output.empty());
}

TEST_CASE("SegmentDecoder returns what the output returned when it fails") {
  std::mt19937_64 random(17);
  const FakeSegment segment(random, 3 << 20, kSmall);
  FakeRace race(segment, segment.options());
  race.fail_at = 1 << 20;
  race.add(first(4));
  const auto done = race.run(random, 30000);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::kLocalIo);
  CHECK(race.decoder.written() == 1 << 20);
  CHECK(race.decoder.suspects().empty());
}

TEST_CASE("SegmentDecoder fails with kProtocol when the numbers of the satellite do not fit together") {
  std::mt19937_64 random(18);
  const FakeSegment segment(random, 10000, kSmall);
  const auto fails = [&](auto change) {
    auto options = segment.options();
    change(options);
    FakeRace race(segment, options);
    race.decoder.add(1);
    const auto done = race.decoder.advance();
    return !done && done.error().code == Errc::kProtocol && race.decoder.room(1) == 0;
  };
  using Options = SegmentDecoder::Options;
  CHECK(fails([](Options& o) { o.encrypted_size -= 1; }));
  CHECK(fails([](Options& o) { o.plain_size = 3 * 7408; }));
  CHECK(fails([](Options& o) { o.layout.encrypted_block = 0; }));
  CHECK(fails([](Options& o) { o.layout.encrypted_block = 16; }));
  CHECK(fails([](Options& o) { o.layout.encrypted_block = 1u << 31; }));
  CHECK(fails([](Options& o) { o.layout.cipher = crypto::CipherSuite::kUnspecified; }));
  CHECK(fails([](Options& o) { o.rs.required = 5; }));
  CHECK(fails([](Options& o) { o.rs.share_size = 0; }));
}

TEST_CASE("SegmentDecoder states its memory, which a small range keeps small") {
  std::mt19937_64 random(19);
  const FakeSegment segment(random, 5 << 20, kWide);
  auto options = segment.options();
  CHECK(SegmentDecoder::memory(options, 39) >= 39 * 64 * 1024 + (1 << 20));
  CHECK(SegmentDecoder::memory(options, 39) < 5 << 20);
  options.range = {0, 100};
  options.output_bytes = 4096;
  CHECK(SegmentDecoder::memory(options, 39) < 1 << 20);
}
