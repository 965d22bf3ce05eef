#include "core/local/upload_state.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "core/local/file_reader.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace sjcp;
using local::UploadState;
using test::TempFolder;
using test::write_file;
using transfer::UploadJournal;
using Names = std::set<std::string>;

namespace {

const UploadJournal kJournal{"destination", "source", "pending"};

mode_t mode_of(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
}

}  // namespace

TEST_CASE("The journal of an upload is kept in a private folder until it is removed") {
  TempFolder folder;
  const std::string place = folder / "state/uploads";
  {
    auto state = UploadState::open(place, "name");
    REQUIRE(state);
    CHECK_FALSE((*state)->load());
    CHECK((*state)->save({"destination", "source", "first"}));
    CHECK((*state)->save(kJournal));
    CHECK(mode_of(place) == 0700);
    CHECK(mode_of(place + "/name") == 0600);
  }
  {
    auto state = UploadState::open(place, "name");
    REQUIRE(state);
    CHECK((*state)->load() == kJournal);
    (*state)->remove();
    CHECK_FALSE((*state)->load());
  }
  CHECK(std::filesystem::is_empty(place));
}

TEST_CASE("While one has the journal of an upload, nobody else gets it") {
  TempFolder folder;
  auto first = UploadState::open(folder.path(), "name");
  REQUIRE(first);
  auto second = UploadState::open(folder.path(), "name");
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::kConflict);
  CHECK(UploadState::open(folder.path(), "other"));
  first->reset();
  CHECK(UploadState::open(folder.path(), "name"));
  CHECK(folder.names().empty());
}

TEST_CASE("The lock of a dead process does not stand in the way") {
  TempFolder folder;
  write_file(folder / "name.lock", "");
  CHECK(UploadState::open(folder.path(), "name"));
}

TEST_CASE("A journal of an upload that is damaged or behind a link is none") {
  TempFolder folder;
  auto state = UploadState::open(folder.path(), "name");
  REQUIRE(state);
  write_file(folder / "name", kJournal.serialize() + "x");
  CHECK_FALSE((*state)->load());
  write_file(folder / "elsewhere", kJournal.serialize());
  std::filesystem::remove(folder / "name");
  std::filesystem::create_symlink("elsewhere", folder / "name");
  CHECK_FALSE((*state)->load());
}

TEST_CASE("A state folder that cannot be had is an error") {
  TempFolder folder;
  write_file(folder / "file", "");
  auto state = UploadState::open(folder / "file/below", "name");
  REQUIRE_FALSE(state);
  CHECK(state.error().code == Errc::kLocalIo);
}

TEST_CASE("A file reader passes over bytes, and its identity changes with the file") {
  TempFolder folder;
  const std::string path = folder / "file";
  write_file(path, "0123456789");
  auto reader = local::FileReader::open(path);
  REQUIRE(reader);
  const std::string before = (*reader)->identity();
  CHECK_FALSE(before.empty());
  CHECK((*reader)->identity() == before);
  uint8_t bytes[3];
  CHECK((*reader)->skip(2));
  REQUIRE((*reader)->read(bytes));
  CHECK(ByteView(bytes).text() == "234");
  CHECK((*reader)->skip(5));
  CHECK_FALSE((*reader)->skip(1));

  const timespec times[2] = {{1000, 0}, {1000, 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
  const std::string touched = (*reader)->identity();
  CHECK(touched != before);
  auto other = local::FileReader::open(path);
  REQUIRE(other);
  CHECK((*other)->identity() == touched);
  write_file(folder / "copy", "0123456789");
  auto copy = local::FileReader::open(folder / "copy");
  REQUIRE(copy);
  CHECK((*copy)->identity() != touched);
}
