#include "net/s3/object_source.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/base/units.h"
#include "net/s3/object_info.h"

namespace sjcp::s3 {

using transfer::ByteRange;
using transfer::Context;
using transfer::ObjectInfo;

namespace {

// Objects up to this size arrive with the question for them.
constexpr uint64_t kSmall = 256 * kKiB;
// From this size on an object that a listing told of is asked for its digest first, so that it can be
// divided.
constexpr uint64_t kDivided = 1 * kMiB;
// What the client and the kernel hold for one connection, about.
constexpr uint64_t kConnectionMemory = 1 * kMiB;

Error changed(const std::string& url) {
  return make_error(Errc::kConflict, url + ": changed while it was read; try again");
}

}  // namespace

// The first reply: what the object is, and if it is small all of it.
class ObjectSource::Start final : public http::Receiver {
 public:
  Status head(const http::Head& head) override {
    head_ = head;
    const auto length = content_length(head);
    small_ = length && *length <= kSmall;
    if (small_) bytes_.reserve(static_cast<size_t>(*length));
    return {};
  }
  Status body(ByteView bytes) override {
    if (small_) bytes_.append(bytes.text());
    return {};
  }
  bool enough() override { return !small_; }

  const http::Head& head() const { return head_; }
  bool small() const { return small_; }
  std::string take() { return std::move(bytes_); }

 private:
  http::Head head_;
  std::string bytes_;
  bool small_ = false;
};

// One reply's share of a fetch: [position, end), or less when the output's end falls.
class ObjectSource::Part final : public http::Receiver {
 public:
  Part(const ObjectSource& source, ByteRange wanted, transfer::Output& output, uint64_t& position)
      : source_(source), wanted_(wanted), output_(output), position_(position) {}

  Status head(const http::Head& head) override {
    if (!source_.etag_.empty() && head.header("ETag").value_or(source_.etag_) != source_.etag_) {
      return changed(source_.url_);
    }
    // What the body is decides, not the status: some services answer 200 to a question for a part.
    const auto range = content_range(head);
    if (range ? range->begin != wanted_.begin || range->end > wanted_.end : head.status == 206) {
      return make_error(Errc::kProtocol, source_.url_ + ": the service sends another part than asked for");
    }
    if (range && range->size != source_.size_) return changed(source_.url_);
    if (!range && content_length(head).value_or(source_.size_) != source_.size_) return changed(source_.url_);
    // All of the object: what comes before the part is passed over.
    if (!range) before_ = wanted_.begin;
    verify_whole(head);
    return {};
  }

  Status body(ByteView bytes) override {
    const size_t passed = static_cast<size_t>(std::min<uint64_t>(bytes.size(), before_));
    before_ -= passed;
    bytes = bytes.sub(passed, bytes.size() - passed);
    const uint64_t end = std::min(wanted_.end, output_.end());
    if (position_ >= end || bytes.empty()) return {};
    const ByteView wanted =
        bytes.sub(0, static_cast<size_t>(std::min<uint64_t>(bytes.size(), end - position_)));
    if (hasher_) hasher_->update(wanted);
    // Before the last bytes are written: once all is there, nobody asks what became of a fetch.
    if (hasher_ && position_ + wanted.size() == source_.size_) {
      if (Status right = verdict(); !right) return right;
    }
    Status status = output_.write(position_, wanted);
    if (status) position_ += wanted.size();
    return status;
  }
  bool enough() override { return position_ >= std::min(wanted_.end, output_.end()); }

 private:
  // Whether the whole object is what its head promised.
  Status verdict() {
    const bool right = hasher_->finish().hex == promised_.hex;
    if (right && promised_.kind == transfer::DigestKind::kMd5) source_.requester_.etag_was_md5();
    if (right || !certain_) return {};
    return make_error(Errc::kIntegrity, source_.url_ + ": does not have the digest " + promised_.text() +
                                            " that the service promises");
  }
  // Of objects that nobody has asked about the digest shows only now.
  void verify_whole(const http::Head& head) {
    if (source_.digests_known_ || wanted_.begin != 0 || wanted_.end != source_.size_) return;
    auto digest = source_.promised(head, certain_);
    if (!digest) return;
    promised_ = *std::move(digest);
    hasher_ = transfer::Hasher::create(promised_.kind, source_.size_);
  }

  const ObjectSource& source_;
  const ByteRange wanted_;
  transfer::Output& output_;
  uint64_t& position_;
  std::unique_ptr<transfer::Hasher> hasher_;
  transfer::Digest promised_;
  bool certain_ = true;
  uint64_t before_ = 0;  // bytes that come before those that are wanted
};

ObjectSource::ObjectSource(Requester& requester, std::string bucket, std::string key,
                           std::optional<transfer::ObjectItem> listed)
    : requester_(requester),
      bucket_(std::move(bucket)),
      key_(std::move(key)),
      url_(shown(bucket_, key_)),
      listed_(std::move(listed)) {}

// What the whole object has to be.  Not certain: an ETag that may be an MD5; where it is, this service shows
// that it makes them so.
std::optional<transfer::Digest> ObjectSource::promised(const http::Head& head, bool& certain) const {
  auto digests = digests_of(head, requester_.settings().read_checksums, requester_.etags_are_md5());
  certain = !digests.empty();
  return certain ? std::optional(std::move(digests.front())) : md5_in_etag(head);
}

Call ObjectSource::request() const {
  Call call;
  call.bucket = bucket_;
  call.key = key_;
  call.headers.push_back({"Accept-Encoding", "identity"});
  return call;
}

Result<ObjectInfo> ObjectSource::open(const transfer::RangeRequest& range, const Context& context) {
  if (auto status = check_bucket_name(bucket_); !status) return std::move(status).error();
  if (key_.empty()) return make_error(Errc::kUsage, url_ + ": names no object");
  if (!listed_) return ask_for_it(range, context);
  if (listed_->size >= kDivided) {
    // Others are being fetched meanwhile: a GET that is cut short would cost a connection each time.
    auto head = requester_.call(question("HEAD"), context);
    if (!head) return std::move(head).error();
    return opened(*head, false, "", range);
  }
  divisible_ = false;
  ObjectInfo info;
  info.size = listed_->size;
  info.created = std::chrono::time_point_cast<std::chrono::system_clock::duration>(listed_->created);
  etag_ = "\"" + listed_->etag + "\"";
  return found(std::move(info), range);
}

// One GET tells what the object is, and brings all of a small one, which is asked for again where it ends
// early.
Result<ObjectInfo> ObjectSource::ask_for_it(const transfer::RangeRequest& range, const Context& context) {
  flow::Repeats repeats = requester_.repeats(budget_, context);
  for (;;) {
    Start start;
    Status status = requester_.stream(question("GET"), start, context);
    if (status) return opened(start.head(), start.small(), start.take(), range);
    const auto next = repeats.after(status.error(), flow::Question::kSafe, context.stop);
    if (!next) return next.error();
  }
}

Call ObjectSource::question(const char* method) const {
  Call call = request();
  call.method = method;
  if (requester_.settings().read_checksums) call.headers.push_back({"x-amz-checksum-mode", "ENABLED"});
  return call;
}

Result<ObjectInfo> ObjectSource::opened(const http::Head& head, bool has_whole, std::string whole,
                                        const transfer::RangeRequest& range) {
  ObjectInfo info;
  const auto size = content_length(head);
  if (!size) return make_error(Errc::kProtocol, url_ + ": the service does not tell its size");
  info.size = *size;
  if (auto time = modified(head)) {
    info.created = std::chrono::time_point_cast<std::chrono::system_clock::duration>(*time);
  }
  info.metadata = metadata_of(head);
  digests_known_ = true;
  etag_ = head.header("ETag").value_or("");
  has_whole_ = has_whole;
  whole_ = std::move(whole);
  if (has_whole_ && whole_.size() != *size) {
    return make_error(Errc::kNetwork, url_ + ": ended after " + std::to_string(whole_.size()) + " of " +
                                          std::to_string(*size) + " bytes");
  }
  bool certain = true;
  auto digest = promised(head, certain);
  if (digest && certain) {
    info.digests.push_back(*std::move(digest));
  } else if (digest && has_whole_) {
    auto hasher = transfer::Hasher::create(digest->kind, *size);
    hasher->update(whole_);
    if (hasher->finish() == *digest) requester_.etag_was_md5();
  }
  return found(std::move(info), range);
}

Result<ObjectInfo> ObjectSource::found(ObjectInfo info, const transfer::RangeRequest& range) {
  info.name = url_;
  size_ = info.size;
  info.version = etag_;
  auto resolved = range.resolve(info.size);
  if (!resolved) return with_context(std::move(resolved).error(), url_);
  info.range = *resolved;
  segments_.clear();
  if (info.range.size() > 0) segments_.push_back({0, info.range});
  return info;
}

uint64_t ObjectSource::memory_per_segment() const {
  return std::min(size_, kConnectionMemory);
}

Status ObjectSource::fetch(const transfer::Segment& segment, transfer::Output& output,
                           const Context& context) {
  uint64_t position = segment.bytes.begin;
  if (has_whole_) {
    const uint64_t end = std::min(segment.bytes.end, output.end());
    if (position >= end) return {};
    return output.write(
        position, ByteView(whole_).sub(static_cast<size_t>(position), static_cast<size_t>(end - position)));
  }
  flow::Repeats repeats = requester_.repeats(budget_, context);
  for (;;) {
    const uint64_t before = position;
    const ByteRange rest{position, std::min(segment.bytes.end, output.end())};
    if (rest.begin >= rest.end) return {};
    Status status = fetch_part(rest, output, position, context);
    if (status && position >= std::min(rest.end, output.end())) return {};
    if (position > before) {
      repeats.progress();
      budget_.earn(position - before);
    }
    const Error error = status ? make_error(Errc::kNetwork, url_ + ": ended early", 0, Fault::kBroken)
                               : std::move(status).error();
    const auto next = repeats.after(error, flow::Question::kSafe, context.stop, std::nullopt,
                                    [&] { return position >= std::min(segment.bytes.end, output.end()); });
    if (!next) return next.error();
  }
}

Status ObjectSource::fetch_part(ByteRange rest, transfer::Output& output, uint64_t& position,
                                const Context& context) {
  Call call = request();
  call.expects = rest.size();
  const bool whole = rest.begin == 0 && rest.end == size_;
  if (!whole) {
    call.headers.push_back(
        {"Range", "bytes=" + std::to_string(rest.begin) + "-" + std::to_string(rest.end - 1)});
  } else if (!digests_known_ && requester_.settings().read_checksums) {
    call.headers.push_back({"x-amz-checksum-mode", "ENABLED"});
  }
  if (!etag_.empty()) call.headers.push_back({"If-Match", etag_});
  Part part(*this, rest, output, position);
  Status status = requester_.stream(call, part, context);
  if (!status && status.error().cause == 412) return changed(url_);
  return status;
}

}  // namespace sjcp::s3
