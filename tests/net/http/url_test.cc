#include "net/http/url.h"

#include <catch2/catch.hpp>

using namespace sjcp::http;

TEST_CASE("A URL is known by its scheme alone") {
  CHECK(is_url("https://example.org"));
  CHECK(is_url("HTTP://example.org/a"));
  CHECK_FALSE(is_url("ftp://example.org"));
  CHECK_FALSE(is_url("https:/example.org"));
  CHECK_FALSE(is_url("./https://x"));
}

TEST_CASE("A URL is shown without user info, values of the query and fragment") {
  CHECK(shown_url("https://user:pa%40ss@example.org/a/b.bin?X-Amz-Signature=abc&list&x=1#frag") ==
        "https://example.org/a/b.bin?X-Amz-Signature=***&***&x=***");
  CHECK(shown_url("https://a@b@example.org/x@y") == "https://example.org/x@y");
  CHECK(shown_url("http://example.org/a\nb") == "http://example.org/a?b");
  CHECK(shown_url("https://example.org?token=secret") == "https://example.org?token=***");
}

TEST_CASE("The name in a URL is the last component of its path, unescaped and safe") {
  CHECK(url_file_name("https://example.org/a/model%20one.bin?x=/y") == "model one.bin");
  CHECK(url_file_name("https://example.org/a/..%2f..%2fetc%2fpasswd") == "passwd");
  CHECK(url_file_name("https://example.org/a/") == "");
  CHECK(url_file_name("https://example.org") == "");
  CHECK(url_file_name("https://example.org/%zz%4") == "%zz%4");
}

TEST_CASE("A suggested name loses what could leave the folder or hide the file") {
  CHECK(safe_file_name("C:\\temp\\x.bin") == "x.bin");
  CHECK(safe_file_name("..") == "");
  CHECK(safe_file_name(".bashrc") == "bashrc");
  CHECK(safe_file_name("~/x") == "x");
  CHECK(safe_file_name("a\r\nb. ") == "ab");
  CHECK(safe_file_name(std::string(300, 'a')).size() == 255);
  std::string umlauts;
  for (int i = 0; i < 200; ++i) umlauts += "\xc3\xbc";
  CHECK(safe_file_name(umlauts).size() == 254);
}
