#include "cli/exit_codes.h"
#include "tests/support/catch.h"

using namespace sjcp;

TEST_CASE("Every kind of error has the exit code of the man page") {
  CHECK(cli::exit_code(Errc::kInternal) == 1);
  CHECK(cli::exit_code(Errc::kUsage) == 2);
  CHECK(cli::exit_code(Errc::kUnsupported) == 2);
  CHECK(cli::exit_code(Errc::kNotFound) == 3);
  CHECK(cli::exit_code(Errc::kDenied) == 4);
  CHECK(cli::exit_code(Errc::kNetwork) == 5);
  CHECK(cli::exit_code(Errc::kProtocol) == 5);
  CHECK(cli::exit_code(Errc::kIntegrity) == 6);
  CHECK(cli::exit_code(Errc::kLocalIo) == 7);
  CHECK(cli::exit_code(Errc::kConflict) == 9);
  CHECK(cli::exit_code(Errc::kLimited) == 10);
  CHECK(cli::exit_code(Errc::kCancelled) == 130);
}
