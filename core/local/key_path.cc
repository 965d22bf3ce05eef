#include "core/local/key_path.h"

#include <cstdio>

#include "core/local/file_sink.h"

namespace sjcp::local {
namespace {

constexpr size_t kLongestComponent = 255;
// PATH_MAX less room for the folder that the user names.
constexpr size_t kLongestPath = 4000;

const char* fault_of_component(std::string_view component) {
  if (component.empty()) return "has an empty component";
  if (component == ".") return "has \".\" as a component";
  if (component == "..") return "has \"..\" as a component and could leave the destination folder";
  if (component.size() > kLongestComponent) return "has a component of more than 255 bytes";
  if (is_temporary_name(std::string(component))) return "has the name of an unfinished download";
  return nullptr;
}

const char* fault_of(std::string_view rest) {
  if (rest.empty()) return "is the prefix itself";
  if (rest.front() == '/') return "would be an absolute path";
  if (rest.find('\0') != std::string_view::npos) return "has a NUL byte";
  if (rest.size() > kLongestPath) return "is too long";
  for (size_t begin = 0; begin <= rest.size();) {
    const size_t end = std::min(rest.find('/', begin), rest.size());
    if (const char* fault = fault_of_component(rest.substr(begin, end - begin))) return fault;
    begin = end + 1;
  }
  return nullptr;
}

}  // namespace

Result<std::string> path_for_key(std::string_view key, std::string_view prefix) {
  if (!key.starts_with(prefix)) {
    return make_error(Errc::kInternal, printable(key) + ": is not below " + printable(prefix));
  }
  const std::string_view rest = key.substr(prefix.size());
  if (const char* fault = fault_of(rest)) {
    return make_error(Errc::kUnsupported, "object \"" + printable(key) + "\": its key " + fault +
                                              "; copy it by itself to a file name of your choice");
  }
  return std::string(rest);
}

std::string key_for_path(std::string_view relative_path, std::string_view prefix) {
  return std::string(prefix) + std::string(relative_path);
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out.push_back(c);
      continue;
    }
    char escaped[5];
    std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
    out += escaped;
  }
  return out;
}

}  // namespace sjcp::local
