#include "cli/found_ahead.h"

#include <atomic>
#include <latch>
#include <string>
#include <vector>

#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::cli;

namespace {

CopyItem item_named(int n) {
  return CopyItem{Location::local(std::to_string(n)), Location::local("o")};
}

}  // namespace

TEST_CASE("Files are found ahead of the one that is copied, in order, up to a bound") {
  FoundAhead ahead(10);
  std::latch ten_found(10);
  std::atomic<int> found = 0;
  std::vector<std::string> taken;
  const auto find = [&](const FoundAhead::Take& take) {
    for (int n = 0; n < 40; ++n) {
      if (auto ok = take(item_named(n)); !ok) return ok;
      ++found;
      if (n < 10) ten_found.count_down();
    }
    return Status();
  };
  const auto status = ahead.run(find, [&](const CopyItem& item) {
    ten_found.wait();
    CHECK(found <= static_cast<int>(taken.size()) + 12);
    taken.push_back(item.source.path);
    return Status();
  });
  CHECK(status);
  REQUIRE(taken.size() == 40);
  for (int n = 0; n < 40; ++n) CHECK(taken[static_cast<size_t>(n)] == std::to_string(n));
}

TEST_CASE("What was found before an error is taken, and an error in taking ends the finding") {
  int taken = 0;
  const auto count = [&](const CopyItem&) {
    ++taken;
    return Status();
  };
  auto failed = FoundAhead().run(
      [](const FoundAhead::Take& take) {
        for (int n = 0; n < 3; ++n) CHECK(take(item_named(n)));
        return Status(make_error(Errc::kDenied, "listing refused"));
      },
      count);
  CHECK(taken == 3);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == Errc::kDenied);

  bool ended = false;
  auto stopped = FoundAhead(2).run(
      [&](const FoundAhead::Take& take) {
        for (;;) {
          if (auto ok = take(item_named(0)); !ok) {
            ended = true;
            return ok;
          }
        }
      },
      [](const CopyItem&) { return Status(make_error(Errc::kLocalIo, "disk full")); });
  CHECK(ended);
  CHECK(stopped.error().code == Errc::kLocalIo);
}
