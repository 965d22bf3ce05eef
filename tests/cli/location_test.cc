#include "cli/location.h"

#include "tests/support/catch.h"

namespace sjcp::cli {
namespace {

const std::string kAccess = "juzlwaj7ovnst5gtkv2km3rkriha";

std::string path_of(const std::string& text) {
  const auto location = Location::parse(text);
  return location ? location->path : location.error().what;
}

}  // namespace

TEST_CASE("A link that shares an object is the object, on any host") {
  const std::string shared = kAccess + "/bucket/a%20key/x.bin";
  for (const std::string host :
       {"https://link.storjshare.io", "http://127.0.0.1:8080", "https://u:p@files.example"}) {
    CHECK(path_of(host + "/s/" + shared) == host + "/raw/" + shared);
    CHECK(path_of(host + "/s/" + shared + "?wrap=1#top") == host + "/raw/" + shared + "?wrap=1#top");
    CHECK(path_of(host + "/raw/" + shared) == host + "/raw/" + shared);
  }
  CHECK(Location::parse("https://h/s/" + shared)->base() == "x.bin");
}

TEST_CASE("A link that shares a folder is refused: it is a page, and has no bytes of its own") {
  for (const std::string what : {"/bucket", "/bucket/", "/bucket/folder/", "/bucket/folder/?x=1"}) {
    const auto location = Location::parse("https://link.storjshare.io/s/" + kAccess + what);
    CAPTURE(what);
    REQUIRE_FALSE(location);
    CHECK(location.error().code == Errc::kUsage);
    CHECK(location.error().what.find("shares a folder") != std::string::npos);
    CHECK(location.error().what.find(kAccess) == std::string::npos);
  }
}

TEST_CASE("Other URLs with /s/ stay as they are") {
  for (const std::string& url :
       {std::string("https://h/s/file"), "https://h/s/" + kAccess, "https://h/s/" + kAccess + "/",
        "https://h/s/" + kAccess + "x/bucket/key", "https://h/s/" + kAccess.substr(1) + "/bucket/key",
        "https://h/s/1" + kAccess.substr(1) + "/bucket/key", "https://h/d/s/" + kAccess + "/bucket/key",
        "https://h/s/" + kAccess + "/B/key", "https://h?/s/" + kAccess + "/bucket/key",
        std::string("https://h/S/") + kAccess + "/bucket/key"}) {
    CHECK(path_of(url) == url);
  }
}

}  // namespace sjcp::cli
