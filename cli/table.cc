#include "cli/table.h"

#include <algorithm>
#include <utility>

namespace sjcp::cli {
namespace {

constexpr size_t kBlockLines = 1000;
constexpr size_t kPadding = 4;

// Code points, which is how Go counts the width of a cell.
size_t width(const std::string& text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

Table::Table(const Printer& out, std::vector<std::string> header) : out_(out), header_(std::move(header)) {}

void Table::add(std::vector<std::string> cells) {
  if (!header_.empty()) lines_.push_back(std::exchange(header_, {}));
  for (std::string& cell : cells) cell = printable(cell);
  lines_.push_back(std::move(cells));
  if (++rows_ >= kBlockLines) flush();
}

void Table::flush() {
  if (lines_.empty()) return;
  std::vector<size_t> widths(lines_[0].size(), 0);
  for (const auto& line : lines_) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width(line[i]) + kPadding);
  }
  for (const auto& line : lines_) {
    std::string text;
    for (size_t i = 0; i < line.size(); ++i) {
      text += line[i];
      if (i + 1 < line.size()) text.append(widths[i] - width(line[i]), ' ');
    }
    out_.line(text);
  }
  out_.flush();
  lines_.clear();
  rows_ = 0;
}

}  // namespace sjcp::cli
