#include "cli/commands.h"
#include "cli/copier.h"
#include "cli/copy_lists.h"
#include "cli/copy_names.h"
#include "cli/exit_codes.h"
#include "cli/found_ahead.h"
#include "cli/limits.h"
#include "cli/progress/reporter.h"
#include "cli/progress/views.h"
#include "cli/services.h"
#include "core/transfer/batch.h"
#include "core/transfer/error_rank.h"
#include "core/transfer/file_gate.h"
#include "net/hf/cache_writer.h"
#include "net/hf/settings.h"

namespace sjcp::cli {
namespace {

const char* verb(const CopyItem& item) {
  if (!item.destination.is_remote()) return "download ";
  return item.source.is_remote() ? "copy " : "upload ";
}

void tell_of(const CopyItem& item, bool null, const Printer& out) {
  const std::string from = item.source.text();
  const std::string to = item.destination.text();
  if (null) {
    out.exact(from + '\0' + to + '\0');
  } else {
    out.line(verb(item) + from + " to " + to);
  }
}

std::string named_twice(const CopyItem& item) {
  return item.source.text() + " is named more than once for " + item.destination.text() +
         "; it is copied once";
}

// The exit code.  An error: not all was found.
Result<int> run_dry(const CopyRequest& request, bool null, Services& services, const Session& session,
                    Reporter& reporter) {
  transfer::WorstError refused;
  bool shown = false;
  CopyNames names(request);
  auto found = find_copies(
      request, services, names,
      [&](const CopyItem& item) {
        if (item.again) {
          reporter.log("warning", named_twice(item));
          return Status();
        }
        if (item.refused) {
          refused.add(*item.refused);
          reporter.file({item.source.text(), item.destination.text(), 0, 0, item.refused});
          return Status();
        }
        shown = true;
        tell_of(item, null, session.out());
        return session.check_out();
      },
      session.io().stop);
  if (!found) return found.error();
  if (!refused.get()) return kExitOk;
  return shown ? static_cast<int>(kExitSomeFailed) : exit_code(refused.get()->code);
}

int batch_exit(const CopyRequest& request, const transfer::BatchTotals& totals, Copier& copier,
               Reporter& reporter) {
  const std::optional<Error> hopeless = copier.hopeless_error();
  if (totals.ended_early && totals.ended_early->code == Errc::kCancelled && !hopeless) {
    const char* goes_on = copier.resumable() ? "; the same command goes on from there" : "";
    reporter.error(make_error(Errc::kCancelled, std::string("interrupted") + goes_on));
    return kExitInterrupted;
  }
  const bool ended = totals.ended_early && !hopeless;
  if (ended) reporter.error(*totals.ended_early);
  if (!ended && totals.failed == 0) return kExitOk;
  // "Some failed" is true only where others did not.
  if (totals.done > 0) return kExitSomeFailed;
  const Error& error = ended ? *totals.ended_early : hopeless ? *hopeless : *totals.worst_error;
  return request.destination.is_std() && is_reader_gone(error) ? static_cast<int>(kExitReaderGone)
                                                               : exit_code(error.code);
}

// What a small file of the copy costs at the service.
unsigned group_cost(const CopyRequest& request, Services& services) {
  for (const auto* place : request.places_in_stores()) {
    auto store = services.store(*place);
    const auto* costs = store ? (*store)->group_costs() : nullptr;
    if (costs != nullptr) return request.upload() ? costs->upload : costs->download;
  }
  return 1;
}

// Where the files of a repository go in the cache of huggingface_hub.
Result<std::unique_ptr<hf::CacheWriter>> open_cache(const CopyRequest& request, const CpOptions& options,
                                                    Services& services, const Io& io) {
  const Location& from = request.sources.front();
  auto settings = hf::Settings::read(io.env);
  if (!settings) return settings.error();
  if (settings->cache.empty()) {
    return make_error(Errc::kUsage, "--hf-cache: nothing says where the cache is; set HF_HOME");
  }
  auto hub = services.hub(from);
  if (!hub) return hub.error();
  auto repo = hf::Repo::parse(from.bucket);
  if (!repo) return repo.error();
  auto commit = (*hub)->commit(from.bucket, io.stop);
  if (!commit) return commit.error();
  hf::CacheOptions cache;
  cache.file.resume = !options.no_resume;
  cache.links = settings->cache_links;
  cache.warn = settings->warn_of_links;
  return std::make_unique<hf::CacheWriter>(settings->cache, *repo, *commit, std::move(cache));
}

// 0: as many as pay.
unsigned files_in_flight(const CpOptions& options, const CopyRequest& request, const Machine& machine) {
  if (!request.batch()) return 1;
  const unsigned asked = options.transfers > 0 ? options.transfers : request.usual_transfers().value_or(0);
  return asked == 0 ? 0 : files_allowed(asked, machine);
}

// What the descriptors allow of what was asked for.
CpOptions fitting(const CpOptions& options, const Result<CopyRequest>& request, const Machine& machine) {
  if (!request) return options;
  const auto places = request->places_in_stores();
  const bool segments = std::any_of(places.begin(), places.end(), [](const Location* place) {
    return place->kind == Location::Kind::kStorj;
  });
  return segments ? fit_descriptors(options, files_in_flight(options, *request, machine), machine) : options;
}

// Where the first thing that a remote listing tells shows how long the path is.
class FirstAnswer {
 public:
  FirstAnswer(bool asks, transfer::FileGate* files, const Clock& clock)
      : files_(asks ? files : nullptr), clock_(clock), begun_(clock.steady_now()) {}
  void item() {
    if (auto* files = std::exchange(files_, nullptr)) files->answered(clock_.steady_now() - begun_);
  }

 private:
  transfer::FileGate* files_;
  const Clock& clock_;
  const Clock::Steady begun_;
};

// Finds and copies all of it; the exit code.  An error: it could not begin.
Result<int> copy_found(const CopyRequest& request, const CpOptions& options, const Session& session,
                       Services& services, hf::CacheWriter* cache, transfer::Counters& counters,
                       Reporter& reporter) {
  const bool parts = request.destination.kind != Location::Kind::kStorj;
  const unsigned files = files_in_flight(options, request, session.io().machine);
  Limits limits(options, request.upload(), parts, files, session.io(), counters);
  auto followed = limits.follow_rate_file([&](const std::string& text) { reporter.log("warning", text); });
  if (!followed) return followed.error();
  CopyNames names(request);
  Copier copier(request, options, limits.stream_buffer_bytes(), services, session.io(), reporter, cache,
                names);
  transfer::GroupSize sizes(group_cost(request, services));
  const transfer::Context context = limits.context();
  auto produce = [&](const transfer::Submit& submit) {
    FirstAnswer answer(!request.upload(), context.files, *session.io().clock);
    GroupBuilder groups(request, services, sizes, copier.hooks(), submit);
    const auto find = [&](const FoundAhead::Take& found) {
      auto all = find_copies(
          request, services, names,
          [&](CopyItem item) -> Status {
            answer.item();
            if (auto hopeless = copier.hopeless_error()) return *hopeless;
            if (item.again) {
              reporter.log("warning", named_twice(item));
              return {};
            }
            if (!item.refused) reporter.planned(item.size);
            return found(std::move(item));
          },
          session.io().stop);
      reporter.plan_complete();
      return all;
    };
    const auto take = [&](CopyItem item) -> Status {
      if (auto hopeless = copier.hopeless_error()) return *hopeless;
      return groups.add(std::move(item));
    };
    auto found = FoundAhead().run(find, take);
    // What was found before an error is copied all the same.
    if (auto rest = groups.finish(); found && !rest) found = rest;
    return found;
  };
  const unsigned threads = context.files != nullptr ? context.files->most() : files;
  auto totals = transfer::run_batch(threads, produce, nullptr, context);
  return batch_exit(request, totals, copier, reporter);
}

int copy_all(CopyRequest& request, const CpOptions& options, const Session& session,
             transfer::Counters& counters, Reporter& reporter) {
  auto failed = [&reporter](const Error& error) {
    if (is_reader_gone(error)) return static_cast<int>(kExitReaderGone);
    reporter.error(error);
    return exit_code(error.code);
  };
  ServiceOptions reached = options.service;
  reached.hub_mirror = request.hub_mirror;
  reached.only_new = options.no_clobber;
  Services services(session, reached);
  // Before anything is looked for: a service that cannot be opened is the error of all.
  for (const auto* place : request.places_in_stores()) {
    if (auto store = services.store(*place); !store) return failed(store.error());
  }
  const auto warn = [&reporter](const std::string& text) { reporter.log("warning", text); };
  request.left_out = [warn](const std::string& link) { warn(link + " is a symbolic link; it is left out"); };
  for (const std::string& note : request.notes) warn(note);
  if (auto read = read_lists(options, request, services, warn); !read) return failed(read.error());
  std::unique_ptr<hf::CacheWriter> cache;
  if (options.hf_cache) {
    auto opened = open_cache(request, options, services, session.io());
    if (!opened) return failed(opened.error());
    cache = std::move(*opened);
    request.destination = Location::local(cache->snapshot() + "/");
  }
  if (request.dry_run) {
    auto code = run_dry(request, options.null, services, session, reporter);
    return code ? *code : failed(code.error());
  }

  auto code = copy_found(request, options, session, services, cache.get(), counters, reporter);
  if (!code) return failed(code.error());
  if (cache == nullptr || *code != kExitOk) return *code;
  if (auto finished = cache->finish(); !finished) return failed(finished.error());
  session.out().line(cache->snapshot());
  return kExitOk;
}

}  // namespace

int run_command(const CpOptions& asked, const Session& session) {
  const Io& io = session.io();
  auto views = make_views(asked, session.global(), io);
  if (!views) return session.fail(views.error());
  transfer::Counters counters;
  Reporter reporter(std::move(*views), counters, *io.clock);
  auto previous = session.log().redirect(
      [&reporter](const std::string& level, const std::string& message) { reporter.log(level, message); });
  auto request = parse_copy(asked, io.clock->wall_now());
  const CpOptions options = fitting(asked, request, io.machine);
  const uint64_t memory = memory_limit(options, io.machine, request && request->upload());
  reporter.start({options.hub_layout ? "mirror" : "cp", io.clock->wall_now(), options.parallelism,
                  request ? files_in_flight(options, *request, io.machine) : options.transfers, memory},
                 sample_interval(options, session.global(), io));
  int code = 0;
  if (request) {
    code = copy_all(*request, options, session, counters, reporter);
  } else {
    reporter.error(request.error());
    code = exit_code(request.error().code);
  }
  code = reporter.finish(session.exit(code));
  session.log().redirect(std::move(previous));
  return code;
}

}  // namespace sjcp::cli
