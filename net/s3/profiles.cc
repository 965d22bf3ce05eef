#include "net/s3/profiles.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"

namespace sjcp::s3 {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";

std::string unquoted(std::string_view name) {
  name = trimmed(name, kBlanks);
  const bool quoted =
      name.size() >= 2 && (name.front() == '"' || name.front() == '\'') && name.back() == name.front();
  return std::string(quoted ? name.substr(1, name.size() - 2) : name);
}

// Calls begin(header) at each section, which returns where its keys go; null: nobody wants them.
Status parse(std::string_view text, const std::string& file,
             const std::function<Section*(std::string_view header)>& begin) {
  Section* section = nullptr;
  bool in_section = false;
  std::string parent;  // a key without a value, which indented lines belong to
  size_t number = 0;
  const auto bad = [&](const char* why) {
    return make_error(Errc::kUsage, file + " line " + std::to_string(number) + ": " + why);
  };
  while (!text.empty()) {
    ++number;
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string_view content = trimmed(line, kBlanks);
    if (content.empty() || content.front() == '#' || content.front() == ';') continue;
    if (line.front() == '[') {
      const size_t close = content.rfind(']');
      if (close == std::string_view::npos) return bad("a section without ]");
      section = begin(trimmed(content.substr(1, close - 1), kBlanks));
      in_section = true;
      parent.clear();
      continue;
    }
    if (!in_section) return bad("no section before it");
    const bool nested = kBlanks.find(line.front()) != std::string_view::npos && !parent.empty();
    const size_t equals = content.find('=');
    if (equals == std::string_view::npos) {
      if (nested) continue;
      return bad("neither a section nor KEY = VALUE");
    }
    std::string key = lowered(trimmed(content.substr(0, equals), kBlanks));
    const std::string_view value = trimmed(content.substr(equals + 1), kBlanks);
    if (nested) {
      key = parent + "." + key;
    } else {
      parent = value.empty() ? key : "";
    }
    if (section != nullptr) section->insert_or_assign(std::move(key), value);
  }
  return {};
}

}  // namespace

Status Profiles::add_config(std::string_view text, const std::string& file) {
  return parse(text, file, [this](std::string_view header) -> Section* {
    if (header == "default") return &profiles_["default"];
    const size_t blank = header.find_first_of(kBlanks);
    if (blank == std::string_view::npos) return nullptr;
    const std::string_view kind = header.substr(0, blank);
    const std::string name = unquoted(header.substr(blank));
    if (kind == "profile") return &profiles_[name];
    if (kind == "sso-session") return &sso_sessions_[name];
    if (kind == "services") return &services_[name];
    return nullptr;
  });
}

Status Profiles::add_credentials(std::string_view text, const std::string& file) {
  auto status =
      parse(text, file, [this](std::string_view header) { return &credentials_[unquoted(header)]; });
  for (const auto& [name, section] : credentials_) {
    for (const auto& [key, value] : section) profiles_[name].insert_or_assign(key, value);
  }
  return status;
}

const Section* Profiles::find(const Sections& sections, const std::string& name) {
  const auto found = sections.find(name);
  return found == sections.end() ? nullptr : &found->second;
}

std::optional<std::string> value_of(const Section* section, const std::string& key) {
  if (section == nullptr) return std::nullopt;
  const auto found = section->find(key);
  if (found == section->end() || found->second.empty()) return std::nullopt;
  return found->second;
}

}  // namespace sjcp::s3
