#include "net/s3/credentials.h"

#include <cstdlib>
#include <map>

#include "fake_client.h"
#include "tests/support/catch.h"

namespace sjcp::s3 {
namespace {

using test::FakeClient;
using test::reply;
using Texts = std::map<std::string, std::string>;

class MovingClock final : public Clock {
 public:
  Steady steady_now() const override { return {}; }
  Wall wall_now() const override { return now; }
  Wall now = *parse_iso_time("2026-01-02T03:00:00Z");
};

// A machine of variables, files, programs and services.
struct World {
  Texts variables{{"HOME", "/home/u"}, {"AWS_EC2_METADATA_DISABLED", "true"}};
  Texts files;
  std::string printed;
  std::vector<std::string> words;
  FakeClient client;
  MovingClock clock;
  Wishes wishes;

  World() {
    client.waits().policy.first_wait = client.waits().policy.longest_wait = std::chrono::milliseconds(0);
  }

  Surroundings surroundings() {
    Surroundings out;
    out.env = [this](const std::string& name) { return find(variables, name); };
    out.read_file = [this](const std::string& path) { return find(files, path); };
    out.run = [this](const std::vector<std::string>& line, const std::stop_token&) -> Result<std::string> {
      words = line;
      return printed;
    };
    out.client = &client;
    out.clock = &clock;
    return out;
  }
  static std::optional<std::string> find(const Texts& texts, const std::string& name) {
    const auto found = texts.find(name);
    if (found == texts.end()) return std::nullopt;
    return found->second;
  }
  std::unique_ptr<Credentials> credentials() {
    auto profiles = read_profiles(surroundings());
    REQUIRE(profiles);
    auto settings = Settings::find(wishes, surroundings().env, *profiles);
    REQUIRE(settings);
    return std::make_unique<Credentials>(surroundings(), *profiles, *settings);
  }
  Keys get() {
    auto keys = credentials()->get({});
    if (!keys) FAIL(keys.error().what);
    return **keys;
  }
  Error error() {
    auto keys = credentials()->get({});
    REQUIRE_FALSE(keys);
    return keys.error();
  }
  void config(const std::string& text) { files["/home/u/.aws/config"] = text; }
  void shared(const std::string& text) { files["/home/u/.aws/credentials"] = text; }
};

std::string sts_reply(const std::string& action, const std::string& id) {
  return "<" + action + "Response><" + action + "Result><Credentials><AccessKeyId>" + id +
         "</AccessKeyId><SecretAccessKey>S</SecretAccessKey><SessionToken>T</SessionToken>"
         "<Expiration>2026-01-02T04:00:00Z</Expiration></Credentials></" +
         action + "Result></" + action + "Response>";
}

std::string json_keys(const std::string& id, const std::string& token_name, const std::string& expires) {
  return R"({"Version":1,"AccessKeyId":")" + id + R"(","SecretAccessKey":"S",")" + token_name +
         R"(":"T","Expiration":")" + expires + "\"}";
}

TEST_CASE("Keys of the environment win over the files, unless a profile was asked for by option") {
  World world;
  world.variables["AWS_ACCESS_KEY_ID"] = "ENV";
  world.variables["AWS_SECRET_ACCESS_KEY"] = "S";
  world.variables["AWS_SESSION_TOKEN"] = "T";
  world.variables["AWS_PROFILE"] = "p";
  world.shared("[p]\naws_access_key_id=FILE\naws_secret_access_key=S\n");
  CHECK(world.get().access_key_id == "ENV");
  CHECK(world.get().session_token == "T");
  world.wishes.profile = "p";
  CHECK(world.get().access_key_id == "FILE");
}

TEST_CASE("The credentials file wins over the program, and the program over the config file") {
  World world;
  world.config(
      "[default]\naws_access_key_id=CONFIG\naws_secret_access_key=S\ncredential_process=\"/a b\" --c 'd "
      "e'\n");
  world.printed = json_keys("PROGRAM", "SessionToken", "2026-01-02T04:00:00Z");
  CHECK(world.get().access_key_id == "PROGRAM");
  CHECK(world.words == std::vector<std::string>{"/a b", "--c", "d e"});
  world.shared("[default]\naws_access_key_id=FILE\naws_secret_access_key=S\n");
  CHECK(world.get().access_key_id == "FILE");
  world.files.erase("/home/u/.aws/credentials");
  world.config("[default]\naws_access_key_id=CONFIG\naws_secret_access_key=S\n");
  CHECK(world.get().access_key_id == "CONFIG");
}

TEST_CASE("Without any credentials the error says what to do") {
  World world;
  const Error error = world.error();
  CHECK(error.code == Errc::kDenied);
  CHECK(error.what.find("--no-sign-request") != std::string::npos);
}

TEST_CASE("Half a pair of keys is an error that does not repeat it") {
  World world;
  world.variables["AWS_SECRET_ACCESS_KEY"] = "SECRETTEXT";
  CHECK(world.error().code == Errc::kDenied);
  CHECK(world.error().what.find("SECRETTEXT") == std::string::npos);
}

TEST_CASE("A role is taken on with the keys of its source profile") {
  World world;
  world.config(
      "[default]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=base\nexternal_id=x y\nregion=eu-west-1\n");
  world.shared("[base]\naws_access_key_id=BASE\naws_secret_access_key=S\n");
  world.client.replies = {reply(200, sts_reply("AssumeRole", "ROLE"))};
  const Keys keys = world.get();
  CHECK(keys.access_key_id == "ROLE");
  CHECK(keys.session_token == "T");
  const auto& asked = world.client.asked.at(0);
  CHECK(asked.request.url == "https://sts.eu-west-1.amazonaws.com/");
  CHECK(asked.header("Authorization").find("Credential=BASE/20260102/eu-west-1/sts/aws4_request") !=
        std::string::npos);
  CHECK(asked.body.find("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr") != std::string::npos);
  CHECK(asked.body.find("ExternalId=x%20y") != std::string::npos);
}

TEST_CASE("Roles are taken on one after another, and a loop without keys is an error") {
  World world;
  world.config(
      "[default]\nrole_arn=r1\nsource_profile=middle\n[profile middle]\nrole_arn=r2\nsource_profile=base\n");
  world.shared("[base]\naws_access_key_id=BASE\naws_secret_access_key=S\n");
  world.client.replies = {reply(200, sts_reply("AssumeRole", "MIDDLE")),
                          reply(200, sts_reply("AssumeRole", "LAST"))};
  CHECK(world.get().access_key_id == "LAST");
  CHECK(world.client.asked.at(1).header("Authorization").find("Credential=MIDDLE/") != std::string::npos);
  world.config(
      "[default]\nrole_arn=r1\nsource_profile=b\n[profile b]\nrole_arn=r2\nsource_profile=default\n");
  CHECK(world.error().code == Errc::kDenied);
}

TEST_CASE("A profile that is its own source asks for its role with its own keys") {
  World world;
  world.config("[default]\nrole_arn=r\nsource_profile=default\n");
  world.shared("[default]\naws_access_key_id=OWN\naws_secret_access_key=S\n");
  world.client.replies = {reply(200, sts_reply("AssumeRole", "ROLE"))};
  CHECK(world.get().access_key_id == "ROLE");
  CHECK(world.client.asked.at(0).header("Authorization").find("Credential=OWN/") != std::string::npos);
}

TEST_CASE("A role that wants a second factor is refused with a way out") {
  World world;
  world.config("[default]\nrole_arn=r\nsource_profile=b\nmfa_serial=m\n");
  CHECK(world.error().code == Errc::kUnsupported);
}

TEST_CASE("Keys of aws login are refused with a way out") {
  World world;
  world.config("[profile p]\nlogin_session=arn:aws:iam::1:user/me\n");
  world.wishes.profile = "p";
  const Error error = world.error();
  CHECK(error.code == Errc::kUnsupported);
  CHECK(error.what.find("export-credentials --profile p") != std::string::npos);
}

TEST_CASE("A refused role names the service's reason") {
  World world;
  world.config(
      "[default]\nrole_arn=r\nsource_profile=default\naws_access_key_id=A\naws_secret_access_key="
      "SECRETTEXT\n");
  world.client.replies = {reply(
      403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>")};
  const Error error = world.error();
  CHECK(error.code == Errc::kDenied);
  CHECK(error.what.find("AccessDenied") != std::string::npos);
  CHECK(error.what.find("SECRETTEXT") == std::string::npos);
}

TEST_CASE("A web identity's token is read from its file and sent without a signature") {
  World world;
  world.variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/token";
  world.variables["AWS_ROLE_ARN"] = "r";
  world.files["/token"] = "JWT\n";
  world.client.replies = {reply(200, sts_reply("AssumeRoleWithWebIdentity", "WEB"))};
  CHECK(world.get().access_key_id == "WEB");
  CHECK(world.client.asked.at(0).body.find("WebIdentityToken=JWT") != std::string::npos);
  CHECK(world.client.asked.at(0).header("Authorization").empty());
}

TEST_CASE("Single sign-on uses the token that the AWS CLI left, and says how to get another") {
  World world;
  world.config(
      "[default]\nsso_session=corp\nsso_account_id=1\nsso_role_name=r\n"
      "[sso-session corp]\nsso_start_url=https://s\nsso_region=eu-west-1\n");
  CHECK(world.error().what.find("aws sso login") != std::string::npos);
  // SHA-1 of "corp"
  const std::string path = "/home/u/.aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
  world.files[path] = R"({"accessToken":"TOKENTEXT","expiresAt":"2026-01-02T05:00:00Z"})";
  world.client.replies = {reply(200, R"({"roleCredentials":{"accessKeyId":"SSO","secretAccessKey":"S",)"
                                     R"("sessionToken":"T","expiration":1767330000000}})")};
  CHECK(world.get().access_key_id == "SSO");
  CHECK(world.client.asked.at(0).request.url ==
        "https://portal.sso.eu-west-1.amazonaws.com/federation/credentials?account_id=1&role_name=r");
  world.clock.now += std::chrono::hours(3);
  CHECK(world.error().what.find("expired") != std::string::npos);
}

TEST_CASE("A container's token goes only to addresses of this machine or over TLS") {
  World world;
  world.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://evil.example/x";
  world.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "TOKENTEXT";
  CHECK(world.error().code == Errc::kDenied);
  CHECK(world.client.asked.empty());
  for (const char* url :
       {"http://127.0.0.1:80/x", "http://[fd00:ec2::23]/v1", "http://169.254.170.23/v1", "https://h/x"}) {
    world.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url;
    world.client.replies = {reply(200, json_keys("CONTAINER", "Token", "2026-01-02T04:00:00Z"))};
    CHECK(world.get().access_key_id == "CONTAINER");
    CHECK(world.client.asked.back().header("Authorization") == "TOKENTEXT");
  }
  world.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://127.0.0.1.evil.example/x";
  CHECK(world.error().code == Errc::kDenied);
}

TEST_CASE("The machine's role is asked for with a token, and only when nothing else is configured") {
  World world;
  world.variables.erase("AWS_EC2_METADATA_DISABLED");
  world.client.replies = {reply(200, "IMDSTOKEN"), reply(200, "role-name\n"),
                          reply(200, json_keys("MACHINE", "Token", "2026-01-02T09:00:00Z"))};
  CHECK(world.get().access_key_id == "MACHINE");
  REQUIRE(world.client.asked.size() == 3);
  CHECK(world.client.asked[0].request.method == "PUT");
  CHECK(world.client.asked[2].request.url ==
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/role-name");
  CHECK(world.client.asked[2].header("x-aws-ec2-metadata-token") == "IMDSTOKEN");
}

TEST_CASE("Keys that expire are renewed ten minutes before, and the old ones serve while that fails") {
  World world;
  world.variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/x";
  world.client.replies = {reply(200, json_keys("FIRST", "Token", "2026-01-02T04:00:00Z"))};
  auto credentials = world.credentials();
  const auto id = [&] {
    auto keys = credentials->get({});
    return keys ? (*keys)->access_key_id : keys.error().what;
  };
  CHECK(id() == "FIRST");
  world.clock.now += std::chrono::minutes(49);
  CHECK(id() == "FIRST");
  CHECK(world.client.asked.size() == 1);
  world.clock.now += std::chrono::minutes(2);
  world.client.replies = {reply(500)};
  CHECK(id() == "FIRST");
  CHECK(world.client.asked.size() == 2);
  CHECK(id() == "FIRST");
  CHECK(world.client.asked.size() == 2);
  world.clock.now += std::chrono::minutes(2);
  world.client.replies = {reply(200, json_keys("SECOND", "Token", "2026-01-02T05:00:00Z"))};
  CHECK(id() == "SECOND");
  world.clock.now += std::chrono::hours(3);
  world.client.waits().policy.patience = std::chrono::milliseconds(0);
  world.client.replies = {reply(500)};
  CHECK(id().find("status 500") != std::string::npos);
}

TEST_CASE("Keys that the service calls expired are looked for again") {
  World world;
  world.shared("[default]\naws_access_key_id=ONE\naws_secret_access_key=S\n");
  auto credentials = world.credentials();
  auto first = credentials->get({});
  REQUIRE(first);
  CHECK(credentials->renew(**first));
  CHECK(credentials->get({}));
  CHECK_FALSE(credentials->renew(**first));
}

TEST_CASE("Answers without keys are errors that do not repeat them") {
  for (const char* text : {"", "[]", "TOKENTEXT", R"({"AccessKeyId":"TOKENTEXT"})",
                           R"({"AccessKeyId":"TOKENTEXT","SecretAccessKey":"S","Expiration":"soon"})"}) {
    const auto keys = parse_keys(text, {}, "somewhere");
    REQUIRE_FALSE(keys);
    CHECK(keys.error().code == Errc::kProtocol);
    CHECK(keys.error().what.find("TOKENTEXT") == std::string::npos);
  }
}

TEST_CASE("Keys for roles are asked where the endpoints of AWS's tools say") {
  const std::string assumed =
      "<R><S><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey></Credentials></"
      "S></R>";
  const auto asked = [&](Texts variables, const std::string& config) {
    World world;
    world.variables.merge(variables);
    world.variables["AWS_PROFILE"] = "p";
    world.files["/home/u/.aws/config"] = config;
    world.files["/home/u/.aws/credentials"] = "[base]\naws_access_key_id = B\naws_secret_access_key = C\n";
    world.client.replies = {reply(200, assumed)};
    world.get();
    return world.client.asked.at(0).request.url;
  };
  const std::string role = "[profile p]\nrole_arn = r\nsource_profile = base\n";
  CHECK(asked({}, role + "region = eu-west-3\n") == "https://sts.eu-west-3.amazonaws.com/");
  CHECK(asked({}, role + "region = cn-north-1\n") == "https://sts.cn-north-1.amazonaws.com.cn/");
  CHECK(asked({{"AWS_ENDPOINT_URL", "http://all:1"}}, role) == "http://all:1/");
  CHECK(asked({{"AWS_ENDPOINT_URL", "http://all:1"}, {"AWS_ENDPOINT_URL_STS", "http://sts:2/p/"}}, role) ==
        "http://sts:2/p/");
  CHECK(asked({}, role + "endpoint_url = http://own:3\n") == "http://own:3/");
  CHECK(asked({}, role + "endpoint_url = http://own:3\nservices = s\n[services s]\nsts =\n  endpoint_url = "
                         "http://sts:4\n") == "http://sts:4/");
  CHECK(asked({{"AWS_ENDPOINT_URL_S3", "http://s3:5"}}, role) == "https://sts.us-east-1.amazonaws.com/");
}

Error fault(Fault fault) {
  return make_error(Errc::kNetwork, "no answer", 0, fault);
}

TEST_CASE("A service for keys that is away is asked again, and one that refuses is not") {
  World world;
  const std::string sts_says = "<ErrorResponse><Error><Code>";
  struct Service {
    const char* name;
    std::function<void()> configure;
    http::Reply keys;
    http::Reply denied;
  };
  const std::vector<Service> services = {
      {"STS",
       [&] {
         world.config(
             "[default]\nrole_arn=r\nsource_profile=default\naws_access_key_id=A\n"
             "aws_secret_access_key=S\n");
       },
       reply(200, sts_reply("AssumeRole", "NEW")),
       reply(403, sts_says + "AccessDenied</Code><Message>no</Message></Error></ErrorResponse>")},
      {"sign-on",
       [&] {
         world.config(
             "[default]\nsso_start_url=https://s\nsso_region=eu-west-1\nsso_account_id=1\n"
             "sso_role_name=r\n");
         // SHA-1 of "https://s"
         world.files["/home/u/.aws/sso/cache/9ea3c043881f6bad486147713ae23b0b566d0360.json"] =
             R"({"accessToken":"T"})";
       },
       reply(200, R"({"roleCredentials":{"accessKeyId":"NEW","secretAccessKey":"S"}})"), reply(403)},
      {"container", [&] { world.variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/x"; },
       reply(200, json_keys("NEW", "Token", "2026-01-02T04:00:00Z")), reply(403)},
  };
  const auto& service = services.at(GENERATE(0U, 1U, 2U));
  INFO(service.name);
  service.configure();
  SECTION("away for a while") {
    world.client.replies = {fault(Fault::kUnreached), fault(Fault::kBroken), reply(503), reply(500),
                            service.keys};
    CHECK(world.get().access_key_id == "NEW");
    CHECK(world.client.asked.size() == 5);
  }
  SECTION("denied") {
    world.client.replies = {service.denied, service.keys};
    CHECK(world.error().code == Errc::kDenied);
    CHECK(world.client.asked.size() == 1);
  }
  SECTION("away for good") {
    world.client.waits().policy.patience = std::chrono::milliseconds(0);
    world.client.replies = {fault(Fault::kUnreached)};
    const Error error = world.error();
    CHECK(error.code == Errc::kNetwork);
    CHECK(error.fault == Fault::kNone);
  }
}

TEST_CASE("STS that asks for fewer requests, by whatever status, is asked again") {
  World world;
  world.variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/token";
  world.variables["AWS_ROLE_ARN"] = "r";
  world.files["/token"] = "JWT\n";
  world.client.waits().policy.longest_busy_wait = std::chrono::milliseconds(0);
  const auto says = [](const std::string& code) {
    return reply(
        400, "<ErrorResponse><Error><Code>" + code + "</Code><Message>m</Message></Error></ErrorResponse>");
  };
  world.client.replies = {says("Throttling"), says("IDPCommunicationError"),
                          reply(200, sts_reply("AssumeRoleWithWebIdentity", "WEB"))};
  CHECK(world.get().access_key_id == "WEB");
  world.client.replies = {says("InvalidIdentityToken")};
  CHECK(world.error().code == Errc::kDenied);
}

TEST_CASE("The machine's service is asked again once it has answered, and not where there is none") {
  World world;
  world.variables.erase("AWS_EC2_METADATA_DISABLED");
  world.client.replies = {fault(Fault::kUnreached)};
  CHECK(world.error().what.find("no credentials for S3") != std::string::npos);
  CHECK(world.client.asked.size() == 1);
  world.client.replies = {reply(503),
                          reply(200, "IMDSTOKEN"),
                          fault(Fault::kBroken),
                          reply(200, "role"),
                          fault(Fault::kUnreached),
                          reply(503),
                          reply(200, json_keys("MACHINE", "Token", "2026-01-02T09:00:00Z"))};
  CHECK(world.get().access_key_id == "MACHINE");
  world.client.replies = {reply(200, "IMDSTOKEN"), reply(404)};
  CHECK(world.error().what.find("no credentials for S3") != std::string::npos);
  world.client.waits().policy.patience = std::chrono::milliseconds(0);
  world.client.replies = {reply(503)};
  CHECK(world.error().code == Errc::kNetwork);
}

TEST_CASE("A program that gives keys has a limit, and does not see what is not for it") {
  const std::chrono::milliseconds soon(200);
  const std::chrono::milliseconds late(20'000);
  setenv("SJCP_ACCESS", "geheim", 1);
  setenv("HF_TOKEN", "geheim", 1);
  setenv("AWS_SOMETHING", "seen", 1);
  const auto printed = run_program({"/usr/bin/env"}, late, {});
  unsetenv("SJCP_ACCESS");
  unsetenv("HF_TOKEN");
  unsetenv("AWS_SOMETHING");
  REQUIRE(printed);
  CHECK(printed->find("geheim") == std::string::npos);
  CHECK(printed->find("AWS_SOMETHING=seen") != std::string::npos);
  const auto stuck = run_program({"/bin/sleep", "1000"}, soon, {});
  REQUIRE_FALSE(stuck);
  CHECK(stuck.error().code == Errc::kDenied);
  const auto closed = run_program({"/bin/sh", "-c", "echo x; exec >&-; exec sleep 1000"}, soon, {});
  CHECK_FALSE(closed);
  CHECK(*run_program({"/bin/echo", "keys"}, late, {}) == "keys\n");
  CHECK_FALSE(run_program({"/bin/false"}, late, {}));
}

}  // namespace
}  // namespace sjcp::s3
