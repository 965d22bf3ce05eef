#include "cli/copier.h"

#include <sys/stat.h>

#include <cerrno>

#include "cli/exit_codes.h"
#include "cli/limits.h"
#include "cli/listing.h"
#include "cli/opened_source.h"
#include "cli/redact.h"
#include "cli/user_folders.h"
#include "core/base/units.h"
#include "core/local/file_reader.h"
#include "core/local/open_sink.h"
#include "core/local/stream_sink.h"
#include "core/local/upload_state.h"
#include "core/transfer/mirrors.h"
#include "core/transfer/pipe.h"
#include "net/s3/object_info.h"

namespace sjcp::cli {
namespace {

Result<std::unique_ptr<transfer::Sink>> open_destination(const CopyItem& item,
                                                         const local::FileSinkOptions& options,
                                                         uint64_t stream_buffer, const Io& io) {
  if (item.destination.is_std()) {
    return std::unique_ptr<transfer::Sink>(
        std::make_unique<local::StreamSink>(io.out_fd, "standard output", stream_buffer));
  }
  return local::open_sink(place_of(item), options);
}

Result<std::unique_ptr<transfer::Reader>> open_origin(const Location& from, const Io& io) {
  if (from.is_std()) {
    return std::unique_ptr<transfer::Reader>(
        std::make_unique<local::StreamReader>(io.in_fd, "standard input"));
  }
  return local::open_reader(from.path);
}

// The folder that an item stands for.
Status make_folder(const CopyItem& item, bool keep_dirlinks) {
  const std::string& path = item.destination.path;
  const size_t named = std::min(item.named, path.size());
  std::vector<std::string> made;
  return local::make_folders({path.substr(0, named), path.substr(named), keep_dirlinks}, made);
}

// Nothing: there is no regular file.
std::optional<Known> local_file(const Location& at) {
  struct stat info{};
  if (!at.is_local() || ::stat(at.path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  const auto changed =
      std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec);
  return Known{static_cast<uint64_t>(info.st_size), transfer::Time(changed)};
}

transfer::CopySummary skipped_copy() {
  transfer::CopySummary summary;
  summary.skipped = true;
  return summary;
}

// Smaller uploads start over: two segments, of which one may be there, are the least that is worth it.
constexpr uint64_t kFewestResumableSegments = 2;

// What finding the item told, and what it must be.
Known known_of(const CopyItem& item) {
  Known known{item.exact_size ? item.exact_size : item.size, item.created, item.digests};
  known.digests.insert(known.digests.end(), item.told.begin(), item.told.end());
  return known;
}

// What opening has shown of the item: the name that its server suggests, and whether it is as long as a list
// says.
Status adopt(CopyItem& item, const transfer::ObjectInfo& info) {
  if (item.exact_size && info.sized() && info.size != *item.exact_size) {
    return make_error(Errc::kIntegrity, info.name + ": has " + std::to_string(info.size) + " bytes, not " +
                                            std::to_string(*item.exact_size) + " as the list says");
  }
  if (item.guessed_name && !info.file_name.empty()) {
    item.destination.path = item.destination.parent() + info.file_name;
  }
  return {};
}

}  // namespace

Copier::Copier(const CopyRequest& request, const CpOptions& options, uint64_t stream_buffer,
               Services& services, const Io& io, Reporter& reporter, hf::CacheWriter* cache, CopyNames& names)
    : request_(request),
      options_(options),
      stream_buffer_(stream_buffer),
      services_(services),
      io_(io),
      reporter_(reporter),
      cache_(cache),
      names_(names) {
  copy_.parallelism = options.parallelism;
  copy_.range = request.range;
  copy_.resume = !options.no_resume;
  copy_.compute = request.compute;
  file_.create_folders = true;
  file_.resume = !options.no_resume;
  file_.replace = !options.no_clobber;
  file_.keep_bad = options.keep_bad;
  file_.keep_time = options.remote_time;
  file_.keep_dirlinks = options.keep_dirlinks;
  file_.made = &made_;
}

Status Copier::run(const CopyItem& item, const std::shared_ptr<transfer::Source>& source,
                   const transfer::Context& context) {
  if (auto hopeless = hopeless_error()) return *hopeless;
  auto begin = io_.clock->steady_now();
  CopyItem named = item;
  const auto result = copy(named, source, context);
  if (!result && item.destination.is_std() && is_reader_gone(result.error())) return result.error();
  return report(named, begin, result);
}

Status Copier::report(const CopyItem& item, Clock::Steady begin,
                      const Result<transfer::CopySummary>& result) {
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
    // Asked for: said also where nobody looks at events.
    if (result->digest) event.digest = result->digest->text();
    if (result->digest && request_.compute) {
      std::lock_guard lock(mutex_);
      (item.destination.is_std() ? io_.err : io_.out).line(event.digest + "  " + event.path);
    }
    if (!request_.upload() && result->bytes > 0) {
      event.last_percent = std::chrono::duration<double>(result->last_percent).count();
    }
  } else {
    judge(item, result.error());
    event.error = result.error();
  }
  reporter_.file(event);
  return result ? Status() : Status(result.error());
}

GroupHooks Copier::hooks() {
  GroupHooks hooks;
  hooks.copy = [this](const CopyItem& item, const std::shared_ptr<transfer::Source>& source,
                      const transfer::Context& context) { return run(item, source, context); };
  hooks.report = [this](const CopyItem& item, Clock::Steady begin,
                        const Result<transfer::CopySummary>& result) { return report(item, begin, result); };
  hooks.skip = [this](const CopyItem& item) {
    LocalDigests digests(item.destination.path, io_.stop);
    return skip_download(item, target_of(item), digests);
  };
  hooks.hopeless = [this] { return hopeless_error(); };
  hooks.clock = io_.clock;
  hooks.file = file_;
  hooks.open_files = files_per_group(
      options_.transfers > 0 ? options_.transfers : request_.usual_transfers().value_or(1), io_.machine);
  // Each upload has a question of its own first.
  hooks.group_uploads = !options_.no_clobber && !options_.if_changed;
  return hooks;
}

std::optional<Error> Copier::hopeless_error() {
  std::lock_guard lock(mutex_);
  return hopeless_;
}

Copier::Summary Copier::copy(CopyItem& item, const std::shared_ptr<transfer::Source>& source,
                             const transfer::Context& context) {
  if (item.refused) return *item.refused;
  if (item.make_folder) {
    auto made = make_folder(item, options_.keep_dirlinks);
    if (!made) return made.error();
    return transfer::CopySummary();
  }
  if (!item.destination.is_remote()) return download(item, source, context);
  auto skip = skip_remote(item, context);
  if (!skip) return skip.error();
  if (*skip) return skipped_copy();
  return item.source.is_remote() ? relay(item, context) : upload(item, context);
}

// What is there already, where that decides about anything.
std::optional<Known> Copier::target_of(const CopyItem& item) const {
  if (!options_.no_clobber && !options_.if_changed) return std::nullopt;
  return local_file(item.destination);
}

// What can be told before the object is asked for.
bool Copier::skip_download(const CopyItem& item, const std::optional<Known>& there,
                           LocalDigests& digests) const {
  if (!there) return false;
  if (options_.no_clobber) return true;
  return request_.range.everything() && same(known_of(item), *there, std::ref(digests));
}

Result<std::unique_ptr<transfer::Source>> Copier::open_source(const CopyItem& item) {
  const bool known = !item.digests.empty() && copy_.range.everything();
  if (item.mirrors.empty()) return services_.open(item.source, item.headers, known);
  std::vector<Location> places = item.mirrors;
  places.insert(places.begin(), item.source);
  std::vector<transfer::Mirrors::Member> members;
  for (const Location& place : places) {
    auto member = services_.open(place, item.headers, known);
    if (!member) return member.error();
    members.push_back({place.text(), std::move(*member)});
  }
  transfer::Mirrors::Options options;
  options.size = item.exact_size;
  options.dropped = [this](const Error& why) { reporter_.log("warning", "mirror dropped: " + why.what); };
  return std::unique_ptr<transfer::Source>(
      std::make_unique<transfer::Mirrors>(std::move(members), std::move(options)));
}

Copier::Summary Copier::download(CopyItem& item, std::shared_ptr<transfer::Source> source,
                                 const transfer::Context& context) {
  // Where the server may name the file, nothing is known of what is there before it has been asked.
  if (!item.guessed_name) {
    LocalDigests digests(item.destination.path, context.stop);
    if (skip_download(item, target_of(item), digests)) return skipped_copy();
  }
  transfer::CopyOptions copy = copy_;
  if (!source) {
    auto opened = open_source(item);
    if (!opened) return opened.error();
    source = std::move(*opened);
  }
  if (item.guessed_name || item.exact_size) {
    auto opened = OpenedSource::open(std::move(source), copy.range, context);
    if (!opened) return opened.error();
    if (auto right = adopt(item, (*opened)->info()); !right) return right.error();
    source = std::move(*opened);
  }
  if (item.guessed_name && item.destination.is_local()) {
    if (auto taken = names_.take_suggested(item); !taken) return taken.error();
  }
  const auto there = target_of(item);
  LocalDigests digests(item.destination.path, context.stop);
  if (item.guessed_name && skip_download(item, there, digests)) return skipped_copy();
  if (there && options_.if_changed) {
    copy.skip = [&, this](const transfer::ObjectInfo& info) {
      return same(opened_as(item, info, *there, context), *there, std::ref(digests));
    };
  }
  if (item.connections) copy.parallelism = *item.connections;
  copy.expect = item.digests;
  copy.pieces = item.pieces;
  auto sink = open_sink(item, context, copy);
  if (!sink) return sink.error();
  auto done = transfer::download(*source, **sink, copy, context);
  if (!done && (*sink)->kept() > 0) resumable_ = true;
  if (!done) return explained(item, done.error(), context);
  return done;
}

// What is known of a source once it has been opened.
Known Copier::opened_as(const CopyItem& item, const transfer::ObjectInfo& info, const Known& there,
                        const transfer::Context& context) {
  Known known = known_of(info);
  known.digests.insert(known.digests.end(), item.digests.begin(), item.digests.end());
  const bool settled = !known.digests.empty() || known.size != there.size || !request_.range.everything();
  if (settled || item.source.kind != Location::Kind::kS3) return known;
  // What is good for comparing may be too little to promise.
  auto store = services_.store(item.source);
  if (!store) return {};
  auto object = (*store)->stat_object(item.source.bucket, item.source.path, context.stop);
  return object ? known_of(*object) : Known();
}

// A name without an object may be a prefix.
Error Copier::explained(const CopyItem& item, Error error, const transfer::Context& context) {
  if (error.code != Errc::kNotFound || !item.source.is_in_store() || request_.recursive) return error;
  auto store = services_.store(item.source);
  if (!store) return error;
  return explain_missing(std::move(error), **store, item.source, "-r copies what is below it", context.stop);
}

Result<std::unique_ptr<transfer::Sink>> Copier::open_sink(const CopyItem& item,
                                                          const transfer::Context& context,
                                                          transfer::CopyOptions& copy) {
  if (cache_ == nullptr) return open_destination(item, file_, stream_buffer_, io_);
  if (auto safe = hf::CacheWriter::check_path(item.source.path); !safe) return safe.error();
  auto sink = cache_->open(item.source.path);
  copy.skip = [sink = sink.get(), &context](const transfer::ObjectInfo& info) {
    return sink->there(info, context.stop);
  };
  return std::unique_ptr<transfer::Sink>(std::move(sink));
}

Copier::Summary Copier::upload(const CopyItem& item, const transfer::Context& context) {
  auto reader = open_origin(item.source, io_);
  if (!reader) return reader.error();
  auto writer = services_.create(item.destination, request_.object, (*reader)->size(), context);
  if (!writer) return writer.error();
  return upload(**reader, **writer, item, context);
}

Copier::Summary Copier::upload(transfer::Reader& reader, transfer::ObjectWriter& writer, const CopyItem& item,
                               const transfer::Context& context) {
  transfer::CopyOptions copy = copy_;
  std::unique_ptr<local::UploadState> state;
  const bool large = reader.size().value_or(0) >= kFewestResumableSegments * writer.segment_size() &&
                     !reader.identity().empty();
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

// From one place at a service to another: within a store if it can, else through this process.
Copier::Summary Copier::relay(const CopyItem& item, const transfer::Context& context) {
  const Location& from = item.source;
  const Location& to = item.destination;
  if (from.same_store(to) && request_.range.everything() && item.mirrors.empty()) {
    auto store = services_.store(to);
    if (!store) return store.error();
    auto copied = (*store)->copy_object(from.bucket, from.path, to.bucket, to.path, request_.object, context);
    if (copied) {
      transfer::CopySummary summary;
      summary.bytes = item.size.value_or(0);
      return summary;
    }
    if (copied.error().code != Errc::kUnsupported) return explained(item, copied.error(), context);
  }
  auto source = open_source(item);
  if (!source) return source.error();
  auto opened = OpenedSource::open(std::move(*source), copy_.range, context);
  if (!opened) return explained(item, opened.error(), context);
  const transfer::ObjectInfo& info = (*opened)->info();
  const std::optional<uint64_t> size = info.sized() ? std::optional(info.size) : item.size;
  auto writer = services_.create(to, object_for(to, info), size, context);
  if (!writer) return writer.error();
  return transfer::relay(**opened, **writer, copy_, context);
}

// What the destination is stored with: metadata and expiry of the source, unless others were asked for.
transfer::ObjectOptions Copier::object_for(const Location& to, const transfer::ObjectInfo& info) {
  transfer::ObjectOptions object = request_.object;
  std::map<std::string, std::string> kept_metadata;
  std::string lost;
  if (info.expires && !object.expires) {
    if (to.kind == Location::Kind::kStorj) {
      object.expires = info.expires;
    } else {
      lost = "the expiry";
    }
  }
  const std::map<std::string, std::string> none;
  for (const auto& [key, value] : object.replaces_metadata() ? none : info.metadata) {
    const bool kept =
        to.kind == Location::Kind::kStorj || (to.kind == Location::Kind::kS3 && s3::is_portable(key, value));
    if (kept) {
      kept_metadata[key] = value;
    } else if (!key.starts_with("s3:")) {  // a gateway's own notes about the object
      lost += (lost.empty() ? "" : ", ") + shown(key);
    }
  }
  if (!object.replaces_metadata()) object.metadata = std::move(kept_metadata);
  if (!lost.empty() && !told_lost_metadata_.exchange(true)) {
    reporter_.log("warning", to.text() + ": what cannot be kept there is left out: " + lost);
  }
  return object;
}

Result<bool> Copier::skip_remote(const CopyItem& item, const transfer::Context& context) {
  const Location& to = item.destination;
  if ((!options_.no_clobber && !options_.if_changed) || !to.is_in_store()) return false;
  auto store = services_.store(to);
  if (!store) return store.error();
  auto object = (*store)->stat_object(to.bucket, to.path, context.stop);
  if (!object && object.error().code == Errc::kNotFound) return false;
  if (!object) return object.error();
  if (options_.no_clobber) return true;
  if (item.source.is_remote()) {
    auto source = ask(item, context);
    if (!source) return source.error();
    return same(*source, known_of(*object));
  }
  const auto file = local_file(item.source);
  LocalDigests digests(item.source.path, context.stop);
  return file && same(*file, known_of(*object), std::ref(digests));
}

Result<Known> Copier::ask(const CopyItem& item, const transfer::Context& context) {
  if (item.created || !item.told.empty()) return known_of(item);
  if (item.source.is_in_store()) {
    auto store = services_.store(item.source);
    if (!store) return store.error();
    auto object = (*store)->stat_object(item.source.bucket, item.source.path, context.stop);
    if (!object) return object.error();
    return known_of(*object);
  }
  auto source = services_.open(item.source, item.headers);
  if (!source) return source.error();
  auto info = (*source)->open({}, context);
  if (!info) return info.error();
  return known_of(*info);
}

// Whether every other file would meet the error, too.
void Copier::judge(const CopyItem& item, const Error& error) {
  const bool upload = item.destination.is_remote() && !item.source.is_remote();
  // A local file that is missing names its own cause; an upload's object can miss nothing but its bucket.
  const bool no_bucket =
      upload && error.code == Errc::kNotFound && error.cause != ENOENT && error.cause != ENOTDIR;
  const bool no_space = item.destination.is_local() && error.code == Errc::kLocalIo &&
                        (error.cause == ENOSPC || error.cause == EDQUOT);
  if (!no_bucket && !no_space) return;
  std::lock_guard lock(mutex_);
  if (!hopeless_) hopeless_ = error;
}

}  // namespace sjcp::cli
