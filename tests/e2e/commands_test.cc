// mb, rb, ls, rm, share, metadata and expiry.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "core/access/grant.h"
#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;
namespace fs = std::filesystem;

namespace {

std::set<std::string> keys_of(const std::vector<Json>& listed) {
  std::set<std::string> out;
  for (const auto& item : listed) out.insert(item.at("key").get<std::string>());
  return out;
}

// The grant in the text of `sjcp share`.
std::string shared_grant(const std::string& text) {
  const std::string mark = "Access       : ";
  const size_t at = text.find(mark);
  REQUIRE(at != std::string::npos);
  const size_t begin = at + mark.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

// The same access, as somebody has it who typed another passphrase.
std::string with_another_passphrase(const std::string& grant) {
  auto access = sjcp::access::Grant::parse(grant);
  REQUIRE(access);
  access->store.default_key = sjcp::crypto::Key::random();
  return access->serialize();
}

}  // namespace

TEST_CASE("Buckets are made, listed and removed", "[commands]") {
  LocalNetwork network;
  const User user(network);
  CHECK(user.must({"ls"}).find("bucket-one") == std::string::npos);
  user.must({"mb", "sj://bucket-one"});
  user.must({"mb", "sj://bucket.two"});
  const std::string table = user.must({"ls"});
  CHECK(table.find("CREATED") == 0);
  CHECK(table.find("bucket-one") != std::string::npos);
  std::set<std::string> names;
  for (const auto& bucket : user.list({})) names.insert(bucket.at("Name").get<std::string>());
  CHECK(names == std::set<std::string>{"bucket-one", "bucket.two"});
  check_failure(user.run({"mb", "sj://bucket-one"}), 9, "sj://bucket-one");
  CHECK(user.must({"rb", "sj://bucket-one"}) == "Bucket \"bucket-one\" has been deleted.\n");
  check_failure(user.run({"rb", "sj://bucket-one"}), 3, "sj://bucket-one");
}

TEST_CASE("A bucket with objects goes only by force", "[commands]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", 10'000), "sj://bucket/deep/object"});
  check_failure(user.run({"rb", "sj://bucket"}), 9, "--force");
  // What a bucket with Object Lock meets.
  network.fail_calls("DeleteBucket", 7, "Unauthorized API credentials", 1);
  check_failure(user.run({"rb", "--force", "sj://bucket"}), 4, "Object Lock");
  CHECK(user.list({"-r", "sj://bucket/"}).size() == 1);
  user.must({"rb", "--force", "sj://bucket"});
  CHECK(user.list({}).empty());
  CHECK(network.total("pieces_held") == 0);
}

TEST_CASE("A listing shows what is directly below, or everything", "[commands]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 2000);
  for (const std::string key : {"a", "b/c", "b/d/e", "bb"}) user.must({"cp", file, "sj://bucket/" + key});
  CHECK(keys_of(user.list({"sj://bucket"})) == std::set<std::string>{"a", "b/", "bb"});
  CHECK(keys_of(user.list({"sj://bucket/b/"})) == std::set<std::string>{"c", "d/"});
  CHECK(keys_of(user.list({"-r", "sj://bucket"})) == std::set<std::string>{"a", "b/c", "b/d/e", "bb"});
  CHECK(keys_of(user.list({"-r", "sj://bucket/b/"})) == std::set<std::string>{"b/c", "b/d/e"});
  CHECK(user.list({"sj://bucket/none/"}).empty());

  for (const auto& item : user.list({"sj://bucket"})) {
    if (item["key"] == "b/") {
      CHECK(item == Json{{"kind", "PRE"}, {"key", "b/"}});
    } else {
      CHECK(item["kind"] == "OBJ");
      CHECK(item["size"] == 2000);
      CHECK(item["created"].get<std::string>().size() == std::string("2006-01-02 15:04:05").size());
    }
  }
  const std::string table = user.must({"ls", "sj://bucket"});
  CHECK(table.starts_with("KIND"));
  CHECK(std::count(table.begin(), table.end(), '\n') == 4);
  CHECK(user.must({"ls", "-H", "sj://bucket"}).find("1.95 KiB") != std::string::npos);
  CHECK(user.must({"ls", "-o", "json", "sj://bucket"}) == user.must({"ls", "--json", "sj://bucket"}));
}

TEST_CASE("A listing of more keys than a page holds shows each once", "[commands]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  std::set<std::string> keys;
  for (int i = 0; i < 1200; ++i) {
    const std::string name = "d" + std::to_string(i % 3) + "/" + std::to_string(i);
    user.make_file("many/" + name, 1, static_cast<uint64_t>(i));
    keys.insert(name);
  }
  user.must({"cp", "-r", "-t", "16", user.path("many"), "sj://bucket/"});
  const auto listed = user.list({"-r", "sj://bucket/"});
  CHECK(listed.size() == 1200);
  CHECK(keys_of(listed) == keys);
  CHECK(network.calls("ListObjects") >= 2);
  CHECK(keys_of(user.list({"sj://bucket/"})) == std::set<std::string>{"d0/", "d1/", "d2/"});
  user.must({"cp", "-r", "-t", "16", "sj://bucket/", user.path("back")});
  size_t same = 0;
  for (const auto& key : keys)
    same += same_content(user.path("many/" + key), user.path("back/" + key)) ? 1 : 0;
  CHECK(same == keys.size());
  const std::string removed = user.must({"rm", "-r", "sj://bucket/"});
  CHECK(std::count(removed.begin(), removed.end(), '\n') == 1200);
  CHECK(user.list({"-r", "sj://bucket/"}).empty());
}

TEST_CASE("Removing takes what was named and no more", "[commands]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 10);
  for (const std::string key : {"a", "b/c", "b/d/e", "bb", "x", "y"})
    user.must({"cp", file, "sj://bucket/" + key});
  CHECK(user.must({"rm", "sj://bucket/a"}) == "removed sj://bucket/a\n");
  CHECK(user.must({"rm", "sj://bucket/x", "sj://bucket/y"}) ==
        "removed sj://bucket/x\nremoved sj://bucket/y\n");
  user.must({"rm", "-r", "sj://bucket/b/"});
  CHECK(keys_of(user.list({"-r", "sj://bucket"})) == std::set<std::string>{"bb"});
  check_failure(user.run({"rm", "sj://bucket/a"}), 3, "sj://bucket/a");
  check_failure(user.run({"rm", "sj://bucket"}), 2, "sj://bucket");
}

TEST_CASE("Metadata and expiry travel with an upload", "[commands]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const std::string file = user.make_file("file", 5000);
  user.must({"cp", "--metadata", R"({"colour":"blue","größe":"12"})", "--expires", "+24h", file,
             "sj://bucket/with"});
  user.must({"cp", "--expires", "none", file, "sj://bucket/without"});
  for (const auto& item : user.list({"-x", "--utc", "sj://bucket/"})) {
    CAPTURE(item.dump());
    CHECK(item.contains("expires") == (item["key"] == "with"));
    if (item["key"] == "with") CHECK(item.value("meta", 0) == 6 + 4 + 7 + 2);
  }
  const std::string back = user.path("back");
  user.must({"cp", "sj://bucket/with", back});
  CHECK(same_content(file, back));
}

TEST_CASE("Names of another passphrase are counted, and an access to which all of them are is no success",
          "[commands]") {
  LocalNetwork network;
  const User owner(network);
  User other(network);
  other.env["SJCP_ACCESS"] = with_another_passphrase(network.grant());
  owner.must({"mb", "sj://bucket"});
  const std::string file = owner.make_file("file", 3000);
  for (const std::string key : {"a", "b", "deep/c"}) owner.must({"cp", file, "sj://bucket/" + key});

  // Whoever has the wrong one sees nothing, and hears why.
  const auto told = [](const Exit& exit, int code, const std::string& count) {
    check_failure(exit, code, count);
    CHECK(exit.err.find("do not decrypt") != std::string::npos);
  };
  const Exit wrong = other.run({"ls", "-r", "sj://bucket"});
  told(wrong, 0, "3 names");
  CHECK(wrong.out.find("OBJ") == std::string::npos);
  told(other.run({"cp", "-r", "sj://bucket/", other.path("all/")}), 4, "3 names");
  CHECK_FALSE(exists(other.path("all/a")));
  told(other.run({"rm", "-r", "sj://bucket/"}), 4, "3 names");

  // Two of them in a bucket are usual.
  other.must({"cp", file, "sj://bucket/mine"});
  const Exit mixed = other.run({"ls", "-r", "sj://bucket"});
  told(mixed, 0, "3 names");
  CHECK(mixed.out.find("mine") != std::string::npos);
  told(other.run({"cp", "-r", "sj://bucket/", other.path("all/")}), 0, "3 names");
  CHECK(same_content(file, other.path("all/mine")));
  const Exit owners = owner.run({"ls", "-r", "sj://bucket"});
  check_failure(owners, 0, "1 name there does not decrypt");
  CHECK(owners.out.find("deep/c") != std::string::npos);
}

TEST_CASE("stat shows the expiry, and an access that may only list may ask", "[commands]") {
  LocalNetwork network;
  const User owner(network);
  owner.must({"mb", "sj://bucket"});
  owner.must(
      {"cp", "--expires", "2099-01-02T03:04:05Z", owner.make_file("file", 200'000), "sj://bucket/open/k"});
  User lister(network);
  lister.env["SJCP_ACCESS"] = shared_grant(owner.must({"share", "--disallow-reads", "sj://bucket/open/"}));
  for (const User* user : {&owner, static_cast<const User*>(&lister)}) {
    const uint64_t downloads = network.calls("DownloadObject");
    const std::string text = user->must({"stat", "--utc", "sj://bucket/open/k"});
    CHECK(text.find("Expires:  2099-01-02 03:04:05") != std::string::npos);
    CHECK(text.find("Size:     200000") != std::string::npos);
    const Json json = Json::parse(user->must({"stat", "--json", "sj://bucket/open/k"}));
    CHECK(json.at("expires").get<std::string>().starts_with("2099-01-02T03:04:05"));
    // Nobody is asked for limits of orders, which only reading needs.
    CHECK(network.calls("DownloadObject") == downloads);
  }
  check_failure(lister.run({"cp", "sj://bucket/open/k", lister.path("out")}), 4, "sj://bucket/open/k");
}

TEST_CASE("A shared prefix is readable, and nothing else is allowed", "[commands]") {
  LocalNetwork network;
  const User owner(network);
  owner.must({"mb", "sj://bucket"});
  const std::string file = owner.make_file("file", 100'000);
  for (const std::string key : {"open/a", "open/deep/b", "closed/c"})
    owner.must({"cp", file, "sj://bucket/" + key});
  const std::string text = owner.must({"share", "sj://bucket/open/"});
  CHECK(text.starts_with("Sharing access to satellite " + network.satellite() + "\n"));
  User guest(network);
  guest.env["SJCP_ACCESS"] = shared_grant(text);

  guest.must({"cp", "sj://bucket/open/a", guest.path("back")});
  CHECK(same_content(file, guest.path("back")));
  CHECK(keys_of(guest.list({"-r", "sj://bucket/open/"})) == std::set<std::string>{"open/a", "open/deep/b"});
  check_failure(guest.run({"cp", file, "sj://bucket/open/new"}), 4, "sj://bucket/open/new");
  check_failure(guest.run({"rm", "sj://bucket/open/a"}), 4, "sj://bucket/open/a");
  check_failure(guest.run({"cp", "sj://bucket/closed/c", guest.path("other")}), 4, "sj://bucket/closed/c");
  check_failure(guest.run({"ls", "sj://bucket/closed/"}), 4, "sj://bucket");
  check_failure(guest.run({"mb", "sj://another"}), 4, "sj://another");
  CHECK_FALSE(exists(guest.path("other")));
  CHECK(owner.list({"-r", "sj://bucket/"}).size() == 3);
}

TEST_CASE("Shares for writing, for some time and with a lifetime hold", "[commands]") {
  LocalNetwork network;
  const User owner(network);
  owner.must({"mb", "sj://bucket"});
  const std::string file = owner.make_file("file", 20'000);
  owner.must({"cp", file, "sj://bucket/drop/old"});

  User writer(network);
  writer.env["SJCP_ACCESS"] =
      shared_grant(owner.must({"share", "--writeonly", "--readonly=false", "sj://bucket/drop/"}));
  writer.must({"cp", file, "sj://bucket/drop/new"});
  check_failure(writer.run({"cp", "sj://bucket/drop/new", writer.path("back")}), 4, "sj://bucket/drop/new");
  check_failure(writer.run({"ls", "sj://bucket/drop/"}), 4, "sj://bucket");

  User late(network);
  late.env["SJCP_ACCESS"] =
      shared_grant(owner.must({"share", "--not-after", "2020-01-01T00:00:00Z", "sj://bucket"}));
  check_failure(late.run({"cp", "sj://bucket/drop/old", late.path("back")}), 4, "sj://bucket/drop/old");
  User early(network);
  early.env["SJCP_ACCESS"] = shared_grant(owner.must({"share", "--not-before", "+2h", "sj://bucket"}));
  check_failure(early.run({"ls", "sj://bucket"}), 4, "sj://bucket");

  User brief(network);
  brief.env["SJCP_ACCESS"] =
      shared_grant(owner.must({"share", "--readonly=false", "--max-object-ttl", "1h", "sj://bucket/drop/"}));
  brief.must({"cp", file, "sj://bucket/drop/brief"});
  for (const auto& item : owner.list({"-x", "sj://bucket/drop/"})) {
    CHECK(item.contains("expires") == (item["key"] == "brief"));
  }
}

TEST_CASE("A share can be exported, printed as JSON, and shared further", "[commands]") {
  LocalNetwork network;
  const User owner(network);
  owner.must({"mb", "sj://bucket"});
  owner.must({"cp", owner.make_file("file", 100), "sj://bucket/a/b/c"});
  const Json json =
      Json::parse(owner.must({"share", "--json", "--export-to", owner.path("grant"), "sj://bucket/a/"}));
  CHECK(fs::status(owner.path("grant")).permissions() == fs::perms(0600));
  CHECK(sjcp::test::read_file(owner.path("grant")) == json["access"].get<std::string>() + "\n");
  CHECK(json["upload"] == false);
  CHECK(json["download"] == true);

  const std::string narrower =
      shared_grant(owner.must({"share", "--access", owner.path("grant"), "sj://bucket/a/b/"}));
  User guest(network);
  guest.env["SJCP_ACCESS"] = narrower;
  guest.must({"cp", "sj://bucket/a/b/c", guest.path("back")});
  check_failure(guest.run({"ls", "sj://bucket/a/"}), 4, "sj://bucket");
}

TEST_CASE("What needs the auth service is refused with a clear message", "[commands]") {
  LocalNetwork network;
  const User user(network);
  for (const std::string option : {"--register", "--url"}) {
    check_failure(user.run({"share", option, "sj://bucket/a"}), 2, option);
  }
  check_failure(user.run({"share", "--dns", "host.example", "sj://bucket/a"}), 2, "--dns");
}
