#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <mutex>

#include "cli/commands.h"
#include "cli/copy_groups.h"
#include "cli/copy_plan.h"
#include "cli/exit_codes.h"
#include "cli/limits.h"
#include "cli/progress/reporter.h"
#include "cli/progress/views.h"
#include "core/local/file_reader.h"
#include "core/local/open_sink.h"
#include "core/local/stream_sink.h"
#include "core/local/upload_state.h"
#include "core/transfer/batch.h"
#include "core/transfer/copy.h"

namespace sjcp::cli {
namespace {

Result<std::unique_ptr<transfer::Sink>> open_destination(const Location& to,
                                                         const local::FileSinkOptions& options,
                                                         uint64_t stream_buffer, const Io& io) {
  if (to.is_std()) {
    return std::unique_ptr<transfer::Sink>(
        std::make_unique<local::StreamSink>(io.out_fd, "standard output", stream_buffer));
  }
  return local::open_sink(to.path, options);
}

Result<std::unique_ptr<transfer::Reader>> open_origin(const Location& from, const Io& io) {
  if (from.is_std()) {
    return std::unique_ptr<transfer::Reader>(
        std::make_unique<local::StreamReader>(io.in_fd, "standard input"));
  }
  return local::open_reader(from.path);
}

Status make_folder(const std::string& path) {
  std::error_code failed;
  std::filesystem::create_directories(path, failed);
  return failed ? Status(errno_error(path, failed.value())) : Status();
}

struct LocalFile {
  uint64_t size = 0;
  transfer::Time changed;
};

// Nothing: there is no regular file.
std::optional<LocalFile> local_file(const Location& at) {
  struct stat info {};
  if (!at.is_local() || ::stat(at.path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  const auto changed =
      std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec);
  return LocalFile{static_cast<uint64_t>(info.st_size), transfer::Time(changed)};
}

// Where unfinished uploads are remembered; empty: nowhere.
std::string uploads_folder(const Io& io) {
  const auto folder = [&io](const char* variable, const char* below) {
    const std::string value = (io.env ? io.env(variable) : std::nullopt).value_or("");
    // As the XDG rules say, relative paths do not count.
    return value.starts_with('/') ? value + below : std::string();
  };
  const std::string state = folder("XDG_STATE_HOME", "/sjcp/uploads");
  return state.empty() ? folder("HOME", "/.local/state/sjcp/uploads") : state;
}

transfer::CopySummary skipped_copy() {
  transfer::CopySummary summary;
  summary.skipped = true;
  return summary;
}

// Smaller uploads start over: two segments, of which one may be there, are the least that is worth it.
constexpr uint64_t kSmallestResumableUpload = 128 * kMiB;

// A copy in progress: runs items and reports each.
class Copier {
 public:
  // stream_buffer: bytes that standard output may keep.
  Copier(const CopyRequest& request, const CpOptions& options, uint64_t stream_buffer,
         transfer::Store& store, const Io& io, Reporter& reporter)
      : request_(request),
        options_(options),
        stream_buffer_(stream_buffer),
        store_(store),
        io_(io),
        reporter_(reporter) {
    copy_.parallelism = options.parallelism;
    copy_.range = request.range;
    file_.create_folders = request.recursive;
    file_.resume = !options.no_resume;
    file_.replace = !options.no_clobber;
    copy_.resume = !options.no_resume;
  }

  // Runs in a job's thread.  `source`: the object, if it was asked for with others.
  Status run(const CopyItem& item, const std::shared_ptr<transfer::Source>& source,
             const transfer::Context& context) {
    if (auto hopeless = hopeless_error()) return *hopeless;
    auto begin = io_.clock->steady_now();
    return report(item, begin, copy(item, source, context));
  }

  // What became of a file that was begun then.
  Status report(const CopyItem& item, Clock::Steady begin, const Result<transfer::CopySummary>& result) {
    FileEvent event;
    event.source = item.source.text();
    event.path = item.destination.text();
    event.seconds = std::chrono::duration<double>(io_.clock->steady_now() - begin).count();
    if (result && result->skipped) {
      event.skipped = true;
      reporter_.unplanned(item.size);
    } else if (result) {
      event.bytes = result->bytes;
      event.bytes_resumed = result->resumed;
      if (!request_.upload() && result->bytes > 0) {
        event.last_percent = std::chrono::duration<double>(result->last_percent).count();
      }
    } else {
      judge(result.error());
      event.error = result.error();
    }
    reporter_.file(event);
    return result ? Status() : Status(result.error());
  }

  // Must not outlive the copier.
  GroupHooks hooks() {
    GroupHooks hooks;
    hooks.copy = [this](const CopyItem& item, const std::shared_ptr<transfer::Source>& source,
                        const transfer::Context& context) { return run(item, source, context); };
    hooks.report = [this](const CopyItem& item, Clock::Steady begin,
                          const Result<transfer::CopySummary>& result) {
      return report(item, begin, result);
    };
    hooks.skip = [this](const CopyItem& item) { return skip_download(item, local_file(item.destination)); };
    hooks.hopeless = [this] { return hopeless_error(); };
    hooks.clock = io_.clock;
    hooks.file = file_;
    // Each upload has a question of its own first.
    hooks.group_uploads = !options_.no_clobber && !options_.if_changed;
    return hooks;
  }

  // The error that every other file would meet, too: the rest need not be tried.
  std::optional<Error> hopeless_error() {
    std::lock_guard lock(mutex_);
    return hopeless_;
  }

  // Whether a file that was not finished has left something to go on from.
  bool resumable() const { return resumable_; }

 private:
  Result<transfer::CopySummary> copy(const CopyItem& item, const std::shared_ptr<transfer::Source>& source,
                                     const transfer::Context& context) {
    if (item.refused) return *item.refused;
    if (item.make_folder) {
      auto made = make_folder(item.destination.path);
      if (!made) return made.error();
      return transfer::CopySummary();
    }
    return request_.upload() ? upload(item, context) : download(item, source, context);
  }

  // Written after the object was made, and as long: the same, as far as one can tell without reading it.
  static bool unchanged(const LocalFile& there, uint64_t size, transfer::Time created) {
    return there.size == size && there.changed >= created;
  }

  // What can be told before the object is asked for.
  bool skip_download(const CopyItem& item, const std::optional<LocalFile>& there) const {
    if (!there) return false;
    if (options_.no_clobber) return true;
    return options_.if_changed && item.size && item.created && unchanged(*there, *item.size, *item.created);
  }

  Result<transfer::CopySummary> download(const CopyItem& item, std::shared_ptr<transfer::Source> source,
                                         const transfer::Context& context) {
    const auto there = local_file(item.destination);
    if (skip_download(item, there)) return skipped_copy();
    transfer::CopyOptions copy = copy_;
    if (there && options_.if_changed) {
      copy.skip = [&there](const transfer::ObjectInfo& info) {
        return unchanged(*there, info.range.size(), info.created);
      };
    }
    auto sink = open_destination(item.destination, file_, stream_buffer_, io_);
    if (!sink) return sink.error();
    if (!source) source = store_.open_object(item.source.bucket, item.source.path);
    auto done = transfer::download(*source, **sink, copy, context);
    if (!done && (*sink)->kept() > 0) resumable_ = true;
    if (!done && done.error().code == Errc::kNotFound && item.source.directoryish()) {
      Error error = done.error();
      error.what += "; -r copies what is below a prefix";
      return error;
    }
    return done;
  }

  Result<transfer::CopySummary> upload(const CopyItem& item, const transfer::Context& context) {
    const Location& to = item.destination;
    auto skip = skip_upload(item, context);
    if (!skip) return skip.error();
    if (*skip) return skipped_copy();
    auto reader = open_origin(item.source, io_);
    if (!reader) return reader.error();
    auto writer = store_.create_object(to.bucket, to.path, request_.object, (*reader)->size());
    if (!writer) return writer.error();
    return upload(**reader, **writer, item, context);
  }

  Result<transfer::CopySummary> upload(transfer::Reader& reader, transfer::ObjectWriter& writer,
                                       const CopyItem& item, const transfer::Context& context) {
    transfer::CopyOptions copy = copy_;
    std::unique_ptr<local::UploadState> state;
    const bool large = reader.size().value_or(0) >= kSmallestResumableUpload && !reader.identity().empty();
    const std::string folder = uploads_folder(io_);
    if (large && !writer.destination().empty() && !folder.empty()) {
      auto opened = local::UploadState::open(folder, writer.destination());
      if (!opened && opened.error().code == Errc::kConflict) {
        return with_context(opened.error(), item.destination.text());
      }
      if (opened) state = std::move(*opened);
    }
    copy.store = state.get();
    auto done = transfer::upload(reader, writer, copy, context);
    if (!done && state && state->load()) resumable_ = true;
    return done;
  }

  Result<bool> skip_upload(const CopyItem& item, const transfer::Context& context) {
    if (!options_.no_clobber && !options_.if_changed) return false;
    auto object = store_.stat_object(item.destination.bucket, item.destination.path, context.stop);
    if (!object && object.error().code == Errc::kNotFound) return false;
    if (!object) return object.error();
    if (options_.no_clobber) return true;
    const auto file = local_file(item.source);
    return file && file->size == object->size && object->created >= file->changed;
  }

  // Whether every other file would meet the error, too.
  void judge(const Error& error) {
    // A local file that is missing names its own cause; an upload's object can miss nothing but its bucket.
    const bool no_bucket =
        request_.upload() && error.code == Errc::kNotFound && error.cause != ENOENT && error.cause != ENOTDIR;
    const bool no_space = !request_.upload() && error.code == Errc::kLocalIo &&
                          (error.cause == ENOSPC || error.cause == EDQUOT);
    if (!no_bucket && !no_space) return;
    std::lock_guard lock(mutex_);
    if (!hopeless_) hopeless_ = error;
  }

  const CopyRequest& request_;
  const CpOptions& options_;
  const uint64_t stream_buffer_;
  transfer::Store& store_;
  const Io& io_;
  Reporter& reporter_;
  transfer::CopyOptions copy_;
  local::FileSinkOptions file_;
  std::atomic<bool> resumable_{false};
  std::mutex mutex_;
  std::optional<Error> hopeless_;
};

Status run_dry(const CopyRequest& request, transfer::Store& store, const Session& session,
               Reporter& reporter, bool& refused) {
  const char* verb = request.upload() ? "upload " : "download ";
  return find_copies(
      request, store,
      [&](const CopyItem& item) {
        if (item.refused) {
          refused = true;
          reporter.file({item.source.text(), item.destination.text(), 0, 0, item.refused});
        } else {
          session.out() << verb << item.source.text() << " to " << item.destination.text() << '\n';
        }
        return Status();
      },
      session.io().stop);
}

int batch_exit(const CopyRequest& request, const transfer::BatchTotals& totals, Copier& copier,
               Reporter& reporter) {
  const std::optional<Error> hopeless = copier.hopeless_error();
  if (totals.ended_early && totals.ended_early->code == Errc::kCancelled && !hopeless) {
    const char* goes_on = copier.resumable() ? "; the same command goes on from there" : "";
    reporter.error(make_error(Errc::kCancelled, std::string("interrupted") + goes_on));
    return kExitInterrupted;
  }
  if (totals.ended_early && !hopeless) {
    reporter.error(*totals.ended_early);
    return exit_code(totals.ended_early->code);
  }
  if (totals.failed == 0) return kExitOk;
  bool one_cause = !request.batch() || (hopeless && totals.done == 0);
  if (!one_cause) return kExitSomeFailed;
  return exit_code(hopeless ? hopeless->code : totals.first_error->code);
}

int copy_all(const CopyRequest& request, const CpOptions& options, const Session& session,
             transfer::Counters& counters, Reporter& reporter) {
  auto failed = [&reporter](const Error& error) {
    reporter.error(error);
    return exit_code(error.code);
  };
  auto store = session.open_project(options.access);
  if (!store) return failed(store.error());
  if (request.dry_run) {
    bool refused = false;
    auto found = run_dry(request, **store, session, reporter, refused);
    if (!found) return failed(found.error());
    return refused ? kExitSomeFailed : kExitOk;
  }

  Limits limits(options, request.upload(), session.io(), counters);
  auto followed = limits.follow_rate_file([&](const std::string& text) { reporter.log("warning", text); });
  if (!followed) return failed(followed.error());
  Copier copier(request, options, limits.stream_buffer_bytes(), **store, session.io(), reporter);
  const transfer::Store::GroupCosts costs =
      (*store)->group_costs() != nullptr ? *(*store)->group_costs() : transfer::Store::GroupCosts{};
  transfer::GroupSize sizes(request.upload() ? costs.upload : costs.download);
  auto produce = [&](const transfer::Submit& submit) {
    GroupBuilder groups(request, **store, sizes, copier.hooks(), submit);
    auto found = find_copies(
        request, **store,
        [&](CopyItem item) -> Status {
          if (auto hopeless = copier.hopeless_error()) return *hopeless;
          if (!item.refused) reporter.planned(item.size);
          return groups.add(std::move(item));
        },
        session.io().stop);
    // What was found before an error is copied all the same.
    if (auto rest = groups.finish(); found && !rest) found = rest;
    reporter.plan_complete();
    return found;
  };
  unsigned transfers = request.batch() ? options.transfers : 1;
  auto totals = transfer::run_batch(transfers, produce, nullptr, limits.context());
  return batch_exit(request, totals, copier, reporter);
}

}  // namespace

int run_command(const CpOptions& options, const Session& session) {
  const Io& io = session.io();
  auto views = make_views(options, io);
  if (!views) return session.fail(views.error());
  transfer::Counters counters;
  Reporter reporter(std::move(*views), counters, *io.clock);
  auto previous = session.log().redirect(
      [&reporter](const std::string& level, const std::string& message) { reporter.log(level, message); });
  auto request = parse_copy(options, io.clock->wall_now());
  const uint64_t memory = memory_limit(options, io.machine, request && request->upload());
  reporter.start({"cp", io.clock->wall_now(), options.parallelism, options.transfers, memory},
                 sample_interval(options, io));
  int code = 0;
  if (request) {
    code = copy_all(*request, options, session, counters, reporter);
  } else {
    reporter.error(request.error());
    code = exit_code(request.error().code);
  }
  reporter.finish(code);
  session.log().redirect(std::move(previous));
  return code;
}

}  // namespace sjcp::cli
