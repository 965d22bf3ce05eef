#include "net/hf/settings.h"

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
  CHECK(!settings->offline);
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

TEST_CASE("Offline is what the hub's client takes for true") {
  CHECK(read({{"HF_HUB_OFFLINE", "1"}})->offline);
  CHECK(read({{"TRANSFORMERS_OFFLINE", "true"}})->offline);
  CHECK(!read({{"HF_HUB_OFFLINE", "0"}})->offline);
}
