#include "net/s3/object_upload.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>

#include "core/base/byte_record.h"
#include "core/base/units.h"
#include "core/crypto/hash.h"
#include "core/transfer/digest.h"
#include "core/transfer/file_gate.h"
#include "core/transfer/segment_gate.h"
#include "net/http/part_body.h"
#include "net/s3/object_copy.h"
#include "net/s3/object_info.h"

namespace sjcp::s3 {

using transfer::Context;

namespace {

// Also what is sent in one request rather than three.
constexpr uint64_t kUsualPart = 16 * kMiB;
// While few parts make up an object the last ones decide when it is there, and whoever has them is alone.
constexpr uint64_t kSmallPart = kUsualPart / 2;
// One part is one segment of Storj's network there; smaller ones cost as much each.
constexpr uint64_t kStorjPart = 64 * kMiB;
constexpr uint64_t kMostParts = 10'000;
// Parts of an unknown number double after each so many: together more than 10 TiB.
constexpr uint64_t kPartsOfOneSize = 1'000;
constexpr uint64_t kConnectionMemory = kMiB;
constexpr auto kAbortLimit = std::chrono::seconds(5);
// What takes no time but round trips to send.
constexpr uint64_t kTellsDistance = 16 * kKiB;

// Every processor has an instruction for it: at either end it costs next to nothing.
constexpr transfer::DigestKind kChecksum = transfer::DigestKind::kCrc32c;
constexpr const char* kChecksumName = "CRC32C";
constexpr const char* kChecksumHeader = TrailingBody::kHeader;
constexpr const char* kAlgorithmHeader = "x-amz-checksum-algorithm";
const std::string kChecksumElement = "ChecksumCRC32C";

// A service that does not know checksums in headers says no more than that the request is not right.
bool may_mean_checksums(const Error& error) {
  return error.code == Errc::kUsage || error.code == Errc::kUnsupported;
}

uint64_t rounded_up(uint64_t bytes, uint64_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

uint64_t part_size(std::optional<uint64_t> size, uint64_t index, bool storj_gateway) {
  const uint64_t usual = storj_gateway ? kStorjPart : kUsualPart;
  if (!storj_gateway && size && *size > kUsualPart && *size <= kPartsOfOneSize * kSmallPart)
    return kSmallPart;
  if (size) return std::max(usual, rounded_up((*size + kMostParts - 1) / kMostParts, kMiB));
  return usual << std::min<uint64_t>(index / kPartsOfOneSize, 8);
}

// The bytes of one part, or the place where they are, until they are stored.
class ObjectUpload::Part final : public transfer::SegmentWriter {
 public:
  Part(uint64_t part_index, uint64_t capacity, std::shared_ptr<segment::BufferCache> buffers)
      : index(part_index),
        capacity_(capacity),
        buffers_(std::move(buffers)),
        buffer_(capacity > 0 ? buffers_->take(capacity) : nullptr) {}
  Part(uint64_t part_index, const transfer::ReaderPart& place)
      : index(part_index), capacity_(0), size_(place.size()), place_(place) {}
  ~Part() override {
    if (buffer_) buffers_->give_back(capacity_, std::move(buffer_));
  }

  Status append(ByteView data) override {
    if (place_ || data.size() > capacity_ - size_)
      return make_error(Errc::kInternal, "a part is longer than it may be");
    std::memcpy(buffer_.get() + size_, data.data(), data.size());
    size_ += data.size();
    return {};
  }

  uint64_t size() const { return size_; }
  std::unique_ptr<http::RequestBody> body() const {
    if (place_) return std::make_unique<http::PartBody>(*place_);
    return std::make_unique<MemoryBody>(bytes());
  }
  void give_to(Call& call) const {
    if (place_) {
      call.part = &*place_;
    } else {
      call.body = bytes();
    }
  }
  bool has_digest(transfer::DigestKind kind) const { return !digest_.empty() && digest_kind_ == kind; }
  Status digest(transfer::DigestKind kind) {
    auto hasher = transfer::Hasher::create(kind, size_);
    if (!place_) {
      hasher->update(bytes());
    } else if (Status read = place_->each([&](ByteView piece) { hasher->update(piece); }); !read) {
      return std::move(read).error();
    }
    digest_ = base64(from_hex(hasher->finish().hex).value_or(""));
    digest_kind_ = kind;
    return {};
  }
  // Requires: digest() succeeded.
  const std::string& digest_base64() const { return digest_; }

  const uint64_t index;

 private:
  ByteView bytes() const { return {buffer_.get(), static_cast<size_t>(size_)}; }

  const uint64_t capacity_;
  uint64_t size_ = 0;
  const std::shared_ptr<segment::BufferCache> buffers_;
  segment::Buffer buffer_;
  const std::optional<transfer::ReaderPart> place_;
  std::string digest_;  // base64
  transfer::DigestKind digest_kind_ = kChecksum;
};

ObjectUpload::ObjectUpload(Requester& requester, std::string bucket, std::string key, UploadOptions options,
                           std::optional<uint64_t> size, std::shared_ptr<segment::BufferCache> buffers)
    : requester_(requester),
      bucket_(std::move(bucket)),
      key_(std::move(key)),
      url_(shown(bucket_, key_)),
      options_(std::move(options)),
      size_(size),
      buffers_(std::move(buffers)),
      note_(options_.notes, options_.service, bucket_, key_),
      hashing_(std::max(std::thread::hardware_concurrency(), 1U), "its turn to be hashed"),
      checksums_(requester.sends_checksums()) {}

ObjectUpload::~ObjectUpload() = default;

uint64_t ObjectUpload::segment_size() const {
  // That of the segment begun last: a size that is not known yet makes them grow.
  const uint64_t index = next_index_ == 0 ? 0 : next_index_ - 1;
  return part_size(size_, index, requester_.settings().storj_gateway());
}

uint64_t ObjectUpload::memory_per_segment() const {
  const uint64_t part = part_size(size_, next_index_, requester_.settings().storj_gateway());
  return std::min(part, size_.value_or(part)) + kConnectionMemory;
}

Status ObjectUpload::count_part(uint64_t index) {
  if (index >= kMostParts) return make_error(Errc::kUsage, url_ + ": is too large for 10,000 parts");
  next_index_ = index + 1;
  return {};
}

Result<std::unique_ptr<transfer::SegmentWriter>> ObjectUpload::begin_segment(uint64_t index) {
  if (Status counted = count_part(index); !counted) return std::move(counted).error();
  uint64_t capacity = segment_size();
  if (size_) capacity = std::min(capacity, *size_ - std::min(*size_, index * capacity));
  return std::unique_ptr<transfer::SegmentWriter>(new Part(index, capacity, buffers_));
}

std::optional<uint64_t> ObjectUpload::memory_per_part() const {
  return kConnectionMemory;
}

Result<std::unique_ptr<transfer::SegmentWriter>> ObjectUpload::begin_segment(
    uint64_t index, const transfer::ReaderPart& part) {
  if (Status counted = count_part(index); !counted) return std::move(counted).error();
  return std::unique_ptr<transfer::SegmentWriter>(new Part(index, part));
}

Status ObjectUpload::finish_segment(std::unique_ptr<transfer::SegmentWriter> writer, bool last,
                                    const Context& context) {
  std::unique_ptr<Part> part(static_cast<Part*>(writer.release()));
  if (last && part->index == 0) {
    single_ = std::move(part);
    return {};
  }
  // Reading and hashing take as long as asking for the upload on a long path does.
  if (!checksummed() || !requester_.takes_trailers()) {
    if (auto status = digest(*part, context); !status) return status;
  }
  if (auto status = begin_upload(context); !status) return status;
  if (trailing()) {
    auto sent = send_trailing(*part, context);
    if (!sent) return std::move(sent).error();
    if (*sent) return {};
  }
  return send_part(*part, context);
}

Call ObjectUpload::object_call(const char* method) const {
  Call call;
  call.method = method;
  call.bucket = bucket_;
  call.key = key_;
  return call;
}

// The first part that needs it begins the upload; the others wait.
Status ObjectUpload::begin_upload(const Context& context) {
  std::unique_lock lock(mutex_);
  if (begin_ == Begin::kNot) {
    begin_ = Begin::kRunning;
    lock.unlock();
    const auto asked = context.clock->steady_now();
    auto id = create_upload(context);
    // On a long path more connections begin: each is slow to get up to speed.
    if (id && context.gate != nullptr) context.gate->opened(context.clock->steady_now() - asked, true);
    lock.lock();
    begin_ = id ? Begin::kDone : Begin::kFailed;
    if (id) upload_id_ = *id;
    begun_.notify_all();
    lock.unlock();
    if (!id) return std::move(id).error();
    note_.begun(*id);
    // From here on the same command goes on with it.
    if (on_begun_) {
      on_begun_(pending_text());
      note_.ended();
    }
    return {};
  }
  if (!begun_.wait(lock, context.stop, [&] { return begin_ != Begin::kRunning; }) ||
      begin_ == Begin::kFailed) {
    return make_error(Errc::kCancelled, url_ + ": interrupted");
  }
  return {};
}

Result<std::string> ObjectUpload::create_upload(const Context& context) {
  for (;;) {
    Call call = object_call("POST");
    call.query.emplace_back("uploads", "");
    call.tries = &note_;
    if (context.gate != nullptr && size_) {
      const uint64_t parts = *size_ / part_size(size_, 0, requester_.settings().storj_gateway());
      // The first goes over the connection that this request has.
      call.followers = static_cast<unsigned>(std::min<uint64_t>(parts, context.gate->ranges() - 1));
    }
    call.headers = headers_of(options_.object.metadata);
    const bool typed = options_.object.metadata.contains("content-type");
    if (!typed) call.headers.push_back({"content-type", "binary/octet-stream"});
    const bool with_checksums = checksummed();
    if (with_checksums) {
      call.headers.push_back({kAlgorithmHeader, kChecksumName});
      call.headers.push_back({"x-amz-checksum-type", "FULL_OBJECT"});
    }
    auto reply = requester_.call(call, context);
    if (reply) {
      auto id = parse_upload_id(reply->body);
      if (!id) return with_context(std::move(id).error(), url_);
      // Who says what it will check knows checksums, and so how they may come.
      if (with_checksums && reply->header(kAlgorithmHeader) != kChecksumName) requester_.refuse_trailers();
      const std::lock_guard lock(mutex_);
      trailing_ = with_checksums && requester_.takes_trailers();
      return id;
    }
    if (!with_checksums || !may_mean_checksums(reply.error())) return std::move(reply).error();
    // An older service that does not know this kind of checksum.
    const std::lock_guard lock(mutex_);
    checksums_ = false;
  }
}

bool ObjectUpload::checksummed() const {
  const std::lock_guard lock(mutex_);
  return checksums_;
}

bool ObjectUpload::trailing() const {
  const std::lock_guard lock(mutex_);
  return trailing_ && requester_.takes_trailers();
}

Status ObjectUpload::digest(Part& part, const Context& context) {
  const auto kind = checksummed() ? kChecksum : transfer::DigestKind::kMd5;
  if (part.has_digest(kind)) return {};
  // One after the other, so that the first ones are on their way while the next are hashed.
  auto turn = hashing_.acquire(1, context.stop);
  if (!turn) return std::move(turn).error();
  return part.digest(kind);
}

Status ObjectUpload::add_content(Call& call, Part& part, const Context& context) {
  if (Status known = digest(part, context); !known) return known;
  call.headers.push_back({checksummed() ? kChecksumHeader : "Content-MD5", part.digest_base64()});
  part.give_to(call);
  return {};
}

Call ObjectUpload::part_call(const Part& part) const {
  Call call = object_call("PUT");
  call.deed = Deed::kStorePart;
  call.query = {{"partNumber", std::to_string(part.index + 1)}, {"uploadId", upload_id_}};
  call.expected = true;
  call.expects = 0;
  return call;
}

// With its checksum; where the service refuses that (400, 501), once more without.
Result<http::Reply> ObjectUpload::send(Call call, Part& part, const Context& context) {
  const bool with_checksum = checksummed();
  const Call plain = call;
  if (Status added = add_content(call, part, context); !added) return std::move(added).error();
  auto reply = requester_.call(call, context);
  if (reply || !with_checksum || !may_mean_checksums(reply.error())) return reply;
  {
    const std::lock_guard lock(mutex_);
    checksums_ = false;
  }
  call = plain;
  if (Status added = add_content(call, part, context); !added) return std::move(added).error();
  auto again = requester_.call(call, context);
  // It was not the checksum: others go with theirs.
  if (!again) {
    const std::lock_guard lock(mutex_);
    checksums_ = true;
    return reply;
  }
  requester_.refuse_checksums();
  return again;
}

Status ObjectUpload::send_part(Part& part, const Context& context) {
  auto reply = send(part_call(part), part, context);
  if (!reply) return std::move(reply).error();
  return stored(part, *reply);
}

// False: the service does not take a checksum that follows its bytes; the part is to be sent with one before
// them.  What is stored then is not what was meant, until that is done.
Result<bool> ObjectUpload::send_trailing(Part& part, const Context& context) {
  const auto data = part.body();
  TrailingBody body(*data);
  Call call = part_call(part);
  call.trailing = &body;
  auto reply = requester_.call(call, context);
  if (!reply) {
    const Errc code = reply.error().code;
    const bool transient = code == Errc::kNetwork || code == Errc::kLimited || code == Errc::kCancelled ||
                           code == Errc::kConflict;
    const std::lock_guard lock(mutex_);
    if (transient || trailed_) return std::move(reply).error();
  } else if (reply->header(kChecksumHeader) == body.checksum()) {
    Status kept = stored(part, *reply);
    if (!kept) return std::move(kept).error();
    const std::lock_guard lock(mutex_);
    trailed_ = true;
    return true;
  }
  spdlog::debug("{}: no checksums after parts: {}", url_, reply ? "none is confirmed" : reply.error().what);
  requester_.refuse_trailers();
  return false;
}

Status ObjectUpload::stored(const Part& part, const http::Reply& reply) {
  const auto number = static_cast<unsigned>(part.index + 1);
  const auto etag = reply.header("ETag");
  if (!etag) return make_error(Errc::kProtocol, url_ + ": the service does not name the part it stored");
  StoredPart stored{number, part.size(), *etag, ""};
  if (checksummed()) stored.checksum = reply.header(kChecksumHeader).value_or("");
  const std::lock_guard lock(mutex_);
  parts_[number] = std::move(stored);
  return {};
}

Status ObjectUpload::commit(const Context& context) {
  if (single_) return put(*single_, context);
  Status status = complete(context);
  if (status) note_.ended();
  return status;
}

Status ObjectUpload::put(Part& part, const Context& context) {
  Call call = object_call("PUT");
  call.deed = Deed::kStore;
  call.makes = part.size();
  call.headers = headers_of(options_.object.metadata);
  if (options_.only_new) call.headers.push_back({"If-None-Match", "*"});
  call.expects = 0;
  const auto asked = context.clock->steady_now();
  auto reply = send(std::move(call), part, context);
  if (!reply) return std::move(reply).error();
  if (context.files != nullptr && part.size() <= kTellsDistance) {
    context.files->answered(context.clock->steady_now() - asked);
  }
  return {};
}

Status ObjectUpload::complete(const Context& context) {
  Status status = complete_all(context);
  if (status || !checksummed() || !may_mean_checksums(status.error())) return status;
  {
    const std::lock_guard lock(mutex_);
    checksums_ = false;
  }
  Status plain = complete_all(context);
  return plain ? std::move(plain) : std::move(status);
}

Status ObjectUpload::complete_all(const Context& context) {
  Call call = object_call("POST");
  call.deed = Deed::kCompose;
  call.makes = bytes_stored();
  call.query.emplace_back("uploadId", upload_id_);
  call.headers.push_back({"content-type", "application/xml"});
  if (options_.only_new) call.headers.push_back({"If-None-Match", "*"});
  const bool with_checksums = checksummed();
  if (with_checksums) call.headers.push_back({"x-amz-checksum-type", "FULL_OBJECT"});
  std::vector<StoredPart> parts;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, part] : parts_) parts.push_back(part);
    complete_sent_ = true;
  }
  const std::string body = complete_request(parts, with_checksums ? kChecksumElement : "");
  call.body = body;
  // What the requester cannot repeat without knowing what became of it is looked at here.
  call.question = flow::Question::kOnce;
  const auto asked = context.clock->steady_now();
  const auto is_there = [&] {
    return composed(requester_, Name{bucket_, key_}, parts, context.clock->steady_now() - asked, context);
  };
  flow::Repeats repeats = requester_.repeats(context);
  for (;;) {
    auto reply = requester_.call(call, context);
    if (reply) return {};
    // The upload is gone: an earlier try, whose answer was lost, may have completed it.
    if (reply.error().code == Errc::kNotFound && is_there()) return {};
    const auto next = repeats.after(reply.error(), flow::Question::kTraceable, context.stop);
    if (!next) return next.error();
    if (*next == flow::Next::kLook && is_there()) return {};
  }
}

uint64_t ObjectUpload::bytes_stored() const {
  const std::lock_guard lock(mutex_);
  uint64_t bytes = 0;
  for (const auto& [number, part] : parts_) bytes += part.size;
  return bytes;
}

// False: it may still be there.
bool ObjectUpload::remove(const std::string& upload_id) {
  Call call = object_call("DELETE");
  call.query.emplace_back("uploadId", upload_id);
  call.time_limit = kAbortLimit;
  // The user's stop signal does not hold here: removing what was begun is part of stopping well.
  transfer::Counters counters;
  auto reply = requester_.call(call, {{}, nullptr, &counters});
  if (reply || reply.error().code == Errc::kNotFound) return true;
  spdlog::warn("{}; the unfinished upload was not removed", reply.error().what);
  return false;
}

void ObjectUpload::abort() {
  std::string id;
  {
    const std::lock_guard lock(mutex_);
    if (begin_ != Begin::kDone) return;
    begin_ = Begin::kFailed;
    id = upload_id_;
  }
  if (remove(id)) note_.ended();
}

// The endpoint, the bucket and the key.
std::string ObjectUpload::destination() const {
  const Settings& settings = requester_.settings();
  if (size_ && *size_ <= part_size(size_, 0, settings.storj_gateway())) return "";
  RecordWriter parts({"sjcpdest", 1});
  parts.text("s3");
  parts.text(settings.endpoint);
  parts.text(bucket_);
  parts.text(key_);
  return to_hex(crypto::sha256(std::move(parts).finish()));
}

std::string ObjectUpload::pending_text() const {
  const uint64_t unit = part_size(size_, 0, requester_.settings().storj_gateway());
  return KeptUpload{upload_id_, unit, checksummed(), trailing()}.text();
}

Result<std::set<uint64_t>> ObjectUpload::resume(const std::string& pending, uint64_t size,
                                                const Context& context) {
  const auto kept = KeptUpload::parse(pending);
  if (!kept || size_ != size || kept->part_size != segment_size()) {
    return make_error(Errc::kConflict, url_ + ": was begun in another way");
  }
  {
    const std::lock_guard lock(mutex_);
    checksums_ = kept->checksums;
    trailing_ = kept->trailing;
  }
  if (auto status = list_parts(kept->upload_id, size, context); !status) {
    const std::lock_guard lock(mutex_);
    checksums_ = requester_.sends_checksums();
    trailing_ = false;
    parts_.clear();
    Error error = std::move(status).error();
    // What this service says of its parts cannot be gone on with, now or later: the upload starts over.
    if (error.code == Errc::kProtocol) error.code = Errc::kConflict;
    return error;
  }
  const std::lock_guard lock(mutex_);
  upload_id_ = kept->upload_id;
  begin_ = Begin::kDone;
  std::set<uint64_t> stored;
  for (const auto& [number, part] : parts_) stored.insert(number - 1);
  return stored;
}

// Takes a part for stored if it has the size it would have here.
Status ObjectUpload::list_parts(const std::string& upload_id, uint64_t size, const Context& context) {
  const uint64_t unit = segment_size();
  Call call = object_call("GET");
  std::string marker;
  do {
    call.query = {{"uploadId", upload_id}};
    if (!marker.empty()) call.query.emplace_back("part-number-marker", marker);
    auto reply = requester_.call(call, context);
    if (!reply) return std::move(reply).error();
    auto page = parse_parts(reply->body, checksummed() ? kChecksumElement : "");
    if (!page) return with_context(std::move(page).error(), url_);
    const std::lock_guard lock(mutex_);
    for (auto& part : page->parts) {
      const uint64_t begin = (part.number - 1) * unit;
      if (begin >= size || part.size != std::min(unit, size - begin) || part.etag.empty()) {
        return make_error(Errc::kConflict, url_ + ": holds parts of something else");
      }
      parts_[part.number] = std::move(part);
    }
    if (page->next_marker == marker) break;
    marker = std::move(page->next_marker);
  } while (!marker.empty());
  return {};
}

uint64_t ObjectUpload::suspend() {
  {
    const std::lock_guard lock(mutex_);
    if (begin_ != Begin::kDone) return 0;
  }
  return bytes_stored();
}

void ObjectUpload::discard(const std::string& pending) {
  if (const auto kept = KeptUpload::parse(pending)) remove(kept->upload_id);
}

}  // namespace sjcp::s3
