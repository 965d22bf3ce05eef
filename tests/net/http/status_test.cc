#include "net/http/status.h"

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

TEST_CASE("a status that may pass says so") {
  const std::pair<int, Fault> cases[] = {
      {408, Fault::kUnavailable}, {425, Fault::kUnavailable}, {429, Fault::kBusy},
      {500, Fault::kServerError}, {502, Fault::kUnavailable}, {503, Fault::kUnavailable},
      {504, Fault::kUnavailable}, {521, Fault::kUnavailable}, {599, Fault::kServerError},
  };
  for (const auto& [status, fault] : cases) {
    INFO(status);
    CHECK(status_error("x", status).fault == fault);
  }
  for (const int status : {200, 302, 400, 401, 403, 404, 405, 407, 409, 410, 412, 416, 501, 505, 507, 511}) {
    INFO(status);
    CHECK(status_error("x", status).fault == Fault::kNone);
  }
}

TEST_CASE("a proxy that makes no tunnel refuses as the status says") {
  const Error password = proxy_error("https://h/x", 407);
  CHECK(password.code == Errc::kDenied);
  CHECK(password.what ==
        "https://h/x: the proxy answers 407 (the proxy wants a password); put it into the proxy's URL");
  CHECK(proxy_error("https://h/x", 403).what == "https://h/x: the proxy answers 403 (forbidden)");
  CHECK(proxy_error("https://h/x", 502).fault == Fault::kUnavailable);
}

TEST_CASE("the text is one line with what the server says and what to do") {
  CHECK(status_error("https://h/x", 403, "Access\r\n\tDenied\n").what ==
        "https://h/x: the server answers 403 (forbidden): Access Denied");
  CHECK(status_error("https://h/x?X-Amz-Signature=***", 403).what.find("is signed and may have expired") !=
        std::string::npos);
  CHECK(status_error("https://h/x?sig=***", 403).what.find("expired") != std::string::npos);
  CHECK(status_error("https://h/Signature=?x=1", 403).what.find("expired") == std::string::npos);
  CHECK(status_error("x", 418).what == "x: the server answers 418");
  CHECK(one_line(std::string(1000, 'a'), 10) == "aaaaaaaaaa...");
  CHECK(one_line("a\xc3\xa9", 2) == "a...");
}
