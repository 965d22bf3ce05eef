#include "net/http/range_reply.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::http;

namespace {

Known known_object() {
  Head head;
  head.headers = {{"ETag", "\"v1\"", false}};
  return {"http://h/x", 100, Validator(head)};
}

Head range_head(const std::string& content_range, const std::string& length = "10") {
  Head head;
  head.status = 206;
  head.headers = {
      {"ETag", "\"v1\"", false}, {"Content-Range", content_range, false}, {"Content-Length", length, false}};
  return head;
}

Errc kind_of(const Head& head, ByteRange asked = {10, 20}) {
  const auto range = check_range_reply(head, asked, known_object());
  REQUIRE_FALSE(range);
  CHECK(range.error().what.starts_with("http://h/x: "));
  return range.error().code;
}

}  // namespace

TEST_CASE("the range that was asked for is taken, and a shorter one") {
  CHECK(*check_range_reply(range_head("bytes 10-19/100"), {10, 20}, known_object()) == ByteRange{10, 20});
  CHECK(*check_range_reply(range_head("bytes 10-14/100", "5"), {10, 20}, known_object()) ==
        ByteRange{10, 15});
  CHECK(*check_range_reply(range_head("bytes 10-19/*"), {10, 20}, known_object()) == ByteRange{10, 20});
}

TEST_CASE("any other range is refused") {
  for (const char* range :
       {"bytes 0-9/100", "bytes 11-20/100", "bytes 10-20/100", "bytes */100", "bytes 10-19", ""}) {
    INFO(range);
    CHECK(kind_of(range_head(range)) == Errc::kProtocol);
  }
  CHECK(kind_of(range_head("bytes 10-19/100", "11")) == Errc::kProtocol);
}

TEST_CASE("a reply of another version is a conflict") {
  CHECK(kind_of(range_head("bytes 10-19/101")) == Errc::kConflict);
  Head other = range_head("bytes 10-19/100");
  other.headers[0].value = "\"v2\"";
  CHECK(kind_of(other) == Errc::kConflict);
  other.headers[0].value = "W/\"v1\"";
  CHECK(kind_of(other) == Errc::kConflict);
  Head refused;
  refused.status = 412;
  CHECK(kind_of(refused) == Errc::kConflict);
  refused.status = 416;
  CHECK(kind_of(refused) == Errc::kConflict);
}

TEST_CASE("the whole object, an encoded one, and error pages are no range") {
  Head whole = range_head("bytes 10-19/100");
  whole.status = 200;
  CHECK(kind_of(whole) == Errc::kProtocol);
  Head zipped = range_head("bytes 10-19/100");
  zipped.headers.push_back({"Content-Encoding", "gzip", false});
  CHECK(kind_of(zipped) == Errc::kProtocol);
  Head page;
  page.status = 404;
  CHECK(kind_of(page) == Errc::kNotFound);
  page.status = 503;
  CHECK(kind_of(page) == Errc::kNetwork);
  page.status = 204;
  CHECK(kind_of(page) == Errc::kProtocol);
}

TEST_CASE("the whole again must be the same whole") {
  Head head;
  head.status = 200;
  head.headers = {{"ETag", "\"v1\"", false}, {"Content-Length", "100", false}};
  CHECK(check_whole_reply(head, known_object()));
  head.headers[1].value = "99";
  CHECK(check_whole_reply(head, known_object()).error().code == Errc::kConflict);
  head.headers[1].value = "100";
  head.headers[0].value = "\"v2\"";
  CHECK(check_whole_reply(head, known_object()).error().code == Errc::kConflict);
  head.status = 403;
  CHECK(check_whole_reply(head, known_object()).error().code == Errc::kDenied);
}

TEST_CASE("Range values") {
  CHECK(range_value({0, 5}) == "bytes=0-4");
  CHECK(range_value({7, UINT64_MAX}) == "bytes=7-");
}
