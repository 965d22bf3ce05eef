#include "net/hf/hub_source.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "net/http/source.h"

namespace sjcp::hf {
namespace {

// A connection's buffers, and one unit of writing.
constexpr uint64_t kMemory = 2 << 20;

// Knows how far a fetch came, and whether it was the destination that failed.
class TrackedOutput final : public transfer::Output {
 public:
  TrackedOutput(transfer::Output& output, uint64_t begin) : output_(output), position_(begin) {}

  Status write(uint64_t offset, ByteView data) override {
    Status status = output_.write(offset, data);
    failed_ = failed_ || !status;
    if (status) position_ = offset + data.size();
    return status;
  }
  void arrived(uint64_t offset) override { output_.arrived(offset); }
  uint64_t end() const override { return output_.end(); }

  uint64_t position() const { return position_; }
  bool failed() const { return failed_; }

 private:
  transfer::Output& output_;
  uint64_t position_;
  bool failed_ = false;
};

}  // namespace

HubSource::HubSource(http::Client& client, HubApi& api, Result<std::shared_ptr<Snapshot>> snapshot,
                     std::string path, const HubOptions& options)
    : client_(client), api_(api), snapshot_(std::move(snapshot)), path_(std::move(path)), options_(options) {}

const std::vector<transfer::Segment>& HubSource::segments() const {
  return mirror_ ? mirror_->segments() : segments_;
}

// Files of git itself are small, and not every hub serves ranges of them.
bool HubSource::divisible() const {
  return mirror_ ? mirror_->divisible() : file_.large();
}

void HubSource::expect(std::span<const transfer::Segment> next) {
  if (mirror_ && !mirror_fails_) mirror_->expect(next);
}

uint64_t HubSource::memory_per_segment() const {
  return mirror_ ? std::max(mirror_->memory_per_segment(), kMemory) : kMemory;
}

Status HubSource::find(const transfer::Context& context) {
  Snapshot& snapshot = **snapshot_;
  if (path_.empty() || path_.ends_with('/')) {
    return make_error(Errc::kUsage, name() + ": is a folder; copy it with -r");
  }
  commit_ = snapshot.known_revision();
  const auto known = snapshot.find(path_);
  if (known && is_commit(commit_)) {
    file_ = *known;
    return {};
  }
  auto place = api_.resolve(snapshot.repo(), commit_, path_, context);
  if (!place) return std::move(place).error();
  snapshot.learn_commit(place->commit);
  commit_ = place->commit;
  file_ = place->file;
  return {};
}

Result<transfer::ObjectInfo> HubSource::open(const transfer::RangeRequest& range,
                                             const transfer::Context& context) {
  if (!snapshot_) return snapshot_.error();
  if (Status found = find(context); !found) return std::move(found).error();
  auto resolved = range.resolve(file_.size);
  if (!resolved) return with_context(std::move(resolved).error(), name());
  transfer::ObjectInfo info;
  info.name = name();
  info.size = file_.size;
  info.range = *resolved;
  info.version = file_.etag();
  info.digests = {file_.digest()};
  segments_.clear();
  if (resolved->size() > 0) segments_.push_back({0, *resolved});
  if (file_.large() && !options_.mirror.empty() && !(*snapshot_)->mirror_away()) {
    if (Status opened = open_mirror(range, context); !opened) return std::move(opened).error();
  }
  return info;
}

Status HubSource::open_mirror(const transfer::RangeRequest& range, const transfer::Context& context) {
  Snapshot& snapshot = **snapshot_;
  const std::string known = snapshot.repo_oid();
  const std::string first = known.empty() ? own_repo_oid(snapshot.repo()) : known;
  auto found = try_mirror(first, range, context);
  if (!found) return std::move(found).error();
  if (*found) snapshot.learn_repo_oid(first);
  if (*found || snapshot.mirror_away() || !known.empty() || !MirrorPlaces(options_.mirror).needs_repo_oid())
    return {};
  // The published mirrors have what the hub's redirect shows.
  auto place = api_.resolve(snapshot.repo(), commit_, path_, context);
  if (!place) return std::move(place).error();
  const auto shown = shown_repo_oid(place->url, file_.sha256);
  if (!shown || *shown == first) return {};
  found = try_mirror(*shown, range, context);
  if (!found) return std::move(found).error();
  if (*found) snapshot.learn_repo_oid(*shown);
  return {};
}

Result<bool> HubSource::try_mirror(const std::string& repo_oid, const transfer::RangeRequest& range,
                                   const transfer::Context& context) {
  const std::string place =
      MirrorPlaces(options_.mirror).place((*snapshot_)->repo(), commit_, file_, repo_oid);
  auto source = options_.open(place);
  // Nothing to do with this file: no credentials, for instance.
  if (!source) return std::move(source).error();
  auto info = (*source)->open(range, context);
  if (info && info->size == file_.size) {
    mirror_ = *std::move(source);
    return true;
  }
  if (!info && (info.error().code == Errc::kCancelled || info.error().code == Errc::kUsage)) {
    return std::move(info).error();
  }
  if (info) {
    spdlog::warn("{}: the mirror has another size; the hub serves it", name());
  } else if (info.error().code != Errc::kNotFound && info.error().code != Errc::kDenied) {
    if (info.error().code == Errc::kNetwork) (*snapshot_)->learn_mirror_away();
    spdlog::warn("{}: the mirror fails, the hub serves it: {}", name(), info.error().what);
  }
  return false;
}

Status HubSource::fetch(const transfer::Segment& segment, transfer::Output& output,
                        const transfer::Context& context) {
  if (!mirror_ || mirror_fails_) return fetch_from_hub(segment, output, context);
  TrackedOutput tracked(output, segment.bytes.begin);
  Status status = mirror_->fetch(segment, tracked, context);
  if (status || tracked.failed() || context.stop.stop_requested()) return status;
  if (!mirror_fails_.exchange(true)) {
    spdlog::warn("{}: the mirror fails, the hub serves the rest: {}", name(), status.error().what);
  }
  context.counters->retries.fetch_add(1, std::memory_order_relaxed);
  if (tracked.position() >= std::min(segment.bytes.end, output.end())) return {};
  return fetch_from_hub({segment.index, {tracked.position(), segment.bytes.end}}, output, context);
}

// Whoever comes first asks, and gets the first bytes with the answer; the others wait for it.
Status HubSource::open_hub(const transfer::ByteRange& first, const transfer::Context& context) {
  const std::lock_guard lock(opening_);
  if (hub_error_) return *hub_error_;
  if (hub_open_) return {};
  const Repo& repo = (*snapshot_)->repo();
  http::SourceOptions options;
  options.name = name();
  options.request = [url = api_.file_url(repo, commit_, path_),
                     headers = api_.token_header()](const transfer::Context&) -> Result<http::Request> {
    http::Request request;
    request.url = url;
    request.headers = headers;
    return request;
  };
  options.digest_known = true;
  options.explain = [asked = api_.asked(repo, commit_, path_)](const http::Reply& reply) {
    return refused(reply, asked);
  };
  hub_ = http::make_source(client_, std::move(options));
  auto info = hub_->open({first.begin, first.end}, context);
  if (!info) return *(hub_error_ = std::move(info).error());
  if (info->sized() && info->size != file_.size) {
    return *(hub_error_ =
                 make_error(Errc::kProtocol, name() + ": has another size than the hub's listing says"));
  }
  hub_open_ = true;
  return {};
}

Status HubSource::fetch_from_hub(const transfer::Segment& segment, transfer::Output& output,
                                 const transfer::Context& context) {
  if (Status opened = open_hub({segment.bytes.begin, segment.bytes.end}, context); !opened) return opened;
  return hub_->fetch(segment, output, context);
}

}  // namespace sjcp::hf
