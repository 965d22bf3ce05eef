#include "tests/network/bucket_names.h"

#include <arpa/inet.h>

namespace sjcp::network {
namespace {

bool edge_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

std::optional<std::string> check_label(const std::string& label) {
  if (label.empty()) return "metainfo: bucket label cannot be empty";
  if (!edge_character(label.front()))
    return "metainfo: bucket label must start with a lowercase letter or number";
  if (!edge_character(label.back()))
    return "metainfo: bucket label must end with a lowercase letter or number";
  for (const char c : label) {
    if (!edge_character(c) && c != '-') {
      return "metainfo: bucket name must contain only lowercase letters, numbers or hyphens";
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> check_bucket_name_length(const std::string& name) {
  if (name.empty()) return "metainfo: no bucket specified";
  if (name.size() < 3 || name.size() > 63) {
    return "metainfo: The specified bucket name must be at least 3 and no more than 63 characters long";
  }
  return std::nullopt;
}

std::optional<std::string> check_bucket_name(const std::string& name) {
  if (auto wrong = check_bucket_name_length(name)) return wrong;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('.', begin), name.size());
    if (auto wrong = check_label(name.substr(begin, end - begin))) return wrong;
    begin = end + 1;
  }
  in_addr ignored{};
  if (inet_pton(AF_INET, name.c_str(), &ignored) == 1) {
    return "metainfo: bucket name cannot be formatted as an IP address";
  }
  return std::nullopt;
}

}  // namespace sjcp::network
