#include "net/s3/settings.h"
#include "tests/support/catch.h"

#include <map>

namespace sjcp::s3 {
namespace {

using Variables = std::map<std::string, std::string>;

Environment environment(const Variables& variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

Profiles profiles(const std::string& config) {
  Profiles out;
  REQUIRE(out.add_config(config, "config"));
  return out;
}

Settings find(const Wishes& wishes, const Variables& variables = {}, const std::string& config = "") {
  auto found = Settings::find(wishes, environment(variables), profiles(config));
  REQUIRE(found);
  return *found;
}

TEST_CASE("A profile's keys end with the line, whatever characters are in them") {
  Profiles out;
  REQUIRE(
      out.add_config("# comment\n[default]\nregion = us-east-1 ; x\nOUTPUT=json # y\n[ profile  \"q u\" ]\n"
                     "s3 =\n  addressing_style = path\nregion=eu-west-1\r\n[b]\nregion = no\n"
                     "[sso-session corp]\nsso_region = x\n[services dev]\ns3 =\n  endpoint_url = http://h\n",
                     "config"));
  REQUIRE(
      out.add_credentials("[default]\naws_access_key_id = AK\naws_secret_access_key = S=K/1+#x\n"
                          "region = from-credentials\n",
                          "credentials"));
  CHECK(value_of(out.profile("default"), "region") == "from-credentials");
  CHECK(value_of(out.profile("default"), "output") == "json # y");
  CHECK(value_of(out.profile("default"), "aws_secret_access_key") == "S=K/1+#x");
  CHECK(value_of(out.profile("q u"), "s3.addressing_style") == "path");
  CHECK(value_of(out.profile("q u"), "region") == "eu-west-1");
  CHECK(out.profile("b") == nullptr);
  CHECK(value_of(out.sso_session("corp"), "sso_region") == "x");
  CHECK(value_of(out.services("dev"), "s3.endpoint_url") == "http://h");
  CHECK_FALSE(value_of(out.credentials("default"), "output"));
}

TEST_CASE("A line that is no key is an error that names the file and the line but not the text") {
  Profiles out;
  const auto status = out.add_credentials("[default]\nSECRETTEXT\n", "credentials");
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::kUsage);
  CHECK(status.error().what.find("credentials line 2") == 0);
  CHECK(status.error().what.find("SECRET") == std::string::npos);
}

TEST_CASE("The endpoint comes from the option, then S3's variable, the general one, services, the profile") {
  const std::string config =
      "[default]\nendpoint_url = http://profile\nservices = dev\n[services dev]\ns3 =\n  endpoint_url = "
      "http://services\n";
  Wishes wishes;
  wishes.endpoint = "https://option/";
  Variables all{{"AWS_ENDPOINT_URL_S3", "http://s3variable"}, {"AWS_ENDPOINT_URL", "http://variable"}};
  CHECK(find(wishes, all, config).endpoint == "https://option");
  CHECK(find({}, all, config).endpoint == "http://s3variable");
  all.erase("AWS_ENDPOINT_URL_S3");
  CHECK(find({}, all, config).endpoint == "http://variable");
  CHECK(find({}, {}, config).endpoint == "http://services");
  CHECK(find({}, {}, "[default]\nendpoint_url = http://profile\n").endpoint == "http://profile");
  all["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  CHECK(find({}, all, config).endpoint.empty());
  CHECK(find(wishes, all, config).endpoint == "https://option");
}

TEST_CASE("The region comes from the option, the environment, the profile, or is us-east-1") {
  const std::string config = "[default]\nregion = c\n";
  Wishes wishes;
  wishes.region = "o";
  CHECK(find(wishes, {{"AWS_REGION", "a"}}, config).region == "o");
  CHECK(find({}, {{"AWS_REGION", "a"}, {"AWS_DEFAULT_REGION", "b"}}, config).region == "a");
  CHECK(find({}, {{"AWS_DEFAULT_REGION", "b"}}, config).region == "b");
  CHECK(find({}, {}, config).region == "c");
  CHECK(find({}).region == "us-east-1");
}

TEST_CASE("A profile that is in no file is an error when it was asked for") {
  Wishes wishes;
  wishes.profile = "missing";
  auto found = Settings::find(wishes, environment({}), Profiles());
  REQUIRE_FALSE(found);
  CHECK(found.error().code == Errc::kUsage);
  CHECK(found.error().what.find("missing") != std::string::npos);
}

TEST_CASE("A profile's multipart sizes hold for copies, within what services allow") {
  const auto with = [](const std::string& key) { return find({}, {}, "[default]\ns3 =\n  " + key + "\n"); };
  CHECK(with("multipart_threshold = 64MB").copy_threshold == 64 * kMiB);
  CHECK(with("multipart_threshold = 9000000").copy_threshold == 9'000'000);
  CHECK(with("multipart_threshold = 6GB").copy_threshold == 5 * kGiB);
  CHECK(with("multipart_threshold = much").copy_threshold == 5 * kGiB);
  CHECK(with("multipart_chunksize = 1MB").copy_part == 5 * kMiB);
  CHECK(with("multipart_chunksize = 16MB").copy_part == 16 * kMiB);
}

TEST_CASE("Malformed endpoints are refused, and the scheme's own port is left out") {
  for (const char* url : {"gateway", "ftp://h", "http://", "https://h?x=1", "http://u:p@h"}) {
    Wishes wishes;
    wishes.endpoint = url;
    const auto found = Settings::find(wishes, environment({}), Profiles());
    INFO(url);
    REQUIRE_FALSE(found);
    CHECK(found.error().code == Errc::kUsage);
  }
  Wishes wishes;
  wishes.endpoint = "https://h:443/p/";
  CHECK(find(wishes).endpoint == "https://h/p");
  wishes.endpoint = "http://h:443";
  CHECK(find(wishes).endpoint == "http://h:443");
}

TEST_CASE("Buckets are hosts at Amazon where a certificate covers them, and paths elsewhere") {
  const auto place = [](const Settings& settings, const std::string& bucket, bool whole = false) {
    const Place out = place_of(settings, bucket, "eu-west-1", whole);
    return out.scheme + "://" + out.host + out.path;
  };
  Settings amazon;
  CHECK(place(amazon, "bucket") == "https://bucket.s3.eu-west-1.amazonaws.com");
  CHECK(place(amazon, "dotted.bucket") == "https://s3.eu-west-1.amazonaws.com/dotted.bucket");
  CHECK(place(amazon, "Upper_case") == "https://s3.eu-west-1.amazonaws.com/Upper_case");
  CHECK(place(amazon, "") == "https://s3.eu-west-1.amazonaws.com");
  amazon.dualstack = true;
  CHECK(place(amazon, "bucket") == "https://bucket.s3.dualstack.eu-west-1.amazonaws.com");
  amazon.accelerate = true;
  CHECK(place(amazon, "bucket") == "https://bucket.s3-accelerate.dualstack.amazonaws.com");
  amazon.dualstack = false;
  CHECK(place(amazon, "bucket") == "https://bucket.s3-accelerate.amazonaws.com");
  CHECK(place(amazon, "bucket", true) == "https://bucket.s3.eu-west-1.amazonaws.com");
  CHECK(place(amazon, "dotted.bucket") == "https://s3.eu-west-1.amazonaws.com/dotted.bucket");
  CHECK(place_of(Settings(), "bucket", "cn-north-1", false).host == "bucket.s3.cn-north-1.amazonaws.com.cn");

  Settings custom;
  custom.endpoint = "http://127.0.0.1:7070/base";
  CHECK(place(custom, "bucket") == "http://127.0.0.1:7070/base/bucket");
  custom.endpoint = "https://minio.example:9000";
  CHECK(place(custom, "bucket") == "https://minio.example:9000/bucket");
  custom.addressing = Addressing::kVirtual;
  CHECK(place(custom, "bucket") == "https://bucket.minio.example:9000");
}

TEST_CASE("Storj's gateway gets no checksum headers") {
  Wishes wishes;
  wishes.endpoint = "https://gateway.storjshare.io";
  CHECK_FALSE(find(wishes).checksums);
  wishes.endpoint = "https://gateway.eu1.storjshare.io";
  CHECK(find(wishes).storj_gateway());
  wishes.endpoint = "https://minio.example";
  CHECK(find(wishes).checksums);
  const auto asked = find(wishes, {{"AWS_REQUEST_CHECKSUM_CALCULATION", "when_required"}});
  CHECK_FALSE(asked.checksums);
  CHECK(asked.read_checksums);
  const auto read = find(wishes, {{"AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required"}});
  CHECK(read.checksums);
  CHECK_FALSE(read.read_checksums);
}

TEST_CASE("The file of trusted authorities is found as boto finds it") {
  Profiles profiles;
  REQUIRE(profiles.add_config("[default]\nca_bundle = /profile\n[profile p]\nregion = r\n", "config"));
  std::map<std::string, std::string> all{{"AWS_CA_BUNDLE", "/aws"}, {"REQUESTS_CA_BUNDLE", "/requests"}};
  const auto bundle = [&](const std::string& profile) {
    return ca_bundle(
        profile,
        [&](const std::string& name) -> std::optional<std::string> {
          const auto found = all.find(name);
          if (found == all.end()) return std::nullopt;
          return found->second;
        },
        profiles);
  };
  CHECK(bundle("").file == "/aws");
  CHECK(bundle("").origin == "AWS_CA_BUNDLE");
  all["AWS_CA_BUNDLE"] = "";
  CHECK(bundle("").file == "/profile");
  CHECK(bundle("p").file == "/requests");
  all.clear();
  CHECK(bundle("p").file.empty());
}

}  // namespace
}  // namespace sjcp::s3
