#include "cli/redact.h"

namespace sjcp::cli {
namespace {

constexpr size_t kLongestHarmlessRun = 23;

bool is_base58(char c) {
  bool digit = c >= '1' && c <= '9';
  bool upper = c >= 'A' && c <= 'Z' && c != 'I' && c != 'O';
  bool lower = c >= 'a' && c <= 'z' && c != 'l';
  return digit || upper || lower;
}

size_t run_length(std::string_view text) {
  size_t n = 0;
  while (n < text.size() && is_base58(text[n])) ++n;
  return n;
}

}  // namespace

bool may_hold_secret(std::string_view text) {
  while (!text.empty()) {
    size_t run = run_length(text);
    if (run > kLongestHarmlessRun) return true;
    text.remove_prefix(run == 0 ? 1 : run);
  }
  return false;
}

std::string shown(std::string_view text) {
  if (may_hold_secret(text)) return "the value given";
  std::string out = "\"";
  for (char c : text) out.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c);
  out.push_back('"');
  return out;
}

std::string redacted(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    size_t run = run_length(text);
    if (run > kLongestHarmlessRun) {
      out += "<hidden>";
    } else {
      out += text.substr(0, run == 0 ? 1 : run);
    }
    text.remove_prefix(run == 0 ? 1 : run);
  }
  return out;
}

}  // namespace sjcp::cli
