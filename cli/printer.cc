#include "cli/printer.h"

#include <cstdint>
#include <cstdio>

#include "cli/redact.h"
#include "cli/utf8.h"

namespace sjcp::cli {
namespace {

bool changes_lines(char32_t c) {
  if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return true;
  // Line and paragraph separators, and what turns the direction of writing.
  return c == 0x2028 || c == 0x2029 || c == 0x061C || c == 0x200E || c == 0x200F ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

std::string escaped(char32_t c) {
  if (c == '\n') return "\\n";
  if (c == '\r') return "\\r";
  if (c == '\t') return "\\t";
  char text[16];
  std::snprintf(text, sizeof text, c < 0x80 ? "\\x%02x" : "\\u%04x", static_cast<unsigned>(c));
  return text;
}

bool continues(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto letter = first_letter(text);
    const size_t length = letter ? letter->bytes : 1;
    if (!letter) {
      char byte[8];
      std::snprintf(byte, sizeof byte, "\\x%02x", static_cast<unsigned char>(text.front()));
      out += byte;
    } else if (changes_lines(letter->code)) {
      out += escaped(letter->code);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out;
}

std::string bounded(std::string text) {
  constexpr std::string_view kBetween = " [...] ";
  constexpr size_t kEnd = 400;
  if (text.size() <= kLongestMessage) return text;
  size_t begin = kLongestMessage - kEnd - kBetween.size();
  while (begin > 0 && continues(text[begin])) --begin;
  size_t end = text.size() - kEnd;
  while (end < text.size() && continues(text[end])) ++end;
  return text.substr(0, begin) + std::string(kBetween) + text.substr(end);
}

void Printer::line(std::string_view text) const {
  *stream_ << printable(text) << '\n';
}

void Printer::message(std::string_view text) const {
  line("sjcp: " + bounded(printable(masked(text))));
  flush();
}

void Printer::exact(std::string_view bytes) const {
  *stream_ << bytes;
}

}  // namespace sjcp::cli
