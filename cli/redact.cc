#include "cli/redact.h"

#include <algorithm>
#include <cctype>

namespace sjcp::cli {
namespace {

constexpr size_t kLongestHarmlessRun = 23;
// A serialized API key has 100 characters and more; the longest digests and content identifiers 64.
constexpr size_t kShortestKey = 80;
constexpr std::string_view kTokenBegin = "hf_";
constexpr size_t kShortestToken = 20;  // after that
constexpr std::string_view kHidden = "the value given";

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

// How much of the beginning is a token of the hub; 0: it is none.
size_t token_length(std::string_view text) {
  if (!text.starts_with(kTokenBegin)) return 0;
  size_t n = kTokenBegin.size();
  while (n < text.size() && std::isalnum(static_cast<unsigned char>(text[n])) != 0) ++n;
  return n >= kTokenBegin.size() + kShortestToken ? n : 0;
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
  if (may_hold_secret(text)) return std::string(kHidden);
  return "\"" + std::string(text) + "\"";
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

std::string masked(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t run = run_length(text);
    const size_t secret = run >= kShortestKey ? run : token_length(text);
    out += secret > 0 ? kHidden : text.substr(0, 1);
    text.remove_prefix(std::max<size_t>(secret, 1));
  }
  return out;
}

}  // namespace sjcp::cli
