#include "tests/network/metabase.h"

#include "tests/network/test_network.h"
#include "tests/support/catch.h"

namespace sjcp::network {
namespace {

// A metabase with committed objects of the given keys in bucket "b".
struct Filled {
  explicit Filled(const std::vector<std::string>& keys) : metabase(clock) {
    metabase.create_bucket("b", "");
    for (const std::string& key : keys) add(key);
  }
  void add(const std::string& key, std::optional<Clock::Wall> expires_at = {}) {
    Object object;
    object.stream = {"b", key, crypto::random_string(16), 0};
    object.encryption = {2, 512};
    object.expires_at = expires_at;
    const auto stream = metabase.begin_object(object);
    CommitOptions options;
    options.may_delete = true;
    (void)metabase.commit_object(*stream, options);
  }
  // Items with prefixes marked, then "+" when there is more.
  std::string list(ListQuery query) {
    query.bucket = "b";
    if (query.delimiter.empty()) query.delimiter = "/";
    const ListPage page = metabase.list_objects(query);
    std::string out;
    for (size_t i = 0; i < page.items.size(); ++i) {
      out += (i == 0 ? "" : " ") + page.items[i].key + (page.items[i].object ? "" : "*");
    }
    return out + (page.more ? " +" : "");
  }
  TestClock clock;
  Metabase metabase;
};

ListQuery query(const std::string& prefix, const std::string& cursor = "", bool recursive = false,
                size_t limit = 1000) {
  ListQuery out;
  out.prefix = prefix;
  out.cursor = cursor;
  out.recursive = recursive;
  out.limit = limit;
  return out;
}

}  // namespace

TEST_CASE("Listing folds keys at the delimiter unless it is recursive") {
  Filled filled({"a", "a/", "a/b", "a/b/c", "a//b", "b/x", "zz"});
  CHECK(filled.list(query("")) == "a a/* b/* zz");
  CHECK(filled.list(query("", "", true)) == "a a/ a//b a/b a/b/c b/x zz");
  CHECK(filled.list(query("a/")) == " /* b b/*");
  CHECK(filled.list(query("a/b/")) == "c");
  CHECK(filled.list(query("none/")).empty());
}

TEST_CASE("Listing sorts keys as unsigned bytes") {
  Filled filled({"a", "\xff", "\x01", "Z", "\x80"});
  CHECK(filled.list(query("")) == "\x01 Z a \x80 \xff");
}

TEST_CASE("Listing continues after the cursor without repeating it or its prefix") {
  Filled filled({"a", "b/1", "b/2", "c", "d/1"});
  CHECK(filled.list(query("", "", false, 2)) == "a b/* +");
  CHECK(filled.list(query("", "b/", false, 2)) == "c d/*");
  CHECK(filled.list(query("", "b/1")) == "c d/*");
  CHECK(filled.list(query("", "b/1", true)) == "b/2 c d/1");
  CHECK(filled.list(query("b/", "b/1")) == "2");
  CHECK(filled.list(query("b/", "a")) == "1 2");
  CHECK(filled.list(query("b/", "c")).empty());
  CHECK(filled.list(query("", "c", false, 1)) == "d/*");
}

TEST_CASE("Listing ends after a prefix of nothing but the highest byte") {
  Filled filled({"\xff/1", "\xff\xff", "\xff\xff/a", "\xff\xff/b"});
  CHECK(filled.list(query("")) == "\xff/* \xff\xff \xff\xff/*");
  ListQuery odd = query("");
  odd.delimiter = "\xff";
  CHECK(filled.list(odd) == "\xff*");
  odd.cursor = "\xff";
  CHECK(filled.list(odd).empty());
}

TEST_CASE("Objects past their expiry are not listed, read or in the way") {
  Filled filled({"a"});
  filled.add("b", filled.clock.wall_now() + std::chrono::seconds(10));
  CHECK(filled.list(query("")) == "a b");
  filled.clock.advance(std::chrono::seconds(11));
  CHECK(filled.list(query("")) == "a");
  CHECK(filled.metabase.object("b", "b") == nullptr);
}

TEST_CASE("An object is replaced only with the permission to delete") {
  Filled filled({"a"});
  Object object;
  object.stream = {"b", "a", crypto::random_string(16), 0};
  object.encryption = {2, 512};
  const auto stream = filled.metabase.begin_object(object);
  CommitOptions options;
  const auto denied = filled.metabase.commit_object(*stream, options);
  REQUIRE(!denied);
  CHECK(text_of(denied.failed()) == "7 permission denied: no permissions to delete existing object");
  options.only_if_absent = true;
  CHECK(text_of(filled.metabase.commit_object(*stream, options).failed()) ==
        "9 metabase: failed precondition: object already exists");
  options.only_if_absent = false;
  options.may_delete = true;
  CHECK(filled.metabase.commit_object(*stream, options));
  CHECK(filled.metabase.object("b", "a")->stream.stream_id == object.stream.stream_id);
}

TEST_CASE("Parts must be whole and large enough when an upload is committed") {
  TestNetwork network;
  network.make_bucket("bucket");
  SECTION("a part that is not the last is too small") {
    const std::string stream = network.begin("bucket", "k");
    network.make_inline(stream, "small", {1, 0});
    network.make_inline(stream, "small", {2, 0});
    CHECK(text_of(network.commit(stream)) ==
          "9 metabase: failed precondition: size of part number 1 is below minimum threshold, got: 5 B, min: "
          "5.0 MiB");
  }
  SECTION("a segment is missing") {
    const std::string stream = network.begin("bucket", "k");
    network.make_inline(stream, "a", {0, 0});
    network.make_inline(stream, "b", {0, 2});
    CHECK(text_of(network.commit(stream)).starts_with("9 "));
  }
  SECTION("the last part may be small") {
    const std::string stream = network.begin("bucket", "k");
    network.make_inline(stream, "small", {7, 0});
    CHECK(text_of(network.commit(stream)) == "ok");
    CHECK(network.state.metabase.object("bucket", "k")->plain_size == 5);
  }
}

TEST_CASE("A bucket with objects or uploads is deleted only with all of them") {
  TestNetwork network;
  network.make_bucket("bucket");
  network.begin("bucket", "pending");
  CHECK(text_of(network.state.metabase.delete_bucket("bucket", false).failed()) == "9 bucket not empty");
  network.put("bucket", "k");
  CHECK(*network.state.metabase.delete_bucket("bucket", true) == 2);
  CHECK(text_of(network.state.metabase.delete_bucket("bucket", true).failed()) ==
        "5 bucket not found: bucket");
}

TEST_CASE("New metadata must seal everything that the object has") {
  TestNetwork network;
  network.make_bucket("bucket");
  network.put("bucket", "k");
  Metabase& metabase = network.state.metabase;
  const std::string stream = metabase.object("bucket", "k")->stream.stream_id;
  UserData data;
  data.metadata = "m";
  CHECK(text_of(metabase.update_metadata("bucket", "k", stream, data, true, false, false)).starts_with("3 "));
  data.key = std::string(48, 'k');
  data.nonce = std::string(24, 'n');
  CHECK(text_of(metabase.update_metadata("bucket", "k", "other", data, true, false, false)) ==
        "5 object not found: ");
  data.etag = "e";
  CHECK(text_of(metabase.update_metadata("bucket", "k", stream, data, true, true, false)) == "ok");
  CHECK(metabase.object("bucket", "k")->user_data.etag == "e");
  CHECK(text_of(metabase.update_metadata("bucket", "k", stream, data, true, false, false)) ==
        "5 object not found: ");
}

TEST_CASE("Uploads of one key are listed by stream id after the cursor") {
  TestNetwork network;
  network.make_bucket("bucket");
  for (int i = 0; i < 3; ++i) network.begin("bucket", "k");
  network.begin("bucket", "other");
  const ListPage all = network.state.metabase.list_pending_streams("bucket", "k", "", 2);
  REQUIRE(all.items.size() == 2);
  CHECK(all.more);
  const ListPage rest =
      network.state.metabase.list_pending_streams("bucket", "k", all.items[1].object->stream.stream_id, 2);
  CHECK(rest.items.size() == 1);
  CHECK_FALSE(rest.more);
}

}  // namespace sjcp::network
