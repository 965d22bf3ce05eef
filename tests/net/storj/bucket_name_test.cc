
#include "net/storj/project.h"
#include "tests/support/catch.h"

using sjcp::storj::check_bucket_name;

TEST_CASE("bucket names follow the network's rules") {
  for (const char* good : {"abc", "a-b", "a.b.c", "123", "1.2.3", "a0-9.x", "xn--bcher-kva"}) {
    INFO(good);
    CHECK(check_bucket_name(good));
  }
  CHECK(check_bucket_name(std::string(63, 'a')));
  for (const char* bad :
       {"", "ab", "Abc", "a_b", "-abc", "abc-", "a..b", ".ab", "ab.", "a.-b", "1.2.3.4", "a b", "a/b"}) {
    INFO(bad);
    auto status = check_bucket_name(bad);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == sjcp::Errc::kUsage);
  }
  CHECK_FALSE(check_bucket_name(std::string(64, 'a')));
}
