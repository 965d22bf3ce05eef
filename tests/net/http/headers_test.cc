#include "net/http/headers.h"
#include "tests/support/catch.h"

#include <random>

using namespace sjcp;
using namespace sjcp::http;

namespace {

Head head_of(std::vector<Header> headers) {
  Head head;
  head.status = 200;
  head.headers = std::move(headers);
  return head;
}

}  // namespace

TEST_CASE("Content-Range is read in its three forms") {
  const auto full = parse_content_range("bytes 5-9/100");
  REQUIRE(full);
  CHECK(full->bytes == ByteRange{5, 10});
  CHECK(full->total == 100u);
  const auto open = parse_content_range("Bytes  0-0/*");
  REQUIRE(open);
  CHECK(open->bytes == ByteRange{0, 1});
  CHECK_FALSE(open->total);
  const auto beyond = parse_content_range("bytes */17");
  REQUIRE(beyond);
  CHECK_FALSE(beyond->bytes);
  CHECK(beyond->total == 17u);
}

TEST_CASE("Content-Range that makes no sense is none") {
  for (const char* value :
       {"", "bytes", "bytes 5-9", "bytes 9-5/100", "bytes 5-100/100", "bytes -5/100", "bytes 5-/100",
        "items 5-9/100", "bytes 5-9/1x", "bytes 5-9/-1", "bytes 5-9/99999999999999999999",
        "bytes 0-18446744073709551615/*", "bytes=5-9/100", "bytes 5- 9/100", "bytes +5-9/100"}) {
    INFO(value);
    CHECK_FALSE(parse_content_range(value));
  }
}

TEST_CASE("whatever Content-Range says, the range that is read lies within its total") {
  std::mt19937 random(3);
  constexpr std::string_view kLetters = "0123456789-/* bytes";
  for (int i = 0; i < 20000; ++i) {
    std::string value = "bytes ";
    for (auto n = random() % 12; n > 0; --n) value += kLetters[random() % kLetters.size()];
    const auto range = parse_content_range(value);
    if (!range || !range->bytes) continue;
    INFO(value);
    CHECK(range->bytes->begin < range->bytes->end);
    CHECK((!range->total || range->bytes->end <= *range->total));
  }
}

TEST_CASE("Content-Length counts only where it is certain") {
  CHECK(content_length(head_of({{"content-length", "5", false}})) == 5u);
  CHECK(content_length(head_of({{"Content-Length", "5", false}, {"Content-Length", "5", false}})) == 5u);
  CHECK_FALSE(content_length(head_of({{"Content-Length", "5", false}, {"Content-Length", "6", false}})));
  CHECK_FALSE(content_length(head_of({{"Content-Length", "-5", false}})));
  CHECK_FALSE(
      content_length(head_of({{"Content-Length", "5", false}, {"Transfer-Encoding", "chunked", false}})));
  CHECK_FALSE(content_length(head_of({})));
}

TEST_CASE("the last header of a name counts, whatever its case") {
  const Head head = head_of({{"X-A", "1", false}, {"x-a", "2", false}});
  CHECK(head.header("X-a") == "2");
  CHECK_FALSE(head.header("X-B"));
}

TEST_CASE("Content-Disposition gives a safe name") {
  const std::pair<const char*, const char*> cases[] = {
      {"attachment; filename=a.txt", "a.txt"},
      {"attachment; filename=\"a b.txt\"", "a b.txt"},
      {"ATTACHMENT; FileName=\"q\\\"x\\\\y.txt\"", "y.txt"},
      {"attachment; filename=\"x.txt\"; filename*=UTF-8''na%C3%AFve.txt", "na\xc3\xafve.txt"},
      {"attachment; filename*=utf-8'en'a%2fb.txt; filename=x", "b.txt"},
      {"attachment; filename*=ISO-8859-1''caf%E9", "caf\xc3\xa9"},
      {"attachment; filename*=KOI8-R''x; filename=y", "y"},
      {"attachment; filename=\"../../etc/passwd\"", "passwd"},
      {"attachment; filename=\"..\\\\..\\\\evil.exe\"", "evil.exe"},
      {"attachment; filename=100%25.txt", "100%25.txt"},
      {"attachment; filename=\"a;b.txt\"", "a;b.txt"},
      {"attachment; filename=\"unclosed", "unclosed"},
      {"attachment; filename=", ""},
      {"attachment; filename", ""},
      {"attachment", ""},
      {"filename=a", ""},
      {"", ""},
      {"attachment; filename*=UTF-8''..; filename=ok", "ok"},
      {"inline;filename = x.bin ", "x.bin"},
  };
  for (const auto& [value, wanted] : cases) {
    INFO(value);
    CHECK(disposition_file_name(value) == wanted);
  }
}

TEST_CASE("no Content-Disposition leads out of the folder") {
  std::mt19937 random(5);
  const std::string parts[] = {"filename", "*", "=",   "\"", ";", "\\", "/", "..", "UTF-8''",
                               "%2f",      "%", "%00", " ",  "~", ".",  "a", "'",  "\n"};
  for (int i = 0; i < 20000; ++i) {
    std::string value = "attachment; filename=";
    for (auto n = random() % 8; n > 0; --n) value += parts[random() % std::size(parts)];
    const std::string name = disposition_file_name(value);
    INFO(value);
    CHECK(name.find_first_of(std::string_view("/\\\0\n", 4)) == std::string::npos);
    CHECK_FALSE(name.starts_with('.'));
  }
}

TEST_CASE("base64 is read, and nothing but it") {
  CHECK(from_base64("")->empty());
  CHECK(to_hex(*from_base64("AQID")) == "010203");
  CHECK(to_hex(*from_base64("AQI=")) == "0102");
  CHECK(to_hex(*from_base64("/w==")) == "ff");
  for (const char* text : {"A", "AQI", "A===", "A=I=", "AQ-_", "AQ =", "===="}) {
    INFO(text);
    CHECK_FALSE(from_base64(text));
  }
}

TEST_CASE("digests that the server promises are those of the whole object") {
  const std::string md5 = "1B2M2Y8AsgTpgAmY7PhCfg==";  // of nothing
  const auto digests = promised_digests(head_of({
      {"Repr-Digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:, foo=:AAAA:", false},
      {"Digest", "SHA-256=AAAA,MD5=" + md5 + ",adler32=03da0195", false},
      {"x-goog-hash", "crc32c=AAAAAA==,md5=xxxx", false},
      {"Content-MD5", md5, false},
  }));
  REQUIRE(digests.size() == 3);
  CHECK(digests[0] == transfer::Digest{transfer::DigestKind::kSha256,
                                       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"});
  CHECK(digests[1] == transfer::Digest{transfer::DigestKind::kMd5, "d41d8cd98f00b204e9800998ecf8427e"});
  CHECK(digests[2] == transfer::Digest{transfer::DigestKind::kCrc32c, "00000000"});
  CHECK(promised_digests(head_of({{"Digest", "MD5=" + md5, false}, {"Content-Encoding", "gzip", false}}))
            .empty());
}

TEST_CASE("a strong ETag pins the version") {
  const Validator pinned(head_of({{"ETag", "\"abc\"", false}, {"Last-Modified", "x", false}}));
  CHECK(pinned.strong());
  CHECK(pinned.version(5) == "etag \"abc\"");
  std::vector<Header> headers;
  pinned.add_conditions(headers);
  REQUIRE(headers.size() == 1);
  CHECK(headers[0].name == "If-Match");
  CHECK(headers[0].value == "\"abc\"");
  CHECK(pinned.holds(head_of({{"ETag", "\"abc\"", false}})));
  CHECK_FALSE(pinned.holds(head_of({{"ETag", "W/\"abc\"", false}})));
  CHECK_FALSE(pinned.holds(head_of({{"ETag", "\"abd\"", false}})));
  CHECK_FALSE(pinned.holds(head_of({})));
}

TEST_CASE("without a strong ETag the date pins the version, as far as it goes") {
  const std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";
  const Validator pinned(head_of({{"ETag", "W/\"abc\"", false}, {"Last-Modified", date, false}}));
  CHECK_FALSE(pinned.strong());
  CHECK(pinned.version(5) == "modified " + date + " size 5 etag W/\"abc\"");
  std::vector<Header> headers;
  pinned.add_conditions(headers);
  REQUIRE(headers.size() == 1);
  CHECK(headers[0].name == "If-Unmodified-Since");
  CHECK(pinned.holds(head_of({{"ETag", "W/\"abc\"", false}, {"Last-Modified", date, false}})));
  CHECK_FALSE(pinned.holds(head_of({{"ETag", "W/\"abc\"", false}, {"Last-Modified", "later", false}})));
  CHECK_FALSE(pinned.holds(head_of({{"ETag", "W/\"x\"", false}, {"Last-Modified", date, false}})));
  CHECK(pinned.modified()->time_since_epoch() == std::chrono::seconds(784111777));
  CHECK(Validator(head_of({})).version(5).empty());
  CHECK(Validator(head_of({{"ETag", "abc", false}})).version(5).empty());
}

TEST_CASE("an encoding is known by the names of what it makes") {
  CHECK(content_encoding(head_of({{"Content-Encoding", "GZip", false}})) == "gzip");
  CHECK(content_encoding(head_of({{"Content-Encoding", "identity", false}})) == "");
  CHECK(content_encoding(head_of({})) == "");
  CHECK(encoding_of_name("gzip", "/a/x.tar.gz"));
  CHECK(encoding_of_name("x-gzip", "x.tgz"));
  CHECK(encoding_of_name("zstd", "x.zst"));
  CHECK_FALSE(encoding_of_name("gzip", "x.html"));
  CHECK_FALSE(encoding_of_name("br", "x.gz"));
}

TEST_CASE("digests of what was unpacked on the way promise nothing") {
  const Header hash{"X-Goog-Hash", "crc32c=AAAAAA==", false};
  CHECK(promised_digests(head_of({hash})).size() == 1);
  CHECK(promised_digests(head_of({hash, {"X-Goog-Stored-Content-Encoding", "gzip", false}})).empty());
  CHECK(promised_digests(head_of({hash, {"X-Goog-Stored-Content-Encoding", "identity", false}})).size() == 1);
}

TEST_CASE("a suggested name is UTF-8 whatever the server writes") {
  CHECK(disposition_file_name("attachment; filename=\"na\xefve.txt\"") == "na\xc3\xafve.txt");
  CHECK(disposition_file_name("attachment; filename=\"na\xc3\xafve.txt\"") == "na\xc3\xafve.txt");
}

TEST_CASE("headers that requests have of their own are not given by hand") {
  for (const char* name : {"Range", "range", "If-Range", "Content-Length"})
    CHECK(reserved_header(name) != nullptr);
  for (const char* name : {"Accept", "Cookie", "X-Range"}) CHECK(reserved_header(name) == nullptr);
}
