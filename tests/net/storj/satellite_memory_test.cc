#include "net/storj/satellite_memory.h"

#include "tests/support/catch.h"
#include "tests/support/hand_clock.h"
#include "tests/support/temp_folder.h"

using namespace sjcp;
using storj::SatelliteMemory;

TEST_CASE("A satellite that refuses checksums is not asked again for a week, others are") {
  const test::TempFolder folder;
  const std::string file = folder / "new/satellites";
  test::HandClock clock;
  const auto one = *access::NodeId::from_bytes(std::string(32, 'a'));
  const auto other = *access::NodeId::from_bytes(std::string(32, 'b'));
  CHECK(SatelliteMemory(file, one, clock).may_take_checksums());
  {
    SatelliteMemory memory(file, one, clock);
    memory.refuses_checksums();
    CHECK_FALSE(memory.may_take_checksums());
  }
  CHECK_FALSE(SatelliteMemory(file, one, clock).may_take_checksums());
  CHECK(SatelliteMemory(file, other, clock).may_take_checksums());
  SatelliteMemory(file, other, clock).refuses_checksums();
  CHECK_FALSE(SatelliteMemory(file, one, clock).may_take_checksums());
  clock.advance(std::chrono::hours(7 * 24 + 1));
  CHECK(SatelliteMemory(file, one, clock).may_take_checksums());
}

TEST_CASE("Without a file a refusal holds for the run") {
  const auto id = *access::NodeId::from_bytes(std::string(32, 'a'));
  SatelliteMemory memory("", id);
  CHECK(memory.may_take_checksums());
  memory.refuses_checksums();
  CHECK_FALSE(memory.may_take_checksums());
}
