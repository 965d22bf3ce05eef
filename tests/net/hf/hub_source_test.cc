#include "net/hf/hub_source.h"

#include <map>

#include "tests/net/hf/fake_client.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::hf;
using test::FakeClient;

namespace {

const std::string kCommit(40, 'c');
const std::string kOid(40, 'a');
const std::string kSha256(64, 'b');
const std::string kObject = "0123456789abcdefghij";
const std::string kRepoOid = "8ac7" + std::string(60, '5');

class Memory final : public transfer::Output {
 public:
  Status write(uint64_t offset, ByteView data) override {
    if (fails) return make_error(Errc::kLocalIo, "the disk is full");
    if (offset != bytes.size() + begin) return make_error(Errc::kInternal, "out of place");
    bytes += data.text();
    return {};
  }
  std::string bytes;
  uint64_t begin = 0;
  bool fails = false;
};

// A mirror's file, in two segments of ten bytes; fails after some bytes of the second.
class MirrorFile final : public transfer::Source {
 public:
  explicit MirrorFile(uint64_t fail_at) : fail_at_(fail_at) {}

  Result<transfer::ObjectInfo> open(const transfer::RangeRequest&, const transfer::Context&) override {
    transfer::ObjectInfo info;
    info.size = kObject.size();
    info.range = {0, kObject.size()};
    return info;
  }
  const std::vector<transfer::Segment>& segments() const override { return segments_; }
  uint64_t memory_per_segment() const override { return 64 << 20; }
  Status fetch(const transfer::Segment& segment, transfer::Output& output,
               const transfer::Context&) override {
    const uint64_t end = std::min(segment.bytes.end, fail_at_);
    if (end > segment.bytes.begin) {
      Status written =
          output.write(segment.bytes.begin, kObject.substr(segment.bytes.begin, end - segment.bytes.begin));
      if (!written) return written;
    }
    return end == segment.bytes.end ? Status() : make_error(Errc::kNetwork, "the mirror is gone");
  }

 private:
  const std::vector<transfer::Segment> segments_ = {{0, {0, 10}}, {1, {10, 20}}};
  const uint64_t fail_at_;
};

struct Fixture {
  FakeClient client;
  HubOptions options;
  HubApi api;
  std::shared_ptr<Snapshot> snapshot = std::make_shared<Snapshot>(*Repo::parse("o/m"));
  transfer::Counters counters;
  transfer::Context context;
  std::vector<std::string> opened;                  // places in the mirror
  std::map<std::string, uint64_t> mirror;           // place: where its file fails
  Error missing = make_error(Errc::kNotFound, "");  // of the others

  explicit Fixture(bool with_mirror = false)
      : options(make_options(with_mirror)), api(client, options.settings) {
    context.counters = &counters;
    client.object = kObject;
    HubFile file;
    file.path = "model.bin";
    file.size = kObject.size();
    file.oid = kOid;
    file.sha256 = kSha256;
    snapshot->learn_commit(kCommit);
    snapshot->remember(file);
  }

  HubOptions make_options(bool with_mirror) {
    HubOptions made;
    made.settings.endpoint = "https://hub.example";
    made.settings.token = "hf_token";
    if (!with_mirror) return made;
    made.mirror = "sj://b/p";
    made.open = [this](const std::string& place) -> Result<std::unique_ptr<transfer::Source>> {
      opened.push_back(place);
      return std::unique_ptr<transfer::Source>(std::make_unique<Place>(*this, place));
    };
    return made;
  }

  // What the mirror has at a place, if anything.
  class Place final : public transfer::Source {
   public:
    Place(Fixture& f, const std::string& place) : f_(f) {
      const auto found = f.mirror.find(place);
      if (found != f.mirror.end()) file_ = std::make_unique<MirrorFile>(found->second);
    }
    Result<transfer::ObjectInfo> open(const transfer::RangeRequest& r, const transfer::Context& c) override {
      if (!file_) return f_.missing;
      return file_->open(r, c);
    }
    const std::vector<transfer::Segment>& segments() const override { return file_->segments(); }
    uint64_t memory_per_segment() const override { return file_->memory_per_segment(); }
    Status fetch(const transfer::Segment& s, transfer::Output& o, const transfer::Context& c) override {
      return file_->fetch(s, o, c);
    }

   private:
    Fixture& f_;
    std::unique_ptr<MirrorFile> file_;
  };

  void hub_shows(const std::string& location) {
    client.answer(302, {{"X-Repo-Commit", kCommit},
                        {"X-Linked-ETag", kSha256},
                        {"X-Linked-Size", std::to_string(kObject.size())},
                        {"Location", location}});
  }

  std::unique_ptr<HubSource> source() {
    return std::make_unique<HubSource>(client, api, snapshot, "model.bin", options);
  }
  std::string own_place() const { return "sj://b/p/" + mirror_key(own_repo_oid(snapshot->repo()), kSha256); }
};

std::string fetch_all(HubSource& source, const transfer::Context& context) {
  std::string all;
  for (const transfer::Segment& segment : source.segments()) {
    Memory output;
    output.begin = segment.bytes.begin;
    const Status status = source.fetch(segment, output, context);
    if (!status) return status.error().what;
    all += output.bytes;
  }
  return all;
}

}  // namespace

TEST_CASE("A file is asked for by commit when the first bytes are fetched, with the token as a secret") {
  Fixture f;
  auto source = f.source();
  REQUIRE(source->open({}, f.context));
  CHECK(f.client.streamed.empty());
  CHECK(fetch_all(*source, f.context) == kObject);
  REQUIRE(f.client.streamed.size() == 1);
  const http::Request& request = f.client.streamed[0];
  CHECK(request.url == "https://hub.example/o/m/resolve/" + kCommit + "/model.bin");
  REQUIRE(request.headers.size() >= 1);
  CHECK(request.headers[0].value == "Bearer hf_token");
  CHECK(request.headers[0].secret);
}

TEST_CASE("A part of a file begins where it is asked for") {
  Fixture f;
  auto source = f.source();
  auto info = source->open(*transfer::RangeRequest::parse("bytes=5-9"), f.context);
  REQUIRE(info);
  CHECK(info->size == kObject.size());
  REQUIRE(source->segments().size() == 1);
  Memory output;
  output.begin = 5;
  REQUIRE(source->fetch(source->segments()[0], output, f.context));
  CHECK(output.bytes == "56789");
}

TEST_CASE("What the hub refuses is said once, to every fetch") {
  Fixture f;
  f.client.refuse_streams = 403;
  auto source = f.source();
  REQUIRE(source->open({}, f.context));
  for (int i = 0; i < 2; ++i) {
    Memory output;
    const Status status = source->fetch(source->segments()[0], output, f.context);
    REQUIRE(!status);
    CHECK(status.error().code == Errc::kDenied);
    CHECK(status.error().what.find("hf://o/m/model.bin: the server answers 403") == 0);
  }
  // With its range, and once without.
  CHECK(f.client.streamed.size() == 2);
}

TEST_CASE("A file of another size than the listing says is an error") {
  Fixture f;
  f.client.object += "more";
  auto source = f.source();
  REQUIRE(source->open({}, f.context));
  Memory output;
  CHECK(source->fetch(source->segments()[0], output, f.context).error().code == Errc::kProtocol);
}

TEST_CASE("A mirror that has the file serves it, in its own segments") {
  Fixture f(true);
  f.mirror[f.own_place()] = 20;
  auto source = f.source();
  auto info = source->open({}, f.context);
  REQUIRE(info);
  CHECK(info->version == kSha256);
  CHECK(source->segments().size() == 2);
  CHECK(!source->divisible());
  CHECK(source->memory_per_segment() == 64 << 20);
  CHECK(fetch_all(*source, f.context) == kObject);
  CHECK(f.client.streamed.empty());
  CHECK(f.client.asked.empty());
}

TEST_CASE(
    "Where the hub's redirect shows the repo oid, the mirror is asked there, and there only from then on") {
  Fixture f(true);
  const std::string place = "sj://b/p/" + mirror_key(kRepoOid, kSha256);
  f.mirror[place] = 20;
  f.hub_shows("https://cdn.example/" + mirror_key(kRepoOid, kSha256) + "?sig=1");
  auto first = f.source();
  REQUIRE(first->open({}, f.context));
  CHECK(f.opened == std::vector<std::string>{f.own_place(), place});
  CHECK(fetch_all(*first, f.context) == kObject);
  f.opened.clear();
  auto second = f.source();
  REQUIRE(second->open({}, f.context));
  CHECK(f.opened == std::vector<std::string>{place});
  CHECK(f.client.asked.size() == 1);
}

TEST_CASE("What the mirror lacks or denies comes from the hub") {
  for (const Errc kind : {Errc::kNotFound, Errc::kDenied, Errc::kNetwork}) {
    Fixture f(true);
    f.missing.code = kind;
    f.hub_shows("https://cdn.example/elsewhere");
    auto source = f.source();
    REQUIRE(source->open({}, f.context));
    CHECK(source->divisible());
    CHECK(fetch_all(*source, f.context) == kObject);
    CHECK(f.client.streamed.size() == 1);
  }
}

TEST_CASE("A mirror that does not answer is asked once for all files") {
  Fixture f(true);
  f.missing = make_error(Errc::kNetwork, "nothing listens");
  for (int i = 0; i < 3; ++i) {
    HubSource source(f.client, f.api, f.snapshot, "model.bin", f.options);
    REQUIRE(source.open({}, f.context));
  }
  CHECK(f.opened == std::vector{f.own_place()});
}

TEST_CASE("A mirror that fails midway is replaced by the hub from there on") {
  Fixture f(true);
  f.mirror[f.own_place()] = 13;
  auto source = f.source();
  REQUIRE(source->open({}, f.context));
  CHECK(fetch_all(*source, f.context) == kObject);
  REQUIRE(f.client.streamed.size() == 1);
  CHECK(f.client.streamed[0].headers.back().value == "bytes=13-19");
  CHECK(f.counters.retries == 1);
}

TEST_CASE("A destination that fails is no failure of the mirror") {
  Fixture f(true);
  f.mirror[f.own_place()] = 20;
  auto source = f.source();
  REQUIRE(source->open({}, f.context));
  Memory output;
  output.fails = true;
  CHECK(source->fetch(source->segments()[0], output, f.context).error().code == Errc::kLocalIo);
  CHECK(f.client.streamed.empty());
}

TEST_CASE("A mirror that is used wrongly is an error, not a download from elsewhere") {
  Fixture f(true);
  f.missing = make_error(Errc::kUsage, "no such place");
  CHECK(f.source()->open({}, f.context).error().code == Errc::kUsage);
}
