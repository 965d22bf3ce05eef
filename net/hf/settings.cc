#include "net/hf/settings.h"

#include <pwd.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <string_view>

#include "core/base/text.h"
#include "core/local/key_path.h"

namespace sjcp::hf {
namespace {

constexpr std::streamsize kLargestToken = 4096;

// Empty counts as not set.
std::string value_of(const Environment& environment, const char* name) {
  return environment(name).value_or("");
}

bool is_true(std::string value) {
  std::transform(value.begin(), value.end(), value.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

std::string home_of_user(const std::string& name) {
  std::string space(16 << 10, '\0');
  struct passwd entry{};
  struct passwd* found = nullptr;
  const bool known = ::getpwnam_r(name.c_str(), &entry, space.data(), space.size(), &found) == 0;
  return known && found != nullptr ? entry.pw_dir : "";
}

std::string with_home(const Environment& environment, const std::string& path) {
  if (!path.starts_with('~')) return path;
  const size_t end = std::min(path.find('/'), path.size());
  const std::string user = path.substr(1, end - 1);
  const std::string home = user.empty() ? value_of(environment, "HOME") : home_of_user(user);
  return home.empty() ? path : home + path.substr(end);
}

bool is_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// What is not set stays as it is written.
std::string with_variables(const Environment& environment, const std::string& path) {
  std::string out;
  for (size_t at = 0; at < path.size();) {
    const size_t dollar = std::min(path.find('$', at), path.size());
    out.append(path, at, dollar - at);
    if (dollar == path.size()) break;
    const bool braces = path.compare(dollar, 2, "${") == 0;
    const size_t begin = dollar + (braces ? 2 : 1);
    size_t end = begin;
    while (end < path.size() && (braces ? path[end] != '}' : is_name(path[end]))) ++end;
    const bool whole = !braces || end < path.size();
    const auto value = whole && end > begin ? environment(path.substr(begin, end - begin)) : std::nullopt;
    at = braces && whole ? end + 1 : end;
    out += value ? *value : path.substr(dollar, at - dollar);
  }
  return out;
}

std::string expanded(const Environment& environment, const std::string& path) {
  return with_variables(environment, with_home(environment, path));
}

std::string home_of(const Environment& environment) {
  if (auto home = value_of(environment, "HF_HOME"); !home.empty()) return expanded(environment, home);
  if (auto cache = value_of(environment, "XDG_CACHE_HOME"); !cache.empty()) {
    return expanded(environment, cache) + "/huggingface";
  }
  const std::string home = value_of(environment, "HOME");
  return home.empty() ? "" : home + "/.cache/huggingface";
}

std::string token_in(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kLargestToken, '\0');
  if (!file) return "";
  file.read(text.data(), kLargestToken);
  text.resize(static_cast<size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return std::string(trimmed(text));
}

std::string find_token(const Environment& environment, const std::string& home) {
  if (is_true(value_of(environment, "HF_HUB_DISABLE_IMPLICIT_TOKEN"))) return "";
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    if (auto token = std::string(trimmed(value_of(environment, name))); !token.empty()) return token;
  }
  const std::string path = value_of(environment, "HF_TOKEN_PATH");
  if (!path.empty()) return token_in(expanded(environment, path));
  return home.empty() ? "" : token_in(home + "/token");
}

}  // namespace

Result<Settings> Settings::read(const Environment& environment) {
  Settings settings;
  if (auto endpoint = std::string(trimmed(value_of(environment, "HF_ENDPOINT"))); !endpoint.empty()) {
    while (endpoint.ends_with('/')) endpoint.pop_back();
    if (!endpoint.starts_with("https://") && !endpoint.starts_with("http://")) {
      return make_error(Errc::kUsage,
                        "HF_ENDPOINT: \"" + local::printable(endpoint) + "\" is no URL of http or https");
    }
    settings.endpoint = std::move(endpoint);
  }
  const std::string home = home_of(environment);
  settings.token = find_token(environment, home);
  // It goes into a header as it is.
  const auto is_graphic = [](char c) { return c > 0x20 && c < 0x7f; };
  if (!std::all_of(settings.token.begin(), settings.token.end(), is_graphic)) {
    return make_error(Errc::kUsage,
                      "the hub's token (HF_TOKEN or its file) has blanks or control characters in it");
  }
  settings.cache = home.empty() ? "" : home + "/hub";
  for (const char* name : {"HUGGINGFACE_HUB_CACHE", "HF_HUB_CACHE"}) {
    if (auto cache = value_of(environment, name); !cache.empty())
      settings.cache = expanded(environment, cache);
  }
  settings.cache_links = !is_true(value_of(environment, "HF_HUB_DISABLE_SYMLINKS"));
  settings.warn_of_links = !is_true(value_of(environment, "HF_HUB_DISABLE_SYMLINKS_WARNING"));
  // The second one is asked only where the first is not set.
  for (const char* name : {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}) {
    const std::string value = value_of(environment, name);
    if (value.empty()) continue;
    if (is_true(value)) settings.offline = name;
    break;
  }
  return settings;
}

}  // namespace sjcp::hf
