#include "net/s3/sigv4.h"

#include "net/s3/times.h"
#include "tests/support/catch.h"

namespace sjcp::s3 {
namespace {

const Keys kKeys{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
const std::string kHost = "b.s3.amazonaws.com";
const WallTime kTime = *parse_iso_time("2026-01-02T03:04:05Z");

struct Signed {
  std::string canonical_hash;
  std::string signature;
  std::string authorization;
};

Signed sign(const Target& target, std::vector<http::Header> headers, const std::string& payload,
            const Keys& keys = kKeys) {
  auto all = headers;
  all.push_back({"x-amz-date", amz_date(kTime)});
  all.push_back({"x-amz-content-sha256", payload});
  if (!keys.session_token.empty()) all.push_back({"x-amz-security-token", keys.session_token});
  Signed out;
  out.canonical_hash = to_hex(crypto::sha256(canonical_request(target, all, payload).text));
  Signer signer;
  signer.sign(target, keys, "us-east-1", payload, kTime, headers);
  out.authorization = headers.back().value;
  out.signature = out.authorization.substr(out.authorization.rfind('=') + 1);
  return out;
}

// Vectors on which botocore and an independent signer agree.
TEST_CASE("A key with blanks, plus, UTF-8 and double slashes is signed as it is sent") {
  const Target target{"GET", kHost, escape_path("a b+c/\xc3\xbc//x=(y)~.txt"), ""};
  CHECK(target.path == "/a%20b%2Bc/%C3%BC//x%3D%28y%29~.txt");
  const Signed out = sign(target, {}, payload_hash({}));
  CHECK(out.canonical_hash == "9a9f0ee2afb9787478a7ea3817eb69ad0ba4972649e253888d55b603530f91a8");
  CHECK(out.signature == "e52cab906686f8f61e9a9fb5310e6fe4e0e4e9348ed304e759c6a81a9c2caed1");
}

TEST_CASE("A query is ordered and escaped whatever the order it was given in") {
  const Target target{"GET", kHost, "/",
                      query_text({{"prefix", "a/b +"},
                                  {"max-keys", "1000"},
                                  {"continuation-token", "TOKEN/+="},
                                  {"list-type", "2"},
                                  {"encoding-type", "url"},
                                  {"delimiter", "/"}})};
  const Signed out = sign(target, {}, payload_hash({}));
  CHECK(out.canonical_hash == "be834d4dc0e7be0a882b90c23457c409d7dcf173a71ea6eea6981de7e0d82a71");
  CHECK(out.signature == "7ac74a46059873ea35dcb06bd8849630e9ddc8144bd59d3cb45e72062f9a2942");
}

TEST_CASE("Headers are ordered by name alone and their blanks are folded") {
  const Target target{"PUT", kHost, "/k", query_text({{"uploadId", "u/1"}, {"partNumber", "7"}})};
  const Signed out =
      sign(target, {{"x-amz-meta-b", " a   b "}, {"X-Amz-Meta", "z"}, {"Content-Type", "text/plain"}},
           std::string(kUnsignedPayload));
  CHECK(out.canonical_hash == "09f55847c0f0f7b3266f8fbdab8c1f55b56f69e38c812f2d6e0dc234192fee85");
  CHECK(out.signature == "14293b11d5e11c39477dbb03e101088ef9c7c18523f037e367b7664d280c5a0e");
}

TEST_CASE("A query parameter without a value is signed with its equals sign") {
  const Target target{"POST", kHost, "/k", query_text({{"uploads", ""}})};
  CHECK(target.query == "uploads=");
  const Signed out = sign(target, {}, payload_hash({}));
  CHECK(out.canonical_hash == "afc1a2111c715d942e6d69f8b720a3a0accbaf37847bcf008bd80a58b362db95");
  CHECK(out.signature == "bb93c6deb445eb31cb4e638f106f6677fc9fc4de8108825628402660e49c2939");
}

TEST_CASE("Key paths keep what other services would resolve") {
  CHECK(escape_path("/a") == "//a");
  CHECK(escape_path("./a/../b") == "/./a/../b");
  CHECK(escape_path("a//b") == "/a//b");
  CHECK(escape_path("100%") == "/100%25");
  CHECK(escape_path("a\\b'\"<>[]{}|^`") == "/a%5Cb%27%22%3C%3E%5B%5D%7B%7D%7C%5E%60");
  CHECK(escape("a/b", true) == "a%2Fb");
}

TEST_CASE("A session token is a signed header that must not leave for another host") {
  Keys keys = kKeys;
  keys.session_token = "TOKEN";
  std::vector<http::Header> headers;
  Signer signer;
  signer.sign({"GET", kHost, "/k", ""}, keys, "us-east-1", payload_hash({}), kTime, headers);
  const std::string& authorization = headers.back().value;
  CHECK(authorization.find("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,") !=
        std::string::npos);
  for (const auto& header : headers) {
    if (header.name == "x-amz-security-token" || header.name == "Authorization") CHECK(header.secret);
  }
}

TEST_CASE("Keys of another region, day or secret give other signatures from the same signer") {
  Signer signer;
  const auto signature = [&](const Keys& keys, const std::string& region, WallTime time) {
    std::vector<http::Header> headers;
    signer.sign({"GET", kHost, "/", ""}, keys, region, payload_hash({}), time, headers);
    return headers.back().value.substr(headers.back().value.rfind('=') + 1);
  };
  const auto first = signature(kKeys, "us-east-1", kTime);
  CHECK(signature(kKeys, "eu-west-1", kTime) != first);
  CHECK(signature(kKeys, "us-east-1", kTime + std::chrono::hours(24)) != first);
  Keys other = kKeys;
  other.secret_access_key = "other";
  CHECK(signature(other, "us-east-1", kTime) != first);
  CHECK(signature(kKeys, "us-east-1", kTime) == first);
}

// The example of Amazon's documentation of query authentication.
TEST_CASE("A presigned URL carries its signature in the query") {
  const Keys keys{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
  Signer signer;
  const std::string query = signer.presigned_query(
      {"GET", "examplebucket.s3.amazonaws.com", "/test.txt", ""}, {}, keys, "us-east-1",
      *parse_iso_time("2013-05-24T00:00:00Z"), std::chrono::seconds(86400));
  CHECK(
      query ==
      "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F"
      "aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
      "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST_CASE("A presigned URL with a session token signs the token too") {
  Keys keys = kKeys;
  keys.session_token = "TO/KEN";
  Signer signer;
  const Target target{"GET", kHost, "/k", ""};
  const auto query = signer.presigned_query(target, {}, keys, "us-east-1", kTime, std::chrono::seconds(60));
  CHECK(query.find("&X-Amz-Security-Token=TO%2FKEN&X-Amz-SignedHeaders=host&X-Amz-Signature=") !=
        std::string::npos);
  CHECK(query != signer.presigned_query(target, {}, kKeys, "us-east-1", kTime, std::chrono::seconds(60)));
}

}  // namespace
}  // namespace sjcp::s3
