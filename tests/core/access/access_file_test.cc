#include "core/access/access_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace sjcp;
using namespace sjcp::access;
namespace fs = std::filesystem;

namespace {

// A folder of its own for one test, removed afterwards.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "sjcp-access-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  fs::path operator/(const char* name) const { return path_ / name; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

std::string read(const fs::path& path) {
  std::stringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

unsigned mode(const fs::path& path) {
  struct stat info{};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

std::string grant(size_t i = 0) {
  const auto vectors = test::load_vectors("grants.json");
  return vectors.at("cases").at(i).at("grant").at("serialized").get<std::string>();
}

}  // namespace

TEST_CASE("saved accesses come back from the file, which only its owner can read") {
  TemporaryFolder folder;
  fs::path path = folder / "a/b/access.json";
  auto file = AccessFile::load(path);
  REQUIRE(file);
  CHECK(file->accesses().empty());
  REQUIRE(file->add("main", grant(0)));
  REQUIRE(file->add("other", grant(1)));
  ::umask(0);
  REQUIRE(file->save(path));
  ::umask(022);
  CHECK(mode(path) == 0600);
  CHECK(mode(folder / "a/b") == 0700);
  CHECK(mode(folder / "a") == 0700);

  auto again = AccessFile::load(path);
  REQUIRE(again);
  CHECK(again->default_name() == "main");
  CHECK(*again->find("") == grant(0));
  CHECK(*again->find("other") == grant(1));

  REQUIRE(again->use("other"));
  REQUIRE(again->remove("main"));
  REQUIRE(again->save(path));
  auto last = AccessFile::load(path);
  CHECK(last->accesses().size() == 1);
  CHECK(*last->find("") == grant(1));
  CHECK(std::distance(fs::directory_iterator(folder / "a/b"), fs::directory_iterator()) == 1);
}

TEST_CASE("uplink's access.json is read as it is") {
  TemporaryFolder folder;
  fs::path path = folder / "access.json";
  write(path,
        "{\"Default\":\"my access/1\",\"Accesses\":{\"my access/1\":\"grant one\",\"b\":\"grant two\"}}\n");
  auto file = AccessFile::load(path);
  REQUIRE(file);
  CHECK(file->default_name() == "my access/1");
  CHECK(*file->find("") == "grant one");
  CHECK(*file->find("b") == "grant two");

  write(path, "{\"Default\":\"\",\"Accesses\":null}");
  file = AccessFile::load(path);
  REQUIRE(file);
  CHECK(file->find("").error().code == Errc::kNotFound);
}

TEST_CASE("a file that does not hold saved accesses is refused by name, without its content") {
  TemporaryFolder folder;
  fs::path path = folder / "access.json";
  for (const char* text : {"", "secret", "[]", "\"secret\"", "{\"Default\":1}", "{\"Accesses\":[\"secret\"]}",
                           "{\"Accesses\":{\"a\":{\"x\":\"secret\"}}}", "{\"Accesses\":{\"a\":\"secret\"}",
                           "{\"Accesses\":{\"a\":\"\xff\"}}"}) {
    INFO(text);
    write(path, text);
    auto file = AccessFile::load(path);
    REQUIRE_FALSE(file);
    CHECK(file.error().code == Errc::kUsage);
    CHECK_THAT(file.error().what, Catch::Matchers::StartsWith(path.string() + ": "));
    CHECK(file.error().what.find("secret") == std::string::npos);
  }
  CHECK(AccessFile::load(folder.path()).error().code == Errc::kLocalIo);
}

TEST_CASE("names are checked, taken names are kept and grants must parse") {
  AccessFile file;
  for (const char* name : {"", "-a", ".a", "a b", "a/b", "a\n", "\xc3\xa4",
                           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
    INFO(name);
    CHECK(file.add(name, grant()).error().code == Errc::kUsage);
  }
  REQUIRE(file.add("_A-z.0", grant(0)));
  CHECK(file.add("_A-z.0", grant(1)).error().code == Errc::kConflict);
  CHECK(*file.find("_A-z.0") == grant(0));
  REQUIRE(file.add("_A-z.0", grant(1), true));
  CHECK(*file.find("_A-z.0") == grant(1));
  CHECK(file.add("b", "not a grant").error().code == Errc::kUsage);
  CHECK(file.accesses().size() == 1);
}

TEST_CASE("an unknown access is not found, and a text that may be a grant is not repeated") {
  AccessFile file;
  REQUIRE(file.add("a", grant()));
  CHECK(file.find("b").error().what == "no saved access named \"b\"");
  CHECK(file.use("b").error().code == Errc::kNotFound);
  CHECK(file.remove("b").error().code == Errc::kNotFound);
  CHECK(file.default_name() == "a");
  REQUIRE(file.remove("a"));
  CHECK(file.default_name().empty());
  CHECK(file.find(grant()).error().what == "no saved access of that name");
}

TEST_CASE("a save that fails leaves the old file and nothing beside it") {
  TemporaryFolder folder;
  AccessFile file;
  REQUIRE(file.add("a", grant()));
  fs::create_directory(folder / "taken");
  write(folder / "taken/x", "");
  auto status = file.save(folder / "taken");  // a folder that is not empty cannot be replaced
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::kLocalIo);
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);

  write(folder / "file", "old");
  CHECK(file.save(folder / "file/access.json").error().code == Errc::kLocalIo);
  CHECK(read(folder / "file") == "old");
}
