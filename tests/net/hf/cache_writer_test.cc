#include "net/hf/cache_writer.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace sjcp;
using namespace sjcp::hf;
using test::read_file;
namespace fs = std::filesystem;

namespace {

const std::string kCommit(40, 'c');
const std::string kOid(40, 'a');
const std::string kSha256(64, 'b');

transfer::ObjectInfo info_of(const std::string& etag, uint64_t size) {
  transfer::ObjectInfo info;
  info.size = size;
  info.version = etag;
  return info;
}

transfer::Content content_of(const std::string& etag, uint64_t size) {
  return {"hf://o/m/x", etag, size, {0, size}};
}

Status store(CacheWriter& writer, const std::string& path, const std::string& etag,
             const std::string& bytes) {
  auto sink = writer.open(path);
  if (sink->there(info_of(etag, bytes.size()), {})) return {};
  auto resumed = sink->resume(content_of(etag, bytes.size()));
  if (!resumed) return resumed.error();
  Status status = sink->write(0, bytes);
  return status ? sink->commit() : status;
}

}  // namespace

TEST_CASE("The hub's cache gets blobs, links of the snapshot, and the revision last") {
  test::TempFolder folder;
  const std::string root = folder / "hub";
  CacheWriter writer(root, *Repo::parse("o/m"), kCommit);
  REQUIRE(store(writer, "config.json", kOid, "small"));
  REQUIRE(store(writer, "a/b/model.bin", kSha256, "large bytes"));
  const std::string repo = root + "/models--o--m";
  CHECK(read_file(repo + "/blobs/" + kOid) == "small");
  CHECK(fs::read_symlink(repo + "/snapshots/" + kCommit + "/config.json") == "../../blobs/" + kOid);
  CHECK(fs::read_symlink(repo + "/snapshots/" + kCommit + "/a/b/model.bin") ==
        "../../../../blobs/" + kSha256);
  CHECK(read_file(repo + "/snapshots/" + kCommit + "/a/b/model.bin") == "large bytes");
  CHECK(read_file(root + "/CACHEDIR.TAG").starts_with("Signature: 8a477f597d28d172789f06886806bc55"));
  CHECK(!fs::exists(repo + "/refs/main"));
  REQUIRE(writer.finish());
  CHECK(read_file(repo + "/refs/main") == kCommit);
  CHECK(writer.snapshot() == repo + "/snapshots/" + kCommit);
}

TEST_CASE("A revision with slashes is a path below refs, and a commit has no ref") {
  test::TempFolder folder;
  CacheWriter pull(folder.path(), *Repo::parse("datasets/o/m@refs/pr/1"), kCommit);
  REQUIRE(store(pull, "x", kOid, "1"));
  REQUIRE(pull.finish());
  CHECK(read_file(folder / "datasets--o--m/refs/refs/pr/1") == kCommit);
  CacheWriter pinned(folder.path(), *Repo::parse("o/m@" + kCommit), kCommit);
  REQUIRE(store(pinned, "x", kOid, "1"));
  REQUIRE(pinned.finish());
  CHECK(fs::is_empty(folder / "models--o--m/refs"));
}

TEST_CASE("A blob that is there is linked and not fetched, one of another size is fetched again") {
  test::TempFolder folder;
  CacheWriter writer(folder.path(), *Repo::parse("o/m"), kCommit);
  REQUIRE(store(writer, "a", kOid, "bytes"));
  CHECK(writer.open("b")->there(info_of(kOid, 5), {}));
  CHECK(read_file(writer.snapshot() + "/b") == "bytes");
  CHECK(!writer.open("c")->there(info_of(kOid, 6), {}));
  REQUIRE(store(writer, "c", kOid, "bytes6"));
  CHECK(read_file(writer.snapshot() + "/a") == "bytes6");
}

TEST_CASE("A blob may be a link into a shared store, which is never written") {
  test::TempFolder folder;
  CacheWriter writer(folder.path(), *Repo::parse("o/m"), kCommit);
  REQUIRE(store(writer, "a", kSha256, "first"));
  test::write_file(folder / "shared", "other");
  const std::string blob = folder / ("models--o--m/blobs/" + kOid);
  fs::create_symlink("../../shared", blob);
  CHECK(writer.open("b")->there(info_of(kOid, 5), {}));
  REQUIRE(store(writer, "c", kOid, "longer"));
  CHECK(read_file(folder / "shared") == "other");
  CHECK(!fs::is_symlink(blob));
  CHECK(read_file(blob) == "longer");
}

TEST_CASE("A snapshot's link that leads elsewhere is replaced") {
  test::TempFolder folder;
  CacheWriter writer(folder.path(), *Repo::parse("o/m"), kCommit);
  REQUIRE(store(writer, "a", kOid, "old"));
  REQUIRE(store(writer, "a", kSha256, "new"));
  CHECK(read_file(writer.snapshot() + "/a") == "new");
}

TEST_CASE("A link where a folder of the snapshot, or of refs, should be is not followed") {
  test::TempFolder folder;
  fs::create_directory(folder / "outside");
  CacheWriter writer(folder.path(), *Repo::parse("o/m@feature/x"), kCommit);
  REQUIRE(store(writer, "a", kOid, "bytes"));
  fs::create_directory_symlink(folder / "outside", writer.snapshot() + "/sub");
  const Status stored = store(writer, "sub/b", kSha256, "others");
  REQUIRE(!stored);
  CHECK(stored.error().what.find(writer.snapshot() + "/sub: is a symbolic link") != std::string::npos);
  fs::create_directory_symlink(folder / "outside", folder / "models--o--m/refs/feature");
  CHECK(!writer.finish());
  CHECK(fs::is_empty(folder / "outside"));
}

TEST_CASE("A folder of the cache may be a link to where there is room") {
  test::TempFolder folder;
  fs::create_directories(folder / "disk/models");
  fs::create_directories(folder / "hub");
  fs::create_directory_symlink(folder / "disk/models", folder / "hub/models--o--m");
  CacheWriter writer(folder / "hub", *Repo::parse("o/m"), kCommit);
  REQUIRE(store(writer, "sub/a", kOid, "bytes"));
  REQUIRE(writer.finish());
  CHECK(read_file(folder / ("disk/models/snapshots/" + kCommit + "/sub/a")) == "bytes");
}

TEST_CASE("Two files of the same contents are fetched once, also at the same time") {
  test::TempFolder folder;
  CacheWriter writer(folder.path(), *Repo::parse("o/m"), kCommit);
  auto first = writer.open("a");
  REQUIRE(!first->there(info_of(kOid, 5), {}));
  REQUIRE(first->resume(content_of(kOid, 5)));
  bool there = false;
  std::thread second([&] { there = writer.open("b")->there(info_of(kOid, 5), {}); });
  REQUIRE(first->write(0, std::string("bytes")));
  REQUIRE(first->commit());
  first.reset();
  second.join();
  CHECK(there);
  CHECK(read_file(writer.snapshot() + "/b") == "bytes");
}

TEST_CASE("Who waits for a blob of another download can be stopped") {
  test::TempFolder folder;
  CacheWriter writer(folder.path(), *Repo::parse("o/m"), kCommit);
  auto first = writer.open("a");
  REQUIRE(!first->there(info_of(kOid, 5), {}));
  std::stop_source stop;
  stop.request_stop();
  auto second = writer.open("b");
  CHECK(!second->there(info_of(kOid, 5), stop.get_token()));
  CHECK(second->resume(content_of(kOid, 5)).error().code == Errc::kCancelled);
}

TEST_CASE("An aborted blob leaves nothing under its name") {
  test::TempFolder folder;
  CacheWriter writer(folder.path(), *Repo::parse("o/m"), kCommit);
  {
    auto sink = writer.open("a");
    REQUIRE(!sink->there(info_of(kOid, 5), {}));
    REQUIRE(sink->resume(content_of(kOid, 5)));
    REQUIRE(sink->write(0, std::string("by")));
  }
  CHECK(fs::is_empty(folder / "models--o--m/blobs"));
  CHECK(fs::is_empty(writer.snapshot()));
}

TEST_CASE("A blob is read back while it is written, and one with wrong bytes is gone") {
  test::TempFolder folder;
  CacheWriter writer(folder.path(), *Repo::parse("o/m"), kCommit);
  auto sink = writer.open("a");
  REQUIRE(!sink->there(info_of(kOid, 5), {}));
  REQUIRE(sink->resume(content_of(kOid, 5)));
  REQUIRE(sink->write(0, std::string("bytes")));
  Bytes back(3);
  REQUIRE(sink->read(1, back));
  CHECK(ByteView(back).text() == "yte");
  CHECK(sink->reject().empty());
  CHECK(fs::is_empty(folder / "models--o--m/blobs"));
}

TEST_CASE("Paths that could leave the snapshot are refused") {
  test::TempFolder folder;
  CacheWriter writer(folder / "hub", *Repo::parse("o/m"), kCommit);
  for (const char* path : {"../x", "/etc/x", "a/../../x", "a\\..\\x", "", "a//b", "."}) {
    CAPTURE(path);
    CHECK(CacheWriter::check_path(path).error().code == Errc::kUnsupported);
    auto sink = writer.open(path);
    CHECK(!sink->there(info_of(kOid, 1), {}));
    CHECK(sink->resume(content_of(kOid, 1)).error().code == Errc::kUnsupported);
  }
  auto sink = writer.open("x");
  CHECK(!sink->there(info_of("../../evil", 1), {}));
  CHECK(!sink->resume(content_of("../../evil", 1)));
  CHECK(!fs::exists(folder / "hub"));
}

TEST_CASE("Without a home there is no cache to write") {
  CacheWriter writer("", *Repo::parse("o/m"), kCommit);
  auto sink = writer.open("x");
  CHECK(!sink->there(info_of(kOid, 1), {}));
  CHECK(sink->resume(content_of(kOid, 1)).error().code == Errc::kUsage);
}

namespace {

// A file system without symbolic links, and one that refuses them for another reason.
CacheOptions without_links(int error) {
  CacheOptions options;
  options.symlink = [error](const char*, const char*) {
    errno = error;
    return -1;
  };
  return options;
}

}  // namespace

TEST_CASE("Where no links can be made, new files stand in the snapshot and others are copied there") {
  for (const int error : {EPERM, ENOSYS, EOPNOTSUPP}) {
    CAPTURE(error);
    test::TempFolder folder;
    CacheWriter linked(folder.path(), *Repo::parse("o/m"), std::string(40, 'd'));
    REQUIRE(store(linked, "old", kOid, "old"));
    CacheWriter writer(folder.path(), *Repo::parse("o/m"), kCommit, without_links(error));
    REQUIRE(store(writer, "a/new", kSha256, "new bytes"));
    REQUIRE(store(writer, "old", kOid, "old"));
    // The same contents under another name.
    CHECK(writer.open("again")->there(info_of(kSha256, 9), {}));
    REQUIRE(writer.finish());
    for (const char* name : {"a/new", "old", "again"}) {
      CAPTURE(name);
      CHECK(fs::symlink_status(writer.snapshot() + "/" + name).type() == fs::file_type::regular);
    }
    CHECK(read_file(writer.snapshot() + "/a/new") == "new bytes");
    CHECK(read_file(writer.snapshot() + "/again") == "new bytes");
    CHECK(read_file(writer.snapshot() + "/old") == "old");
    CHECK(fs::exists(folder / ("models--o--m/blobs/" + kOid)));
    CHECK(!fs::exists(folder / ("models--o--m/blobs/" + kSha256)));
    // Whatever wrote them: what is there is not fetched again.
    CacheWriter later(folder.path(), *Repo::parse("o/m"), kCommit);
    CHECK(later.open("a/new")->there(info_of(kSha256, 9), {}));
    CHECK(!later.open("a/new")->there(info_of(kSha256, 8), {}));
  }
}

TEST_CASE("Links that are not wanted are not tried") {
  test::TempFolder folder;
  CacheOptions options;
  options.links = false;
  options.symlink = [](const char*, const char*) { return ::abort(), 0; };
  CacheWriter writer(folder.path(), *Repo::parse("o/m"), kCommit, options);
  REQUIRE(store(writer, "a", kOid, "bytes"));
  CHECK(read_file(writer.snapshot() + "/a") == "bytes");
}

TEST_CASE("A link that fails for want of space is an error and no reason to do without") {
  test::TempFolder folder;
  CacheWriter writer(folder.path(), *Repo::parse("o/m"), kCommit, without_links(ENOSPC));
  CHECK(store(writer, "a", kOid, "bytes").error().code == Errc::kLocalIo);
  CHECK(fs::exists(folder / ("models--o--m/blobs/" + kOid)));
}

TEST_CASE("A blob that another process is writing is waited for, and taken when it is there") {
  test::TempFolder folder;
  CacheWriter theirs(folder.path(), *Repo::parse("o/m"), kCommit);
  auto first = theirs.open("a");
  REQUIRE(!first->there(info_of(kOid, 5), {}));
  REQUIRE(first->resume(content_of(kOid, 5)));
  // Locks of open files hold between writers of one process, too.
  CacheWriter ours(folder.path(), *Repo::parse("o/m"), kCommit);
  bool there = false;
  std::thread second([&] { there = ours.open("a")->there(info_of(kOid, 5), {}); });
  REQUIRE(first->write(0, std::string("bytes")));
  REQUIRE(first->commit());
  first.reset();
  second.join();
  CHECK(there);
}

TEST_CASE("Who waits for another process can be stopped, and does without where it gets nowhere") {
  test::TempFolder folder;
  CacheWriter theirs(folder.path(), *Repo::parse("o/m"), kCommit);
  auto first = theirs.open("a");
  REQUIRE(!first->there(info_of(kOid, 5), {}));
  CacheWriter ours(folder.path(), *Repo::parse("o/m"), kCommit);
  std::stop_source stop;
  stop.request_stop();
  auto second = ours.open("a");
  CHECK(!second->there(info_of(kOid, 5), stop.get_token()));
  CHECK(second->resume(content_of(kOid, 5)).error().code == Errc::kCancelled);

  const Clock::Steady begin{};
  ProgressWatch watch(std::chrono::seconds(60), 1, begin);
  CHECK(watch.waits(1, begin));
  CHECK(watch.waits(1, begin + std::chrono::seconds(59)));
  CHECK(watch.waits(2, begin + std::chrono::seconds(60)));
  CHECK(watch.waits(2, begin + std::chrono::seconds(119)));
  CHECK(!watch.waits(2, begin + std::chrono::seconds(120)));
}
