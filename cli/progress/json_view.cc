#include "cli/progress/json_view.h"

#include <cmath>
#include <utility>

#include "cli/exit_codes.h"
#include "cli/human_time.h"
#include "cli/json.h"
#include "cli/printer.h"
#include "cli/redact.h"

namespace sjcp::cli {
namespace {

constexpr int kSchemaVersion = 1;

Json event_named(const char* name) {
  return Json{{"v", kSchemaVersion}, {"event", name}};
}

// Thousandths are plenty, and keep lines short.
double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

Json rounded_or_null(const std::optional<double>& value) {
  return value ? Json(rounded(*value)) : Json(nullptr);
}

Json window_or_null(int64_t window) {
  return window > 0 ? Json(window) : Json(nullptr);
}

uint64_t whole(double rate) {
  return rate > 0 ? static_cast<uint64_t>(rate) : 0;
}

Json described(const Error& error) {
  return Json{{"code", to_string(error.code)},
              {"message", bounded(masked(error.what))},
              {"exit_code", exit_code(error.code)}};
}

}  // namespace

void JsonView::start(const StartEvent& event) {
  Json json = event_named("start");
  json["time"] = format_rfc3339(std::chrono::floor<std::chrono::milliseconds>(event.time));
  json["command"] = event.command;
  json["parallelism"] = event.parallelism > 0 ? Json(event.parallelism) : Json(nullptr);
  json["transfers"] = event.transfers > 0 ? Json(event.transfers) : Json(nullptr);
  json["memory"] = event.memory_bytes;
  note(write_(to_line(json)));
}

void JsonView::progress(const ProgressEvent& event) {
  Json json = event_named("progress");
  json["elapsed"] = rounded(event.elapsed);
  json["bytes_done"] = event.bytes_done;
  json["bytes_committed"] = event.bytes_committed;
  json["bytes_total"] = event.total_known ? Json(event.bytes_total) : Json(nullptr);
  json["rate"] = whole(event.rate);
  json["segments"] = event.segments;
  json["window"] = window_or_null(event.window);
  json["connections"] = event.connections;
  json["files_done"] = event.files_done;
  json["files_failed"] = event.files_failed;
  json["bytes_resumed"] = event.bytes_resumed;
  json["eta"] = event.eta ? Json(rounded(*event.eta)) : Json(nullptr);
  note(write_(to_line(json)));
}

void JsonView::file(const FileEvent& event) {
  Json json = event_named("file");
  // What failed may have been a grant in the place of a name.
  json["path"] = event.error ? masked(event.path) : event.path;
  json["source"] = event.error ? masked(event.source) : event.source;
  json["ok"] = !event.error.has_value();
  json["bytes"] = event.bytes;
  json["seconds"] = rounded(event.seconds);
  if (event.bytes_resumed > 0) json["bytes_resumed"] = event.bytes_resumed;
  if (event.skipped) json["skipped"] = true;
  if (event.last_percent) json["last_percent_seconds"] = rounded(*event.last_percent);
  if (!event.digest.empty()) json["digest"] = event.digest;
  if (event.error) json["error"] = described(*event.error);
  note(write_(to_line(json)));
}

void JsonView::error(const Error& error) {
  Json json = event_named("error");
  json.update(described(error));
  note(write_(to_line(json)));
}

void JsonView::log(const std::string& level, const std::string& message) {
  Json json = event_named("log");
  json["level"] = level;
  json["message"] = bounded(masked(message));
  note(write_(to_line(json)));
}

void JsonView::summary(const SummaryEvent& event) {
  Json json = event_named("summary");
  json["bytes"] = event.bytes;
  json["seconds"] = rounded(event.seconds);
  json["mean_rate"] = whole(event.mean_rate);
  json["files"] = event.files;
  json["failed"] = event.failed;
  json["skipped"] = event.skipped;
  json["bytes_resumed"] = event.bytes_resumed;
  json["window"] = window_or_null(event.window);
  json["overhead"] = rounded_or_null(event.overhead);
  json["last_percent_seconds"] = rounded_or_null(event.tail);
  json["last_percent_share"] = rounded_or_null(event.tail_share);
  json["exit_code"] = event.exit_code;
  note(write_(to_line(json)));
  if (close_) note(close_());
}

void JsonView::note(Status status) {
  if (!status && !trouble_) trouble_ = std::move(status).error();
}

std::optional<Error> JsonView::trouble() {
  return std::exchange(told_, told_ || trouble_.has_value()) ? std::nullopt : trouble_;
}

}  // namespace sjcp::cli
