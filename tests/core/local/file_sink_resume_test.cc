// Downloads into a file that go on where an earlier run ended.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <thread>
#include <vector>

#include "core/base/scope_guard.h"
#include "core/base/units.h"
#include "core/local/file_sink.h"
#include "core/transfer/copy.h"
#include "tests/support/catch.h"
#include "tests/support/fake_source.h"
#include "tests/support/rendezvous.h"
#include "tests/support/temp_folder.h"

using namespace sjcp;
using local::FileSink;
using local::FileSinkOptions;
using test::FakeSource;
using test::read_file;
using test::TempFolder;
using test::write_file;
using transfer::Content;
using transfer::RangeSet;
using Names = std::set<std::string>;
using Ranges = std::vector<transfer::ByteRange>;

namespace {

constexpr uint64_t kSize = 10 * kMiB + 77;
constexpr char kPart[] = ".file.sjcp-part";
constexpr char kJournal[] = ".file.sjcp-journal";

const std::string& whole() {
  static const std::string kBytes = test::pattern(0, kSize);
  return kBytes;
}

Content content_of(const std::string& version = "v1") {
  return {"sj://bucket/key", version, kSize, {0, kSize}};
}

Status put(FileSink& sink, uint64_t begin, uint64_t end) {
  return sink.write(begin, ByteView(whole()).sub(begin, end - begin));
}

// A run that gets [0, 100000) and [2 MiB, 3 MiB) and then ends softly.
void interrupted_run(const TempFolder& folder, const FileSinkOptions& options = {}) {
  FileSink sink(folder / "file", options);
  REQUIRE(sink.resume(content_of()));
  REQUIRE(put(sink, 2 * kMiB, 3 * kMiB));
  REQUIRE(put(sink, 0, 100'000));
  sink.abort();
}

const Ranges kGot{{0, 100'000}, {2 * kMiB, 3 * kMiB}};

// Gets the rest and checks the result.
void complete(FileSink& sink, const TempFolder& folder, const RangeSet& there) {
  for (const auto& gap : there.missing({0, kSize})) REQUIRE(put(sink, gap.begin, gap.end));
  REQUIRE(sink.commit());
  CHECK(folder.names() == Names{"file"});
  CHECK(read_file(folder / "file") == whole());
}

// What a new run finds to go on from.
Ranges found(const TempFolder& folder, const Content& content = content_of(),
             const FileSinkOptions& options = {}) {
  FileSink sink(folder / "file", options);
  auto there = sink.resume(content);
  REQUIRE(there);
  return there->ranges();
}

bool exists(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0;
}

}  // namespace

TEST_CASE("A download that ended softly is resumed, and leaves nothing but the file") {
  TempFolder folder;
  write_file(folder / "file", "precious");
  interrupted_run(folder);
  CHECK(folder.names() == Names{"file", kPart, kJournal});
  CHECK(read_file(folder / "file") == "precious");
  // Also after a second run that got nothing.
  CHECK(found(folder) == kGot);
  FileSink sink(folder / "file");
  auto there = sink.resume(content_of());
  REQUIRE(there);
  CHECK(there->ranges() == kGot);
  complete(sink, folder, *there);
}

TEST_CASE("What a resumed run adds is there for the third") {
  TempFolder folder;
  interrupted_run(folder);
  {
    FileSink sink(folder / "file");
    REQUIRE(sink.resume(content_of()));
    REQUIRE(put(sink, 100'000, 200'000));
    sink.abort();
    CHECK(sink.kept() == 200'000 + kMiB);
  }
  CHECK(found(folder) == Ranges{{0, 200'000}, {2 * kMiB, 3 * kMiB}});
}

TEST_CASE(
    "A killed download is resumed from its last checkpoint, and never from bytes that were not durable") {
  TempFolder folder;
  const std::string journal = folder / kJournal;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    FileSink sink(folder / "file");
    // 8 MiB are worth a checkpoint; what follows it is lost, or in a later one.
    bool good = sink.resume(content_of()).has_value() && put(sink, 0, 8 * kMiB).has_value();
    const auto limit = std::chrono::steady_clock::now() + test::kPatience;
    while (!exists(journal) && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
    good = good && put(sink, 8 * kMiB, 9 * kMiB).has_value();
    ::_exit(good ? 0 : 1);  // without destructors, as when killed
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  FileSink sink(folder / "file");
  auto there = sink.resume(content_of());
  REQUIRE(there);
  CHECK(there->contains({0, 8 * kMiB}));
  CHECK_FALSE(there->contains({9 * kMiB, 9 * kMiB + 1}));
  complete(sink, folder, *there);
}

TEST_CASE("A changed object is refused and the earlier bytes stay, until told to start over") {
  TempFolder folder;
  interrupted_run(folder);
  Content longer = content_of("v2");
  longer.object_size += 5;
  longer.range.end += 5;
  for (const Content& changed : {content_of("v2"), longer}) {
    FileSink sink(folder / "file");
    auto there = sink.resume(changed);
    REQUIRE_FALSE(there);
    CHECK(there.error().code == Errc::kConflict);
    CHECK(there.error().what.find("sj://bucket/key has changed") != std::string::npos);
    CHECK(there.error().what.find("--no-resume") != std::string::npos);
    sink.abort();
    CHECK(sink.kept() == 0);
  }
  CHECK(found(folder) == kGot);
  FileSinkOptions options;
  options.resume = false;
  FileSink sink(folder / "file", options);
  auto there = sink.resume(content_of("v2"));
  REQUIRE(there);
  CHECK(there->empty());
  complete(sink, folder, *there);
}

TEST_CASE("Another object, another range or an object without a version starts over") {
  Content other = content_of();
  other.source = "sj://bucket/other";
  Content range = content_of();
  range.range = {1, kSize};
  for (const Content& different : {other, range, content_of("")}) {
    TempFolder folder;
    interrupted_run(folder);
    CHECK(found(folder, different).empty());
    CHECK(folder.names().empty());
  }
}

TEST_CASE("A run without resuming leaves nothing behind") {
  TempFolder folder;
  FileSinkOptions options;
  options.resume = false;
  interrupted_run(folder, options);
  CHECK(folder.names().empty());
  interrupted_run(folder);
  interrupted_run(folder, options);
  CHECK(folder.names().empty());
}

TEST_CASE("A small download, or one that got nothing, leaves nothing behind") {
  TempFolder folder;
  {
    FileSink sink(folder / "file");
    REQUIRE(sink.resume({"sj://bucket/key", "v1", 1000, {0, 1000}}));
    REQUIRE(sink.write(0, std::string(500, 'x')));
    sink.abort();
    CHECK(sink.kept() == 0);
  }
  CHECK(folder.names().empty());
  {
    FileSink sink(folder / "file");
    REQUIRE(sink.resume(content_of()));
    CHECK(folder.names() == Names{kPart});
  }
  CHECK(folder.names().empty());
}

TEST_CASE("A damaged journal is ignored: the download starts over") {
  TempFolder folder;
  interrupted_run(folder);
  const std::string journal = read_file(folder / kJournal);
  std::string flipped = journal;
  flipped[journal.size() / 2] ^= 1;
  for (const std::string& damaged : {std::string(), journal.substr(0, journal.size() / 2), flipped,
                                     journal + "x", whole().substr(0, 100)}) {
    TempFolder own;
    interrupted_run(own);
    write_file(own / kJournal, damaged);
    CHECK(found(own).empty());
    CHECK(own.names().empty());
  }
}

TEST_CASE("A part file that is missing, of another size, or another file starts over") {
  const std::vector<std::function<void(const TempFolder&)>> damages{
      [](const TempFolder& folder) { ::unlink((folder / kPart).c_str()); },
      [](const TempFolder& folder) { std::filesystem::resize_file(folder / kPart, kSize - 1); },
      [](const TempFolder& folder) { std::filesystem::resize_file(folder / kPart, kSize + 1); },
      [](const TempFolder& folder) {
        std::filesystem::copy_file(folder / kPart, folder / "copy");
        std::filesystem::rename(folder / "copy", folder / kPart);
      },
      // Somebody else has a name for it, and may write to it.
      [](const TempFolder& folder) { std::filesystem::create_hard_link(folder / kPart, folder / "second"); },
      [](const TempFolder& folder) {
        std::filesystem::create_hard_link(folder / kJournal, folder / "second");
      },
  };
  for (const auto& damage : damages) {
    TempFolder folder;
    interrupted_run(folder);
    damage(folder);
    FileSink sink(folder / "file");
    auto there = sink.resume(content_of());
    REQUIRE(there);
    CHECK(there->empty());
    ::unlink((folder / "second").c_str());
    complete(sink, folder, *there);
  }
}

TEST_CASE("A part file or journal that belongs to somebody else is not trusted") {
  if (::geteuid() != 0) return;  // only root gives files away
  for (const char* name : {kPart, kJournal}) {
    TempFolder folder;
    interrupted_run(folder);
    REQUIRE(::chown((folder / name).c_str(), 65534, 65534) == 0);
    CHECK(found(folder).empty());
  }
}

TEST_CASE("A journal behind a symbolic link is not read") {
  TempFolder folder;
  interrupted_run(folder);
  std::filesystem::rename(folder / kJournal, folder / "elsewhere");
  std::filesystem::create_symlink("elsewhere", folder / kJournal);
  CHECK(found(folder).empty());
  CHECK(exists(folder / "elsewhere"));
}

TEST_CASE("A journal without its part file is gone before a new part file can be mistaken for the old") {
  TempFolder folder;
  interrupted_run(folder);
  ::unlink((folder / kPart).c_str());
  FileSink sink(folder / "file");
  REQUIRE(sink.begin(kSize));
  CHECK(folder.names() == Names{kPart});
}

TEST_CASE("While a download is resumed, a second one to the same target is refused at once") {
  TempFolder folder;
  interrupted_run(folder);
  FileSink first(folder / "file");
  auto there = first.resume(content_of());
  REQUIRE(there);
  for (const bool resume : {true, false}) {
    FileSinkOptions options;
    options.resume = resume;
    FileSink second(folder / "file", options);
    auto refused = second.resume(content_of());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::kConflict);
    CHECK(refused.error().what.find("another download is writing it") != std::string::npos);
  }
  complete(first, folder, *there);
}

TEST_CASE("A resumed file has the permissions of the file it replaces") {
  TempFolder folder;
  write_file(folder / "file", "old");
  interrupted_run(folder);
  REQUIRE(::chmod((folder / "file").c_str(), 0600) == 0);
  FileSink sink(folder / "file");
  auto there = sink.resume(content_of());
  REQUIRE(there);
  complete(sink, folder, *there);
  struct stat info{};
  REQUIRE(::stat((folder / "file").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("A file that appears meanwhile is left alone when it must not be replaced") {
  TempFolder folder;
  FileSinkOptions options;
  options.replace = false;
  FileSink sink(folder / "file", options);
  REQUIRE(sink.begin(3));
  REQUIRE(sink.write(0, std::string_view("new")));
  write_file(folder / "file", "precious");
  auto committed = sink.commit();
  REQUIRE_FALSE(committed);
  CHECK(committed.error().code == Errc::kConflict);
  sink.abort();
  CHECK(folder.names() == Names{"file"});
  CHECK(read_file(folder / "file") == "precious");
  ::unlink((folder / "file").c_str());
  FileSink again(folder / "file", options);
  REQUIRE(again.begin(0));
  REQUIRE(again.commit());
  CHECK(folder.names() == Names{"file"});
}

TEST_CASE("A download through the engine that fails goes on from every verified byte") {
  TempFolder folder;
  transfer::MemoryBudget budget(1 << 20);
  transfer::Counters counters;
  const transfer::Context context{{}, &budget, &counters};
  transfer::CopyOptions options;
  uint64_t written = 0;
  for (int run = 0; run < 4; ++run) {
    // The first run keeps three segments for certain; with siblings the failing one could be faster.
    options.parallelism = run == 0 ? 1 : 4;
    FakeSource source(kSize, kMiB);
    source.version = "v1";
    source.write_size = 60'000;
    source.before_fetch = [&](const transfer::Segment& segment, const transfer::Context&) -> Status {
      const bool reached = run < 3 && segment.index >= 3 * static_cast<size_t>(run + 1);
      return reached ? make_error(Errc::kNetwork, "lost") : Status();
    };
    FileSink sink(folder / "file");
    auto summary = transfer::download(source, sink, options, context);
    written += source.bytes_written;
    CHECK(summary.has_value() == (run == 3));
    if (!summary) CHECK(summary.error().what.find("goes on from there") != std::string::npos);
  }
  CHECK(written == kSize);
  CHECK(read_file(folder / "file") == whole());
  CHECK(folder.names() == Names{"file"});
}

TEST_CASE("The names of part file and journal fit the file system and are recognised") {
  CHECK(local::journal_name("a") == ".a.sjcp-journal");
  CHECK(local::is_temporary_name(local::journal_name("a")));
  CHECK(local::is_temporary_name(".a.sjcp-journal-new"));
  CHECK_FALSE(local::is_temporary_name("a.sjcp-journal"));
  CHECK_FALSE(local::is_temporary_name(".sjcp-journal"));
  for (size_t length = 235; length <= 255; ++length) {
    const std::string name = local::journal_name(std::string(length, 'x'));
    CHECK(name.size() <= 255);
    CHECK(local::is_temporary_name(name));
  }
}
