#include "cli/formats/wanted.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/local/key_path.h"

namespace sjcp::cli {

bool is_source_url(std::string_view text) {
  static constexpr std::array<std::string_view, 5> kSchemes = {"https", "http", "s3", "sj", "hf"};
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos || text.size() == colon + 3) return false;
  std::string scheme(text.substr(0, colon));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kSchemes.begin(), kSchemes.end(), scheme) != kSchemes.end();
}

std::string list_url(std::string_view text) {
  if (!http::is_url(text)) return std::string(text);
  std::string url;
  for (const char c : text) {
    if (c == ' ') {
      url += "%20";
    } else {
      url += c;
    }
  }
  return url;
}

Status check_wanted_name(std::string_view name, const std::string& where) {
  const auto refuse = [&](const char* why) {
    return make_error(Errc::kUsage, where + ": the name \"" + local::printable(name) + "\" " + why);
  };
  if (name.empty()) return make_error(Errc::kUsage, where + ": the name is empty");
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(name.begin(), name.end(), is_control)) return refuse("has control characters");
  if (name.find('\\') != std::string_view::npos) return refuse("has a backslash");
  if (name.size() >= 2 && name[1] == ':' && std::isalpha(static_cast<unsigned char>(name[0])) != 0) {
    return refuse("begins with a drive letter");
  }
  if (!local::path_for_key(name, "")) return refuse("is not a path below the destination folder");
  return {};
}

}  // namespace sjcp::cli
