// URLs: what is taken apart reads back as itself, and neither a name made of one nor a text for people gives
// anything away.
#include "net/http/url.h"
#include "tests/fuzz/require.h"

using namespace sjcp;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = ByteView(data, size).text();
  require(fuzz::is_safe_name(http::safe_file_name(text)));
  require(fuzz::is_safe_name(http::url_file_name(text)));
  require(http::percent_decoded(text).size() <= text.size());
  (void)http::shown_url(text);
  const auto base = http::Url::parse("https://user:geheim@host:8443/a/b?q=1");
  (void)http::resolve_location(*base, text);
  const auto url = http::Url::parse(text);
  if (!url) return 0;
  require(!url->host.empty() && url->target.starts_with("/"));
  require(url->text().find_first_of("\r\n") == std::string::npos);
  const auto again = http::Url::parse(url->text());
  require(again && again->text() == url->text() && again->same_origin(*url));
  if (!url->user_info.empty()) {
    require(!http::shown_url(text).starts_with(url->scheme + "://" + url->user_info + "@"));
  }
  return 0;
}
