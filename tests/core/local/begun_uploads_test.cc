#include "core/local/begun_uploads.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <set>

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace sjcp;
using local::BegunUploads;
using local::remove_left_uploads;
using test::TempFolder;
using test::write_file;
using Texts = std::vector<std::string>;

namespace {

// What a run that died with a note of each left behind: its file, and no lock on it.
void die_with(const std::string& folder, const Texts& pending, const std::string& service = "service") {
  BegunUploads run(folder);
  for (const auto& each : pending) run.begun(service, each);
}

Texts left(const std::string& folder, const std::string& service = "service", bool removed = true) {
  Texts out;
  remove_left_uploads(folder, service, [&](const std::string& pending, const auto&) {
    out.push_back(pending);
    return removed;
  });
  return out;
}

std::string only_file(const TempFolder& folder) {
  return (*std::filesystem::directory_iterator(folder.path())).path().native();
}

}  // namespace

TEST_CASE("What a run ended leaves nothing behind") {
  TempFolder folder;
  {
    BegunUploads run(folder.path());
    const auto first = run.begun("service", "one");
    const auto second = run.begun("service", "two");
    CHECK(first != second);
    struct stat info{};
    REQUIRE(::stat(only_file(folder).c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    run.ended(first);
    run.ended(second);
  }
  CHECK(folder.names().empty());
}

TEST_CASE("What a dead run left is removed once, by whoever speaks to that service") {
  TempFolder folder;
  const std::string odd("two\0 \n words", 12);
  die_with(folder.path(), {"one", odd});
  CHECK(left(folder.path(), "another").empty());
  CHECK(left(folder.path(), "service", false) == Texts{"one", odd});
  CHECK(left(folder.path()) == Texts{"one", odd});
  CHECK(folder.names().empty());
}

TEST_CASE("What one service removed stays for no other, and the rest stays") {
  TempFolder folder;
  {
    BegunUploads run(folder.path());
    run.begun("a", "1");
    run.begun("b", "2");
  }
  CHECK(left(folder.path(), "a") == Texts{"1"});
  CHECK(left(folder.path(), "a").empty());
  CHECK(left(folder.path(), "b") == Texts{"2"});
  CHECK(folder.names().empty());
}

TEST_CASE("What a living run has begun is nobody else's") {
  TempFolder folder;
  BegunUploads run(folder.path());
  const auto note = run.begun("service", "one");
  CHECK(left(folder.path()).empty());
  run.ended(note);
}

TEST_CASE("Whoever removes what was left hears of all that is remembered beside it") {
  TempFolder folder;
  die_with(folder.path(), {"left", "too"});
  die_with(folder.path(), {"of another"}, "another");
  BegunUploads living(folder.path());
  living.begun("service", "living");
  write_file(folder / "journal", transfer::UploadJournal{"d", "s", "kept"}.serialize());
  ::chmod((folder / "journal").c_str(), 0600);
  std::set<std::string> dead;
  std::set<std::string> running;
  remove_left_uploads(folder.path(), "service", [&](const std::string& pending, const auto& remembered) {
    if (pending != "left") return false;
    for (const auto& each : remembered()) (each.running ? running : dead).insert(each.pending);
    return true;
  });
  CHECK(dead == std::set<std::string>{"left", "too", "kept"});
  CHECK(running == std::set<std::string>{"living"});
}

TEST_CASE("A line that was cut short or is not ours is passed over") {
  TempFolder folder;
  die_with(folder.path(), {"one"});
  const std::string path = only_file(folder);
  std::string text = test::read_file(path);
  write_file(path, text + "begun x\nnonsense\nbegun 7 zz 00\nbegun 8 " + text.substr(8, 10));
  CHECK(left(folder.path()) == Texts{"one"});
}

TEST_CASE("What nobody could remove for a week is forgotten") {
  TempFolder folder;
  die_with(folder.path(), {"one"});
  const timespec times[2] = {{1000, 0}, {1000, 0}};
  REQUIRE(::utimensat(AT_FDCWD, only_file(folder).c_str(), times, 0) == 0);
  CHECK(left(folder.path()).empty());
  CHECK(folder.names().empty());
}

TEST_CASE("A long run's file holds what is open, and little else") {
  TempFolder folder;
  {
    BegunUploads run(folder.path());
    run.begun("service", "kept");
    const std::string pending(500, 'x');
    for (int i = 0; i < 5000; ++i) run.ended(run.begun("service", pending));
    CHECK(std::filesystem::file_size(only_file(folder)) < 2 << 20);
  }
  CHECK(left(folder.path()) == Texts{"kept"});
}

TEST_CASE("Where nothing can be kept, uploads are begun without a note") {
  TempFolder folder;
  write_file(folder / "file", "");
  BegunUploads nowhere("");
  CHECK(nowhere.begun("service", "one") == 0);
  BegunUploads below(folder / "file/below");
  CHECK(below.begun("service", "one") == 0);
  below.ended(0);
}
