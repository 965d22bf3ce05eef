#include "net/hf/hub.h"

#include <utility>

#include "net/hf/hub_source.h"
#include "net/hf/snapshot.h"

namespace sjcp::hf {
namespace {

Error read_only(const std::string& bucket) {
  return make_error(Errc::kUnsupported, "hf://" + bucket + ": repositories of the hub are read only");
}

transfer::ObjectItem item_of(const HubFile& file) {
  transfer::ObjectItem item;
  item.key = file.path;
  item.size = file.size;
  item.etag = file.etag();
  item.digests = {file.digest()};
  return item;
}

}  // namespace

Hub::Hub(http::Client& client, HubOptions options)
    : client_(client), options_(std::move(options)), api_(client, options_.settings) {}

Hub::~Hub() = default;

Result<std::unique_ptr<Hub>> Hub::create(http::Client& client, HubOptions options) {
  if (!options.mirror.empty()) {
    if (Status checked = MirrorPlaces(options.mirror).check(); !checked) return std::move(checked).error();
    if (!options.open) return make_error(Errc::kInternal, "a mirror without a way to open it");
  }
  return std::unique_ptr<Hub>(new Hub(client, std::move(options)));
}

Result<std::shared_ptr<Snapshot>> Hub::snapshot(const std::string& bucket) {
  auto repo = Repo::parse(bucket);
  if (!repo) return std::move(repo).error();
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Snapshot>& known = snapshots_[repo->text()];
  if (!known) known = std::make_shared<Snapshot>(*repo);
  return known;
}

Result<std::string> Hub::commit(const std::string& bucket, const std::stop_token& stop) {
  auto known = snapshot(bucket);
  if (!known) return std::move(known).error();
  transfer::Context context;
  context.stop = stop;
  context.counters = &counters_;
  return (*known)->commit(api_, context);
}

Result<std::vector<MirroredFile>> Hub::files_to_mirror(const std::string& bucket,
                                                       const std::stop_token& stop) {
  auto known = snapshot(bucket);
  if (!known) return std::move(known).error();
  transfer::Context context;
  context.stop = stop;
  context.counters = &counters_;
  std::vector<MirroredFile> files;
  transfer::ListOptions everything;
  everything.recursive = true;
  Status listed = list_objects(
      bucket, everything,
      [&](const transfer::ObjectItem& item) {
        constexpr size_t kDigits = 64;
        if (item.etag.size() == kDigits) files.push_back({{item.key, false, item.size, "", item.etag}, ""});
        return Status();
      },
      stop);
  if (!listed) return std::move(listed).error();
  if (files.empty()) return files;
  auto commit = (*known)->commit(api_, context);
  if (!commit) return std::move(commit).error();
  // The hub's redirects may show what the published mirrors have the repository under.
  auto place = api_.resolve((*known)->repo(), *commit, files.front().file.path, context);
  if (!place) return std::move(place).error();
  const std::string oid =
      shown_repo_oid(place->url, files.front().file.sha256).value_or(own_repo_oid((*known)->repo()));
  for (MirroredFile& file : files) file.key = mirror_key(oid, file.file.sha256);
  return files;
}

Status Hub::check_bucket(const std::string& bucket) const {
  auto repo = Repo::parse(bucket);
  if (!repo) return std::move(repo).error();
  return {};
}

Result<std::vector<transfer::BucketItem>> Hub::list_buckets(const std::stop_token&) {
  return make_error(Errc::kUnsupported,
                    "the repositories of the hub cannot be listed; name one: hf://OWNER/NAME");
}

Status Hub::create_bucket(const std::string& bucket, const std::stop_token&) {
  return read_only(bucket);
}

Status Hub::delete_bucket(const std::string& bucket, bool, const std::stop_token&) {
  return read_only(bucket);
}

Status Hub::list_objects(const std::string& bucket, const transfer::ListOptions& options,
                         const std::function<Status(const transfer::ObjectItem&)>& item,
                         const std::stop_token& stop) {
  if (options.pending) return {};  // nothing is ever being uploaded
  auto known = snapshot(bucket);
  if (!known) return std::move(known).error();
  transfer::Context context;
  context.stop = stop;
  context.counters = &counters_;
  auto commit = (*known)->commit(api_, context);
  if (!commit) return std::move(commit).error();
  return api_.list((*known)->repo(), *commit, options.prefix, options.recursive,
                   [&](HubFile file) -> Status {
                     if (file.folder && options.recursive) return {};
                     if (!file.folder) {
                       (*known)->remember(file);
                       return item(item_of(file));
                     }
                     transfer::ObjectItem folder;
                     folder.key = file.path + "/";
                     folder.is_prefix = true;
                     return item(folder);
                   },
                   context);
}

Result<transfer::ObjectItem> Hub::stat_object(const std::string& bucket, const std::string& key,
                                              const std::stop_token& stop) {
  auto known = snapshot(bucket);
  if (!known) return std::move(known).error();
  transfer::Context context;
  context.stop = stop;
  context.counters = &counters_;
  if (const auto file = (*known)->find(key)) return item_of(*file);
  auto place = api_.resolve((*known)->repo(), (*known)->known_revision(), key, context);
  if (!place) return std::move(place).error();
  (*known)->learn_commit(place->commit);
  transfer::ObjectItem item = item_of(place->file);
  item.metadata["commit"] = place->commit;
  return item;
}

Status Hub::delete_object(const std::string& bucket, const std::string&, const std::stop_token&) {
  return read_only(bucket);
}

Status Hub::delete_objects(const std::string& bucket, const std::vector<std::string>& keys,
                           const std::function<void(const std::string& key, const Status&)>& result,
                           const std::stop_token&) {
  for (const std::string& key : keys) result(key, read_only(bucket));
  return {};
}

std::unique_ptr<transfer::Source> Hub::open_object(const std::string& bucket, const std::string& key) {
  return std::make_unique<HubSource>(client_, api_, snapshot(bucket), key, options_);
}

Result<std::unique_ptr<transfer::ObjectWriter>> Hub::create_object(const std::string& bucket,
                                                                   const std::string&,
                                                                   const transfer::ObjectOptions&,
                                                                   std::optional<uint64_t>) {
  return read_only(bucket);
}

}  // namespace sjcp::hf
