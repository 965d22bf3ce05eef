#include "core/local/file_sink.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <limits>
#include <thread>
#include <vector>

#include "core/base/scope_guard.h"
#include "core/local/open_sink.h"
#include "core/local/reservation.h"
#include "core/transfer/copy.h"
#include "tests/support/catch.h"
#include "tests/support/fake_source.h"
#include "tests/support/temp_folder.h"

using namespace sjcp;
using local::FileSink;
using local::FileSinkOptions;
using test::read_file;
using test::TempFolder;
using test::write_file;

namespace {

// Where the disk ends, for who reserves; and whether who reserves beyond that has to wait before it is told.
std::atomic<off_t> disk_end = std::numeric_limits<off_t>::max();
std::atomic<bool> disk_waits = false;

}  // namespace

// In place of the C library's.
extern "C" int fallocate(int fd, int mode, off_t offset, off_t size) {
  if (offset + size <= disk_end) return static_cast<int>(::syscall(SYS_fallocate, fd, mode, offset, size));
  disk_waits.wait(true);
  errno = ENOSPC;
  return -1;
}

namespace {

using Names = std::set<std::string>;

mode_t mode_of(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
}

// Permission bits mean nothing to root: runs `body` as somebody else then.
template <class F>
void without_privilege(const TempFolder& folder, F body) {
  if (::geteuid() != 0) {
    body();
    return;
  }
  REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
  REQUIRE(::seteuid(65534) == 0);
  ScopeGuard back([] { [[maybe_unused]] const int result = ::seteuid(0); });
  body();
}

}  // namespace

TEST_CASE("A file appears under its name only at the commit") {
  TempFolder folder;
  const std::string path = folder / "file.bin";
  FileSink sink(path);
  REQUIRE(sink.begin(6));
  REQUIRE(sink.write(3, std::string_view("def")));
  REQUIRE(sink.write(0, std::string_view("abc")));
  CHECK(folder.names() == Names{".file.bin.sjcp-part"});
  REQUIRE(sink.commit());
  CHECK(folder.names() == Names{"file.bin"});
  CHECK(read_file(path) == "abcdef");
}

TEST_CASE("An empty file can be written") {
  TempFolder folder;
  FileSink sink(folder / "empty");
  REQUIRE(sink.begin(0));
  REQUIRE(sink.commit());
  CHECK(read_file(folder / "empty").empty());
}

TEST_CASE("A file can be written under a name relative to the working folder") {
  TempFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  FileSink sink("plain");
  const Status begun = sink.begin(1);
  const Status written = sink.write(0, std::string_view("x"));
  const Status committed = sink.commit();
  std::filesystem::current_path(before);
  CHECK(begun);
  CHECK(written);
  CHECK(committed);
  CHECK(read_file(folder / "plain") == "x");
}

TEST_CASE("An aborted or abandoned download leaves the existing file and nothing else") {
  for (bool abandon : {false, true}) {
    TempFolder folder;
    write_file(folder / "file", "precious");
    {
      FileSink sink(folder / "file");
      REQUIRE(sink.begin(100));
      REQUIRE(sink.write(0, std::string_view("half")));
      if (!abandon) {
        sink.abort();
        sink.abort();
        auto late = sink.write(4, std::string_view("late"));
        REQUIRE_FALSE(late);
        CHECK(late.error().code == Errc::kCancelled);
        CHECK_FALSE(sink.commit());
      }
    }
    CHECK(folder.names() == Names{"file"});
    CHECK(read_file(folder / "file") == "precious");
  }
}

TEST_CASE(
    "A disk that others fill while a download runs is told by what is written next, and nothing is left") {
  const TempFolder folder;
  write_file(folder / "file", "precious");
  disk_end = local::Reservation::kFirstStep;
  disk_waits = true;
  const ScopeGuard grown([] { disk_end = std::numeric_limits<off_t>::max(); });
  {
    FileSink sink(folder / "file");
    const Status begun = sink.begin(3 * local::Reservation::kStep);
    disk_waits = false;
    disk_waits.notify_all();
    REQUIRE(begun);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    Status status;
    while (status && std::chrono::steady_clock::now() < end)
      status = sink.write(0, std::string_view("bytes"));
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Errc::kLocalIo);
    CHECK(status.error().cause == ENOSPC);
    CHECK(status.error().what.find(folder / "file") != std::string::npos);
  }
  CHECK(folder.names() == Names{"file"});
  CHECK(read_file(folder / "file") == "precious");
}

TEST_CASE("Many threads may write at once") {
  TempFolder folder;
  const std::string expected = test::pattern(0, 200000);
  FileSink sink(folder / "file");
  REQUIRE(sink.begin(expected.size()));
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (size_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (size_t at = t * 25000; at < (t + 1) * 25000; at += 1000) {
        if (!sink.write(at, ByteView(expected).sub(at, 1000))) ++failed;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(failed == 0);
  REQUIRE(sink.commit());
  CHECK(read_file(folder / "file") == expected);
}

TEST_CASE("A commit before all bytes were written is refused, as is a write beyond the end") {
  TempFolder folder;
  FileSink sink(folder / "file");
  REQUIRE(sink.begin(10));
  REQUIRE(sink.write(0, std::string_view("12345")));
  CHECK_FALSE(sink.write(8, std::string_view("890")));
  CHECK_FALSE(sink.write(11, std::string_view("")));
  auto committed = sink.commit();
  REQUIRE_FALSE(committed);
  CHECK(committed.error().code == Errc::kInternal);
  sink.abort();
  CHECK(folder.names().empty());
}

TEST_CASE("A second writer of the same target is refused while the first lives") {
  TempFolder folder;
  FileSink first(folder / "file");
  REQUIRE(first.begin(3));
  {
    FileSink second(folder / "file");
    auto begun = second.begin(3);
    REQUIRE_FALSE(begun);
    CHECK(begun.error().code == Errc::kConflict);
    CHECK(begun.error().what.find(folder / "file") != std::string::npos);
    second.abort();
  }
  // The refused one has not taken the first one's file with it.
  REQUIRE(first.write(0, std::string_view("abc")));
  REQUIRE(first.commit());
  CHECK(read_file(folder / "file") == "abc");
  FileSink third(folder / "file");
  CHECK(third.begin(3));
}

TEST_CASE("Of many writers of one target each either wins whole or is refused") {
  TempFolder folder;
  std::atomic<int> wins{0};
  std::atomic<int> broken{0};
  std::vector<std::thread> threads;
  for (char id = 'a'; id < 'e'; ++id) {
    threads.emplace_back([&, id] {
      for (int turn = 0; turn < 300; ++turn) {
        FileSinkOptions options;
        options.flush = false;
        FileSink sink(folder / "file", options);
        auto begun = sink.begin(64);
        if (!begun) {
          if (begun.error().code != Errc::kConflict) ++broken;
          continue;
        }
        // Every third dies here and leaves its temporary file to the destructor.
        if (turn % 3 == 0) continue;
        const bool whole =
            sink.write(0, std::string(32, id)) && sink.write(32, std::string(32, id)) && sink.commit();
        ++(whole ? wins : broken);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(broken == 0);
  CHECK(wins > 0);
  const std::string left = read_file(folder / "file");
  CHECK(left == std::string(64, left[0]));
  CHECK(folder.names() == Names{"file"});
}

TEST_CASE("What a dead process left behind is replaced") {
  TempFolder folder;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    FileSink sink(folder / "file");
    const bool begun = sink.begin(1000) && sink.write(0, std::string_view("remains"));
    ::_exit(begun ? 0 : 1);  // without destructors, as when killed
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  REQUIRE(folder.names() == Names{".file.sjcp-part"});

  FileSink sink(folder / "file");
  REQUIRE(sink.begin(3));
  REQUIRE(sink.write(0, std::string_view("new")));
  REQUIRE(sink.commit());
  CHECK(read_file(folder / "file") == "new");
  CHECK(folder.names() == Names{"file"});
}

TEST_CASE("A symbolic link under the temporary name is never written through") {
  TempFolder folder;
  write_file(folder / "victim", "untouched");
  REQUIRE(::symlink((folder / "victim").c_str(), (folder / ".file.sjcp-part").c_str()) == 0);
  FileSink sink(folder / "file");
  auto begun = sink.begin(3);
  REQUIRE_FALSE(begun);
  CHECK(begun.error().code == Errc::kConflict);
  CHECK(read_file(folder / "victim") == "untouched");
}

TEST_CASE("A target that is a symbolic link is followed, not replaced") {
  TempFolder folder;
  std::filesystem::create_directory(folder / "real");
  write_file(folder / "real/file", "old");
  REQUIRE(::symlink("real/file", (folder / "link").c_str()) == 0);
  FileSink sink(folder / "link");
  REQUIRE(sink.begin(3));
  REQUIRE(sink.write(0, std::string_view("new")));
  REQUIRE(sink.commit());
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(read_file(folder / "real/file") == "new");

  REQUIRE(::symlink("nowhere", (folder / "broken").c_str()) == 0);
  FileSink broken(folder / "broken");
  auto begun = broken.begin(3);
  REQUIRE_FALSE(begun);
  CHECK(begun.error().code == Errc::kLocalIo);
}

TEST_CASE("A new file has the permissions that the umask leaves, a replaced one keeps its own") {
  TempFolder folder;
  const mode_t before = ::umask(027);
  ScopeGuard back([&] { ::umask(before); });
  write_file(folder / "private", "old");
  REQUIRE(::chmod((folder / "private").c_str(), 0600) == 0);
  for (const char* name : {"fresh", "private"}) {
    FileSink sink(folder / name);
    REQUIRE(sink.begin(0));
    REQUIRE(sink.commit());
  }
  CHECK(mode_of(folder / "fresh") == 0640);
  CHECK(mode_of(folder / "private") == 0600);
}

TEST_CASE("A missing folder is named, or created when asked for") {
  TempFolder folder;
  FileSink sink(folder / "a/b/file");
  auto begun = sink.begin(1);
  REQUIRE_FALSE(begun);
  CHECK(begun.error().code == Errc::kLocalIo);
  CHECK(begun.error().what.find("the folder " + (folder / "a/b") + " does not exist; create it") !=
        std::string::npos);

  FileSinkOptions options;
  options.create_folders = true;
  FileSink creating(folder / "a/b/file", options);
  REQUIRE(creating.begin(1));
  REQUIRE(creating.write(0, std::string_view("x")));
  REQUIRE(creating.commit());
  CHECK(read_file(folder / "a/b/file") == "x");

  FileSink below_file(folder / "a/b/file/c", options);
  auto below = below_file.begin(1);
  REQUIRE_FALSE(below);
  CHECK(below.error().code == Errc::kLocalIo);
}

TEST_CASE("A folder or a device as target is refused") {
  TempFolder folder;
  std::filesystem::create_directory(folder / "dir");
  for (const std::string& target :
       {folder / "dir", folder / "dir/", folder / "new/", std::string("/dev/null")}) {
    INFO(target);
    FileSink sink(target);
    auto begun = sink.begin(1);
    REQUIRE_FALSE(begun);
    CHECK(begun.error().code == Errc::kLocalIo);
    CHECK(begun.error().what.find(target) != std::string::npos);
  }
  FileSink sink(folder / "dir");
  CHECK(sink.begin(1).error().what.find("is a folder") != std::string::npos);
  CHECK(folder.names() == Names{"dir"});
}

TEST_CASE("A folder or file without permission is refused and named") {
  TempFolder folder;
  std::filesystem::create_directory(folder / "closed");
  write_file(folder / "closed/file", "old");
  REQUIRE(::chmod((folder / "closed").c_str(), 0555) == 0);
  std::filesystem::create_directory(folder / "open");
  REQUIRE(::chmod((folder / "open").c_str(), 0777) == 0);
  write_file(folder / "open/file", "old");
  REQUIRE(::chmod((folder / "open/file").c_str(), 0444) == 0);
  without_privilege(folder, [&] {
    for (const char* target : {"closed/new", "closed/file", "open/file"}) {
      INFO(target);
      FileSink sink(folder / target);
      auto begun = sink.begin(1);
      REQUIRE_FALSE(begun);
      CHECK(begun.error().code == Errc::kLocalIo);
      CHECK(begun.error().what.find(folder / target) != std::string::npos);
    }
  });
  ::chmod((folder / "closed").c_str(), 0755);
  CHECK(read_file(folder / "open/file") == "old");
}

TEST_CASE("Space that is not there is refused at the beginning, and the existing file survives") {
  TempFolder folder;
  write_file(folder / "file", "precious");
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{64 << 10, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  Status status;
  {
    FileSink sink(folder / "file");
    status = sink.begin(1 << 20);
    // A file system that cannot reserve reports it at the write.
    if (status) status = sink.write(512 << 10, std::string(100000, 'x'));
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::kLocalIo);
  CHECK(status.error().what.find("1.00 MiB") != std::string::npos);
  CHECK(read_file(folder / "file") == "precious");
  CHECK(folder.names() == Names{"file"});
}

TEST_CASE("More than any disk holds is refused before the first byte") {
  TempFolder folder;
  FileSink sink(folder / "file");
  auto begun = sink.begin(uint64_t{1} << 55);
  REQUIRE_FALSE(begun);
  CHECK(begun.error().code == Errc::kLocalIo);
  sink.abort();
  CHECK(folder.names().empty());
}

TEST_CASE("Temporary names fit the file system and tell long names apart") {
  CHECK(local::temporary_name("a") == ".a.sjcp-part");
  CHECK(local::is_temporary_name(".a.sjcp-part"));
  CHECK_FALSE(local::is_temporary_name("a.sjcp-part"));
  CHECK_FALSE(local::is_temporary_name(".sjcp-part"));
  CHECK_FALSE(local::is_temporary_name(".a.part"));
  const std::string one = std::string(254, 'x') + "1";
  const std::string two = std::string(254, 'x') + "2";
  CHECK(local::temporary_name(one).size() == 255);
  CHECK(local::temporary_name(one) != local::temporary_name(two));
  CHECK(local::is_temporary_name(local::temporary_name(one)));
  CHECK(local::temporary_name(std::string(244, 'y')).size() == 255);
  CHECK(local::temporary_name(std::string(245, 'y')).size() == 255);

  TempFolder folder;
  FileSink sink(folder / one);
  REQUIRE(sink.begin(0));
  REQUIRE(sink.commit());
  CHECK(folder.names() == Names{one});
}

TEST_CASE("A download that fails in the middle leaves the existing file as it was") {
  TempFolder folder;
  write_file(folder / "file", "precious");
  transfer::MemoryBudget budget(1 << 20);
  transfer::Counters counters;
  const transfer::Context context{{}, &budget, &counters};
  transfer::CopyOptions options;
  options.parallelism = 4;

  test::FakeSource failing(10000, 100);
  failing.before_fetch = [](const transfer::Segment& segment, const transfer::Context&) -> Status {
    if (segment.index == 60) return make_error(Errc::kIntegrity, "wrong bytes");
    return {};
  };
  FileSink sink(folder / "file");
  CHECK_FALSE(transfer::download(failing, sink, options, context));
  CHECK(read_file(folder / "file") == "precious");
  CHECK(folder.names() == Names{"file"});

  test::FakeSource good(10000, 100);
  FileSink again(folder / "file");
  REQUIRE(transfer::download(good, again, options, context));
  CHECK(read_file(folder / "file") == test::pattern(0, 10000));
}

TEST_CASE("The sink that fits a path is a stream for devices and pipes, a file otherwise") {
  TempFolder folder;
  auto device = local::open_sink("/dev/null");
  REQUIRE(device);
  REQUIRE((*device)->begin(5));
  REQUIRE((*device)->write(0, std::string_view("12345")));
  REQUIRE((*device)->commit());
  struct stat info{};
  REQUIRE(::stat("/dev/null", &info) == 0);
  CHECK(S_ISCHR(info.st_mode));

  auto file = local::open_sink(folder / "file");
  REQUIRE(file);
  REQUIRE((*file)->begin(0));
  REQUIRE((*file)->commit());
  CHECK(folder.names() == Names{"file"});

  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  auto pipe = local::open_sink(folder / "pipe");
  REQUIRE_FALSE(pipe);
  CHECK(pipe.error().code == Errc::kLocalIo);
}

TEST_CASE("A file of unknown size grows and is as long as what was written") {
  TempFolder folder;
  const std::string path = folder / "file";
  FileSink sink(path);
  REQUIRE(sink.begin(transfer::kUnknownSize));
  REQUIRE(sink.write(0, std::string_view("abc")));
  REQUIRE(sink.write(3, std::string_view("de")));
  REQUIRE(sink.commit());
  CHECK(read_file(path) == "abcde");
  FileSink empty(folder / "empty");
  REQUIRE(empty.begin(transfer::kUnknownSize));
  REQUIRE(empty.commit());
  CHECK(read_file(folder / "empty").empty());
}

TEST_CASE("What was written can be read back before the commit") {
  TempFolder folder;
  FileSink sink(folder / "file");
  REQUIRE(sink.begin(6));
  REQUIRE(sink.write(0, std::string_view("abcdef")));
  Bytes out(3);
  REQUIRE(sink.read(2, out));
  CHECK(ByteView(ByteSpan(out)).text() == "cde");
  CHECK_FALSE(sink.read(5, out));
}

TEST_CASE("Rejected bytes are removed, or put aside on request, and the old file stays") {
  for (const bool keep : {false, true}) {
    TempFolder folder;
    const std::string path = folder / "file";
    write_file(path, "old");
    FileSinkOptions options;
    options.keep_bad = keep;
    FileSink sink(path, options);
    constexpr uint64_t kSize = FileSink::kSmallestResumable;
    REQUIRE(sink.resume({"http://host/file", "v1", kSize, {0, kSize}}));
    REQUIRE(sink.write(0, std::string(kSize, 'x')));
    const std::string aside = sink.reject();
    sink.abort();
    CHECK(sink.kept() == 0);
    CHECK(read_file(path) == "old");
    CHECK(aside == (keep ? path + ".sjcp-bad" : ""));
    CHECK(folder.names() == (keep ? Names{"file", "file.sjcp-bad"} : Names{"file"}));
    if (keep) CHECK(read_file(aside) == std::string(kSize, 'x'));
  }
}

TEST_CASE("A file gets the object's time when that was asked for") {
  for (const bool keep : {false, true}) {
    TempFolder folder;
    const std::string path = folder / "file";
    FileSinkOptions options;
    options.keep_time = keep;
    FileSink sink(path, options);
    sink.modified(std::chrono::system_clock::time_point(std::chrono::milliseconds(1234567890'500)));
    REQUIRE(sink.begin(1));
    REQUIRE(sink.write(0, std::string_view("a")));
    REQUIRE(sink.commit());
    struct stat info{};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mtim.tv_sec == 1234567890) == keep);
    CHECK((info.st_mtim.tv_nsec == 500'000'000) == keep);
  }
}
