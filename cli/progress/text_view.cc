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

std::string format_seconds(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", seconds);
  return text;
}

std::string summary_text(const SummaryEvent& event) {
  std::string line =
      format_size(event.bytes) + " in " + format_seconds(event.seconds) + ", " + format_rate(event.mean_rate);
  if (event.files > 1) line += ", " + std::to_string(event.files) + " files";
  if (event.skipped > 0) line += ", " + std::to_string(event.skipped) + " skipped";
  if (event.failed > 0) line += ", " + std::to_string(event.failed) + " failed";
  if (event.bytes_resumed > 0) line += "; " + format_size(event.bytes_resumed) + " were there already";
  return line;
}

// Nothing: nobody knows of how much.
std::optional<double> share_done(const ProgressEvent& event) {
  if (!event.total_known || event.bytes_total == 0) return std::nullopt;
  return std::min(1.0, static_cast<double>(event.bytes_done) / static_cast<double>(event.bytes_total));
}

std::string percent_text(double share) {
  return std::to_string(static_cast<int>(share * 100)) + "%";
}

}  // namespace

void TextView::message(const std::string& text) {
  before_line();
  err_.message(text);
}

void TextView::file(const FileEvent& event) {
  // An interruption is reported once, by the command.
  if (event.error && event.error->code != Errc::kCancelled) message(event.error->what);
  if (event.error || !each_file_) return;
  std::string text =
      event.skipped ? "skipped" : format_size(event.bytes) + " in " + format_seconds(event.seconds);
  if (event.bytes_resumed > 0) text += ", " + format_size(event.bytes_resumed) + " of it were there already";
  message(event.source + " to " + event.path + ": " + text);
}

void TextView::error(const Error& error) {
  message(error.what);
}

void TextView::log(const std::string& level, const std::string& text) {
  message(level + ": " + text);
}

std::string progress_text(const ProgressEvent& event) {
  std::string text = format_size(event.bytes_done);
  if (event.total_known) text += " / " + format_size(event.bytes_total);
  text += "  " + format_rate(event.rate);
  if (event.eta) text += "  " + format_clock(*event.eta);
  if (event.files_done + event.files_failed > 1) text += "  " + std::to_string(event.files_done) + " files";
  if (event.files_failed > 0) text += ", " + std::to_string(event.files_failed) + " failed";
  if (event.bytes_committed < event.bytes_done) {
    text += "  (" + format_size(event.bytes_committed) + " committed)";
  }
  return text;
}

std::string bar_line(const ProgressEvent& event, unsigned columns) {
  std::string text = progress_text(event);
  constexpr size_t kShortestBar = 10;
  constexpr size_t kLongestBar = 40;
  constexpr size_t kAroundBar = sizeof "[]  42%  " - 1;
  const auto share = share_done(event);
  if (share && columns > text.size() + kAroundBar + kShortestBar) {
    size_t length = std::min(columns - text.size() - kAroundBar, kLongestBar);
    auto filled = static_cast<size_t>(*share * static_cast<double>(length));
    std::string bar(filled, '=');
    if (filled < length) bar += '>';
    bar.resize(length, ' ');
    std::string percent = percent_text(*share);
    percent.insert(0, 5 - std::min<size_t>(percent.size(), 5), ' ');
    text = "[" + bar + "]" + percent + "  " + text;
  }
  if (text.size() > columns) text.resize(columns);
  return text;
}

void PlainView::progress(const ProgressEvent& event) {
  if (event.elapsed - told_ < kSecondsBetween) return;
  told_ = event.elapsed;
  const auto share = share_done(event);
  message((share ? percent_text(*share) + "  " : "") + progress_text(event));
}

void PlainView::summary(const SummaryEvent& event) {
  message(summary_text(event));
}

void BarView::progress(const ProgressEvent& event) {
  unsigned columns = columns_();
  // Back to the first column, the line, and whatever an earlier, longer line left is erased.
  err().exact("\r" + bar_line(event, columns > 1 ? columns - 1 : 1) + "\x1b[K");
  err().flush();
  drawn_ = true;
}

void BarView::before_line() {
  if (drawn_) err().exact("\r\x1b[K");
  drawn_ = false;
}

void BarView::summary(const SummaryEvent& event) {
  before_line();
  err().line(summary_text(event));
  err().flush();
}

}  // namespace sjcp::cli
