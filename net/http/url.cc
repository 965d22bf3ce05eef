#include "net/http/url.h"

#include <curl/curl.h>
#include <locale.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <type_traits>
#include <vector>

#include "core/base/scope_guard.h"
#include "core/base/text.h"

namespace sjcp::http {
namespace {

constexpr size_t kLongestName = 255;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

uint16_t usual_port(std::string_view scheme) {
  return scheme == "https" ? 443 : 80;
}

// "http" of "http://..."; empty: there is no scheme.
std::string scheme_of(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return "";
  const auto allowed = [](char c) {
    const char l = lower(c);
    return (l >= 'a' && l <= 'z') || (l >= '0' && l <= '9') || l == '+' || l == '-' || l == '.';
  };
  if (!std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon), allowed)) return "";
  return lowered(text.substr(0, colon));
}

// "xn--bcher-kva" of "bücher", whatever the user's locale; empty: it is no name.
std::string ascii_host(const std::string& host) {
  if (std::all_of(host.begin(), host.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    return host;
  // libcurl has what IDNA needs, and takes the name in the thread's locale.
  const std::unique_ptr<std::remove_pointer_t<locale_t>, decltype(&freelocale)> utf8(
      newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr), &freelocale);
  if (!utf8) return "";
  const locale_t before = uselocale(utf8.get());
  const ScopeGuard restored([before] { uselocale(before); });
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  if (curl_url_set(url.get(), CURLUPART_SCHEME, "http", 0) != CURLUE_OK ||
      curl_url_set(url.get(), CURLUPART_HOST, host.c_str(), 0) != CURLUE_OK) {
    return "";
  }
  char* text = nullptr;
  const CURLUcode got = curl_url_get(url.get(), CURLUPART_HOST, &text, CURLU_PUNYCODE);
  // libcurl 7.88 hands over what it copied although the name is none; later ones hand over nothing.
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, &curl_free);
  return got == CURLUE_OK ? lowered(text) : "";
}

// False: no host, or a port that is none.
bool split_authority(std::string_view authority, Url& url) {
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    url.user_info = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  std::string_view port;
  size_t host_end = authority.size();
  const size_t bracket = authority.starts_with('[') ? authority.find(']') : 0;
  if (bracket == std::string_view::npos) return false;
  if (const size_t colon = authority.find(':', bracket); colon != std::string_view::npos) {
    host_end = colon;
    port = authority.substr(colon + 1);
  }
  url.host = lowered(authority.substr(0, host_end));
  if (url.host.empty() || url.host.find_first_of("/?#\\ %<>\"") != std::string::npos) return false;
  if (bracket != 0 && bracket + 1 != host_end) return false;
  url.host = ascii_host(url.host);
  if (url.host.empty()) return false;
  url.port = usual_port(url.scheme);
  if (port.empty()) return true;
  unsigned number = 0;
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != port.data() + port.size()) return false;
  if (number == 0 || number > 65535) return false;
  url.port = static_cast<uint16_t>(number);
  return true;
}

// ".tar.gz" of "x.tar.gz": what programs know a file by; empty: nothing short enough to be that.
std::string extension_of(const std::string& name) {
  constexpr size_t kLongest = 20;
  constexpr size_t kLongestBefore = 5;  // ".tar"
  const size_t last = name.rfind('.');
  if (last == std::string::npos || last == 0 || name.size() - last > kLongest) return "";
  const size_t before = name.rfind('.', last - 1);
  const bool two = before != std::string::npos && before > 0 && last - before <= kLongestBefore;
  return name.substr(two ? before : last);
}

// Without "." and ".." (RFC 3986, 5.2.4); only for relative locations.
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> kept;
  bool folder = false;  // the last part names one
  size_t begin = 1;
  while (begin <= path.size()) {
    size_t end = path.find('/', begin);
    if (end == std::string_view::npos) end = path.size();
    const std::string_view part = path.substr(begin, end - begin);
    folder = part == "." || part == "..";
    if (part == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (part != ".") {
      kept.push_back(part);
    }
    begin = end + 1;
  }
  std::string out;
  for (const std::string_view part : kept) {
    out += '/';
    out += part;
  }
  if (folder || out.empty()) out += '/';
  return out;
}

}  // namespace

bool is_url(std::string_view text) {
  const std::string start = lowered(text.substr(0, 8));
  return start == "https://" || start.starts_with("http://");
}

Result<Url> Url::parse(std::string_view text) {
  const auto refused = [&](const char* why) {
    return make_error(Errc::kUsage, shown_url(text) + ": " + why);
  };
  Url url;
  url.scheme = scheme_of(text);
  if (url.scheme != "http" && url.scheme != "https") return refused("expected http:// or https://");
  if (!text.substr(url.scheme.size()).starts_with("://")) return refused("expected // after the scheme");
  if (std::any_of(text.begin(), text.end(), [](char c) { return is_control(c) || c == ' '; })) {
    return refused("blanks and control characters in a URL must be percent-encoded");
  }
  text.remove_prefix(url.scheme.size() + 3);
  const std::string_view whole = text.substr(0, text.find('#'));
  const size_t authority_end = std::min(whole.find_first_of("/?"), whole.size());
  if (!split_authority(whole.substr(0, authority_end), url)) {
    text = whole;
    return make_error(Errc::kUsage, shown_url(url.scheme + "://" + std::string(whole)) +
                                        ": no host, or a port that is no number up to 65535");
  }
  url.target = whole.substr(authority_end);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  return url;
}

std::string Url::origin() const {
  return scheme + "://" + host + ":" + std::to_string(port);
}

std::string Url::shown_origin() const {
  Url server = *this;
  server.user_info.clear();
  server.target = "/";
  return server.text();
}

std::string Url::text() const {
  std::string out = scheme + "://";
  if (!user_info.empty()) out += user_info + "@";
  out += host;
  if (port != usual_port(scheme)) out += ":" + std::to_string(port);
  return out + target;
}

std::string_view Url::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

Result<Url> resolve_location(const Url& base, std::string_view location) {
  // Servers send blanks and raw UTF-8 here; the former would end the request line.
  std::string clean;
  for (const char c : location.substr(0, location.find('#'))) {
    if (is_control(c)) return make_error(Errc::kProtocol, "control characters in the redirect's location");
    if (c == ' ') {
      clean += "%20";
    } else {
      clean += c;
    }
  }
  const std::string scheme = scheme_of(clean);
  if (!scheme.empty() && clean.find_first_of("/?") > scheme.size()) {
    auto url = Url::parse(clean);
    if (!url) return make_error(Errc::kProtocol, "redirected to " + url.error().what);
    // The same server again: it gets the same name and password.
    if (url->user_info.empty() && url->same_origin(base)) url->user_info = base.user_info;
    return url;
  }
  if (clean.starts_with("//")) return resolve_location(base, base.scheme + ":" + clean);
  Url url = base;
  if (clean.empty()) return url;
  const size_t query = std::min(clean.find('?'), clean.size());
  if (query == 0) {
    url.target = std::string(base.path()) + clean;
  } else if (clean.front() == '/') {
    url.target = clean;
  } else {
    const std::string_view path = base.path();
    const std::string folder(path.substr(0, path.rfind('/') + 1));
    url.target = without_dots(folder + clean.substr(0, query)) + clean.substr(query);
  }
  return url;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

std::string safe_file_name(std::string_view name) {
  // What comes after a NUL would be lost to the system's calls.
  name = name.substr(0, name.find('\0'));
  if (const size_t slash = name.find_last_of("/\\"); slash != std::string_view::npos) {
    name.remove_prefix(slash + 1);
  }
  std::string out;
  std::copy_if(name.begin(), name.end(), std::back_inserter(out), [](char c) { return !is_control(c); });
  out.erase(0, std::min(out.find_first_not_of(".~ "), out.size()));
  if (out.size() > kLongestName) {
    const std::string extension = extension_of(out);
    size_t end = kLongestName - extension.size();
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end;
    out.resize(end);
    out += extension;
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == '.')) out.pop_back();
  return out;
}

std::string url_file_name(std::string_view url) {
  const auto parsed = Url::parse(url);
  if (!parsed) return "";
  const std::string_view path = parsed->path();
  return safe_file_name(percent_decoded(path.substr(path.rfind('/') + 1)));
}

std::string shown_url(std::string_view url) {
  std::string out;
  url = url.substr(0, url.find('#'));
  const size_t scheme_end = url.find("://");
  if (scheme_end != std::string_view::npos) {
    out = url.substr(0, scheme_end + 3);
    url.remove_prefix(scheme_end + 3);
    const std::string_view authority = url.substr(0, url.find_first_of("/?"));
    if (const size_t at = authority.rfind('@'); at != std::string_view::npos) url.remove_prefix(at + 1);
  }
  const size_t query = std::min(url.find('?'), url.size());
  out += url.substr(0, query);
  size_t begin = query;
  while (begin < url.size()) {
    const size_t end = std::min(url.find('&', begin + 1), url.size());
    const std::string_view field = url.substr(begin, end - begin);  // with its '?' or '&'
    const size_t equals = field.find('=');
    if (equals == std::string_view::npos) {
      // A bare word may be a token as well as a name.
      out += field.front();
      if (field.size() > 1) out += "***";
    } else {
      out += field.substr(0, equals + 1);
      if (equals + 1 < field.size()) out += "***";
    }
    begin = end;
  }
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return is_control(c) ? '?' : c; });
  return out;
}

}  // namespace sjcp::http
