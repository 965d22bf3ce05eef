#include "net/s3/requester.h"

#include "fake_client.h"
#include "tests/support/catch.h"
#include "tests/support/fake_source.h"
#include "tests/support/fake_writer.h"

namespace sjcp::s3 {
namespace {

using test::FakeClient;
using test::reply;

class FixedClock final : public Clock {
 public:
  Steady steady_now() const override { return {}; }
  Wall wall_now() const override { return now; }
  Wall now = *parse_iso_time("2026-01-02T03:04:05Z");
};

Surroundings with_keys(FakeClient& client) {
  Surroundings out;
  out.env = [](const std::string& name) -> std::optional<std::string> {
    if (name == "AWS_ACCESS_KEY_ID") return "AK";
    if (name == "AWS_SECRET_ACCESS_KEY") return "SK";
    if (name == "AWS_EC2_METADATA_DISABLED") return "true";
    return std::nullopt;
  };
  out.read_file = [](const std::string&) { return std::nullopt; };
  out.client = &client;
  return out;
}

struct Fixture {
  explicit Fixture(Settings settings = {}, bool sign = true)
      : requester(settings,
                  sign ? std::make_unique<Credentials>(with_keys(client), Profiles(), settings)
                       : Credentials::none(),
                  client, clock) {}
  Result<http::Reply> get(const std::string& key = "k") {
    Call call;
    call.bucket = "bkt";
    call.key = key;
    return requester.call(call, context);
  }
  std::string authorization(size_t request) { return client.asked.at(request).header("Authorization"); }

  FakeClient client;
  FixedClock clock;
  transfer::Counters counters;
  transfer::Context context{{}, nullptr, &counters};
  Requester requester;
};

std::string error_body(const std::string& code, const std::string& more = "") {
  return "<Error><Code>" + code + "</Code>" + more + "</Error>";
}

TEST_CASE("A request is signed for the region and sent to the bucket's host") {
  Fixture f;
  f.client.replies = {reply(200, "body")};
  auto got = f.get("a b/../c");
  REQUIRE(got);
  CHECK(got->body == "body");
  CHECK(f.client.asked.at(0).request.url == "https://bkt.s3.us-east-1.amazonaws.com/a%20b/../c");
  CHECK(f.authorization(0).find("Credential=AK/20260102/us-east-1/s3/aws4_request") != std::string::npos);
  CHECK(f.client.asked.at(0).request.redirects == 0);
}

TEST_CASE("Without signing no header speaks of keys") {
  Fixture f({}, false);
  f.client.replies = {reply(200, "")};
  REQUIRE(f.get());
  CHECK(f.client.asked.at(0).request.headers.empty());
}

TEST_CASE("A bucket in another region is found by the reply and remembered") {
  Fixture f;
  f.client.replies = {reply(301, error_body("PermanentRedirect"), {{"x-amz-bucket-region", "eu-west-1"}}),
                      reply(200, ""), reply(200, "")};
  REQUIRE(f.get());
  REQUIRE(f.get());
  REQUIRE(f.client.asked.size() == 3);
  CHECK(f.client.asked[1].request.url == "https://bkt.s3.eu-west-1.amazonaws.com/k");
  CHECK(f.authorization(2).find("/eu-west-1/s3/") != std::string::npos);
}

TEST_CASE("A region that only the error's text names is taken from there") {
  Fixture f;
  f.client.replies = {reply(400, error_body("AuthorizationHeaderMalformed", "<Region>ap-south-1</Region>")),
                      reply(200, "")};
  REQUIRE(f.get());
  CHECK(f.client.asked.at(1).request.url == "https://bkt.s3.ap-south-1.amazonaws.com/k");
}

TEST_CASE("A HEAD that is refused without a word makes the bucket's place asked for") {
  Fixture f;
  f.client.replies = {reply(400),
                      reply(400, error_body("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>")),
                      reply(200, "")};
  Call call;
  call.method = "HEAD";
  call.bucket = "bkt";
  call.key = "k";
  REQUIRE(f.requester.call(call, f.context));
  CHECK(f.client.asked.at(1).request.url == "https://bkt.s3.us-east-1.amazonaws.com/?location=");
  CHECK(f.client.asked.at(2).request.url == "https://bkt.s3.eu-west-1.amazonaws.com/k");
}

TEST_CASE("A region that is no name of one is not believed") {
  Fixture f;
  f.client.answer = [](const FakeClient::Asked&) {
    return reply(301, error_body("PermanentRedirect"), {{"x-amz-bucket-region", "evil.example/"}});
  };
  const auto got = f.get();
  REQUIRE_FALSE(got);
  CHECK(f.client.asked.size() == 1);
  CHECK(got.error().what.find("--region") != std::string::npos);
}

TEST_CASE("A wrong clock is corrected by the service's date, once") {
  Fixture f;
  f.client.answer = [](const FakeClient::Asked&) {
    return reply(403, error_body("RequestTimeTooSkewed"), {{"Date", "Fri, 02 Jan 2026 05:04:05 GMT"}});
  };
  const auto got = f.get();
  REQUIRE_FALSE(got);
  CHECK(got.error().code == Errc::kDenied);
  CHECK(got.error().what.find("clock") != std::string::npos);
  REQUIRE(f.client.asked.size() == 2);
  CHECK(f.client.asked[0].header("x-amz-date") == "20260102T030405Z");
  CHECK(f.client.asked[1].header("x-amz-date") == "20260102T050405Z");
}

TEST_CASE("What passes is asked again, and what does not is not") {
  Fixture f;
  f.client.replies = {reply(503, error_body("SlowDown"), {{"Retry-After", "0"}}), reply(500),
                      reply(200, "ok")};
  REQUIRE(f.get());
  CHECK(f.client.asked.size() == 3);
  CHECK(f.counters.retries == 2);
  f.client.replies = {reply(404, error_body("NoSuchKey"))};
  const auto got = f.get();
  REQUIRE_FALSE(got);
  CHECK(got.error().code == Errc::kNotFound);
  CHECK(f.client.asked.size() == 4);
}

TEST_CASE("A stop ends the wait before a repetition") {
  Fixture f;
  std::stop_source stop;
  f.client.answer = [&](const FakeClient::Asked&) {
    stop.request_stop();
    return reply(503, error_body("SlowDown"), {{"Retry-After", "100"}});
  };
  Call call;
  call.bucket = "bkt";
  const auto got = f.requester.call(call, f.context.with_stop(stop.get_token()));
  REQUIRE_FALSE(got);
  CHECK(got.error().code == Errc::kCancelled);
}

TEST_CASE("Data is sent unsigned unless a profile says otherwise") {
  const bool placed = GENERATE(false, true);
  for (const bool sign : {false, true}) {
    const std::string data = test::pattern(0, 300'000);
    const test::FakeReader reader(data);
    const transfer::ReaderPart part(reader, 0, data.size());
    Settings settings;
    settings.endpoint = "http://h";
    settings.sign_payload = sign;
    Fixture f(settings);
    f.client.replies = {reply(200, "")};
    Call call;
    call.method = "PUT";
    call.bucket = "bkt";
    call.key = "k";
    if (placed) {
      call.part = &part;
    } else {
      call.body = data;
    }
    call.expected = sign;
    REQUIRE(f.requester.call(call, f.context));
    CHECK(f.client.asked[0].header("x-amz-content-sha256") ==
          (sign ? payload_hash(data) : std::string(kUnsignedPayload)));
    CHECK(f.client.asked[0].body == data);
    CHECK(f.client.asked[0].request.asks_first != sign);
  }
}

TEST_CASE("A presigned URL names the object escaped once") {
  Settings settings;
  settings.endpoint = "http://127.0.0.1:7070";
  Fixture f(settings);
  Call call;
  call.bucket = "bkt";
  call.key = "a b";
  auto url = f.requester.presign(call, std::chrono::seconds(60), f.context);
  REQUIRE(url);
  CHECK(url->find("http://127.0.0.1:7070/bkt/a%20b?X-Amz-Algorithm=") == 0);
  CHECK(url->find("SK") == std::string::npos);
  CHECK(f.client.asked.empty());
}

TEST_CASE("Questions have an end, and the bytes of objects take as long as they take") {
  Fixture f;
  f.client.replies = {reply(200, ""), reply(200, ""), reply(200, "")};
  REQUIRE(f.get());
  CHECK(f.client.asked[0].request.timeout.count() == 0);
  REQUIRE(f.get(""));
  CHECK(f.client.asked[1].request.timeout == std::chrono::minutes(10));
  Call head;
  head.method = "HEAD";
  head.bucket = "bkt";
  head.key = "k";
  REQUIRE(f.requester.call(head, f.context));
  CHECK(f.client.asked[2].request.timeout == std::chrono::minutes(10));
}

TEST_CASE("An <Error> below a status of success is repeated as any other") {
  Fixture f;
  f.client.replies = {reply(200, error_body("InternalError")), reply(200, "<A/>")};
  auto got = f.get("");
  REQUIRE(got);
  CHECK(got->body == "<A/>");
  f.client.replies = {reply(200, error_body("AccessDenied"))};
  CHECK(f.get("").error().code == Errc::kDenied);
}

}  // namespace
}  // namespace sjcp::s3
