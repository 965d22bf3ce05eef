#include "net/s3/begun_uploads.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/byte_record.h"
#include "net/http/retry_after.h"
#include "net/s3/replies.h"

namespace sjcp::s3 {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;
using transfer::RememberedUpload;

namespace {

constexpr RecordKind kBegunKind{"sjcps3bg", 1};
constexpr RecordKind kAskedKind{"sjcps3as", 1};
constexpr RecordKind kKeptKind{"sjcps3up", 2};
constexpr uint64_t kChecksums = 1;
constexpr uint64_t kTrailing = 2;

// Services tell whole seconds, some rounded; and a request takes its time.
constexpr seconds kBefore(2);
constexpr seconds kAfter(10);

bool same_object(const AskedUpload& a, const AskedUpload& b) {
  return a.bucket == b.bucket && a.key == b.key;
}

// By the times that its question may have been answered at.
bool same_moment(const AskedUpload& a, const AskedUpload& b) {
  return a.asked <= b.asked + kBefore + kAfter && b.asked <= a.asked + kBefore + kAfter;
}

struct PendingPage {
  std::vector<PendingUpload> uploads;  // of this key
  seconds ahead{0};
};

Result<PendingPage> pending_of(Requester& requester, const AskedUpload& asked,
                               const transfer::Context& context) {
  Call call;
  call.bucket = asked.bucket;
  call.whole_bucket = true;
  call.query = {{"uploads", ""}, {"encoding-type", "url"}, {"prefix", asked.key}, {"max-uploads", "1000"}};
  auto reply = requester.call(call, context);
  if (!reply) return std::move(reply).error();
  auto page = parse_uploads(reply->body);
  if (!page) return with_context(std::move(page).error(), shown(asked.bucket, asked.key));
  PendingPage out;
  for (const auto& item : page->items) {
    if (item.key == asked.key) out.uploads.push_back({item.metadata.at("upload-id"), item.created});
  }
  const auto date = http::parse_date(reply->header("Date").value_or(""));
  if (date) out.ahead = std::chrono::round<seconds>(*date - requester.clock().wall_now());
  return out;
}

Result<bool> has_parts(Requester& requester, const BegunUpload& upload, const transfer::Context& context) {
  Call call;
  call.bucket = upload.bucket;
  call.key = upload.key;
  call.query = {{"uploadId", upload.upload_id}};
  auto reply = requester.call(call, context);
  if (!reply) return std::move(reply).error();
  auto page = parse_parts(reply->body, "");
  if (!page) return with_context(std::move(page).error(), shown(upload.bucket, upload.key));
  return !page->parts.empty();
}

}  // namespace

std::string BegunUpload::text() const {
  RecordWriter out(kBegunKind);
  out.text(bucket);
  out.text(key);
  out.text(upload_id);
  return std::move(out).finish();
}

std::optional<BegunUpload> BegunUpload::parse(std::string_view text) {
  RecordReader in(kBegunKind, text);
  BegunUpload out;
  out.bucket = in.text();
  out.key = in.text();
  out.upload_id = in.text();
  if (!in.complete() || out.bucket.empty() || out.key.empty() || out.upload_id.empty()) return std::nullopt;
  return out;
}

std::string AskedUpload::text() const {
  RecordWriter out(kAskedKind);
  out.text(bucket);
  out.text(key);
  out.number(static_cast<uint64_t>(duration_cast<milliseconds>(asked.time_since_epoch()).count()));
  return std::move(out).finish();
}

std::optional<AskedUpload> AskedUpload::parse(std::string_view text) {
  RecordReader in(kAskedKind, text);
  AskedUpload out;
  out.bucket = in.text();
  out.key = in.text();
  const uint64_t asked = in.number();
  // What no clock shows would not fit the clock's own unit.
  constexpr uint64_t kLatest = 1ULL << 42;
  if (!in.complete() || out.bucket.empty() || out.key.empty() || asked > kLatest) return std::nullopt;
  out.asked = WallTime(milliseconds(asked));
  return out;
}

std::string KeptUpload::text() const {
  RecordWriter out(kKeptKind);
  out.text(upload_id);
  out.number(part_size);
  out.number((checksums ? kChecksums : 0) | (trailing ? kTrailing : 0));
  return std::move(out).finish();
}

std::optional<KeptUpload> KeptUpload::parse(std::string_view text) {
  RecordReader in(kKeptKind, text);
  KeptUpload out;
  out.upload_id = in.text();
  out.part_size = in.number();
  const uint64_t ways = in.number();
  out.checksums = (ways & kChecksums) != 0;
  out.trailing = (ways & kTrailing) != 0;
  if (!in.complete() || out.upload_id.empty()) return std::nullopt;
  return out;
}

MaybeOurs ours_among(const std::vector<PendingUpload>& pending, const AskedUpload& asked,
                     const std::vector<RememberedUpload>& remembered, seconds ahead) {
  MaybeOurs out;
  std::set<std::string> known;
  for (const auto& each : remembered) {
    if (const auto begun = BegunUpload::parse(each.pending)) known.insert(begun->upload_id);
    if (const auto kept = KeptUpload::parse(each.pending)) known.insert(kept->upload_id);
    const auto other = AskedUpload::parse(each.pending);
    if (!other || !same_object(*other, asked) || !same_moment(*other, asked)) continue;
    out.wait = out.wait || each.running;
    ++out.at_most;
  }
  for (const auto& upload : pending) {
    const WallTime initiated = upload.initiated - ahead;
    const bool then = initiated >= asked.asked - kBefore && initiated <= asked.asked + kAfter;
    if (then && !known.contains(upload.upload_id)) out.upload_ids.push_back(upload.upload_id);
  }
  return out;
}

Status remove_asked(Requester& requester, const AskedUpload& asked,
                    const transfer::RememberedUploads& remembered, const transfer::Context& context) {
  const std::string url = shown(asked.bucket, asked.key);
  auto pending = pending_of(requester, asked, context);
  if (!pending) {
    // Without the bucket there is none, and where none can be listed none can be found.
    const Errc code = pending.error().code;
    if (code == Errc::kNotFound || code == Errc::kUnsupported) return {};
    return std::move(pending).error();
  }
  // After the listing: what it shows and is a run's own has been noted by then, or is being asked for.
  MaybeOurs ours = ours_among(pending->uploads, asked, remembered(), pending->ahead);
  if (ours.upload_ids.empty()) return {};
  if (ours.wait) return make_error(Errc::kConflict, url + ": another run uploads to it");
  std::vector<BegunUpload> bare;
  for (auto& id : ours.upload_ids) {
    BegunUpload upload{asked.bucket, asked.key, std::move(id)};
    auto stored = has_parts(requester, upload, context);
    if (!stored && stored.error().code != Errc::kNotFound) return std::move(stored).error();
    if (stored && !*stored) bare.push_back(std::move(upload));
  }
  if (bare.size() > ours.at_most) {
    spdlog::info(
        "{}: an upload that an earlier run asked for cannot be told from another's, and is left; "
        "rm --pending removes both",
        url);
    return {};
  }
  for (const auto& upload : bare) {
    if (Status removed = remove_upload(requester, upload, context); !removed) return removed;
    spdlog::info("{}: removed what an earlier run had begun", url);
  }
  return {};
}

Status remove_upload(Requester& requester, const BegunUpload& upload, const transfer::Context& context) {
  Call call;
  call.method = "DELETE";
  call.bucket = upload.bucket;
  call.key = upload.key;
  call.query.emplace_back("uploadId", upload.upload_id);
  auto reply = requester.call(call, context);
  if (reply || reply.error().code == Errc::kNotFound) return {};
  return std::move(reply).error();
}

void Note::asking(WallTime now) {
  if (notes_ != nullptr) asked_ = notes_->begun(service_, AskedUpload{bucket_, key_, now}.text());
}

void Note::refused() {
  if (asked_ != 0) notes_->ended(std::exchange(asked_, 0));
}

void Note::begun(const std::string& upload_id) {
  if (notes_ != nullptr && begun_ == 0)
    begun_ = notes_->begun(service_, BegunUpload{bucket_, key_, upload_id}.text());
  refused();
}

void Note::ended() {
  if (begun_ != 0) notes_->ended(std::exchange(begun_, 0));
}

}  // namespace sjcp::s3
