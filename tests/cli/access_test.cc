#include <sys/stat.h>

#include <filesystem>

#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::test;

namespace {

// Made by the reference library: two prefixes, dates and a time to live.
std::string restricted_grant() {
  return load_vectors("grants.json")["cases"][6]["result"]["serialized"];
}

// A user without SJCP_ACCESS.
struct Bare : World {
  Bare() { env.erase("SJCP_ACCESS"); }
  std::string own() { return folder / "home/.config/sjcp/access.json"; }
  void save_uplink(const std::string& text) {
    std::filesystem::create_directories(folder / "home/.config/storj/uplink");
    write_file(folder / "home/.config/storj/uplink/access.json", text);
  }
};

}  // namespace

TEST_CASE("access import saves a grant privately and makes the first one the default") {
  Bare user;
  auto imported = user.run({"access", "import", "work", test_grant()});
  CHECK(imported.code == 0);
  CHECK(imported.out == "Imported access \"work\" to \"" + user.own() + "\"\n");
  struct stat info{};
  REQUIRE(::stat(user.own().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(user.run({"ls"}).code == 0);
  CHECK(user.run({"ls", "--access", "work"}).code == 0);
  CHECK(user.run({"access", "import", "work", test_grant()}).code == 9);
  CHECK(user.run({"access", "import", "--force", "work", test_grant()}).code == 0);
}

TEST_CASE("access import reads a file or stdin") {
  Bare user;
  write_file(user.folder / "grant", "  " + test_grant() + "\n\n");
  CHECK(user.run({"access", "import", "one", user.folder / "grant"}).code == 0);
  user.in = test_grant() + "\n";
  CHECK(user.run({"access", "import", "two", "-"}).code == 0);
  CHECK(user.run({"access", "import", "three", user.folder / "none"}).code == 2);
  CHECK(user.run({"access", "import", "bad/name", test_grant()}).code == 2);
}

TEST_CASE("access list shows names and satellites, never grants") {
  Bare user;
  CHECK(user.run({"access", "list"}).out.empty());
  user.run({"access", "import", "one", test_grant()});
  user.run({"access", "import", "two", restricted_grant()});
  CHECK(user.run({"access", "list"}).out ==
        "CURRENT    NAME    SATELLITE\n"
        "*          one     us1.storj.io:7777\n"
        "           two     us1.storj.io:7777\n");
  auto verbose = user.run({"access", "list", "-v"});
  CHECK(verbose.out.find("@us1.storj.io:7777") != std::string::npos);
  CHECK(verbose.out.find(test_grant()) == std::string::npos);
  auto json = user.run({"access", "list", "--json"}).out_json();
  REQUIRE(json.size() == 2);
  CHECK(json[0]["current"] == true);
  CHECK(json[1]["name"] == "two");
}

TEST_CASE("access use and remove change the saved accesses") {
  Bare user;
  user.run({"access", "import", "one", test_grant()});
  user.run({"access", "import", "two", test_grant()});
  auto used = user.run({"access", "use", "two"});
  CHECK(used.code == 0);
  CHECK(used.out == "Switched default access to \"two\"\n");
  CHECK(user.run({"access", "remove", "two"}).code == 9);
  auto removed = user.run({"access", "remove", "one"});
  CHECK(removed.code == 0);
  CHECK(removed.out == "Removed access \"one\" from \"" + user.own() + "\"\n");
  CHECK(user.run({"access", "remove", "one"}).code == 3);
  CHECK(user.run({"access", "use", "one"}).code == 3);
  CHECK(user.run({"access", "remove", "two"}).code == 0);
  CHECK(user.run({"ls"}).code == 2);
}

TEST_CASE("uplink's access.json is read as it is and never written") {
  Bare user;
  std::string text =
      "{\n\t\"Default\": \"main\",\n\t\"Accesses\": {\n\t\t\"main\": \"" + test_grant() + "\"\n\t}\n}";
  user.save_uplink(text);
  CHECK(user.run({"ls"}).code == 0);
  CHECK(user.run({"ls", "--access", "main"}).code == 0);
  CHECK(user.run({"access", "list"}).out.find("main") != std::string::npos);
  CHECK(user.run({"access", "remove", "main"}).code == 3);
  CHECK(user.run({"access", "use", "main"}).code == 0);
  CHECK(read_file(user.folder / "home/.config/storj/uplink/access.json") == text);
  CHECK(user.run({"ls", "--config-dir", user.folder / "home/.config/storj/uplink"}).code == 0);
  CHECK(user.run({"ls", "--config-dir", user.folder / "elsewhere"}).code == 2);
}

TEST_CASE("The access is the option, else SJCP_ACCESS, else UPLINK_ACCESS, else the default") {
  Bare user;
  auto satellite = [&](const std::vector<std::string>& args) {
    CHECK(user.run(args).code == 0);
    return user.cloud.satellite;
  };
  auto with_satellite = [](const std::string& host) {
    auto grant = access::Grant::parse(test_grant());
    grant->satellite_url = grant->satellite_url.substr(0, grant->satellite_url.find('@') + 1) + host + ":1";
    return grant->serialize();
  };
  auto ends = [](const std::string& text, const std::string& host) {
    return text.ends_with("@" + host + ":1");
  };
  user.run({"access", "import", "saved", with_satellite("saved")});
  CHECK(ends(satellite({"ls"}), "saved"));
  user.env["UPLINK_ACCESS"] = with_satellite("uplink");
  CHECK(ends(satellite({"ls"}), "uplink"));
  user.env["SJCP_ACCESS"] = with_satellite("sjcp");
  CHECK(ends(satellite({"ls"}), "sjcp"));
  write_file(user.folder / "grant", with_satellite("file"));
  CHECK(ends(satellite({"ls", "--access", user.folder / "grant"}), "file"));
  CHECK(ends(satellite({"ls", "--access", "saved"}), "saved"));
  CHECK(ends(satellite({"ls", "--access", with_satellite("flag")}), "flag"));
}

TEST_CASE("A damaged file of saved accesses is reported, but does not stand in the way of a grant") {
  Bare user;
  std::filesystem::create_directories(user.folder / "home/.config/sjcp");
  write_file(user.own(), "{ not json");
  CHECK(user.run({"ls"}).code == 2);
  CHECK(user.run({"ls", "--access", test_grant()}).code == 0);
}

TEST_CASE("access inspect prints uplink's JSON") {
  World world;
  auto vectors = load_vectors("grants.json")["cases"][0]["grant"];
  auto inspected = world.run({"access", "inspect"});
  CHECK(inspected.code == 0);
  auto json = nlohmann::json::parse(inspected.out);
  CHECK(json["satellite_addr"] == vectors["satellite_addr"]);
  CHECK(json["api_key"] == vectors["api_key"]);
  CHECK(json["encryption_access"]["default_key"] == "HwXhpNui8wf0GEhtFUOPWVjwmQFCBQLIMRW4KziDTk4=");
  CHECK(json["encryption_access"]["default_path_cipher"] == "ENC_AESGCM");
  CHECK(json["macaroon"]["head"] == "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
  CHECK(json["macaroon"]["caveats"] == nlohmann::json::array());
  CHECK(json["macaroon"]["tail"].get<std::string>().size() == 44);

  auto restricted = nlohmann::json::parse(world.run({"access", "inspect", restricted_grant()}).out);
  auto caveat = restricted["macaroon"]["caveats"].back();
  CHECK(caveat["allowed_paths"].size() == 2);
  CHECK(caveat["disallow_writes"] == true);
  CHECK_FALSE(caveat.contains("disallow_reads"));
  CHECK(caveat["allowed_paths"][0]["bucket"] == "photos");
  CHECK(caveat["allowed_paths"][0]["encrypted_path_prefix"] == "AjU22cGbspbJHRDNmQxCmimHB8n4cvkYRZCLJgKK");
  CHECK(caveat["not_after"] == "2027-01-15T08:00:00.5Z");
  CHECK(caveat["not_before"] == "2023-11-14T22:13:20Z");
  CHECK(caveat["max_object_ttl"] == 130'500'000'000'000);
  CHECK(caveat["nonce"] == "CQoLDA==");
  CHECK(restricted["encryption_access"]["store_entries"].size() == 2);
  CHECK(world.run({"access", "inspect", "unknown"}).code == 3);
}
