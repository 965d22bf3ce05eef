#include "cli/progress/text_view.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/base/units.h"

namespace sjcp::cli {
namespace {

std::string format_clock(double seconds) {
  auto total = static_cast<uint64_t>(std::min(std::ceil(seconds), 360'000.0));
  char buffer[32];
  if (total >= 3600) {
    std::snprintf(buffer, sizeof buffer, "%llu:%02llu:%02llu", static_cast<unsigned long long>(total / 3600),
                  static_cast<unsigned long long>(total / 60 % 60),
                  static_cast<unsigned long long>(total % 60));
  } else {
    std::snprintf(buffer, sizeof buffer, "%llu:%02llu", static_cast<unsigned long long>(total / 60),
                  static_cast<unsigned long long>(total % 60));
  }
  return buffer;
}

std::string format_rate(double rate) {
  return format_size(rate > 0 ? static_cast<uint64_t>(rate) : 0) + "/s";
}

}  // namespace

void TextView::print(const std::string& line) {
  before_line();
  err_ << line << '\n';
  err_.flush();
}

void TextView::file(const FileEvent& event) {
  // An interruption is reported once, by the command.
  if (event.error && event.error->code != Errc::kCancelled) print("sjcp: " + event.error->what);
}

void TextView::error(const Error& error) {
  print("sjcp: " + error.what);
}

void TextView::log(const std::string& level, const std::string& message) {
  print("sjcp: " + level + ": " + message);
}

std::string bar_line(const ProgressEvent& event, unsigned columns) {
  std::string text = format_size(event.bytes_done);
  if (event.total_known) text += " / " + format_size(event.bytes_total);
  text += "  " + format_rate(event.rate);
  if (event.eta) text += "  " + format_clock(*event.eta);
  if (event.files_done + event.files_failed > 1) text += "  " + std::to_string(event.files_done) + " files";
  if (event.files_failed > 0) text += ", " + std::to_string(event.files_failed) + " failed";

  constexpr size_t kShortestBar = 10;
  constexpr size_t kLongestBar = 40;
  constexpr size_t kAroundBar = sizeof "[]  42%  " - 1;
  if (event.total_known && event.bytes_total > 0 && columns > text.size() + kAroundBar + kShortestBar) {
    size_t length = std::min(columns - text.size() - kAroundBar, kLongestBar);
    double share =
        std::min(1.0, static_cast<double>(event.bytes_done) / static_cast<double>(event.bytes_total));
    auto filled = static_cast<size_t>(share * static_cast<double>(length));
    std::string bar(filled, '=');
    if (filled < length) bar += '>';
    bar.resize(length, ' ');
    char percent[16];
    std::snprintf(percent, sizeof percent, "%4d%%  ", static_cast<int>(share * 100));
    text = "[" + bar + "]" + percent + text;
  }
  if (text.size() > columns) text.resize(columns);
  return text;
}

void BarView::progress(const ProgressEvent& event) {
  unsigned columns = columns_();
  // Back to the first column, the line, and whatever an earlier, longer line left is erased.
  err() << '\r' << bar_line(event, columns > 1 ? columns - 1 : 1) << "\x1b[K";
  err().flush();
  drawn_ = true;
}

void BarView::before_line() {
  if (drawn_) err() << "\r\x1b[K";
  drawn_ = false;
}

void BarView::summary(const SummaryEvent& event) {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f s", event.seconds);
  std::string line = format_size(event.bytes) + " in " + seconds + ", " + format_rate(event.mean_rate);
  if (event.files > 1) line += ", " + std::to_string(event.files) + " files";
  if (event.skipped > 0) line += ", " + std::to_string(event.skipped) + " skipped";
  if (event.failed > 0) line += ", " + std::to_string(event.failed) + " failed";
  if (event.bytes_resumed > 0) line += "; " + format_size(event.bytes_resumed) + " were there already";
  print(line);
}

}  // namespace sjcp::cli
