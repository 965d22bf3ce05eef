#include "net/hf/hub.h"

#include "tests/net/hf/fake_client.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::hf;
using test::FakeClient;

namespace {

const std::string kCommit(40, 'c');
const std::string kOid(40, 'a');
const std::string kSha256(64, 'b');
const std::string kRevision = R"({"id":"o/m","sha":")" + kCommit + "\"}";
const std::string kSmall = R"({"type":"file","path":"a b.json","size":5,"oid":")" + kOid + "\"}";
const std::string kLarge = R"({"type":"file","path":"d/model.bin","size":130,"oid":")" + kOid +
                           R"(","lfs":{"oid":")" + kSha256 + R"(","size":1000,"pointerSize":130}})";

struct Fixture {
  FakeClient client;
  std::unique_ptr<Hub> hub;
  transfer::Counters counters;
  transfer::Context context;

  explicit Fixture(const std::string& token = "") {
    HubOptions options;
    options.settings.endpoint = "https://hub.example";
    options.settings.token = token;
    hub = *Hub::create(client, options);
    context.counters = &counters;
  }

  Result<std::vector<transfer::ObjectItem>> list(const std::string& bucket, const std::string& prefix = "",
                                                 bool recursive = true) {
    std::vector<transfer::ObjectItem> items;
    transfer::ListOptions options;
    options.prefix = prefix;
    options.recursive = recursive;
    Status status = hub->list_objects(bucket, options,
                                      [&](const transfer::ObjectItem& item) {
                                        items.push_back(item);
                                        return Status();
                                      },
                                      {});
    if (!status) return status.error();
    return items;
  }

  std::vector<std::string> urls() const {
    std::vector<std::string> result;
    for (const http::Request& request : client.asked) result.push_back(request.url);
    return result;
  }
};

}  // namespace

TEST_CASE("A listing asks for the commit once, then for its pages, with the token in a secret header") {
  Fixture f("hf_token");
  f.client.answer(200, {}, kRevision);
  f.client.answer(200, {{"Link", "</api/models/o/m/tree/x?cursor=1>; rel=\"next\""}}, "[" + kSmall + "]");
  f.client.answer(200, {}, "[" + kLarge + R"(,{"type":"directory","path":"d"}])");
  auto items = f.list("o/m@refs/pr/1");
  REQUIRE(items);
  REQUIRE(items->size() == 2);
  CHECK(items->at(0).key == "a b.json");
  CHECK(items->at(0).etag == kOid);
  CHECK(items->at(1).size == 1000);
  CHECK(items->at(1).etag == kSha256);
  CHECK(items->at(0).digests == std::vector{transfer::Digest{transfer::DigestKind::kGitBlob, kOid}});
  CHECK(items->at(1).digests == std::vector{transfer::Digest{transfer::DigestKind::kSha256, kSha256}});
  CHECK(f.urls() == std::vector<std::string>{
                        "https://hub.example/api/models/o/m/revision/refs%2Fpr%2F1",
                        "https://hub.example/api/models/o/m/tree/" + kCommit + "?recursive=true&expand=false",
                        "https://hub.example/api/models/o/m/tree/x?cursor=1"});
  for (const http::Request& request : f.client.asked) {
    REQUIRE(request.headers.size() == 1);
    CHECK(request.headers[0].name == "Authorization");
    CHECK(request.headers[0].value == "Bearer hf_token");
    CHECK(request.headers[0].secret);
  }
  CHECK(*f.hub->commit("o/m@refs/pr/1", {}) == kCommit);
  CHECK(f.client.asked.size() == 3);
}

TEST_CASE("The next page of a listing is asked of the hub, whatever host its link names") {
  Fixture f("hf_token");
  f.client.answer(200, {}, kRevision);
  f.client.answer(200, {{"Link", "<https://evil.example/page?cursor=1>; rel=\"next\""}}, "[]");
  f.client.answer(200, {}, "[]");
  REQUIRE(f.list("o/m"));
  CHECK(f.urls().back() == "https://hub.example/page?cursor=1");
}

TEST_CASE("A listing that leads to itself ends with an error") {
  Fixture f;
  f.client.answer(200, {}, kRevision);
  f.client.answer(
      200, {{"Link", "</api/models/o/m/tree/" + kCommit + "?recursive=true&expand=false>; rel=\"next\""}},
      "[]");
  CHECK(f.list("o/m").error().code == Errc::kProtocol);
}

TEST_CASE("One level of a folder has folders as prefixes; a folder that is missing has nothing") {
  Fixture f;
  f.client.answer(200, {}, kRevision);
  f.client.answer(200, {}, R"([{"type":"directory","path":"x/d"},)" + kSmall + "]");
  auto items = f.list("o/m", "x/", false);
  REQUIRE(items);
  REQUIRE(items->size() == 2);
  CHECK(items->at(0).key == "x/d/");
  CHECK(items->at(0).is_prefix);
  CHECK(f.urls().back() ==
        "https://hub.example/api/models/o/m/tree/" + kCommit + "/x?recursive=false&expand=false");
  f.client.answer(404, {{"X-Error-Code", "EntryNotFound"}});
  CHECK(f.list("o/m", "y/")->empty());
}

TEST_CASE("A single file is found with one question, and opened after a listing with none") {
  Fixture f;
  f.client.answer(302, {{"X-Repo-Commit", kCommit},
                        {"X-Linked-ETag", "\"" + kSha256 + "\""},
                        {"X-Linked-Size", "1000"},
                        {"Location", "https://cdn.example/x?sig=1"}});
  auto source = f.hub->open_object("o/m@v1", "d/model.bin");
  auto info = source->open({}, f.context);
  REQUIRE(info);
  CHECK(info->name == "hf://o/m@v1/d/model.bin");
  CHECK(info->size == 1000);
  CHECK(info->version == kSha256);
  CHECK(info->digests == std::vector{transfer::Digest{transfer::DigestKind::kSha256, kSha256}});
  CHECK(source->divisible());
  REQUIRE(f.client.asked.size() == 1);
  CHECK(f.client.asked[0].method == "HEAD");
  CHECK(f.client.asked[0].url == "https://hub.example/o/m/resolve/v1/d/model.bin");
  CHECK(f.client.asked[0].redirects == 0);
  // The commit is known from now on.
  CHECK(*f.hub->commit("o/m@v1", {}) == kCommit);

  Fixture g;
  g.client.answer(200, {}, kRevision);
  g.client.answer(200, {}, "[" + kSmall + "]");
  REQUIRE(g.list("o/m"));
  auto known = g.hub->open_object("o/m", "a b.json");
  REQUIRE(known->open({}, g.context));
  CHECK(!known->divisible());
  CHECK(g.client.asked.size() == 2);
}

TEST_CASE("A repository that moved is followed within the hub, with its token") {
  Fixture f("hf_token");
  f.client.answer(307, {{"Location", "/new/m/resolve/main/f"}});
  f.client.answer(200, {{"X-Repo-Commit", kCommit}, {"ETag", "\"" + kOid + "\""}, {"Content-Length", "7"}});
  auto item = f.hub->stat_object("o/m", "f", {});
  REQUIRE(item);
  CHECK(item->size == 7);
  CHECK(item->etag == kOid);
  CHECK(item->metadata.at("commit") == kCommit);
  CHECK(f.urls().back() == "https://hub.example/new/m/resolve/main/f");
  CHECK(f.client.asked.back().headers.back().name == "Authorization");
}

TEST_CASE("Redirects in circles end with an error") {
  Fixture f;
  for (int i = 0; i < 10; ++i) f.client.answer(307, {{"Location", "/o/m/resolve/main/f"}});
  CHECK(f.hub->stat_object("o/m", "f", {}).error().code == Errc::kProtocol);
}

TEST_CASE("Questions are repeated when the hub's limit is reached, after the time it names") {
  Fixture f;
  f.client.answer(429, {{"RateLimit", "\"api\";r=0;t=0"}});
  f.client.answer(200, {}, kRevision);
  CHECK(*f.hub->commit("o/m", {}) == kCommit);
  CHECK(f.client.asked.size() == 2);
}

TEST_CASE("A gated repository without token is denied, and nothing is repeated") {
  Fixture f;
  f.client.answer(401, {{"X-Error-Code", "GatedRepo"}});
  const auto items = f.list("o/m");
  REQUIRE(!items);
  CHECK(items.error().code == Errc::kDenied);
  CHECK(items.error().what ==
        "hf://o/m: the repository is gated: its terms are at https://hub.example/o/m; accept them there and "
        "set "
        "HF_TOKEN to a token of that account");
  CHECK(f.client.asked.size() == 1);
}

TEST_CASE("Offline nothing is asked") {
  FakeClient client;
  HubOptions options;
  options.settings.offline = "TRANSFORMERS_OFFLINE";
  auto hub = *Hub::create(client, options);
  const auto commit = hub->commit("o/m", {});
  CHECK(commit.error().code == Errc::kUsage);
  CHECK(commit.error().what.find("TRANSFORMERS_OFFLINE") != std::string::npos);
  CHECK(client.asked.empty());
}

TEST_CASE("The hub writes nothing") {
  Fixture f;
  CHECK(f.hub->create_bucket("o/m", {}).error().code == Errc::kUnsupported);
  CHECK(f.hub->delete_bucket("o/m", true, {}).error().code == Errc::kUnsupported);
  CHECK(f.hub->delete_object("o/m", "f", {}).error().code == Errc::kUnsupported);
  CHECK(f.hub->create_object("o/m", "f", {}, 1).error().code == Errc::kUnsupported);
  CHECK(f.hub->list_buckets({}).error().code == Errc::kUnsupported);
  CHECK(f.hub->check_bucket("o/m"));
  CHECK(f.hub->check_bucket("m/b--c").error().code == Errc::kUsage);
  CHECK(f.hub->open_object("m/b--c", "f")->open({}, f.context).error().code == Errc::kUsage);
  CHECK(f.client.asked.empty());
}

TEST_CASE("What a mirror has to hold has the repo oid that the hub's redirect shows") {
  const std::string oid = "8ac7" + std::string(60, '5');
  for (const bool shown : {true, false}) {
    Fixture f;
    f.client.answer(200, {}, kRevision);
    f.client.answer(200, {}, "[" + kSmall + "," + kLarge + "]");
    f.client.answer(302,
                    {{"X-Repo-Commit", kCommit},
                     {"X-Linked-ETag", kSha256},
                     {"X-Linked-Size", "1000"},
                     {"Location", "https://cdn.example/" +
                                      (shown ? mirror_key(oid, kSha256) : std::string("other")) + "?sig=1"}});
    auto files = f.hub->files_to_mirror("o/m", {});
    REQUIRE(files);
    REQUIRE(files->size() == 1);
    CHECK(files->at(0).file.path == "d/model.bin");
    CHECK(files->at(0).file.size == 1000);
    CHECK(files->at(0).key == mirror_key(shown ? oid : own_repo_oid(*Repo::parse("o/m")), kSha256));
  }
}
