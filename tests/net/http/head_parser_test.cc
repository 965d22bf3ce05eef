#include "net/http/head_parser.h"

#include <string>
#include <vector>

#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::http;

namespace {

Result<Head> parse(const std::vector<std::string>& lines) {
  HeadParser parser;
  for (const std::string& line : lines) {
    auto done = parser.take(line + "\r\n");
    if (!done) return done.error();
    if (*done) return parser.head();
  }
  return make_error(Errc::kInternal, "no end");
}

}  // namespace

TEST_CASE("A head is its status and its headers, whatever came before it") {
  const auto head = parse({"HTTP/1.1 100 Continue", "", "HTTP/1.1 206 Partial: Content", "ETag: \"a\"",
                           "X-Folded: a", "  b", "no header", ": none", "Content-Length:  5 ", ""});
  REQUIRE(head);
  CHECK(head->status == 206);
  CHECK(head->header("etag") == "\"a\"");
  CHECK(head->header("x-folded") == "a b");
  CHECK(head->header("content-length") == "5");
  CHECK(head->headers.size() == 3);
}

TEST_CASE("A length that is none is an error and not a zero") {
  for (const char* length : {"1e3", "9223372036854775808", "-1", "0x10", "5 6", "5, 6", ""}) {
    INFO(length);
    const auto head = parse({"HTTP/1.1 200 OK", "Content-Length: " + std::string(length), ""});
    REQUIRE_FALSE(head);
    CHECK(head.error().code == Errc::kProtocol);
  }
  CHECK_FALSE(parse({"HTTP/1.1 200 OK", "Content-Length: 5", "Content-Length: 6", ""}));
  CHECK(parse({"HTTP/1.1 200 OK", "Content-Length: 5, 5", "Content-Length: 5", ""}));
  // Chunks have the last word.
  CHECK(parse({"HTTP/1.1 200 OK", "Content-Length: 1e3", "Transfer-Encoding: chunked", ""}));
}

TEST_CASE("Heads are bounded in bytes and in lines") {
  HeadParser large;
  CHECK(large.take("HTTP/1.1 200 OK\r\n"));
  CHECK_FALSE(large.take("X: " + std::string(HeadParser::kMostBytes, 'x') + "\r\n"));
  HeadParser many;
  Result<bool> last = false;
  for (size_t i = 0; last && i <= HeadParser::kMostLines; ++i) last = many.take("HTTP/1.1 100 Continue\r\n");
  REQUIRE_FALSE(last);
  CHECK(last.error().code == Errc::kProtocol);
}
