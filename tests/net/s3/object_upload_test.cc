#include "net/s3/object_upload.h"

#include <algorithm>
#include <map>

#include "core/base/units.h"
#include "fake_client.h"
#include "net/s3/object_info.h"
#include "net/s3/object_source.h"
#include "net/s3/store.h"
#include "tests/support/catch.h"
#include "tests/support/fake_source.h"
#include "tests/support/fake_writer.h"

namespace sjcp::s3 {
namespace {

using test::FakeClient;
using test::reply;
using Asked = FakeClient::Asked;

constexpr uint64_t kPart = 8 * kMiB;

struct Fixture {
  Fixture() : requester(test::at_endpoint(), Credentials::none(), client, system_clock()) {}
  std::unique_ptr<ObjectUpload> upload(std::optional<uint64_t> size, UploadOptions options = {}) {
    return std::make_unique<ObjectUpload>(requester, "bkt", "k", std::move(options), size, buffers);
  }
  // Sends one segment of so many bytes.
  Status send(ObjectUpload& upload, uint64_t index, uint64_t bytes, bool last) {
    auto segment = upload.begin_segment(index);
    if (!segment) return std::move(segment).error();
    if (auto status = (*segment)->append(std::string(bytes, 'x')); !status) return status;
    return upload.finish_segment(std::move(*segment), last, context);
  }
  std::vector<std::string> requests() const {
    std::vector<std::string> out;
    for (const auto& asked : client.asked) out.push_back(asked.request.method + " " + asked.request.url);
    return out;
  }

  FakeClient client;
  transfer::Counters counters;
  transfer::Context context{{}, nullptr, &counters};
  Requester requester;
  std::shared_ptr<segment::BufferCache> buffers = std::make_shared<segment::BufferCache>();
};

http::Reply answer_upload(const Asked& asked) {
  const std::string& url = asked.request.url;
  if (url.ends_with("?uploads=")) {
    return reply(200,
                 "<InitiateMultipartUploadResult><UploadId>u/1</UploadId></InitiateMultipartUploadResult>");
  }
  if (asked.request.method == "PUT") {
    return reply(200, "",
                 {{"ETag", "\"e\""}, {"x-amz-checksum-crc32c", asked.header("x-amz-checksum-crc32c")}});
  }
  if (asked.request.method == "POST") {
    return reply(200, "<CompleteMultipartUploadResult><ETag>\"x\"</ETag></CompleteMultipartUploadResult>");
  }
  return reply(204);
}

TEST_CASE("Parts are 8 or 16 MiB, larger for objects that would have too many, and 64 MiB for Storj") {
  CHECK(part_size(uint64_t{1}, 0, false) == 16 * kMiB);
  CHECK(part_size(16 * kMiB, 0, false) == 16 * kMiB);
  CHECK(part_size(16 * kMiB + 1, 0, false) == 8 * kMiB);
  CHECK(part_size(8000 * kMiB, 0, false) == 8 * kMiB);
  CHECK(part_size(8000 * kMiB + 1, 0, false) == 16 * kMiB);
  CHECK(part_size(100 * kGiB, 0, false) == 16 * kMiB);
  CHECK(part_size(1024 * kGiB, 0, false) == 105 * kMiB);
  CHECK(1024 * kGiB / part_size(1024 * kGiB, 0, false) < 10'000);
  CHECK(part_size(uint64_t{1}, 0, true) == 64 * kMiB);
  CHECK(part_size(std::nullopt, 999, false) == 16 * kMiB);
  CHECK(part_size(std::nullopt, 1000, false) == 32 * kMiB);
  CHECK(part_size(std::nullopt, 9999, false) == 4096 * kMiB);
}

TEST_CASE("A small object is one request with its checksum, when it is committed") {
  Fixture f;
  f.client.answer = answer_upload;
  UploadOptions options;
  options.object.metadata["Mine"] = "v";
  options.only_new = true;
  auto upload = f.upload(uint64_t{9}, options);
  auto segment = upload->begin_segment(0);
  REQUIRE(segment);
  REQUIRE((*segment)->append(std::string("123456789")));
  REQUIRE(upload->finish_segment(std::move(*segment), true, f.context));
  CHECK(f.client.asked.empty());
  REQUIRE(upload->commit(f.context));
  REQUIRE(f.requests() == std::vector<std::string>{"PUT https://h/bkt/k"});
  CHECK(f.client.asked[0].body == "123456789");
  CHECK(f.client.asked[0].header("x-amz-checksum-crc32c") == "4waSgw==");
  CHECK(f.client.asked[0].header("x-amz-meta-mine") == "v");
  CHECK(f.client.asked[0].header("If-None-Match") == "*");
  CHECK(upload->destination().empty());
}

TEST_CASE("A large object is begun once, its parts sent, and completed with what was stored") {
  Fixture f;
  f.client.answer = answer_upload;
  auto upload = f.upload(2 * kPart + 5);
  std::string pending;
  upload->keep([&](const std::string& text) { pending = text; });
  REQUIRE(f.send(*upload, 0, kPart, false));
  REQUIRE(f.send(*upload, 1, kPart, false));
  REQUIRE(f.send(*upload, 2, 5, true));
  REQUIRE(upload->commit(f.context));
  REQUIRE(f.requests() ==
          std::vector<std::string>{
              "POST https://h/bkt/k?uploads=", "PUT https://h/bkt/k?partNumber=1&uploadId=u%2F1",
              "PUT https://h/bkt/k?partNumber=2&uploadId=u%2F1",
              "PUT https://h/bkt/k?partNumber=3&uploadId=u%2F1", "POST https://h/bkt/k?uploadId=u%2F1"});
  CHECK(f.client.asked[1].body.size() == kPart);
  CHECK(f.client.asked[4].body.find("<PartNumber>3</PartNumber>") != std::string::npos);
  CHECK(f.client.asked[4].body.find("<ChecksumCRC32C>") != std::string::npos);
  CHECK_FALSE(pending.empty());
  CHECK_FALSE(upload->destination().empty());
}

TEST_CASE("A part is read from its place, for its checksum and for each try") {
  Fixture f;
  int tries = 0;
  f.client.answer = [&](const Asked& asked) {
    if (asked.request.method == "PUT" && ++tries == 1) {
      return reply(400, "<Error><Code>BadDigest</Code></Error>");
    }
    return answer_upload(asked);
  };
  const std::string content = test::pattern(0, 2 * kPart + 5);
  test::FakeReader reader(content);
  auto upload = f.upload(content.size());
  REQUIRE(upload->memory_per_part());
  CHECK(*upload->memory_per_part() <= kMiB);
  const auto send = [&](uint64_t index, uint64_t offset, uint64_t size, bool last) -> Status {
    auto segment = upload->begin_segment(index, transfer::ReaderPart(reader, offset, size));
    if (!segment) return std::move(segment).error();
    return upload->finish_segment(std::move(*segment), last, f.context);
  };
  SECTION("what the service finds damaged goes once more") {
    REQUIRE(send(0, 0, kPart, false));
    REQUIRE(send(1, kPart, kPart, false));
    REQUIRE(send(2, 2 * kPart, 5, true));
    REQUIRE(upload->commit(f.context));
    CHECK(tries == 4);
    CHECK(f.client.asked[2].body == content.substr(0, kPart));
    CHECK(f.client.asked[4].body == content.substr(2 * kPart));
    auto hasher = transfer::Hasher::create(transfer::DigestKind::kCrc32c, 5);
    hasher->update(content.substr(2 * kPart));
    CHECK(f.client.asked[4].header("x-amz-checksum-crc32c") == base64(*from_hex(hasher->finish().hex)));
  }
  SECTION("but not what has changed meanwhile") {
    reader.on_unchanged = [&]() -> Status {
      return tries == 0 ? Status() : make_error(Errc::kConflict, "changed");
    };
    const auto status = send(0, 0, kPart, false);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Errc::kConflict);
    CHECK(tries == 1);
  }
}

// As answer_upload(), of a service that says which checksums it knows.
http::Reply answer_trailing(const Asked& asked) {
  auto out = answer_upload(asked);
  if (asked.request.url.ends_with("?uploads=")) {
    out.headers.push_back({"x-amz-checksum-algorithm", asked.header("x-amz-checksum-algorithm")});
  }
  if (asked.header("x-amz-trailer") == "x-amz-checksum-crc32c") {
    const size_t end = asked.body.rfind("\r\n\r\n");
    out.headers.push_back({"x-amz-checksum-crc32c", asked.body.substr(end - 8, 8)});
  }
  return out;
}

bool trails(const Asked& asked) {
  return asked.header("x-amz-content-sha256") == "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
}

TEST_CASE("Where the service says that it checks them, checksums follow their parts, which are read once") {
  Fixture f;
  f.client.answer = answer_trailing;
  const std::string content = test::pattern(0, 2 * kPart + 5);
  test::FakeReader reader(content);
  auto upload = f.upload(content.size());
  const auto send = [&](uint64_t index, uint64_t offset, uint64_t size, bool last) -> Status {
    auto segment = upload->begin_segment(index, transfer::ReaderPart(reader, offset, size));
    if (!segment) return std::move(segment).error();
    return upload->finish_segment(std::move(*segment), last, f.context);
  };
  REQUIRE(send(0, 0, kPart, false));
  REQUIRE(send(1, kPart, kPart, false));
  REQUIRE(send(2, 2 * kPart, 5, true));
  REQUIRE(upload->commit(f.context));
  REQUIRE(f.client.asked.size() == 5);
  CHECK(f.client.asked[1].header("x-amz-decoded-content-length") == std::to_string(kPart));
  CHECK(f.client.asked[1].header("content-encoding") == "aws-chunked");
  CHECK(f.client.asked[1].header("x-amz-checksum-crc32c").empty());
  auto hasher = transfer::Hasher::create(transfer::DigestKind::kCrc32c, 5);
  hasher->update(content.substr(2 * kPart));
  const std::string checksum = base64(*from_hex(hasher->finish().hex));
  CHECK(f.client.asked[3].body ==
        "5\r\n" + content.substr(2 * kPart) + "\r\n0\r\nx-amz-checksum-crc32c:" + checksum + "\r\n\r\n");
  CHECK(f.client.asked[4].body.find("<ChecksumCRC32C>" + checksum) != std::string::npos);
}

TEST_CASE("A part whose trailing checksum is not confirmed goes again, with a checksum before it") {
  Fixture f;
  SECTION("refused") {
    f.client.answer = [](const Asked& asked) {
      return trails(asked) ? reply(501, "<Error><Code>NotImplemented</Code></Error>")
                           : answer_trailing(asked);
    };
  }
  SECTION("taken for something else") {
    f.client.answer = [](const Asked& asked) {
      return trails(asked) ? reply(403, "<Error><Code>SignatureDoesNotMatch</Code></Error>")
                           : answer_trailing(asked);
    };
  }
  SECTION("not confirmed: what is stored may be the frame") {
    f.client.answer = [](const Asked& asked) {
      return trails(asked) ? reply(200, "", {{"ETag", "\"framed\""}}) : answer_trailing(asked);
    };
  }
  SECTION("not what was sent") {
    f.client.answer = [](const Asked& asked) {
      return trails(asked) ? reply(200, "", {{"ETag", "\"f\""}, {"x-amz-checksum-crc32c", "AAAAAA=="}})
                           : answer_trailing(asked);
    };
  }
  auto upload = f.upload(2 * kPart + 5);
  REQUIRE(f.send(*upload, 0, kPart, false));
  REQUIRE(f.send(*upload, 1, kPart, false));
  REQUIRE(f.send(*upload, 2, 5, true));
  REQUIRE(upload->commit(f.context));
  REQUIRE(f.client.asked.size() == 6);
  CHECK(trails(f.client.asked[1]));
  CHECK(f.client.asked[2].request.url == f.client.asked[1].request.url);
  CHECK(f.client.asked[2].body == std::string(kPart, 'x'));
  CHECK_FALSE(f.client.asked[2].header("x-amz-checksum-crc32c").empty());
  CHECK_FALSE(trails(f.client.asked[3]));
  CHECK(f.client.asked[5].body.find("&quot;f") == std::string::npos);

  f.client.asked.clear();
  auto next = f.upload(2 * kPart);
  REQUIRE(f.send(*next, 0, kPart, false));
  REQUIRE(f.client.asked.size() == 2);
  CHECK_FALSE(trails(f.client.asked[1]));
}

TEST_CASE("A service that has confirmed trailing checksums is taken at its word when it refuses a part") {
  Fixture f;
  int parts = 0;
  f.client.answer = [&](const Asked& asked) {
    if (trails(asked) && ++parts == 2) return reply(403, "<Error><Code>AccessDenied</Code></Error>");
    return answer_trailing(asked);
  };
  auto upload = f.upload(2 * kPart + 5);
  REQUIRE(f.send(*upload, 0, kPart, false));
  const auto refused = f.send(*upload, 1, kPart, false);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kDenied);
  CHECK(f.client.asked.size() == 3);
}

TEST_CASE("Checksums do not trail where the profile wants the data signed") {
  FakeClient client;
  client.answer = answer_trailing;
  transfer::Counters counters;
  const transfer::Context context{{}, nullptr, &counters};
  auto settings = test::at_endpoint();
  settings.sign_payload = true;
  Requester requester(settings, Credentials::none(), client, system_clock());
  ObjectUpload upload(requester, "bkt", "k", {}, 2 * kPart, std::make_shared<segment::BufferCache>());
  auto segment = upload.begin_segment(0);
  REQUIRE(segment);
  REQUIRE((*segment)->append(std::string(kPart, 'x')));
  REQUIRE(upload.finish_segment(std::move(*segment), false, context));
  REQUIRE(client.asked.size() == 2);
  CHECK_FALSE(trails(client.asked[1]));
}

TEST_CASE("An upload goes on with the parts that the service lists") {
  Fixture f;
  const bool trailing = GENERATE(false, true);
  f.client.answer = trailing ? answer_trailing : answer_upload;
  std::string pending;
  {
    auto upload = f.upload(2 * kPart + 5);
    upload->keep([&](const std::string& text) { pending = text; });
    REQUIRE(f.send(*upload, 0, kPart, false));
    CHECK(upload->suspend() == kPart);
  }
  f.client.asked.clear();
  const auto listed = [](uint64_t number, uint64_t size) {
    return reply(200, "<ListPartsResult><Part><PartNumber>" + std::to_string(number) + "</PartNumber><Size>" +
                          std::to_string(size) + "</Size><ETag>\"old\"</ETag></Part></ListPartsResult>");
  };
  f.client.replies = {listed(2, kPart)};
  auto upload = f.upload(2 * kPart + 5);
  auto stored = upload->resume(pending, 2 * kPart + 5, f.context);
  REQUIRE(stored);
  CHECK(*stored == std::set<uint64_t>{1});
  REQUIRE(f.send(*upload, 0, kPart, false));
  REQUIRE(f.send(*upload, 2, 5, true));
  REQUIRE(upload->commit(f.context));
  CHECK(f.requests().front() == "GET https://h/bkt/k?uploadId=u%2F1");
  REQUIRE(f.client.asked.size() == 4);
  CHECK(trails(f.client.asked[1]) == trailing);
  CHECK(f.client.asked.back().body.find("&quot;old&quot;") != std::string::npos);

  SECTION("but not with parts of another size") {
    f.client.replies = {listed(3, 6)};
    auto other = f.upload(2 * kPart + 5);
    const auto refused = other->resume(pending, 2 * kPart + 5, f.context);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::kConflict);
  }
  SECTION("nor with an upload that is gone") {
    f.client.replies = {reply(404, "<Error><Code>NoSuchUpload</Code></Error>")};
    auto other = f.upload(2 * kPart + 5);
    const auto refused = other->resume(pending, 2 * kPart + 5, f.context);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::kNotFound);
  }
}

TEST_CASE("Aborting removes what was begun, once") {
  Fixture f;
  f.client.answer = answer_upload;
  auto upload = f.upload(4 * kPart);
  upload->abort();
  CHECK(f.client.asked.empty());
  REQUIRE(f.send(*upload, 0, kPart, false));
  upload->abort();
  upload->abort();
  CHECK(f.requests().back() == "DELETE https://h/bkt/k?uploadId=u%2F1");
  CHECK(f.client.asked.size() == 3);
}

TEST_CASE("A completion whose answer was lost is settled by looking at the object") {
  struct Case {
    const char* etag;
    const char* modified;
    bool ours;
  };
  // Three parts whose MD5s are md5("") make md5 of those, and "-3".
  const std::string part = "d41d8cd98f00b204e9800998ecf8427e";
  const Case look =
      GENERATE(Case{"\"3d2172418ce305c7d16d4b05597c6a59\"", "Thu, 01 Jan 2026 00:00:00 GMT", false},
               Case{"\"other-3\"", "Thu, 01 Jan 2026 00:00:00 GMT", false},
               Case{"\"other-3\"", "Fri, 02 Jan 2026 03:04:05 GMT", true},
               Case{"parts", "Thu, 01 Jan 2026 00:00:00 GMT", true});
  auto hasher = transfer::Hasher::create(transfer::DigestKind::kMd5, 48);
  for (int i = 0; i < 3; ++i) hasher->update(*from_hex(part));
  const std::string parts_etag = "\"" + hasher->finish().hex + "-3\"";
  Fixture f;
  f.client.answer = [&](const Asked& asked) {
    if (asked.request.method == "HEAD") {
      const std::string etag = look.etag == std::string("parts") ? parts_etag : look.etag;
      auto head = reply(
          200, "",
          {{"ETag", etag}, {"Date", "Fri, 02 Jan 2026 03:04:05 GMT"}, {"Last-Modified", look.modified}});
      head.headers.push_back({"Content-Length", std::to_string(2 * kPart + 5)});
      return head;
    }
    if (asked.request.method == "POST" && !asked.request.url.ends_with("uploads=")) {
      return reply(404, "<Error><Code>NoSuchUpload</Code></Error>");
    }
    auto answer = answer_upload(asked);
    for (auto& header : answer.headers) {
      if (header.name == "ETag") header.value = "\"" + part + "\"";
    }
    return answer;
  };
  auto upload = f.upload(2 * kPart + 5);
  REQUIRE(f.send(*upload, 0, kPart, false));
  REQUIRE(f.send(*upload, 1, kPart, false));
  REQUIRE(f.send(*upload, 2, 5, true));
  CHECK(upload->commit(f.context).has_value() == look.ours);
}

// What a small object's PUT is answered with, and the HEAD that may follow.
Status put_answered(http::Reply put, http::Reply head, size_t requests) {
  Fixture f;
  f.client.answer = [&](const Asked& asked) { return asked.request.method == "HEAD" ? head : put; };
  auto upload = f.upload(uint64_t{9});
  auto segment = upload->begin_segment(0);
  if (!segment || !(*segment)->append(std::string("123456789"))) return make_error(Errc::kInternal, "begin");
  Status sent = upload->finish_segment(std::move(*segment), true, f.context);
  if (sent) sent = upload->commit(f.context);
  CHECK(f.client.asked.size() == requests);
  return sent;
}

TEST_CASE("An object is stored only when the service says so, or shows it") {
  const auto head = [](const char* size, const char* modified) {
    http::Reply out;
    out.status = 200;
    out.headers = {{"ETag", "\"e\""},
                   {"Content-Length", size},
                   {"Date", "Fri, 02 Jan 2026 03:04:05 GMT"},
                   {"Last-Modified", modified}};
    return out;
  };
  const char* now = "Fri, 02 Jan 2026 03:04:05 GMT";
  const auto page = reply(200, "<!DOCTYPE html><html>sign in</html>", {{"Content-Type", "text/html"}});
  CHECK(put_answered(reply(200, "", {{"ETag", "\"e\""}, {"Content-Type", "text/html"}}), {}, 1));
  CHECK(put_answered(page, head("9", now), 2));
  CHECK(put_answered(reply(200), head("9", now), 2));
  CHECK(put_answered(page, head("35", now), 2).error().code == Errc::kProtocol);
  CHECK(put_answered(page, head("9", "Thu, 01 Jan 2026 00:00:00 GMT"), 2).error().code == Errc::kProtocol);
  CHECK(put_answered(page, page, 2).error().code == Errc::kProtocol);
  CHECK(put_answered(page, reply(404), 2).error().code == Errc::kProtocol);
  CHECK(put_answered(reply(200, "<Error><Code>AccessDenied</Code></Error>"), {}, 1).error().code ==
        Errc::kDenied);
}

TEST_CASE("A service that refuses checksums of small objects gets them without, and others at once") {
  Fixture f;
  const int status = GENERATE(400, 501);
  f.client.answer = [&](const Asked& asked) {
    if (!asked.header("x-amz-checksum-crc32c").empty())
      return reply(status, "<Error><Code>Odd</Code></Error>");
    return reply(200, "", {{"ETag", "\"e\""}});
  };
  for (const size_t requests : {2, 3}) {
    auto upload = f.upload(uint64_t{9});
    REQUIRE(f.send(*upload, 0, 9, true));
    REQUIRE(upload->commit(f.context));
    CHECK(f.client.asked.size() == requests);
    CHECK(f.client.asked.back().header("Content-MD5").size() == 24);
  }
  Fixture wrong;
  wrong.client.answer = [](const Asked&) { return reply(400, "<Error><Code>Odd</Code></Error>"); };
  auto upload = wrong.upload(uint64_t{9});
  REQUIRE(wrong.send(*upload, 0, 9, true));
  CHECK(upload->commit(wrong.context).error().code == Errc::kUsage);
  CHECK(wrong.requester.sends_checksums());
}

TEST_CASE("A completed upload needs no ETag to be believed, and a page is not believed") {
  Fixture f;
  const bool page = GENERATE(false, true);
  f.client.answer = [&](const Asked& asked) {
    if (asked.request.method == "POST" && !asked.request.url.ends_with("uploads=")) {
      return page
                 ? reply(200, "<html></html>")
                 : reply(200, "<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>");
    }
    return asked.request.method == "HEAD" ? reply(404) : answer_upload(asked);
  };
  auto upload = f.upload(kPart + 5 + kPart);
  REQUIRE(f.send(*upload, 0, kPart, false));
  REQUIRE(f.send(*upload, 1, kPart, false));
  REQUIRE(f.send(*upload, 2, 5, true));
  CHECK(upload->commit(f.context).has_value() == !page);
}

TEST_CASE("A service that does not know the checksum gets MD5 instead") {
  Fixture f;
  f.client.answer = [](const Asked& asked) {
    if (!asked.header("x-amz-checksum-algorithm").empty())
      return reply(400, "<Error><Code>InvalidArgument</Code></Error>");
    return answer_upload(asked);
  };
  auto upload = f.upload(2 * kPart + 5);
  REQUIRE(f.send(*upload, 0, kPart, false));
  CHECK(f.client.asked.back().header("x-amz-checksum-crc32c").empty());
  CHECK(f.client.asked.back().header("Content-MD5").size() == 24);
}

// What was noted and not ended.
class Notes final : public transfer::UploadNotes {
 public:
  uint64_t begun(std::string_view service, std::string_view pending) override {
    CHECK(service == "s3 here");
    open[++last] = std::string(pending);
    return last;
  }
  void ended(uint64_t note) override { open.erase(note); }
  std::map<uint64_t, std::string> open;
  uint64_t last = 0;
};

TEST_CASE("What an upload has begun is noted until it is there, or removed, or somebody goes on with it") {
  Fixture f;
  f.client.answer = answer_upload;
  Notes notes;
  UploadOptions options;
  options.notes = &notes;
  options.service = "s3 here";
  auto upload = f.upload(2 * kPart + 5, options);
  const bool kept = GENERATE(false, true);
  if (kept) upload->keep([&](const std::string&) { CHECK(notes.open.size() == 1); });
  REQUIRE(f.send(*upload, 0, kPart, false));
  CHECK(notes.open.size() == (kept ? 0 : 1));
  CHECK(notes.last == 2);
  if (!kept) {
    const auto begun = BegunUpload::parse(notes.open.at(2));
    REQUIRE(begun);
    CHECK(begun->bucket == "bkt");
    CHECK(begun->key == "k");
    CHECK(begun->upload_id == "u/1");
  }
  SECTION("it is there") {
    REQUIRE(f.send(*upload, 1, kPart, false));
    REQUIRE(f.send(*upload, 2, 5, true));
    REQUIRE(upload->commit(f.context));
    CHECK(notes.open.empty());
  }
  SECTION("it is removed") {
    upload->abort();
    CHECK(notes.open.empty());
  }
  SECTION("it could not be removed") {
    f.client.answer = [](const Asked&) { return reply(403, "<Error><Code>AccessDenied</Code></Error>"); };
    upload->abort();
    CHECK(notes.open.size() == (kept ? 0 : 1));
  }
  CHECK_FALSE(BegunUpload::parse("nonsense"));
}

TEST_CASE("An upload is noted before it is asked for, and until the service has named or refused it") {
  Fixture f;
  Notes notes;
  UploadOptions options;
  options.notes = &notes;
  options.service = "s3 here";
  auto upload = f.upload(2 * kPart + 5, options);
  size_t noted = 0;
  const auto ask = [&](http::Reply answer) {
    f.client.answer = [&notes, &noted, answer](const Asked&) {
      const auto asked = AskedUpload::parse(notes.open.rbegin()->second);
      noted += asked && asked->bucket == "bkt" && asked->key == "k" ? 1 : 0;
      return answer;
    };
    return f.send(*upload, 0, kPart, false);
  };
  SECTION("refused") {
    CHECK_FALSE(ask(reply(403, "<Error><Code>AccessDenied</Code></Error>")));
    CHECK(noted == 1);
    CHECK(notes.open.empty());
  }
  SECTION("nobody knows what became of it") {
    f.client.answer = [&](const Asked&) -> Result<http::Reply> {
      Error error = make_error(Errc::kNetwork, "broken");
      error.fault = notes.last == 1 ? Fault::kBroken : Fault::kNone;
      return error;
    };
    CHECK_FALSE(f.send(*upload, 0, kPart, false));
    // It was asked twice: of the first time nobody knows, the second has done nothing.
    CHECK(notes.last == 2);
    CHECK(notes.open.size() == 1);
  }
  SECTION("the answer names none") {
    CHECK_FALSE(ask(reply(200, "<html>hello</html>")));
    CHECK(noted == 1);
    CHECK(notes.open.size() == 1);
  }
}

TEST_CASE("Metadata that cannot be headers is refused") {
  CHECK(check_metadata({{"mine", "v \t\xc3\xbc"}, {"content-type", "text/plain"}}));
  for (const char* value : {"a\r\nx-amz-acl: public-read", "a\nb", "\x01", "a\rb"}) {
    CHECK(check_metadata({{"nl", value}}).error().code == Errc::kUsage);
  }
  CHECK_FALSE(check_metadata({{"nul", std::string("a\0b", 3)}}));
  for (const char* name : {"", "a b", "a:b", "a\r\nb", "\xc3\xbc", "(x)"})
    CHECK_FALSE(check_metadata({{name, "v"}}));
}

// Takes bytes, and less of them on request.
class Collected final : public transfer::Output {
 public:
  Status write(uint64_t offset, ByteView data) override {
    begin = std::min(begin, offset);
    bytes.append(data.text());
    return {};
  }
  uint64_t end() const override { return limit; }
  uint64_t begin = UINT64_MAX;
  uint64_t limit = UINT64_MAX;
  std::string bytes;
};

transfer::ObjectItem listed_item(uint64_t size) {
  transfer::ObjectItem item;
  item.key = "k";
  item.size = size;
  item.etag = "e";
  return item;
}

TEST_CASE("A small object is read with one request, listed before or not") {
  Fixture f;
  const bool listed = GENERATE(true, false);
  f.client.answer = [](const Asked&) { return reply(200, "0123456789", {{"ETag", "\"e\""}}); };
  ObjectSource source(f.requester, "bkt", "k", listed ? std::optional(listed_item(10)) : std::nullopt);
  auto info = source.open({}, f.context);
  REQUIRE(info);
  CHECK(info->size == 10);
  CHECK(info->version == "\"e\"");
  Collected out;
  REQUIRE(source.fetch(source.segments().at(0), out, f.context));
  CHECK(out.bytes == "0123456789");
  REQUIRE(f.client.asked.size() == 1);
  CHECK(f.client.asked[0].header("If-Match") == (listed ? "\"e\"" : ""));
}

TEST_CASE("A part of an object is asked for in its version and checked against what comes") {
  Fixture f;
  ObjectSource source(f.requester, "bkt", "k", listed_item(1000));
  REQUIRE(source.open({}, f.context));
  Collected out;
  const transfer::Segment part{0, {10, 14}};
  SECTION("it is what was asked for") {
    f.client.replies = {reply(206, "abcd", {{"Content-Range", "bytes 10-13/1000"}, {"ETag", "\"e\""}})};
    REQUIRE(source.fetch(part, out, f.context));
    CHECK(out.begin == 10);
    CHECK(out.bytes == "abcd");
    CHECK(f.client.asked[0].header("Range") == "bytes=10-13");
  }
  SECTION("another part is refused") {
    f.client.replies = {reply(206, "abcd", {{"Content-Range", "bytes 0-3/1000"}})};
    CHECK(source.fetch(part, out, f.context).error().code == Errc::kProtocol);
  }
  SECTION("another size is a change") {
    f.client.replies = {reply(206, "abcd", {{"Content-Range", "bytes 10-13/999"}})};
    CHECK(source.fetch(part, out, f.context).error().code == Errc::kConflict);
  }
  SECTION("it is, whatever the status") {
    f.client.replies = {reply(200, "abcd", {{"Content-Range", "bytes 10-13/1000"}})};
    REQUIRE(source.fetch(part, out, f.context));
    CHECK(out.begin == 10);
  }
  SECTION("another part is refused, whatever the status") {
    f.client.replies = {reply(200, "abcd", {{"Content-Range", "bytes 0-3/1000"}})};
    CHECK(source.fetch(part, out, f.context).error().code == Errc::kProtocol);
  }
  SECTION("of everything instead of a part the part is taken") {
    f.client.replies = {reply(200, std::string(10, 'x') + "abcd" + std::string(986, 'x'))};
    REQUIRE(source.fetch(part, out, f.context));
    CHECK(out.begin == 10);
  }
  SECTION("everything of another size is a change") {
    f.client.replies = {reply(200, std::string(999, 'x'))};
    CHECK(source.fetch(part, out, f.context).error().code == Errc::kConflict);
  }
  SECTION("a changed object is a conflict") {
    f.client.replies = {reply(412, "<Error><Code>PreconditionFailed</Code></Error>")};
    const auto status = source.fetch(part, out, f.context);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Errc::kConflict);
    CHECK(status.error().what.find("changed") != std::string::npos);
  }
  CHECK((out.bytes == "abcd" || out.bytes.empty()));
}

TEST_CASE("A part that ends early is gone on with from where it ended") {
  Fixture f;
  ObjectSource source(f.requester, "bkt", "k", listed_item(1000));
  REQUIRE(source.open({}, f.context));
  f.client.replies = {reply(206, "ab", {{"Content-Range", "bytes 10-13/1000"}}),
                      reply(206, "cd", {{"Content-Range", "bytes 12-13/1000"}})};
  Collected out;
  REQUIRE(source.fetch({0, {10, 14}}, out, f.context));
  CHECK(out.bytes == "abcd");
  CHECK(f.client.asked.at(1).header("Range") == "bytes=12-13");
}

TEST_CASE("A fetch ends well where its output does") {
  Fixture f;
  ObjectSource source(f.requester, "bkt", "k", listed_item(1000));
  REQUIRE(source.open({}, f.context));
  Collected out;
  out.limit = 12;
  f.client.replies = {reply(206, "ab", {{"Content-Range", "bytes 10-11/1000"}})};
  REQUIRE(source.fetch({0, {10, 14}}, out, f.context));
  CHECK(out.bytes == "ab");
  REQUIRE(source.fetch({0, {12, 14}}, out, f.context));
  CHECK(f.client.asked.size() == 1);
}

TEST_CASE("A whole object that does not have its promised digest is an integrity error") {
  Fixture f;
  f.client.answer = [](const Asked&) {
    return reply(200, "123456780", {{"ETag", "\"e\""}, {"x-amz-checksum-crc64nvme", "rosUhgp5mIg="}});
  };
  ObjectSource source(f.requester, "bkt", "k", listed_item(9));
  REQUIRE(source.open({}, f.context));
  Collected out;
  const auto status = source.fetch(source.segments().at(0), out, f.context);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::kIntegrity);
}

TEST_CASE("An ETag is held against an object only where the service has shown that it is an MD5") {
  Fixture f;
  const std::string md5 = "\"25f9e794323b453885f5181f1b624d0b\"";  // of 123456789
  std::string sent = "123456780";
  f.client.answer = [&](const Asked&) { return reply(200, sent, {{"ETag", md5}}); };
  const auto fetch = [&](bool listed) -> Status {
    transfer::ObjectItem item = listed_item(9);
    item.etag = md5.substr(1, 32);
    ObjectSource source(f.requester, "bkt", "k", listed ? std::optional(item) : std::nullopt);
    const bool shown_before = f.requester.etags_are_md5();
    auto info = source.open({}, f.context);
    if (!info) return std::move(info).error();
    if (!listed) CHECK(info->digests.size() == (shown_before ? 1 : 0));
    Collected out;
    return source.fetch(source.segments().at(0), out, f.context);
  };
  const bool listed = GENERATE(false, true);
  CHECK(fetch(listed));
  CHECK_FALSE(f.requester.etags_are_md5());
  sent = "123456789";
  CHECK(fetch(listed));
  CHECK(f.requester.etags_are_md5());
  sent = "123456780";
  CHECK(fetch(true).error().code == Errc::kIntegrity);
}

TEST_CASE("A listed object that is divided is asked for its digest first, others are fetched in one stream") {
  Fixture f;
  http::Reply head;
  head.status = 200;
  head.headers = {
      {"ETag", "\"f\""}, {"Content-Length", "1048576"}, {"x-amz-checksum-crc64nvme", "rosUhgp5mIg="}};
  f.client.replies = {head};
  ObjectSource large(f.requester, "bkt", "k", listed_item(kMiB));
  const auto info = large.open({}, f.context);
  REQUIRE(info);
  REQUIRE(f.client.asked.size() == 1);
  CHECK(f.client.asked[0].request.method == "HEAD");
  CHECK(f.client.asked[0].header("x-amz-checksum-mode") == "ENABLED");
  CHECK(info->digests.size() == 1);
  CHECK(info->version == "\"f\"");
  CHECK(large.divisible());
  ObjectSource small(f.requester, "bkt", "k", listed_item(kMiB - 1));
  REQUIRE(small.open({}, f.context));
  CHECK_FALSE(small.divisible());
  CHECK(f.client.asked.size() == 1);
}

TEST_CASE("An empty object has nothing to fetch, and ranges are resolved against its size") {
  Fixture f;
  f.client.answer = [](const Asked&) { return reply(200, "", {{"ETag", "\"e\""}}); };
  ObjectSource source(f.requester, "bkt", "k", std::nullopt);
  auto info = source.open({}, f.context);
  REQUIRE(info);
  CHECK(source.segments().empty());
  transfer::RangeRequest beyond;
  beyond.begin = 2000;
  ObjectSource other(f.requester, "bkt", "k", listed_item(1000));
  const auto refused = other.open(beyond, f.context);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kUsage);
}

}  // namespace
}  // namespace sjcp::s3
