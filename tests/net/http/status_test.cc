#include "net/http/status.h"

#include "net/http/retry.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::http;

TEST_CASE("statuses have kinds") {
  const std::pair<int, Errc> cases[] = {
      {400, Errc::kUsage},       {401, Errc::kDenied},  {403, Errc::kDenied},   {404, Errc::kNotFound},
      {405, Errc::kUnsupported}, {408, Errc::kNetwork}, {410, Errc::kNotFound}, {412, Errc::kConflict},
      {416, Errc::kUsage},       {429, Errc::kLimited}, {500, Errc::kNetwork},  {501, Errc::kUnsupported},
      {502, Errc::kNetwork},     {503, Errc::kNetwork}, {504, Errc::kNetwork},  {302, Errc::kProtocol},
      {999, Errc::kProtocol},    {0, Errc::kProtocol},
  };
  for (const auto& [status, kind] : cases) {
    INFO(status);
    CHECK(status_kind(status) == kind);
    CHECK(status_error("x", status).cause == status);
  }
}

TEST_CASE("exactly the statuses that may pass are tried again") {
  std::vector<int> passing;
  for (int status = 400; status < 600; ++status) {
    if (worth_retrying(status_error("x", status))) passing.push_back(status);
  }
  CHECK(std::count(passing.begin(), passing.end(), 507) == 0);
  for (const int status : {408, 425, 429, 500, 502, 503, 504}) {
    CHECK(std::count(passing.begin(), passing.end(), status) == 1);
  }
  for (const int status : {400, 401, 403, 404, 405, 409, 410, 412, 416, 501, 505}) {
    CHECK(std::count(passing.begin(), passing.end(), status) == 0);
  }
}

TEST_CASE("the text is one line with what the server says and what to do") {
  CHECK(status_error("https://h/x", 403, "Access\r\n\tDenied\n").what ==
        "https://h/x: the server answers 403 (forbidden): Access Denied; a signed link may have expired");
  CHECK(status_error("x", 418).what == "x: the server answers 418");
  CHECK(one_line(std::string(1000, 'a'), 10) == "aaaaaaaaaa...");
  CHECK(one_line("a\xc3\xa9", 2) == "a...");
}
