#include <atomic>
#include <cerrno>
#include <filesystem>
#include <mutex>

#include "cli/commands.h"
#include "cli/copy_groups.h"
#include "cli/copy_plan.h"
#include "cli/exit_codes.h"
#include "cli/progress/reporter.h"
#include "cli/progress/views.h"
#include "core/local/file_reader.h"
#include "core/local/open_sink.h"
#include "core/local/stream_sink.h"
#include "core/transfer/batch.h"
#include "core/transfer/copy.h"

namespace sjcp::cli {
namespace {

Result<std::unique_ptr<transfer::Sink>> open_destination(const Location& to, bool create_folders,
                                                         const Io& io) {
  if (to.is_std()) {
    return std::unique_ptr<transfer::Sink>(std::make_unique<local::StreamSink>(io.out_fd, "standard output"));
  }
  local::FileSinkOptions options;
  options.create_folders = create_folders;
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

// A copy in progress: runs items and reports each.
class Copier {
 public:
  Copier(const CopyRequest& request, const CpOptions& options, storj::Project& project, const Io& io,
         Reporter& reporter)
      : request_(request), project_(project), io_(io), reporter_(reporter) {
    copy_.parallelism = options.parallelism;
    copy_.range = request.range;
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
    if (result) {
      event.bytes = result->bytes;
    } else {
      judge(result.error());
      event.error = result.error();
    }
    reporter_.file(event);
    return result ? Status() : Status(result.error());
  }

  GroupHooks hooks() {
    GroupHooks hooks;
    hooks.copy = [this](const CopyItem& item, const std::shared_ptr<transfer::Source>& source,
                        const transfer::Context& context) { return run(item, source, context); };
    hooks.report = [this](const CopyItem& item, Clock::Steady begin,
                          const Result<transfer::CopySummary>& result) {
      return report(item, begin, result);
    };
    hooks.hopeless = [this] { return hopeless_error(); };
    hooks.clock = io_.clock;
    return hooks;
  }

  // The error that every other file would meet, too: the rest need not be tried.
  std::optional<Error> hopeless_error() {
    std::lock_guard lock(mutex_);
    return hopeless_;
  }

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

  Result<transfer::CopySummary> download(const CopyItem& item, std::shared_ptr<transfer::Source> source,
                                         const transfer::Context& context) {
    auto sink = open_destination(item.destination, request_.recursive, io_);
    if (!sink) return sink.error();
    if (!source) source = project_.open_object(item.source.bucket, item.source.path);
    auto done = transfer::download(*source, **sink, copy_, context);
    if (!done && done.error().code == Errc::kNotFound && item.source.directoryish()) {
      Error error = done.error();
      error.what += "; -r copies what is below a prefix";
      return error;
    }
    return done;
  }

  Result<transfer::CopySummary> upload(const CopyItem& item, const transfer::Context& context) {
    auto reader = open_origin(item.source, io_);
    if (!reader) return reader.error();
    const Location& to = item.destination;
    auto writer = project_.create_object(to.bucket, to.path, request_.object);
    if (!writer) return writer.error();
    return transfer::upload(**reader, **writer, copy_, context);
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
  storj::Project& project_;
  const Io& io_;
  Reporter& reporter_;
  transfer::CopyOptions copy_;
  std::mutex mutex_;
  std::optional<Error> hopeless_;
};

Status run_dry(const CopyRequest& request, storj::Project& project, const Session& session,
               Reporter& reporter, bool& refused) {
  const char* verb = request.upload() ? "upload " : "download ";
  return find_copies(
      request, project,
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

int batch_exit(const CopyRequest& request, const transfer::BatchTotals& totals,
               const std::optional<Error>& hopeless, Reporter& reporter) {
  if (totals.ended_early && totals.ended_early->code == Errc::kCancelled && !hopeless) {
    reporter.error(make_error(Errc::kCancelled, "interrupted"));
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
  auto project = session.open_project(options.access, options.pieces_per_segment);
  if (!project) return failed(project.error());
  if (request.dry_run) {
    bool refused = false;
    auto found = run_dry(request, **project, session, reporter, refused);
    if (!found) return failed(found.error());
    return refused ? kExitSomeFailed : kExitOk;
  }

  transfer::MemoryBudget budget(options.memory_bytes);
  transfer::Context context{session.io().stop, &budget, &counters};
  Copier copier(request, options, **project, session.io(), reporter);
  // The satellite counts each step of a small upload.
  transfer::GroupSize sizes(request.upload() ? storj::kRequestsPerSmallUpload
                                             : storj::kRequestsPerSmallDownload);
  auto produce = [&](const transfer::Submit& submit) {
    GroupBuilder groups(request, **project, sizes, copier.hooks(), submit);
    auto found = find_copies(
        request, **project,
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
  auto totals = transfer::run_batch(transfers, produce, nullptr, context);
  return batch_exit(request, totals, copier.hopeless_error(), reporter);
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
  reporter.start({"cp", io.clock->wall_now(), options.parallelism, options.transfers, options.memory_bytes},
                 sample_interval(options, io));

  auto request = parse_copy(options, io.clock->wall_now());
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
