#include "net/hf/repo.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::hf;

TEST_CASE("A repository is named by its kind, its owner and name, and a revision") {
  auto model = Repo::parse("bigcode/starcoder");
  REQUIRE(model);
  CHECK(model->kind == RepoKind::kModel);
  CHECK(model->id == "bigcode/starcoder");
  CHECK(model->revision == "main");
  CHECK(model->text() == "bigcode/starcoder");
  CHECK(model->folder_name() == "models--bigcode--starcoder");
  CHECK(model->api_path() == "/api/models/bigcode/starcoder");
  CHECK(model->page_path() == "/bigcode/starcoder");

  auto dataset = Repo::parse("datasets/a/b.c@v1.0");
  REQUIRE(dataset);
  CHECK(dataset->kind == RepoKind::kDataset);
  CHECK(dataset->revision == "v1.0");
  CHECK(dataset->text() == "datasets/a/b.c@v1.0");
  CHECK(dataset->folder_name() == "datasets--a--b.c");
  CHECK(dataset->page_path() == "/datasets/a/b.c");

  CHECK(Repo::parse("spaces/a/b")->api_path() == "/api/spaces/a/b");
  CHECK(Repo::parse("models/a/b")->text() == "a/b");
  CHECK(Repo::parse("a/b@" + std::string(40, '1'))->pinned());
}

TEST_CASE("A repository of the hub's first days has a name of one word") {
  auto model = Repo::parse("gpt2@v1");
  REQUIRE(model);
  CHECK(model->id == "gpt2");
  CHECK(model->revision == "v1");
  CHECK(model->text() == "gpt2@v1");
  CHECK(model->folder_name() == "models--gpt2");
  CHECK(model->api_path() == "/api/models/gpt2");
  auto dataset = Repo::parse("datasets/squad");
  REQUIRE(dataset);
  CHECK(dataset->kind == RepoKind::kDataset);
  CHECK(dataset->text() == "datasets/squad");
  CHECK(dataset->folder_name() == "datasets--squad");
}

TEST_CASE("Slashes of a revision are escaped, except in refs of the hub's own") {
  CHECK(Repo::parse("a/b@refs/pr/1")->escaped_revision() == "refs%2Fpr%2F1");
  CHECK(Repo::parse("a/b@refs/pr/1")->text() == "a/b@refs/pr/1");
  CHECK(Repo::parse("a/b@refs%2Fpr%2F1")->text() == "a/b@refs/pr/1");
  CHECK(Repo::parse("a/b@feature%2Fx")->revision == "feature/x");
  CHECK(Repo::parse("a/b@feature%2Fx")->text() == "a/b@feature%2Fx");
  CHECK(*Repo::parse(Repo::parse("a/b@50%25")->text()) == *Repo::parse("a/b@50%25"));
}

TEST_CASE("The repository ends where its path begins") {
  const auto repo = [](std::string_view text) { return text.substr(0, end_of_repo(text)); };
  CHECK(repo("a/b") == "a/b");
  CHECK(repo("a/b/") == "a/b");
  CHECK(repo("a/b/c/d@e") == "a/b");
  CHECK(repo("a/b@v1/c") == "a/b@v1");
  CHECK(repo("a/b@refs/pr/1/c/d") == "a/b@refs/pr/1");
  CHECK(repo("a/b@refs/pr/1") == "a/b@refs/pr/1");
  CHECK(repo("a/b@refs/convert/parquet/x") == "a/b@refs/convert/parquet");
  CHECK(repo("datasets/a/b@v/c/d") == "datasets/a/b@v");
  CHECK(repo("datasets/a") == "datasets/a");
  CHECK(repo("gpt2") == "gpt2");
  CHECK(repo("gpt2/") == "gpt2");
  CHECK(repo("gpt2/config.json") == "gpt2/config.json");
  CHECK(repo("gpt2@v1") == "gpt2@v1");
  CHECK(repo("gpt2@v1/config.json") == "gpt2@v1");
  CHECK(repo("gpt2@refs/pr/1/config.json") == "gpt2@refs/pr/1");
  CHECK(repo("datasets/squad/") == "datasets/squad");
  CHECK(repo("datasets/squad@main/x") == "datasets/squad@main");
  CHECK(repo("datasets/") == "datasets/");
}

TEST_CASE("Names that the hub does not allow are refused") {
  for (const char* text :
       {"",       "datasets",   "/b",       "a/",       "a/..",           "../b",    "a/b--c",  "a/b..c",
        "a/b c",  "a/b@",       "a/b@..",   "a/b@../x", "a/b@x%2F..%2Fy", "a/b@%00", "a/b@%zz", "a/b@%2Fx",
        "a/b@.x", "a/b@x.lock", "a/b@x\\y", "a/b/c",    "datasets/",      "a/b.git", "a/."}) {
    CAPTURE(text);
    auto repo = Repo::parse(text);
    REQUIRE(!repo);
    CHECK(repo.error().code == Errc::kUsage);
    CHECK(repo.error().what.find("hf://OWNER/NAME") != std::string::npos);
  }
  CHECK(Repo::parse("buckets/a/b").error().code == Errc::kUnsupported);
}

TEST_CASE("Paths are escaped byte by byte") {
  CHECK(percent_encoded("a b/c%+\xc3\xa9", true) == "a%20b/c%25%2B%C3%A9");
  CHECK(percent_encoded("a/b", false) == "a%2Fb");
}
