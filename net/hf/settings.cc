#include "net/hf/settings.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <string_view>

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

std::string expanded(const Environment& environment, std::string path) {
  if (path == "~" || path.starts_with("~/")) path.replace(0, 1, value_of(environment, "HOME"));
  return path;
}

std::string home_of(const Environment& environment) {
  if (auto home = value_of(environment, "HF_HOME"); !home.empty()) return expanded(environment, home);
  if (auto cache = value_of(environment, "XDG_CACHE_HOME"); !cache.empty()) {
    return expanded(environment, cache) + "/huggingface";
  }
  const std::string home = value_of(environment, "HOME");
  return home.empty() ? "" : home + "/.cache/huggingface";
}

std::string trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

std::string token_in(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kLargestToken, '\0');
  if (!file) return "";
  file.read(text.data(), kLargestToken);
  text.resize(static_cast<size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return trimmed(text);
}

std::string find_token(const Environment& environment, const std::string& home) {
  if (is_true(value_of(environment, "HF_HUB_DISABLE_IMPLICIT_TOKEN"))) return "";
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    if (auto token = trimmed(value_of(environment, name)); !token.empty()) return token;
  }
  const std::string path = value_of(environment, "HF_TOKEN_PATH");
  if (!path.empty()) return token_in(expanded(environment, path));
  return home.empty() ? "" : token_in(home + "/token");
}

}  // namespace

Result<Settings> Settings::read(const Environment& environment) {
  Settings settings;
  if (auto endpoint = trimmed(value_of(environment, "HF_ENDPOINT")); !endpoint.empty()) {
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
  settings.offline = is_true(value_of(environment, "HF_HUB_OFFLINE")) ||
                     is_true(value_of(environment, "TRANSFORMERS_OFFLINE"));
  return settings;
}

}  // namespace sjcp::hf
