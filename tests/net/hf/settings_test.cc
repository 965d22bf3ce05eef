#include "net/hf/settings.h"

#include <pwd.h>

#include <map>

#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace sjcp;
using namespace sjcp::hf;

namespace {

Result<Settings> read(const std::map<std::string, std::string>& variables) {
  return Settings::read([&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

}  // namespace

TEST_CASE("Without variables the hub is the public one, without token") {
  auto settings = read({{"HOME", "/home/me"}});
  REQUIRE(settings);
  CHECK(settings->endpoint == "https://huggingface.co");
  CHECK(settings->token.empty());
  CHECK(settings->cache == "/home/me/.cache/huggingface/hub");
  CHECK(settings->offline.empty());
  CHECK(read({})->cache.empty());
}

TEST_CASE("The cache is found as the hub's client finds it") {
  CHECK(read({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}})->cache == "/x/huggingface/hub");
  CHECK(read({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}, {"HF_HOME", "~/hf"}})->cache == "/h/hf/hub");
  CHECK(read({{"HF_HOME", "/hf"}, {"HUGGINGFACE_HUB_CACHE", "/old"}})->cache == "/old");
  CHECK(read({{"HUGGINGFACE_HUB_CACHE", "/old"}, {"HF_HUB_CACHE", "/new"}})->cache == "/new");
}

TEST_CASE("The token comes from variables first, then from its file") {
  test::TempFolder folder;
  test::write_file(folder / "token", "hf_file\n");
  test::write_file(folder / "other", " hf_other ");
  const std::string home = folder.path();
  CHECK(read({{"HF_HOME", home}})->token == "hf_file");
  CHECK(read({{"HF_HOME", home}, {"HF_TOKEN_PATH", folder / "other"}})->token == "hf_other");
  CHECK(read({{"HF_HOME", home}, {"HUGGING_FACE_HUB_TOKEN", "hf_old"}})->token == "hf_old");
  CHECK(read({{"HF_HOME", home}, {"HUGGING_FACE_HUB_TOKEN", "hf_old"}, {"HF_TOKEN", " hf_new\n"}})->token ==
        "hf_new");
  CHECK(read({{"HF_TOKEN", "hf_new"}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "yes"}})->token.empty());
}

TEST_CASE("A token that could not be sent is refused without being shown") {
  auto settings = read({{"HF_TOKEN", "hf_secret\r\nX: y"}});
  REQUIRE(!settings);
  CHECK(settings.error().code == Errc::kUsage);
  CHECK(settings.error().what.find("secret") == std::string::npos);
}

TEST_CASE("The endpoint loses its trailing slash and has to be a URL") {
  CHECK(read({{"HF_ENDPOINT", "http://127.0.0.1:80//"}})->endpoint == "http://127.0.0.1:80");
  CHECK(read({{"HF_ENDPOINT", "hub.example"}}).error().code == Errc::kUsage);
}

TEST_CASE("Offline is what the hub's client takes for true, and the variable is known by name") {
  CHECK(read({{"HF_HUB_OFFLINE", "1"}})->offline == "HF_HUB_OFFLINE");
  CHECK(read({{"TRANSFORMERS_OFFLINE", "true"}})->offline == "TRANSFORMERS_OFFLINE");
  CHECK(read({{"HF_HUB_OFFLINE", "0"}})->offline.empty());
  CHECK(read({{"HF_HUB_OFFLINE", "0"}, {"TRANSFORMERS_OFFLINE", "1"}})->offline.empty());
  CHECK(read({{"HF_HUB_OFFLINE", ""}, {"TRANSFORMERS_OFFLINE", "1"}})->offline == "TRANSFORMERS_OFFLINE");
}

TEST_CASE("Names of folders are expanded as the hub's client does it") {
  const auto cache = [](const std::string& name) {
    return read({{"HOME", "/h"}, {"A", "/a"}, {"B_1", "b"}, {"HF_HUB_CACHE", name}})->cache;
  };
  CHECK(cache("$HOME/x") == "/h/x");
  CHECK(cache("~/x") == "/h/x");
  CHECK(cache("~") == "/h");
  const passwd* somebody = ::getpwuid(0);
  REQUIRE(somebody != nullptr);
  CHECK(cache(std::string("~") + somebody->pw_name + "/x") == std::string(somebody->pw_dir) + "/x");
  CHECK(cache("~nobody-of-this-name/x") == "~nobody-of-this-name/x");
  CHECK(cache("${A}/$B_1.c") == "/a/b.c");
  CHECK(cache("$NOT_SET/${NOT_SET}/x") == "$NOT_SET/${NOT_SET}/x");
  CHECK(cache("${A") == "${A");
  CHECK(cache("/x/$") == "/x/$");
  CHECK(cache("/x/$/y") == "/x/$/y");
  CHECK(read({{"HOME", "/h"}, {"HF_HOME", "$HOME/hf"}})->cache == "/h/hf/hub");
  CHECK(read({{"HOME", "/h"}, {"XDG_CACHE_HOME", "$HOME/c"}})->cache == "/h/c/huggingface/hub");
  test::TempFolder folder;
  test::write_file(folder / "token", "hf_file\n");
  CHECK(read({{"WHERE", folder.path()}, {"HF_TOKEN_PATH", "$WHERE/token"}})->token == "hf_file");
}

TEST_CASE("Links in the cache are switched off by the hub's variables") {
  CHECK(read({})->cache_links);
  CHECK(!read({{"HF_HUB_DISABLE_SYMLINKS", "1"}})->cache_links);
  CHECK(!read({{"HF_HUB_DISABLE_SYMLINKS_WARNING", "1"}})->warn_of_links);
}
