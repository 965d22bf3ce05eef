#include "net/hf/hub_file.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::hf;

namespace {

const std::string kOid(40, 'a');
const std::string kSha256(64, 'b');

http::Head reply(int status, std::vector<http::Header> headers) {
  http::Head head;
  head.status = status;
  head.headers = std::move(headers);
  return head;
}

const Asked kAnonymous{"hf://o/m/f", "o/m", "v9", "https://hub.example/o/m", false};
const Asked kKnown{"hf://o/m/f", "o/m", "v9", "https://hub.example/o/m", true};

}  // namespace

TEST_CASE("A listing tells sizes and digests of small and large files") {
  auto files = parse_tree(R"([{"type":"directory","path":"d","size":0,"oid":"x"},
      {"type":"file","path":"d/a","size":5,"oid":")" +
                              kOid + R"("},
      {"type":"file","path":"b","size":134,"oid":")" +
                              kOid + R"(","lfs":{"oid":")" + kSha256 +
                              R"(","size":1000000,"pointerSize":134},"xetHash":"z"}])",
                          "hf://o/m");
  REQUIRE(files);
  REQUIRE(files->size() == 3);
  CHECK(files->at(0).folder);
  CHECK(files->at(1).size == 5);
  CHECK(files->at(1).etag() == kOid);
  CHECK(files->at(1).digest() == transfer::Digest{transfer::DigestKind::kGitBlob, kOid});
  CHECK(files->at(2).large());
  CHECK(files->at(2).size == 1000000);
  CHECK(files->at(2).digest() == transfer::Digest{transfer::DigestKind::kSha256, kSha256});
}

TEST_CASE("A listing that is none, or lacks what has to be checked, is refused") {
  for (const std::string text :
       {"", "{}", "[1]", "[{\"type\":\"file\",\"path\":\"a\",\"size\":1}]",
        "[{\"type\":\"file\",\"path\":\"a\",\"size\":-1,\"oid\":"
        "\"0000000000000000000000000000000000000000\"}]",
        "[{\"type\":\"file\",\"path\":\"a\",\"size\":1,\"oid\":\"../../x\"}]", "[{\"type\":\"directory\"}]",
        "[{\"type\":\"directory\",\"path\":\"d\"}", "[] []", "<html>Log in</html>", "\"x\"", "[[]]",
        "{\"error\":\"Unauthorized\"}"}) {
    CAPTURE(text);
    auto files = parse_tree(text, "hf://o/m");
    REQUIRE(!files);
    CHECK(files.error().code == Errc::kProtocol);
    CHECK(files.error().what.find("hf://o/m: ") == 0);
  }
}

TEST_CASE("A size that is none is an error, and never that of something else") {
  const auto listed = [](const std::string& size, const std::string& large) {
    return parse_tree(R"([{"type":"file","path":"a",)" + size + R"("oid":")" + kOid + R"(","lfs":{"oid":")" +
                          kSha256 + "\"" + large + "}}]",
                      "hf://o/m");
  };
  CHECK(listed("\"size\":3,", "")->front().size == 3);
  CHECK(listed("\"size\":3,", ",\"size\":5")->front().size == 5);
  CHECK(listed("", ",\"size\":5")->front().size == 5);
  CHECK(listed("\"size\":9223372036854775807,", "")->front().size == 9223372036854775807u);
  for (const char* odd : {"\" 3\"", "\"3\"", "-3", "1e3", "3.0", "null", "true", "9223372036854775808",
                          "99999999999999999999", "{\"size\":3}", "[3]"}) {
    CAPTURE(odd);
    const std::string size = std::string("\"size\":") + odd;
    CHECK(!listed(size + ",", ""));
    CHECK(!listed("\"size\":3,", "," + size));
    CHECK(!listed(size + ",", ",\"size\":3"));
  }
  CHECK(!listed("", ""));
  CHECK(!listed("\"inner\":{\"size\":3},", ""));
}

TEST_CASE("What a listing has beside names, sizes and digests is passed over") {
  auto files = parse_tree(R"([{"lastCommit":{"path":"no","size":9,"oid":"x","lfs":{"oid":"no"}},"path":"a",
      "list":[{"path":"no"}],"type":"file","lfs":null,"size":7,"oid":")" +
                              kOid + R"("}])",
                          "x");
  REQUIRE(files);
  REQUIRE(files->size() == 1);
  CHECK(files->front().path == "a");
  CHECK(files->front().size == 7);
  CHECK(!files->front().large());
  CHECK(parse_tree("[]", "x")->empty());
  CHECK(!parse_tree(std::string(1'000'000, '['), "x"));
}

TEST_CASE("A revision's description names its commit") {
  CHECK(*parse_commit(R"({"id":"o/m","sha":")" + kOid + "\"}", "x") == kOid);
  CHECK(parse_commit(R"({"sha":"main"})", "x").error().code == Errc::kProtocol);
  CHECK(*parse_commit(R"({"siblings":[{"sha":"x"}],"config":{"sha":"y"},"sha":")" + kOid + "\",", "x") ==
        kOid);
  for (const std::string text :
       {"[]", "", "<html>", "{\"sha\":1}", "{\"config\":{\"sha\":\"x\"}}", "\"sha\""}) {
    CAPTURE(text);
    CHECK(parse_commit(text, "x").error().code == Errc::kProtocol);
  }
  CHECK(!parse_commit(R"({"sha":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})", "x"));
}

TEST_CASE("Headers of a reply describe the file, those of a large one first") {
  auto small = described_file(reply(200, {{"etag", "\"" + kOid + "\""}, {"Content-Length", "12"}}), "f", "x");
  REQUIRE(small);
  CHECK(small->oid == kOid);
  CHECK(small->size == 12);
  auto large = described_file(reply(302, {{"ETag", "\"cdn\""},
                                          {"Content-Length", "99"},
                                          {"X-Linked-ETag", "W/\"" + kSha256 + "\""},
                                          {"X-Linked-Size", "1000"}}),
                              "f", "x");
  REQUIRE(large);
  CHECK(large->sha256 == kSha256);
  CHECK(large->size == 1000);
  CHECK(described_file(reply(200, {{"ETag", "\"x\""}, {"Content-Length", "12"}}), "f", "x").error().code ==
        Errc::kProtocol);
  CHECK(described_file(reply(200, {{"ETag", kOid}}), "f", "x").error().code == Errc::kProtocol);
  for (const char* odd : {"1e3", "-1", " 12", "12,12", "9223372036854775808", ""}) {
    CAPTURE(odd);
    CHECK(!described_file(reply(200, {{"ETag", kOid}, {"Content-Length", odd}}), "f", "x"));
  }
  // The length of the redirect, or of what is packed, is not that of the file.
  CHECK(!described_file(reply(302, {{"X-Linked-ETag", kSha256}, {"Content-Length", "99"}}), "f", "x"));
  CHECK(!described_file(reply(302, {{"ETag", kOid}, {"X-Linked-Size", "99"}}), "f", "x"));
  CHECK(!described_file(reply(200, {{"ETag", kOid}, {"Content-Encoding", "gzip"}, {"Content-Length", "9"}}),
                        "f", "x"));
}

TEST_CASE("The next page is found among the links") {
  CHECK(!next_page(reply(200, {})));
  CHECK(!next_page(reply(200, {{"Link", "<http://a/>; rel=\"prev\""}})));
  CHECK(*next_page(reply(200, {{"Link", "<http://a/>; rel=\"prev\", <http://b/?c=1,2>; rel=\"next\""}})) ==
        "http://b/?c=1,2");
  CHECK(*next_page(reply(200, {{"Link", "<a><b>; rel=next"}})) == "b");
  CHECK(!next_page(reply(200, {{"Link", "<a>; rel=\"prev\", <b; rel=\"next\""}})));
}

TEST_CASE("What the hub has against a request becomes an error that says what to do") {
  struct Case {
    int status;
    const char* code;
    Asked asked;
    Errc kind;
    const char* advice;
  };
  const Case cases[] = {
      {403, "GatedRepo", kAnonymous, Errc::kDenied, "accept them there and set HF_TOKEN"},
      {401, "GatedRepo", kAnonymous, Errc::kDenied, "https://hub.example/o/m"},
      {403, "GatedRepo", kKnown, Errc::kDenied, "account of the token"},
      {401, "RepoNotFound", kAnonymous, Errc::kNotFound, "set HF_TOKEN"},
      {404, "RepoNotFound", kKnown, Errc::kNotFound, "gives no access"},
      {401, "", kAnonymous, Errc::kNotFound, "set HF_TOKEN"},
      {401, "", kKnown, Errc::kDenied, "check HF_TOKEN"},
      {404, "RevisionNotFound", kAnonymous, Errc::kNotFound, "no revision \"v9\""},
      {404, "EntryNotFound", kAnonymous, Errc::kNotFound, "does not exist"},
      {429, "", kAnonymous, Errc::kLimited, "rate limit"},
      {503, "", kAnonymous, Errc::kNetwork, "503"},
      {500, "", kAnonymous, Errc::kNetwork, "500"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.status, c.code);
    const Error error = refused(reply(c.status, {{"X-Error-Code", c.code}}), c.asked);
    CHECK(error.code == c.kind);
    CHECK(error.cause == c.status);
    CHECK(error.what.find("hf://o/m/f: ") == 0);
    CHECK(error.what.find(c.advice) != std::string::npos);
  }
}
