#include "cli/copy_plan.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "cli/copy_names.h"
#include "cli/human_time.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/redact.h"
#include "cli/sameness.h"
#include "core/local/key_path.h"
#include "core/local/walk.h"
#include "net/s3/object_info.h"
#include "net/s3/store.h"

namespace sjcp::cli {
namespace {

Error usage(std::string text) {
  return make_error(Errc::kUsage, std::move(text));
}

bool is_folder(const Location& location) {
  std::error_code ignored;
  return location.is_local() && std::filesystem::is_directory(location.path, ignored);
}

Result<std::map<std::string, std::string>> parse_metadata(const std::string& text) {
  std::map<std::string, std::string> metadata;
  if (text.empty()) return metadata;
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return usage("--metadata is not a JSON object; write {\"key\":\"value\"}");
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) return usage("--metadata: the value of " + shown(key) + " is not a string");
    if (key.empty()) return usage("--metadata: a key is empty");
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

// The destination, whatever the sources are.
Status check_destination(const CopyRequest& request) {
  const Location& to = request.destination;
  if (request.hub_layout) {
    const Location& from = request.sources.front();
    if (from.kind != Location::Kind::kHub || !from.path.empty()) {
      return usage(from.text() + " is no repository of a hub; write hf://OWNER/NAME");
    }
    if (!to.is_in_store()) return usage(to.text() + ": a mirror is made in sj:// or s3://");
  }
  if (to.kind == Location::Kind::kHub) return usage(to.text() + ": hf:// can only be read");
  if (to.is_std() && request.sources.size() > 1)
    return usage("several sources cannot go to one standard output");
  if (to.is_url() && request.batch()) return usage("a URL takes one file; " + to.text() + " is one name");
  return check_bucket(to);
}

// One source beside the destination: what no command can mean.
Status check_pair(const CopyRequest& request, const Location& source) {
  const Location& to = request.destination;
  if (!source.is_remote() && !to.is_remote())
    return usage("at least one location must be remote (sj://BUCKET/KEY, s3://, hf:// or a URL)");
  if (request.recursive && (source.is_std() || to.is_std())) return usage("-r cannot copy from or to \"-\"");
  if (request.recursive && source.is_url())
    return usage(source.text() + ": a URL has nothing below it for -r");
  if (source.is_std() && !to.is_url() && (to.path.empty() || request.sources.size() > 1)) {
    return usage("standard input has no name; name the object, as in " + to.bucket_text() + "/NAME");
  }
  if (source.is_local() && !request.recursive && is_folder(source)) {
    return usage(source.text() + " is a folder; -r copies what is in it");
  }
  if (source.is_in_store() && !request.recursive && source.path.empty()) {
    const bool hub = source.kind == Location::Kind::kHub;
    return usage(source.bucket_text() + (hub ? " is a repository; name a file, or -r for all of them"
                                             : " is a bucket; name an object, or -r for all of them"));
  }
  return check_bucket(source);
}

// The name of a file that nobody names.
constexpr const char* kNameless = "index.html";

Result<std::vector<Location>> parse_all(const std::vector<std::string>& texts) {
  std::vector<Location> all;
  for (const auto& text : texts) {
    auto location = Location::parse(text);
    if (!location) return location.error();
    all.push_back(std::move(*location));
  }
  return all;
}

// Those of a listing of S3 may turn out to be something else: equal means equal, different nothing.
std::vector<transfer::Digest> told_digests(const Location& source, const transfer::ObjectItem& object) {
  if (source.kind != Location::Kind::kS3) return object.digests;
  return s3::digests_in_listing(object.etag);
}

// Finds the items of one source.
class Finder {
 public:
  Finder(const CopyRequest& request, Services& services, CopyNames& names,
         const std::function<Status(CopyItem)>& item, const std::stop_token& stop)
      : request_(request),
        services_(services),
        names_(names),
        item_([this, &item](CopyItem one) {
          Status taken = item(std::move(one));
          ended_ = ended_ || !taken;
          return taken;
        }),
        stop_(stop),
        to_(request.destination) {
    // Several files need a folder to go to; so does one that an existing folder was named for.
    if (request.batch() || is_folder(to_)) to_ = to_.as_directoryish();
  }

  // What a list asks for.
  Status find(const Wanted& wanted) {
    auto places = parse_all(wanted.urls);
    if (!places) return places.error();
    CopyItem item{places->front(), to_};
    item.mirrors.assign(places->begin() + 1, places->end());
    item.digests = wanted.digests;
    item.pieces = wanted.pieces;
    item.headers = wanted.headers;
    item.size = item.exact_size = wanted.size;
    item.connections = wanted.connections;
    if (!wanted.folder.empty()) item.destination = Location::local(wanted.folder).as_directoryish();
    item.guessed_name = wanted.name.empty();
    std::string name = wanted.name.empty() ? item.source.base() : wanted.name;
    if (name.empty()) name = kNameless;
    auto path = local::path_for_key(name, "");
    if (path) {
      item.named = item.destination.path.size();
      item.destination.path += *path;
    } else {
      item.refused = path.error();
    }
    return hand_over(std::move(item));
  }

  // Whether nothing more is taken.
  bool ended() const { return ended_; }

  // A source that could not be looked through.
  Status refuse(const Location& source, const Error& why) {
    CopyItem item{source, to_};
    item.refused = why;
    return item_(std::move(item));
  }

  Status find(const Location& source) {
    if (request_.hub_layout) return find_mirrored(source);
    if (request_.recursive && source.is_in_store()) return find_objects(source);
    if (request_.recursive && is_folder(source)) return find_files(source);
    return find_one(source);
  }

  // What comes next is of the source, or entry of a list, with this number.
  void begin(uint32_t origin) { origin_ = origin; }

 private:
  Status hand_over(CopyItem item) {
    item.origin = origin_;
    names_.take(item);
    return item_(std::move(item));
  }

  Status find_one(const Location& source) {
    CopyItem item{source, to_};
    item.mirrors = request_.mirrors;
    item.digests = request_.digests;
    if (source.is_local()) {
      std::error_code ignored;
      auto size = std::filesystem::file_size(source.path, ignored);
      if (!ignored) item.size = size;
    }
    // Standard input has no name: the destination is the whole name, even one that ends in a slash.
    if (!to_.directoryish() || source.is_std()) return hand_over(std::move(item));
    // A URL may have none, and its server may know a better one.
    item.guessed_name = source.is_url();
    std::string base = source.base();
    if (base.empty()) base = kNameless;
    if (to_.is_local()) return add_below(std::move(item), base, "");
    item.destination.path += base;
    return hand_over(std::move(item));
  }

  Status find_mirrored(const Location& source) {
    auto hub = services_.hub(source);
    if (!hub) return hub.error();
    auto files = (*hub)->files_to_mirror(source.bucket, stop_);
    if (!files) return files.error();
    for (const hf::MirroredFile& file : *files) {
      CopyItem item{Location::in_store(source.kind, source.bucket, file.file.path), to_.as_directoryish()};
      item.destination.path += file.key;
      item.size = file.file.size;
      if (auto ok = hand_over(std::move(item)); !ok) return ok;
    }
    return {};
  }

  Status find_objects(const Location& source) {
    // What follows the last slash of the source is kept; the rest is where it came from.
    std::string prefix = source.parent();
    bool found = false;
    auto store = services_.store(source);
    if (!store) return store.error();
    uint64_t hidden = 0;
    auto listed = list_location(
        **store, ListRequest{source, true, false, false, &hidden},
        [&](const transfer::ObjectItem& object) {
          if (object.is_prefix) return Status();
          found = true;
          CopyItem item{Location::in_store(source.kind, source.bucket, object.key), to_, object.size,
                        known_time(object.created), told_digests(source, object)};
          return add_below(std::move(item), object.key, prefix);
        },
        stop_);
    if (!listed) return listed;
    if (!found && hidden > 0) return make_error(Errc::kDenied, hidden_text(source, hidden));
    if (hidden > 0) services_.warn(hidden_text(source, hidden));
    if (!found)
      return make_error(Errc::kNotFound, local::printable(source.text()) + ": there is nothing to copy");
    return {};
  }

  // Completes an item whose key chooses a path below the destination folder.
  Status add_below(CopyItem item, std::string key, const std::string& prefix) {
    const bool folder = item.size == 0 && key.ends_with('/');
    // The marker of the folder that is copied: the destination is that.
    const bool itself = folder && key.size() == prefix.size();
    if (to_.is_in_store()) {
      if (itself && to_.path.empty()) return {};
      item.destination.path += key.substr(prefix.size());
      return hand_over(std::move(item));
    }
    item.make_folder = folder;
    if (itself) return item_(std::move(item));
    if (folder) key.pop_back();
    auto path = local::path_for_key(key, prefix);
    if (path) {
      item.named = item.destination.path.size();
      item.destination.path += *path;
    } else {
      item.refused = path.error();
    }
    return hand_over(std::move(item));
  }

  Status find_files(const Location& source) {
    local::WalkOptions options;
    options.follow_links = request_.follow_links;
    options.left_out = request_.left_out;
    auto walk = local::FolderWalk::open(source.path, options);
    if (!walk) return walk.error();
    Location root = source.as_directoryish();
    while (true) {
      if (stop_.stop_requested()) return make_error(Errc::kCancelled, "interrupted");
      auto file = walk->next();
      if (file && !*file) return {};
      CopyItem item{root, to_};
      if (file) {
        item.source.path += (*file)->path;
        item.destination.path = local::key_for_path((*file)->path, to_.path);
        item.size = (*file)->size;
      } else {
        item.refused = file.error();
      }
      if (auto ok = hand_over(std::move(item)); !ok) return ok;
    }
  }

  const CopyRequest& request_;
  Services& services_;
  CopyNames& names_;
  const std::function<Status(CopyItem)> item_;
  const std::stop_token& stop_;
  Location to_;
  uint32_t origin_ = 0;
  bool ended_ = false;
};

// Sources, destination and mirrors.
Status parse_locations(const CpOptions& options, CopyRequest& request) {
  auto all = parse_all(options.locations);
  if (!all) return all.error();
  if (!options.input.empty()) {
    if (all->size() > 1) return usage("-i names the sources; give a folder for them, or nothing");
    request.destination = all->empty() ? Location::local("./") : all->front().as_directoryish();
    if (!request.destination.is_local()) return usage("-i downloads into a local folder");
  } else if (options.hf_cache) {
    // Where in the cache, only the hub can tell.
    request.destination = Location::local("./");
    request.sources = std::move(*all);
    if (request.sources.size() != 1 || request.sources.front().kind != Location::Kind::kHub) {
      return usage("--hf-cache takes one hf:// location, and no destination");
    }
  } else {
    request.destination = std::move(all->back());
    all->pop_back();
    request.sources = std::move(*all);
  }
  const bool one = request.sources.size() == 1 && !request.recursive;
  if (!options.checksums.empty() && !one) return usage("--checksum is for one source");
  if (!options.checksums.empty() && request.destination.is_remote())
    return usage("--checksum is for downloads");
  const bool from_hub = !request.sources.empty() && request.sources.front().kind == Location::Kind::kHub;
  if (from_hub && !options.mirrors.empty()) {
    if (options.mirrors.size() > 1) return usage("of a hub, there is one --mirror");
    request.hub_mirror = options.mirrors.front();
    return {};
  }
  auto mirrors = parse_all(options.mirrors);
  if (!mirrors) return mirrors.error();
  request.mirrors = std::move(*mirrors);
  if (!request.mirrors.empty() && !one) return usage("--mirror is for one source");
  for (const Location& mirror : request.mirrors) {
    if (!mirror.is_remote())
      return usage(shown(mirror.text()) + " is not remote; --mirror takes URLs and objects");
    if (mirror.is_in_store() && mirror.path.empty()) return usage(mirror.text() + ": name an object");
  }
  return {};
}

// What is asked for and has no effect here.
void add_notes(const CpOptions& options, CopyRequest& request) {
  const bool asked[] = {!options.metadata.empty(), request.object.expires.has_value()};
  const char* names[] = {"--metadata", "--expires"};
  for (size_t i = 0; i < std::size(asked); ++i) {
    if (!asked[i] || request.destination.is_in_store()) continue;
    const char* why = request.destination.is_url() ? " has no effect on what is sent to a URL"
                                                   : " has no effect on a download";
    request.notes.push_back(names[i] + std::string(why));
  }
}

}  // namespace

Result<CopyRequest> parse_copy(const CpOptions& options,
                               std::chrono::sys_time<std::chrono::nanoseconds> now) {
  CopyRequest request;
  request.recursive = options.recursive;
  request.dry_run = options.dry_run;
  request.hub_layout = options.hub_layout;
  request.follow_links = !options.no_follow_symlinks;
  if (auto ok = parse_locations(options, request); !ok) return ok.error();
  if (auto ok = check_destination(request); !ok) return ok.error();
  for (const auto& source : request.sources) {
    if (auto ok = check_pair(request, source); !ok) return ok.error();
  }
  if (!options.range.empty()) {
    if (request.recursive) return usage("--range cannot be used with -r");
    if (request.upload()) return usage("--range is for downloads");
    if (request.sources.empty()) return usage("--range cannot be used with -i");
    if (options.hf_cache) return usage("--range cannot be used with --hf-cache, which keeps whole files");
    auto range = transfer::RangeRequest::parse(options.range);
    if (!range) return range.error();
    request.range = *range;
  }
  auto expires = parse_human_time(options.expires, now, Rounding::kDown, "--expires");
  if (!expires) return expires.error();
  if (*expires && **expires <= now)
    return usage("--expires " + shown(options.expires) + " is not in the future");
  request.object.expires = *expires;
  auto metadata = parse_metadata(options.metadata);
  if (!metadata) return metadata.error();
  request.object.metadata = std::move(*metadata);
  request.object.bare = !options.metadata.empty() && request.object.metadata.empty();
  if (options.no_clobber && request.destination.is_url()) {
    return usage("--no-clobber: whether " + request.destination.text() + " exists, nobody can tell");
  }
  add_notes(options, request);
  if (request.destination.kind == Location::Kind::kS3) {
    if (Status fits = s3::check_metadata(request.object.metadata); !fits) {
      return with_context(std::move(fits).error(), "--metadata");
    }
  }
  return request;
}

std::optional<unsigned> CopyRequest::usual_transfers() const {
  constexpr unsigned kInGroups = 4;
  constexpr unsigned kAlone = 16;
  const auto is = [](Location::Kind kind) { return [kind](const Location& at) { return at.kind == kind; }; };
  const auto any = [this](const auto& matches) {
    return matches(destination) || std::any_of(sources.begin(), sources.end(), matches);
  };
  // Lists, which are read later, are of URLs.
  const auto is_url = [](const Location& at) { return at.is_url(); };
  if (sources.empty() || any(is_url) || any(is(Location::Kind::kHub))) return kAlone;
  if (any(is(Location::Kind::kS3))) return std::nullopt;
  return kInGroups;
}

std::vector<const Location*> CopyRequest::places_in_stores() const {
  std::vector<const Location*> places;
  const auto add = [&places](const Location& at) {
    const auto same = [&at](const Location* other) { return other->same_store(at); };
    if (at.is_in_store() && std::none_of(places.begin(), places.end(), same)) places.push_back(&at);
  };
  for (const Location& source : sources) add(source);
  add(destination);
  return places;
}

Status find_copies(const CopyRequest& request, Services& services, CopyNames& names,
                   const std::function<Status(CopyItem)>& item, const std::stop_token& stop) {
  Finder finder(request, services, names, item, stop);
  uint32_t origin = 0;
  for (const auto& source : request.sources) {
    finder.begin(origin++);
    auto found = finder.find(source);
    if (found) continue;
    // The others are copied all the same.
    const bool goes_on = request.sources.size() > 1 && !finder.ended() && !stop.stop_requested();
    if (goes_on) found = finder.refuse(source, found.error());
    if (!found) return found;
  }
  for (const auto& wanted : request.wanted) {
    finder.begin(origin++);
    if (auto ok = finder.find(wanted); !ok) return ok;
  }
  return {};
}

}  // namespace sjcp::cli
