#include "net/http/url.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace sjcp::http {
namespace {

constexpr size_t kLongestFileName = 255;

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) {
           return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b)));
         });
}

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  const int lower = std::tolower(static_cast<unsigned char>(digit));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// Names stay, values go: which values are secret, only their server knows.
std::string masked_query(std::string_view query) {
  std::string out;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const size_t equals = pair.find('=');
    out += pair.substr(0, equals);
    if (equals != std::string_view::npos) out += "=***";
    query.remove_prefix(end);
    if (query.empty()) break;
    out += '&';
    query.remove_prefix(1);
  }
  return out;
}

}  // namespace

bool is_url(std::string_view text) {
  return starts_with_ignoring_case(text, "http://") || starts_with_ignoring_case(text, "https://");
}

std::string shown_url(std::string_view url) {
  url = url.substr(0, url.find('#'));
  const size_t question = std::min(url.find('?'), url.size());
  std::string_view place = url.substr(0, question);
  const size_t scheme_end = place.find("://");
  std::string out;
  if (scheme_end != std::string_view::npos) {
    out = place.substr(0, scheme_end + 3);
    place.remove_prefix(scheme_end + 3);
    const std::string_view authority = place.substr(0, place.find('/'));
    const size_t at = authority.rfind('@');
    if (at != std::string_view::npos) place.remove_prefix(at + 1);
  }
  out += place;
  if (question < url.size()) out += '?' + masked_query(url.substr(question + 1));
  std::replace_if(out.begin(), out.end(), is_control, '?');
  return out;
}

std::string file_name_in(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const size_t authority = url.find("://");
  if (authority != std::string_view::npos) {
    const size_t path = url.find('/', authority + 3);
    if (path == std::string_view::npos) return "";
    url.remove_prefix(path);
  }
  return safe_file_name(unescaped(url.substr(url.rfind('/') + 1)));
}

std::string safe_file_name(std::string_view name) {
  const size_t slash = name.find_last_of("/\\");
  if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
  std::string out;
  std::copy_if(name.begin(), name.end(), std::back_inserter(out), [](char c) { return !is_control(c); });
  const size_t begin = out.find_first_not_of(".~ ");
  if (begin == std::string::npos) return "";
  out.erase(0, begin);
  if (out.size() > kLongestFileName) {
    size_t end = kLongestFileName;
    // Not in the middle of a UTF-8 sequence.
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end;
    out.resize(end);
  }
  out.erase(out.find_last_not_of(". ") + 1);
  return out;
}

}  // namespace sjcp::http
