#include "core/local/reservation.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <future>
#include <utility>
#include <vector>

#include "core/local/descriptor.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

namespace sjcp::local {
namespace {

using Steps = std::vector<std::pair<uint64_t, uint64_t>>;
constexpr uint64_t kStep = Reservation::kStep;
constexpr uint64_t kFirst = Reservation::kFirstStep;

}  // namespace

TEST_CASE("What is no more than a step is reserved at once") {
  for (const uint64_t size : {uint64_t{1}, kFirst, kStep}) {
    Steps steps;
    Reservation reservation(size, [&](uint64_t offset, uint64_t part) {
      steps.emplace_back(offset, part);
      return 0;
    });
    CHECK(steps == Steps{{0, size}});
    CHECK(reservation.wait() == 0);
  }
}

TEST_CASE("The first step is made at once, the others follow without a gap and without being waited for") {
  Steps steps;
  std::promise<void> begun;
  std::promise<void> go_on;
  Reservation reservation(2 * kStep + 5, [&](uint64_t offset, uint64_t part) {
    if (offset == kFirst) {
      begun.set_value();
      go_on.get_future().wait();
    }
    steps.emplace_back(offset, part);
    return 0;
  });
  begun.get_future().wait();
  CHECK(steps == Steps{{0, kFirst}});
  CHECK(reservation.error() == 0);
  go_on.set_value();
  CHECK(reservation.wait() == 0);
  CHECK(steps == Steps{{0, kFirst}, {kFirst, kStep}, {kFirst + kStep, kStep + 5 - kFirst}});
}

TEST_CASE("A step that fails is the last, and says why") {
  for (const int fails : {0, 1, 2}) {
    int steps = 0;
    Reservation reservation(4 * kStep, [&](uint64_t, uint64_t) { return steps++ == fails ? EDQUOT : 0; });
    CHECK(reservation.wait() == EDQUOT);
    CHECK(reservation.error() == EDQUOT);
    CHECK(steps == fails + 1);
  }
}

TEST_CASE("One that is stopped ends with the step that it is at") {
  uint64_t steps = 0;
  std::promise<void> begun;
  // More steps than anybody would wait for.
  Reservation reservation(uint64_t{1} << 62, [&](uint64_t, uint64_t) {
    if (++steps == 2) begun.set_value();
    return 0;
  });
  begun.get_future().wait();
  reservation.stop();
  const uint64_t before = steps;
  CHECK(before >= 2);
  CHECK(reservation.wait() == 0);
  CHECK(steps == before);
}

TEST_CASE("A file gets its size at once, and its blocks; more than the disk has is refused before that") {
  const test::TempFolder folder;
  const Descriptor file(::open((folder / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(file.valid());
  struct stat info{};
  {
    Reservation reservation(3 * kStep, Reservation::of_file(file.get(), 3 * kStep));
    REQUIRE(::fstat(file.get(), &info) == 0);
    CHECK(info.st_size == 3 * kStep);
    CHECK(reservation.wait() == 0);
  }
  REQUIRE(::fstat(file.get(), &info) == 0);
  CHECK(info.st_size == 3 * kStep);
  const bool reserves = info.st_blocks > 0;
  if (!reserves) WARN("the file system of temporary files cannot reserve");
  if (reserves) {
    CHECK(static_cast<uint64_t>(info.st_blocks) * 512 >= 3 * kStep);
    int steps = 0;
    const uint64_t more = std::filesystem::space(folder.path()).free + 4 * kStep + (1 << 30);
    const auto reserve = Reservation::of_file(file.get(), more);
    Reservation reservation(more, [&](uint64_t offset, uint64_t part) {
      ++steps;
      return reserve(offset, part);
    });
    CHECK(reservation.error() == ENOSPC);
    CHECK(steps == 1);
  }
}

}  // namespace sjcp::local
