#include <sys/stat.h>

#include "core/access/caveat.h"
#include "net/edge/auth_service.h"
#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::test;

namespace {

access::Grant shared_grant(const Outcome& outcome) {
  const std::string label = "Access       : ";
  size_t at = outcome.out.find(label);
  REQUIRE(at != std::string::npos);
  std::string text = outcome.out.substr(at + label.size());
  auto grant = access::Grant::parse(text.substr(0, text.find('\n')));
  REQUIRE(grant);
  return *grant;
}

access::Caveat last_caveat(const access::Grant& grant) {
  auto caveats = access::parse_caveats(grant.api_key);
  REQUIRE(caveats);
  REQUIRE(!caveats->empty());
  return caveats->back();
}

}  // namespace

TEST_CASE("share prints uplink's text and a read-only grant") {
  World world;
  auto shared = world.run({"share", "sj://some/prefix"});
  CHECK(shared.code == 0);
  auto grant = shared_grant(shared);
  CHECK(shared.out ==
        "Sharing access to satellite " + grant.satellite_url +
            "\n"
            "=========== ACCESS RESTRICTIONS ==========================================================\n"
            "Download     : Allowed\n"
            "Upload       : Disallowed\n"
            "Lists        : Allowed\n"
            "Deletes      : Disallowed\n"
            "NotBefore    : No restriction\n"
            "NotAfter     : No restriction\n"
            "MaxObjectTTL : Not set\n"
            "Paths        : sj://some/prefix\n"
            "=========== SERIALIZED ACCESS WITH THE ABOVE RESTRICTIONS TO SHARE WITH OTHERS ===========\n"
            "Access       : " +
            grant.serialize() + "\n");
  auto caveat = last_caveat(grant);
  CHECK(caveat.disallow_writes);
  CHECK(caveat.disallow_deletes);
  CHECK_FALSE(caveat.disallow_reads);
  CHECK(caveat.allowed_paths.size() == 1);
}

TEST_CASE("share prints every restriction") {
  World world;
  auto shared = world.run({"share", "--readonly=false", "--disallow-deletes", "--not-before",
                           "2022-01-01T15:01:01-01:00", "--not-after=+24h", "--max-object-ttl", "720h",
                           "sj://some", "sj://other/a/b/"});
  CHECK(shared.code == 0);
  CHECK(shared.out.find("Upload       : Allowed\n"
                        "Lists        : Allowed\n"
                        "Deletes      : Disallowed\n"
                        "NotBefore    : 2022-01-01 16:01:01\n"
                        "NotAfter     : 2024-05-02 12:00:00\n"
                        "MaxObjectTTL : 720h0m0s\n"
                        "Paths        : sj://some/ (entire bucket)\n"
                        "            sj://other/a/b/\n") != std::string::npos);
  auto caveat = last_caveat(shared_grant(shared));
  CHECK(caveat.max_object_ttl == std::chrono::hours(720));
  CHECK(caveat.allowed_paths.size() == 2);
}

TEST_CASE("share --writeonly needs --readonly=false beside it") {
  World world;
  auto nothing = world.run({"share", "--writeonly", "sj://some"});
  CHECK(nothing.code == 2);
  CHECK(nothing.err.find("--readonly=false") != std::string::npos);
  auto caveat =
      last_caveat(shared_grant(world.run({"share", "--writeonly", "--readonly=false", "sj://some"})));
  CHECK(caveat.disallow_reads);
  CHECK(caveat.disallow_lists);
  CHECK_FALSE(caveat.disallow_writes);
}

TEST_CASE("share --json prints one object") {
  World world;
  auto lines =
      world.run({"share", "--json", "--not-after", "2030-01-01T00:00:00Z", "sj://some/p/"}).out_json();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["download"] == true);
  CHECK(lines[0]["upload"] == false);
  CHECK(lines[0]["not_before"].is_null());
  CHECK(lines[0]["not_after"] == "2030-01-01T00:00:00Z");
  CHECK(lines[0]["paths"] == nlohmann::json{"sj://some/p/"});
  CHECK(access::Grant::parse(lines[0]["access"].get<std::string>()).has_value());
}

TEST_CASE("share --export-to writes the grant for its owner only") {
  World world;
  std::string path = world.folder / "grant.txt";
  auto shared = world.run({"share", "--export-to", path, "sj://some"});
  CHECK(shared.code == 0);
  CHECK(shared.out.find("Exported to: " + path + "\n") != std::string::npos);
  CHECK(read_file(path) == shared_grant(shared).serialize() + "\n");
  struct stat info{};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(world.run({"share", "--export-to", world.folder / "no/such/folder/x", "sj://some"}).code == 7);
}

TEST_CASE("share refuses what it cannot do") {
  World world;
  for (const char* option : {"--register", "--url", "--tls", "--public", "--dns=example.com"}) {
    CAPTURE(option);
    auto refused = world.run({"share", option, "sj://some"});
    CHECK(refused.code == 2);
    CHECK(refused.err.find("auth service") != std::string::npos);
    CHECK(refused.out.empty());
  }
  CHECK(world.run({"share"}).code == 2);
  CHECK(world.run({"share", "local/path"}).code == 2);
  CHECK(world.run({"share", "--not-after", "someday", "sj://some"}).code == 2);
  CHECK(world.run({"share", "--max-object-ttl", "long", "sj://some"}).code == 2);
  CHECK(world.run({"share", "--not-after=-1h", "--not-before=+1h", "sj://some"}).code == 2);
}

TEST_CASE("The auth service is named as uplink names it") {
  const auto url = [](const std::string& address) {
    auto result = edge::auth_service_url(address);
    return result ? *result : "";
  };
  CHECK(url("auth.example.com") == "https://auth.example.com");
  CHECK(url("auth.example.com:7777") == "https://auth.example.com");
  CHECK(url("auth.example.com:8443") == "https://auth.example.com:8443");
  CHECK(url("https://auth.example.com/") == "https://auth.example.com");
  CHECK(url("insecure://127.0.0.1:20000") == "http://127.0.0.1:20000");
  CHECK(url("insecure://127.0.0.1:7777") == "http://127.0.0.1");
  CHECK(url("http://127.0.0.1:20000") == "http://127.0.0.1:20000");
  CHECK(url("").empty());
  CHECK(url("insecure://").empty());
  CHECK(url("ftp://auth.example.com").empty());
}
