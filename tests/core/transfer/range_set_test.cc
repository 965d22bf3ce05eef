#include "core/transfer/range_set.h"
#include "tests/support/catch.h"

#include <random>

using namespace sjcp;
using transfer::ByteRange;
using transfer::RangeSet;
using Ranges = std::vector<ByteRange>;

TEST_CASE("Ranges that touch or overlap become one") {
  RangeSet set;
  set.add({10, 20});
  set.add({30, 40});
  CHECK(set.ranges() == Ranges{{10, 20}, {30, 40}});
  set.add({20, 25});
  CHECK(set.ranges() == Ranges{{10, 25}, {30, 40}});
  set.add({24, 30});
  CHECK(set.ranges() == Ranges{{10, 40}});
  set.add({15, 16});
  set.add({7, 7});
  CHECK(set.ranges() == Ranges{{10, 40}});
  CHECK(set.bytes() == 30);
  set.add({0, 100});
  CHECK(set.ranges() == Ranges{{0, 100}});
  CHECK(set.bytes() == 100);
}

TEST_CASE("What is missing is what was not added, within what is asked about") {
  RangeSet set;
  CHECK(set.missing({0, 5}) == Ranges{{0, 5}});
  CHECK(set.missing({5, 5}).empty());
  set.add({10, 20});
  set.add({30, 40});
  CHECK(set.missing({0, 50}) == Ranges{{0, 10}, {20, 30}, {40, 50}});
  CHECK(set.missing({10, 40}) == Ranges{{20, 30}});
  CHECK(set.missing({12, 18}).empty());
  CHECK(set.missing({15, 35}) == Ranges{{20, 30}});
  CHECK(set.missing({22, 28}) == Ranges{{22, 28}});
  CHECK(set.missing({40, 41}) == Ranges{{40, 41}});
  CHECK(set.contains({10, 20}));
  CHECK(set.contains({13, 13}));
  CHECK_FALSE(set.contains({10, 21}));
  CHECK_FALSE(set.contains({9, 11}));
  CHECK_FALSE(set.contains({25, 35}));
}

TEST_CASE("A set of ranges agrees with a list of bytes after any additions") {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    RangeSet set;
    std::vector<bool> bytes(64);
    for (int i = 0; i < 12; ++i) {
      const uint64_t begin = random() % 64;
      const uint64_t end = std::min<uint64_t>(64, begin + random() % 12);
      set.add({begin, end});
      for (uint64_t at = begin; at < end; ++at) bytes[at] = true;
    }
    std::vector<bool> missing(64);
    uint64_t previous = 0;
    for (const ByteRange& gap : set.missing({0, 64})) {
      CHECK(gap.begin < gap.end);
      CHECK((gap.begin == 0 || gap.begin > previous));
      previous = gap.end;
      for (uint64_t at = gap.begin; at < gap.end; ++at) missing[at] = true;
    }
    for (size_t at = 0; at < 64; ++at) CHECK(missing[at] != bytes[at]);
    CHECK(set.bytes() == static_cast<uint64_t>(std::count(bytes.begin(), bytes.end(), true)));
  }
}
