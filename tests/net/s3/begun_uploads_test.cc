#include "net/s3/begun_uploads.h"

#include "fake_client.h"
#include "tests/support/catch.h"

namespace sjcp::s3 {
namespace {

using std::chrono::seconds;
using test::FakeClient;
using test::reply;
using transfer::RememberedUpload;

const WallTime kNoted = *parse_iso_time("2026-01-02T03:04:05Z");
const AskedUpload kAsked{"bkt", "k", kNoted};

std::vector<std::string> ours(const std::vector<PendingUpload>& pending,
                              const std::vector<RememberedUpload>& remembered, seconds ahead = seconds(0)) {
  return ours_among(pending, kAsked, remembered, ahead).upload_ids;
}

TEST_CASE("Notes say what they are of, and nothing else is one") {
  const auto asked = AskedUpload::parse(kAsked.text());
  REQUIRE(asked);
  CHECK(asked->key == "k");
  CHECK(asked->asked == kNoted);
  const auto kept = KeptUpload::parse(KeptUpload{"id", 7, false, true}.text());
  REQUIRE(kept);
  CHECK(kept->upload_id == "id");
  CHECK(kept->part_size == 7);
  CHECK_FALSE(kept->checksums);
  CHECK(kept->trailing);
  for (const std::string& text : {BegunUpload{"bkt", "k", "id"}.text(), std::string("nonsense")}) {
    CHECK_FALSE(AskedUpload::parse(text));
    CHECK_FALSE(KeptUpload::parse(text));
  }
}

TEST_CASE("What was begun in the seconds around a question may be of it") {
  const std::vector<RememberedUpload> own{{kAsked.text(), false}};
  const auto at = [](int s) { return PendingUpload{"id", kNoted + seconds(s)}; };
  CHECK(ours({at(0)}, own).size() == 1);
  CHECK(ours({at(-2)}, own).size() == 1);
  CHECK(ours({at(10)}, own).size() == 1);
  CHECK(ours({at(-3)}, own).empty());
  CHECK(ours({at(11)}, own).empty());
  // By the service's clock.
  CHECK(ours({at(300)}, own, seconds(300)).size() == 1);
  CHECK(ours({at(0)}, own, seconds(300)).empty());
}

TEST_CASE("What notes and journals of ours name is of no other question") {
  const std::vector<PendingUpload> pending{{"noted", kNoted}, {"kept", kNoted}, {"left", kNoted}};
  const std::vector<RememberedUpload> remembered{{kAsked.text(), false},
                                                 {BegunUpload{"bkt", "k", "noted"}.text(), true},
                                                 {KeptUpload{"kept", 1, true, true}.text(), false}};
  CHECK(ours(pending, remembered) == std::vector<std::string>{"left"});
}

TEST_CASE("No more than were asked for are ours, and none while another run asks for the same") {
  const AskedUpload soon{"bkt", "k", kNoted + seconds(3)};
  const AskedUpload later{"bkt", "k", kNoted + seconds(30)};
  const AskedUpload other{"bkt", "k2", kNoted};
  const auto found = ours_among(
      {}, kAsked, {{kAsked.text(), false}, {soon.text(), false}, {later.text(), true}, {other.text(), true}},
      seconds(0));
  CHECK(found.at_most == 2);
  CHECK_FALSE(found.wait);
  CHECK(ours_among({}, kAsked, {{kAsked.text(), false}, {soon.text(), true}}, seconds(0)).wait);
}

struct Fixture {
  Fixture() : requester(test::at_endpoint(), Credentials::none(), client, system_clock()) {
    client.answer = [this](const FakeClient::Asked& got) {
      const std::string& url = got.request.url;
      if (got.request.method == "DELETE") {
        removed.push_back(url.substr(url.find("uploadId=") + 9));
        return reply(204);
      }
      if (url.find("uploads=") == std::string::npos) {
        const bool part = url.ends_with("uploadId=" + with_parts);
        return reply(200, part ? "<ListPartsResult><Part><PartNumber>1</PartNumber><Size>3</Size></Part>"
                                 "</ListPartsResult>"
                               : "<ListPartsResult/>");
      }
      std::string list;
      for (const auto& [key, id] : pending)
        list += "<Upload><Key>" + key + "</Key><UploadId>" + id +
                "</UploadId><Initiated>2026-01-02T03:04:06Z</Initiated></Upload>";
      return reply(status, "<ListMultipartUploadsResult>" + list + "</ListMultipartUploadsResult>",
                   {{"Date", http_date}});
    };
  }
  Status remove(bool running = false) {
    return remove_asked(
        requester, asked, [&] { return std::vector<RememberedUpload>{{asked.text(), running}}; }, context);
  }

  FakeClient client;
  transfer::Counters counters;
  transfer::Context context{{}, nullptr, &counters};
  Requester requester;
  int status = 200;
  std::vector<std::pair<std::string, std::string>> pending;
  std::string with_parts = "none";
  std::vector<std::string> removed;
  // A service whose clock stands at the time of its uploads; the machine's own is right.
  std::string http_date = "Fri, 02 Jan 2026 03:04:07 GMT";
  AskedUpload asked{"bkt", "k", system_clock().wall_now()};
};

TEST_CASE("What a question has left is removed when it is certain whose it is") {
  Fixture f;
  SECTION("the one") {
    f.pending = {{"k", "a"}, {"kk", "b"}};
    CHECK(f.remove());
    CHECK(f.removed == std::vector<std::string>{"a"});
  }
  SECTION("nothing was begun") {
    CHECK(f.remove());
    CHECK(f.removed.empty());
  }
  SECTION("one has parts: who stored them knows its name") {
    f.pending = {{"k", "a"}, {"k", "b"}};
    f.with_parts = "a";
    CHECK(f.remove());
    CHECK(f.removed == std::vector<std::string>{"b"});
  }
  SECTION("two that nothing tells apart") {
    f.pending = {{"k", "a"}, {"k", "b"}};
    CHECK(f.remove());
    CHECK(f.removed.empty());
  }
  SECTION("another run has just asked for the same") {
    f.pending = {{"k", "a"}};
    CHECK_FALSE(f.remove(true));
    CHECK(f.removed.empty());
  }
  SECTION("the bucket has gone") {
    f.status = 404;
    CHECK(f.remove());
  }
  SECTION("nobody may look") {
    f.status = 403;
    CHECK_FALSE(f.remove());
  }
}

}  // namespace
}  // namespace sjcp::s3
