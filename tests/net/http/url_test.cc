#include "net/http/url.h"
#include "tests/support/catch.h"

#include <random>

using namespace sjcp;
using namespace sjcp::http;

TEST_CASE("a URL is taken apart and put together byte for byte") {
  for (const char* text :
       {"http://h/", "https://h:8443/a//b/../c?x=%2f&y=+#", "http://u:p%40w@h/x", "https://[::1]:99/?q",
        "http://h/caf\xc3\xa9/[x]{y}", "http://h/a?b=http://c/d@e", "https://h/a:b@c"}) {
    INFO(text);
    const auto url = Url::parse(text);
    REQUIRE(url);
    const std::string whole(text);
    CHECK(url->text() == whole.substr(0, whole.find('#')));
  }
  const auto url = Url::parse("HTTPS://User@ExAmple.COM?x#frag");
  REQUIRE(url);
  CHECK(url->text() == "https://User@example.com/?x");
  CHECK(url->origin() == "https://example.com:443");
  CHECK(url->path() == "/");
  CHECK(Url::parse("http://h:80/")->text() == "http://h/");
}

TEST_CASE("what is no URL of http or https is a usage error without its secrets") {
  for (const char* text :
       {"", "h/x", "ftp://h/", "http:/h", "http://", "http:///x", "http://h:0/", "http://h:65536/",
        "http://h:8x/", "http://[::1/", "http://[::1]x/", "http://h/a b", "http://h/a\nb", "http://a b/",
        "http://u:geheim@/x?k=geheim", "http://u:geheim@h:x/?k=geheim"}) {
    INFO(text);
    const auto url = Url::parse(text);
    REQUIRE_FALSE(url);
    CHECK(url.error().code == Errc::kUsage);
    CHECK(url.error().what.find("geheim") == std::string::npos);
    CHECK(url.error().what.find('\n') == std::string::npos);
  }
}

TEST_CASE("a location is resolved against the URL that was asked") {
  const auto base = Url::parse("https://u:p@h:444/a/b/c?q=1");
  REQUIRE(base);
  const std::pair<const char*, const char*> cases[] = {
      {"https://other/x", "https://other/x"},
      {"http://h/x", "http://h/x"},
      {"//cdn/x?y", "https://cdn/x?y"},
      {"/x/../y", "https://u:p@h:444/x/../y"},
      {"d", "https://u:p@h:444/a/b/d"},
      {"../d?e=/../f", "https://u:p@h:444/a/d?e=/../f"},
      {"../../../../d", "https://u:p@h:444/d"},
      {".", "https://u:p@h:444/a/b/"},
      {"?z", "https://u:p@h:444/a/b/c?z"},
      {"#top", "https://u:p@h:444/a/b/c?q=1"},
      {"https://h:444/same", "https://u:p@h:444/same"},
      {"/a b", "https://u:p@h:444/a%20b"},
      {"x:y", nullptr},
      {"ftp://h/x", nullptr},
      {"http://h:99999/", nullptr},
  };
  for (const auto& [location, wanted] : cases) {
    INFO(location);
    const auto url = resolve_location(*base, location);
    REQUIRE(url.has_value() == (wanted != nullptr));
    if (url) CHECK(url->text() == wanted);
  }
}

TEST_CASE("shown URLs have no user info and no values") {
  CHECK(shown_url("https://u:p@h/a?x=1&y=&z&X-Amz-Signature=abc#f") ==
        "https://h/a?x=***&y=&***&X-Amz-Signature=***");
  CHECK(shown_url("https://h/a@b") == "https://h/a@b");
  CHECK(shown_url("https://u:p/w@h") == "https://u:p/w@h");  // the user info ends at the slash
  CHECK(shown_url("http://h/a\nb") == "http://h/a?b");
  CHECK(shown_url("") == "");
}

TEST_CASE("shown URLs never hold the secret, however the URL is put together") {
  std::mt19937 random(7);
  const std::string parts[] = {"?", "&", "a", "#", "&k=geheim", "&k==geheim", ";", "&k=?geheim", "%", "/"};
  for (int i = 0; i < 2000; ++i) {
    std::string url = "https://me:geheim@h/x?";
    for (int n = 0; n < 6; ++n) url += parts[random() % std::size(parts)];
    INFO(url);
    CHECK(shown_url(url).find("geheim") == std::string::npos);
  }
}

TEST_CASE("names from elsewhere become one safe component") {
  const std::pair<std::string, std::string> cases[] = {
      {"a.txt", "a.txt"},
      {"../../etc/passwd", "passwd"},
      {"C:\\x\\y.exe", "y.exe"},
      {"..", ""},
      {".", ""},
      {"", ""},
      {"/", ""},
      {".bashrc", "bashrc"},
      {"~x", "x"},
      {"a\r\nb", "ab"},
      {"a. . ", "a"},
      {std::string("a\0b", 3), "a"},
      {"caf\xc3\xa9", "caf\xc3\xa9"},
  };
  for (const auto& [name, wanted] : cases) {
    INFO(name);
    CHECK(safe_file_name(name) == wanted);
  }
  std::string long_name;
  for (int i = 0; i < 200; ++i) long_name += "\xc3\xa9";
  const std::string cut = safe_file_name(long_name);
  CHECK(cut.size() == 254);
  CHECK(safe_file_name(long_name + ".tar.gz") == cut.substr(0, 248) + ".tar.gz");
  CHECK(safe_file_name(std::string(300, 'x') + "." + std::string(30, 'y')) == std::string(255, 'x'));
  CHECK(url_file_name("https://h/a/b%20c.bin?x=/d") == "b c.bin");
  CHECK(url_file_name("https://h/a/%2e%2e%2fx") == "x");
  CHECK(url_file_name("https://h/") == "");
}

TEST_CASE("A host outside ASCII has its ASCII form in any locale") {
  CHECK(Url::parse("http://b\xc3\xbc"
                   "cher.localhost:81/x")
            ->text() == "http://xn--bcher-kva.localhost:81/x");
  CHECK(Url::parse("http://B\xc3\x9c"
                   "CHER.localhost/")
            ->host == "xn--bcher-kva.localhost");
  CHECK_FALSE(
      Url::parse("http://b\xfc"
                 "cher.localhost/"));
}

TEST_CASE("A URL is known by its scheme alone") {
  CHECK(is_url("https://example.org"));
  CHECK(is_url("HTTP://example.org/a"));
  CHECK_FALSE(is_url("ftp://example.org"));
  CHECK_FALSE(is_url("https:/example.org"));
  CHECK_FALSE(is_url("./https://x"));
}
