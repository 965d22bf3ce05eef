#include "tests/network/placements.h"

#include "tests/network/test_network.h"
#include "tests/support/catch.h"

using namespace sjcp::network;

TEST_CASE("Schemes are one or several, and none of them may be wrong") {
  std::vector<Redundancy> out;
  REQUIRE(parse_schemes("16/20/30/38", out));
  CHECK(out.size() == 1);
  REQUIRE(parse_schemes("4/5/6/7,2/3/4/5", out));
  REQUIRE(out.size() == 2);
  CHECK(out[1].total == 5);
  for (const char* bad : {"", "4/5/6", "4/5/6/7,", ",4/5/6/7", "4/5/6/7;2/3/4/5", "5/4/6/7"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_schemes(bad, out));
  }
}

TEST_CASE("A cohort holds without the most frequent values, and by number whatever they are") {
  const Cohort cohort{"owner", 1, 3};
  CHECK_FALSE(satisfied(cohort, {"a", "a", "a", "a", "b", "c"}));
  CHECK(satisfied(cohort, {"a", "a", "b", "c", "d"}));
  CHECK_FALSE(satisfied(cohort, {"", "", ""}));
  CHECK(satisfied(cohort, {"", "", "", ""}));
  CHECK_FALSE(satisfied(Cohort{"owner", 2, 1}, {"a", "a", "b", "b"}));
}

TEST_CASE("A bucket's segments take its schemes in turn, other buckets the usual one") {
  Placements placements({2, 3, 4, 5, 256});
  std::vector<Redundancy> schemes;
  REQUIRE(parse_schemes("4/5/6/7,1/1/1/2", schemes));
  placements.set("own", {schemes, Cohort{"owner", 1, 3}});
  CHECK(placements.of("other").scheme(7).total == 5);
  CHECK_FALSE(placements.of("other").cohort);
  CHECK(placements.of("own").scheme(0).total == 7);
  CHECK(placements.of("own").scheme(1).total == 2);
  CHECK(placements.of("own").scheme(2).total == 7);
  const auto wanted = requirements_of(placements.of("own"), 0);
  REQUIRE(wanted.and_().requirements_size() == 2);
  CHECK(wanted.and_().requirements(0).literal().value() == 6);
  CHECK(wanted.and_().requirements(1).withhold().child().literal().value() == 3);
  placements.reset("own");
  CHECK(placements.of("own").scheme(0).total == 5);
}
