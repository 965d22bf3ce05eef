#include "net/s3/error.h"

#include "net/s3/object_info.h"
#include "tests/support/catch.h"

namespace sjcp::s3 {
namespace {

ServiceError service_error(const char* code, int status) {
  ServiceError out;
  out.code = code;
  out.status = status;
  return out;
}

http::Head head_with(std::vector<http::Header> headers, int status = 200) {
  http::Head head;
  head.status = status;
  head.headers = std::move(headers);
  return head;
}

TEST_CASE("Errors of the service have the kind that scripts expect") {
  const auto kind = [](const char* code, int status) {
    return to_error(service_error(code, status), "s3://b/k", true).code;
  };
  CHECK(kind("NoSuchBucket", 404) == Errc::kNotFound);
  CHECK(kind("NoSuchKey", 404) == Errc::kNotFound);
  CHECK(kind("AccessDenied", 403) == Errc::kDenied);
  CHECK(kind("SignatureDoesNotMatch", 403) == Errc::kDenied);
  CHECK(kind("BucketNotEmpty", 409) == Errc::kConflict);
  CHECK(kind("PreconditionFailed", 412) == Errc::kConflict);
  CHECK(kind("SlowDown", 503) == Errc::kLimited);
  CHECK(kind("SlowDown", 429) == Errc::kLimited);
  CHECK(kind("InternalError", 500) == Errc::kNetwork);
  CHECK(kind("BadDigest", 400) == Errc::kIntegrity);
  CHECK(kind("NotImplemented", 501) == Errc::kUnsupported);
  CHECK(kind("SomethingNew", 403) == Errc::kDenied);
  CHECK(kind("SomethingNew", 400) == Errc::kUsage);
  CHECK(kind("SomethingNew", 502) == Errc::kNetwork);
}

TEST_CASE("An error's text names the object and is one line whatever the service wrote") {
  ServiceError error = service_error("Strange", 400);
  error.message = "line\nbreak\x1b[1m";
  const Error out = to_error(error, "s3://b/k", true);
  CHECK(out.what.find("s3://b/k: line break") == 0);
  CHECK(out.what.find('\n') == std::string::npos);
  CHECK(out.cause == 400);
}

TEST_CASE("A status without a body says as much as it can") {
  const auto error = error_of(head_with({{"x-amz-bucket-region", "eu-west-1"}}, 301), "");
  CHECK(error.code == "PermanentRedirect");
  CHECK(error.region == "eu-west-1");
  CHECK(remedy_for(error) == Remedy::kOtherPlace);
  CHECK(error_of(head_with({}, 404), "").code == "NoSuchKey");
  CHECK(to_error(error_of(head_with({}, 404), ""), "s3://b", false).what == "s3://b: bucket not found");
}

TEST_CASE("What may pass is told from what will not") {
  const auto fault = [](const char* code, int status) {
    return to_error(service_error(code, status), "s3://b/k", true).fault;
  };
  CHECK(fault("SlowDown", 503) == Fault::kBusy);
  CHECK(fault("SlowDown", 429) == Fault::kBusy);
  CHECK(fault("InternalError", 500) == Fault::kServerError);
  CHECK(fault("InternalError", 502) == Fault::kUnavailable);
  CHECK(fault("RequestTimeout", 400) == Fault::kBroken);
  CHECK(fault("", 502) == Fault::kUnavailable);
  CHECK(fault("NotImplemented", 501) == Fault::kNone);
  CHECK(fault("AccessDenied", 403) == Fault::kNone);
  CHECK(remedy_for(service_error("NotImplemented", 501)) == Remedy::kNone);
  CHECK(remedy_for(service_error("AccessDenied", 403)) == Remedy::kNone);
  CHECK(remedy_for(service_error("RequestTimeTooSkewed", 403)) == Remedy::kOtherClock);
  CHECK(remedy_for(service_error("ExpiredToken", 400)) == Remedy::kOtherKeys);
  CHECK(remedy_for(service_error("AuthorizationHeaderMalformed", 400)) == Remedy::kOtherPlace);
}

TEST_CASE("An ETag is a digest only where it is the object's MD5") {
  const std::string md5 = "9d72f3cd477ab5f513da04286f9c7590";
  const auto digests = [&](std::vector<http::Header> more) {
    more.push_back({"ETag", "\"" + md5 + "\""});
    return digests_of(head_with(std::move(more)), true, true);
  };
  REQUIRE(digests({}).size() == 1);
  CHECK(digests({})[0].text() == "md5:" + md5);
  CHECK(digests({{"x-amz-server-side-encryption", "AES256"}}).size() == 1);
  CHECK(digests({{"x-amz-server-side-encryption", "aws:kms"}}).empty());
  CHECK(digests({{"x-amz-server-side-encryption-customer-algorithm", "AES256"}}).empty());
  CHECK(digests_of(head_with({{"ETag", "\"" + md5 + "-3\""}}), true, true).empty());
  CHECK(digests_of(head_with({{"ETag", "\"" + md5 + "\""}}), true, false).empty());
  CHECK(md5_in_etag(head_with({{"ETag", "\"" + md5 + "\""}})));
}

TEST_CASE("A checksum of the whole object is preferred, one of parts is none") {
  const std::vector<http::Header> offered{{"x-amz-checksum-crc64nvme", "rosUhgp5mIg="},
                                          {"x-amz-checksum-type", "FULL_OBJECT"},
                                          {"ETag", "\"9d72f3cd477ab5f513da04286f9c7590\""}};
  const auto whole = digests_of(head_with(offered), true, true);
  REQUIRE(whole.size() == 1);
  CHECK(whole[0].text() == "crc64nvme:ae8b14860a799888");
  CHECK(digests_of(head_with(offered), false, true)[0].text() == "md5:9d72f3cd477ab5f513da04286f9c7590");
  const auto digests = [](std::vector<http::Header> headers) {
    return digests_of(head_with(std::move(headers)), true, true);
  };
  CHECK(digests({{"x-amz-checksum-crc32c", "etgnTQ==-2"}, {"x-amz-checksum-type", "COMPOSITE"}}).empty());
  CHECK(digests({{"x-amz-checksum-crc32c", "etgnTQ==-2"}}).empty());
  CHECK(digests({{"x-amz-checksum-crc32c", "etgnTQ==-2"}, {"x-amz-checksum-type", "FULL_OBJECT"}}).empty());
  CHECK(digests({{"x-amz-checksum-crc32c", "etgnTQ=="}, {"x-amz-checksum-type", "COMPOSITE"}}).empty());
  // What the service was told, and not what it has made.
  CHECK(digests({{"x-amz-checksum-crc32c", "etgnTQ=="}, {"x-amz-sdk-checksum-algorithm", "CRC32C"}}).empty());
  // Of an object of parts, and nobody says which kind it is of.
  CHECK(digests({{"x-amz-checksum-crc32c", "etgnTQ=="}, {"ETag", "\"e-2\""}}).empty());
  CHECK(digests({{"x-amz-checksum-crc32c", "etgnTQ=="}, {"ETag", "\"e\""}}).size() == 1);
}

TEST_CASE("A content range must be whole and within the object") {
  const auto range = [](const char* text) { return content_range(head_with({{"Content-Range", text}})); };
  REQUIRE(range("bytes 5-9/10"));
  CHECK(range("bytes 5-9/10")->begin == 5);
  CHECK(range("bytes 5-9/10")->end == 10);
  CHECK(range("bytes 5-9/10")->size == 10);
  for (const char* text :
       {"bytes 5-10/10", "bytes 9-5/10", "bytes */10", "bytes 5-9/*", "5-9/10", "bytes 5-9/10x"}) {
    INFO(text);
    CHECK_FALSE(range(text));
  }
}

TEST_CASE("Metadata comes back under the names it was stored with") {
  const auto headers = headers_of({{"Content-Type", "text/plain"}, {"Mine", "v"}});
  REQUIRE(headers.size() == 2);
  CHECK(headers[0].name == "content-type");
  CHECK(headers[1].name == "x-amz-meta-mine");
  const auto metadata =
      metadata_of(head_with({{"Content-Type", "text/plain"}, {"X-Amz-Meta-Mine", "v"}, {"Date", "x"}}));
  CHECK(metadata == std::map<std::string, std::string>{{"content-type", "text/plain"}, {"mine", "v"}});
}

TEST_CASE("Base64 has its known forms") {
  CHECK(base64(std::string_view("")) == "");
  CHECK(base64(std::string_view("f")) == "Zg==");
  CHECK(base64(std::string_view("fo")) == "Zm8=");
  CHECK(base64(std::string_view("foo")) == "Zm9v");
  CHECK(base64_decoded("Zm8=") == "fo");
  CHECK_FALSE(base64_decoded("Zm8=-2"));
}

TEST_CASE("A redirect to a host of Amazon's names its region, one to another host is told") {
  CHECK(region_in("b.s3.eu-west-1.amazonaws.com") == "eu-west-1");
  CHECK(region_in("https://s3-us-west-2.amazonaws.com") == "us-west-2");
  CHECK(region_in("b.s3.cn-north-1.amazonaws.com.cn") == "cn-north-1");
  CHECK(region_in("b.s3.amazonaws.com").empty());
  CHECK(region_in("evil.example").empty());
  const auto head = [](const char* location) {
    http::Head out;
    out.status = 307;
    out.headers = {{"Location", location}};
    return out;
  };
  const auto error = to_error(error_of(head("https://other.example/b/k?x"), ""), "s3://b/k", true);
  CHECK(error.code == Errc::kUsage);
  CHECK(error.what.find("https://other.example") != std::string::npos);
  CHECK(error.what.find("--endpoint-url") != std::string::npos);
}

}  // namespace
}  // namespace sjcp::s3
