// Somebody else has the part file, the target or the folder in hand while a download runs.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "core/base/units.h"
#include "core/local/file_group.h"
#include "core/local/file_sink.h"
#include "tests/support/catch.h"
#include "tests/support/fake_source.h"
#include "tests/support/temp_folder.h"

using namespace sjcp;
using local::FileSink;
using local::FileSinkOptions;
using test::read_file;
using test::TempFolder;
using test::write_file;
using Names = std::set<std::string>;

namespace {

constexpr uint64_t kSize = 10 * kMiB + 77;

transfer::Content content() {
  return {"sj://bucket/key", "v1", kSize, {0, kSize}};
}

const std::string& whole() {
  static const std::string kBytes = test::pattern(0, kSize);
  return kBytes;
}

Status put(FileSink& sink, uint64_t begin, uint64_t end) {
  return sink.write(begin, ByteView(whole()).sub(begin, end - begin));
}

// A download of two halves, between or after which `meddle` is done to the part file.
Status meddled(const TempFolder& folder, bool between, const std::function<void(const std::string&)>& meddle,
               uint64_t& kept) {
  FileSink sink(folder / "file");
  if (auto there = sink.resume(content()); !there) return std::move(there).error();
  const std::string part = folder / ".file.sjcp-part";
  Status status = put(sink, 0, kSize / 2);
  if (between) meddle(part);
  if (status) status = put(sink, kSize / 2, kSize);
  if (!between) meddle(part);
  if (status) status = sink.commit();
  sink.abort();
  kept = sink.kept();
  return status;
}

void truncate_it(const std::string& part) {
  REQUIRE(::truncate(part.c_str(), 1000) == 0);
}

// A file system that knows none of the newer calls, as exFAT in user space.
struct Exfat final : local::Disk {
  int lock(int) const override { return ENOSYS; }
  int allocate(int, uint64_t, uint64_t) const override { return EOPNOTSUPP; }
  int rename_noreplace(const std::string&, const std::string&) const override { return EINVAL; }
};

}  // namespace

TEST_CASE("A part file that somebody truncates is a conflict, and nothing of it is kept") {
  for (const bool between : {true, false}) {
    TempFolder folder;
    write_file(folder / "file", "old");
    uint64_t kept = 1;
    const Status status = meddled(folder, between, truncate_it, kept);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Errc::kConflict);
    CHECK(status.error().what.find("became shorter") != std::string::npos);
    CHECK(kept == 0);
    CHECK(folder.names() == Names{"file"});
    CHECK(read_file(folder / "file") == "old");
  }
}

TEST_CASE("A part file that was replaced, removed, linked or grew is a conflict; what took its place stays") {
  struct Row {
    const char* name;
    std::function<void(const std::string&)> meddle;
    Names left;
  };
  const std::string part = ".file.sjcp-part";
  const Row rows[] = {
      {"replaced",
       [](const std::string& path) {
         ::unlink(path.c_str());
         write_file(path, "another's");
       },
       {part}},
      {"removed", [](const std::string& path) { ::unlink(path.c_str()); }, {}},
      {"another name",
       [](const std::string& path) { REQUIRE(::link(path.c_str(), (path + "-twin").c_str()) == 0); },
       {part + "-twin"}},
      {"its size", [](const std::string& path) { REQUIRE(::truncate(path.c_str(), kSize + 5) == 0); }, {}},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    TempFolder folder;
    uint64_t kept = 1;
    const Status status = meddled(folder, false, row.meddle, kept);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Errc::kConflict);
    CHECK(status.error().what.find(row.name) != std::string::npos);
    CHECK(kept == 0);
    CHECK(folder.names() == row.left);
  }
}

TEST_CASE("Bytes are said to be kept only where they are") {
  TempFolder folder;
  FileSink sink(folder / "file");
  REQUIRE(sink.resume(content()));
  REQUIRE(put(sink, 0, kSize / 2));
  std::filesystem::remove(folder / ".file.sjcp-part");
  sink.abort();
  CHECK(sink.kept() == 0);
  CHECK(folder.names().empty());
}

TEST_CASE("A target that appears during the download is left alone, one that was there is replaced") {
  TempFolder folder;
  const Exfat exfat;
  for (const local::Disk* disk : {&local::system_disk(), static_cast<const local::Disk*>(&exfat)}) {
    FileSinkOptions options;
    options.disk = disk;
    FileSink sink(folder / "file", options);
    REQUIRE(sink.begin(5));
    REQUIRE(sink.write(0, std::string("bytes")));
    write_file(folder / "file", "another's");
    const Status status = sink.commit();
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Errc::kConflict);
    sink.abort();
    CHECK(read_file(folder / "file") == "another's");
    FileSink second(folder / "file", options);
    REQUIRE(second.begin(5));
    REQUIRE(second.write(0, std::string("bytes")));
    REQUIRE(second.commit());
    CHECK(folder.names() == Names{"file"});
    CHECK(read_file(folder / "file") == "bytes");
    std::filesystem::remove(folder / "file");
  }
}

TEST_CASE("A file system that knows neither locks nor reservations nor exclusive renames gets its file") {
  TempFolder folder;
  const Exfat exfat;
  FileSinkOptions options;
  options.disk = &exfat;
  options.replace = false;
  FileSink sink(folder / "file", options);
  REQUIRE(sink.resume(content()));
  REQUIRE(put(sink, 0, kSize));
  REQUIRE(sink.commit());
  CHECK(read_file(folder / "file") == whole());
  CHECK(folder.names() == Names{"file"});
}

TEST_CASE("No link below the folder that was named is followed, of folders or of the file") {
  TempFolder folder;
  TempFolder outside;
  write_file(outside / "file", "theirs");
  std::filesystem::create_directories(folder / "d/sub");
  REQUIRE(::symlink(outside.path().c_str(), (folder / "d/evil").c_str()) == 0);
  REQUIRE(::symlink((outside / "file").c_str(), (folder / "d/sub/link").c_str()) == 0);
  REQUIRE(::symlink((folder / "d").c_str(), (folder / "operand").c_str()) == 0);
  FileSinkOptions options;
  options.create_folders = true;
  for (const std::string& named : {folder / "d/", folder / "operand/"}) {
    for (const char* key : {"evil/file", "evil/new", "evil/deep/er", "sub/link"}) {
      FileSink sink({named + key, named.size(), "sj://b/k"}, options);
      const Status status = sink.begin(1);
      REQUIRE_FALSE(status);
      CHECK(status.error().code == Errc::kLocalIo);
      CHECK(status.error().what.find(named + std::string(key).substr(0, 4)) != std::string::npos);
      CHECK(status.error().what.find("is a symbolic link") != std::string::npos);
    }
    FileSink straight({named + "sub/new/file", named.size(), "sj://b/k"}, options);
    REQUIRE(straight.begin(1));
    REQUIRE(straight.write(0, std::string("x")));
    REQUIRE(straight.commit());
  }
  CHECK(outside.names() == Names{"file"});
  CHECK(read_file(outside / "file") == "theirs");

  options.keep_dirlinks = true;
  const std::string named = folder / "d/";
  FileSink allowed({named + "evil/deep/er", named.size(), "sj://b/k"}, options);
  REQUIRE(allowed.begin(1));
  REQUIRE(allowed.write(0, std::string("x")));
  REQUIRE(allowed.commit());
  CHECK(read_file(outside / "deep/er") == "x");
}

TEST_CASE("A folder that becomes a link during the download leads nowhere") {
  TempFolder folder;
  TempFolder outside;
  std::filesystem::create_directories(folder / "d/sub");
  const std::string named = folder / "d/";
  FileSink sink({named + "sub/file", named.size(), "sj://b/k"});
  REQUIRE(sink.begin(1));
  REQUIRE(sink.write(0, std::string("x")));
  std::filesystem::rename(folder / "d/sub", outside / "sub");
  REQUIRE(::symlink((outside / "sub").c_str(), (folder / "d/sub").c_str()) == 0);
  CHECK_FALSE(sink.commit());
  sink.abort();
  CHECK_FALSE(std::filesystem::exists(outside / "sub/file"));
}

TEST_CASE("Folders that were made for what did not come are removed, others stay") {
  TempFolder folder;
  local::Made made;
  FileSinkOptions options;
  options.create_folders = true;
  options.made = &made;
  std::filesystem::create_directories(folder / "there/empty");
  const std::string named = folder / "there/";
  FileSink fails({named + "a/b/one", named.size(), ""}, options);
  FileSink comes({named + "a/two", named.size(), ""}, options);
  FileSink fails_later({named + "a/b/three", named.size(), ""}, options);
  REQUIRE(fails.begin(1));
  REQUIRE(fails_later.begin(1));
  REQUIRE(comes.begin(0));
  fails.abort();
  CHECK(std::filesystem::exists(folder / "there/a/b"));
  REQUIRE(comes.commit());
  fails_later.abort();
  CHECK_FALSE(std::filesystem::exists(folder / "there/a/b"));
  CHECK(std::filesystem::exists(folder / "there/a/two"));
  CHECK(std::filesystem::exists(folder / "there/empty"));

  FileSink nothing({folder / "new/er/file", (folder / "new/").size(), ""}, options);
  REQUIRE(nothing.begin(1));
  nothing.abort();
  CHECK_FALSE(std::filesystem::exists(folder / "new"));
}
