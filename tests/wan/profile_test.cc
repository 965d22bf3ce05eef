#include "tests/wan/profile.h"
#include "tests/support/catch.h"

#include <map>

namespace sjcp::wan {
namespace {

using namespace std::chrono_literals;

Error error_of(const std::string& json) {
  const auto profile = parse_profile("p", json);
  REQUIRE_FALSE(profile);
  return profile.error();
}

}  // namespace

TEST_CASE("Every profile that is shipped can be read and says what it is") {
  const std::map<std::string, Time> round_trips{{"lan", 400us},  {"metro", 8ms},      {"continent", 40ms},
                                                {"ocean", 80ms}, {"antipode", 200ms}, {"home", 25ms},
                                                {"lossy", 40ms}, {"mixed", 20ms}};
  for (const auto& [name, round_trip] : round_trips) {
    CAPTURE(name);
    const auto profile = load_profile(name);
    REQUIRE(profile);
    CHECK_FALSE(profile->about.empty());
    CHECK(profile->place(kFirstService).settings.round_trip == round_trip);
    CHECK(profile->line.down.bits_per_second > 0);
  }
  CHECK(load_profile("home")->line.up.bits_per_second == 20'000'000);
  CHECK(load_profile("lossy")->path.loss == 0.005);
}

TEST_CASE("Of 84 nodes of mixed, 8 are slow, 3 stall, one is dead, and all regions are there") {
  const Profile profile = *load_profile("mixed");
  std::map<std::string, int> kinds, regions;
  for (uint32_t i = 0; i < 84; ++i) {
    const Placed placed = profile.place(kFirstNode + i);
    ++kinds[placed.kind];
    ++regions[placed.region];
    CHECK(placed.settings.dead == (placed.kind == "dead"));
    if (placed.kind == "slow") CHECK(placed.settings.hop.bits_per_second == 16'000'000);
  }
  CHECK(kinds == std::map<std::string, int>{{"", 72}, {"slow", 8}, {"stalling", 3}, {"dead", 1}});
  CHECK(regions.size() == 7);
}

TEST_CASE("Each hundred nodes are shared out exactly, differently, and alike for the same seed") {
  Profile profile = *load_profile("mixed");
  std::string first, second, other;
  for (uint32_t hundred = 0; hundred < 2; ++hundred) {
    std::map<std::string, int> kinds;
    for (uint32_t i = 0; i < 100; ++i) {
      const std::string kind = profile.place(kFirstNode + 100 * hundred + i).kind;
      ++kinds[kind];
      (hundred == 0 ? first : second) += kind.empty() ? "-" : kind.substr(0, 2);
    }
    CHECK(kinds == std::map<std::string, int>{{"", 86}, {"slow", 10}, {"stalling", 3}, {"dead", 1}});
  }
  CHECK(first != second);
  ++profile.seed;
  for (uint32_t i = 0; i < 100; ++i) {
    const std::string kind = profile.place(kFirstNode + i).kind;
    other += kind.empty() ? "-" : kind.substr(0, 2);
  }
  CHECK(other != first);
}

TEST_CASE("Services before the first node are in the first region and of no kind") {
  const Profile profile = *load_profile("mixed");
  for (const uint32_t address : {kFirstService, kFirstNode - 1, kPinged}) {
    CHECK(profile.place(address).kind.empty());
    CHECK(profile.place(address).region == "europe-west");
  }
}

TEST_CASE("A profile's mistakes are named with their place") {
  CHECK(error_of("{").what == "p: not JSON");
  CHECK(error_of("[]").what == "p: is not an object");
  CHECK(error_of(R"({"pathh":{}})").what == "p: unknown key pathh");
  CHECK(error_of(R"({"path":{"rtt":3}})").what == "p: path: unknown key rtt");
  CHECK(error_of(R"({"path":{"loss":2}})").what == "p: path: loss is not a number from 0 to 1.000000");
  CHECK(error_of(R"({"path":{"dead":1}})").what == "p: path: dead is not true or false");
  CHECK(error_of(R"({"line":{"down":3}})").what == "p: line down: is not an object");
  CHECK(error_of(R"({"kinds":{}})").what == "p: kinds: not an array");
  CHECK(error_of(R"({"kinds":[{"percent":60},{"percent":41}]})").what == "p: kinds: more than 100 percent");
  CHECK(error_of(R"({"events":3})").what == "p: events: not an array");
  CHECK(error_of(R"({"events":[{"paths":"10.67.0.1"}]})").code == Errc::kUsage);
  const auto unknown = load_profile("nowhere");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().what == "nowhere: no such profile");
}

TEST_CASE("A change names paths by address, by network or all at once") {
  const auto one = parse_change(R"({"paths":"10.66.1.7","set":{"rtt_ms":300,"mbit":8},"at_s":1.5})");
  REQUIRE(one);
  CHECK(one->first == kFarNetwork + 0x107);
  CHECK(one->last == one->first);
  CHECK(one->at == Time(1500ms));
  PathSettings settings;
  settings.loss = 0.25;
  one->path.apply(settings);
  CHECK(settings.round_trip == Time(300ms));
  CHECK(settings.hop.bits_per_second == 8'000'000);
  CHECK(settings.loss == 0.25);
  const auto network = parse_change(R"({"paths":"10.66.1.7/24","set":{}})");
  REQUIRE(network);
  CHECK(network->first == kFarNetwork + 0x100);
  CHECK(network->last == kFarNetwork + 0x1ff);
  const auto line = parse_change(R"({"line":{"down":{"mbit":50,"queue_ms":10}}})");
  REQUIRE(line);
  CHECK(line->first == kFarNetwork);
  CHECK(line->last == kFarNetwork + 0xffff);
  REQUIRE(line->down);
  CHECK(line->down->bits_per_second == 50'000'000);
  CHECK_FALSE(line->up);
  for (const char* bad : {"10.66.1.7/15", "10.66.1.7/33", "10.66.1.7/", "10.66.1.7/x", "x", ""}) {
    CHECK_FALSE(parse_change(std::string(R"({"paths":")") + bad + "\"}"));
  }
}

TEST_CASE("Events are in the order of their time") {
  const auto profile = parse_profile("p", R"({"events":[{"at_s":2},{"at_s":1,"line":{"up":{"mbit":1}}}]})");
  REQUIRE(profile);
  REQUIRE(profile->events.size() == 2);
  CHECK(profile->events[0].at == Time(1s));
  CHECK(profile->events[0].up.has_value());
}

}  // namespace sjcp::wan
