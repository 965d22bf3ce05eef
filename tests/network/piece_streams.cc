#include "tests/network/piece_streams.h"

#include <algorithm>

#include "tests/network/types.h"
#include "tests/network/wire_reader.h"

namespace sjcp::network {
namespace {

constexpr int64_t kMaxChunk = 1 << 20;
constexpr int64_t kMinChunk = 1 << 10;
constexpr uint64_t kShare = 256;
constexpr size_t kSmallPiece = 64 << 10;
constexpr int64_t kMaxReserve = 16 << 20;

std::string algorithm_name(pb::PieceHashAlgorithm algorithm) {
  return algorithm == pb::PIECE_HASH_SHA256 ? "SHA256" : "BLAKE3";
}

std::string action_name(pb::PieceAction action) {
  constexpr std::string_view kPrefix = "PIECE_ACTION_";
  const std::string& name = pb::PieceAction_Name(action);
  return name.size() > kPrefix.size() ? name.substr(kPrefix.size()) : std::to_string(action);
}

RpcFailure invalid(std::string text) {
  return failure(code::kInvalidArgument, std::move(text));
}

// Upload messages are split by hand: their chunks are large, and a generated class would copy them once more.
struct UploadParts {
  pb::PieceUploadRequest rest;  // everything but the chunk
  bool has_chunk = false;
  int64_t offset = 0;
  ByteView data;
};

bool split_chunk(ByteView chunk, UploadParts& out) {
  out.has_chunk = true;
  WireReader reader(chunk);
  WireField field;
  while (reader.next(field)) {
    if (field.number == 1 && field.type == 0) out.offset = static_cast<int64_t>(field.value);
    if (field.number == 2 && field.type == 2) out.data = field.data;
  }
  return !reader.failed();
}

bool split(ByteView message, UploadParts& out) {
  WireReader reader(message);
  WireField field;
  bool ok = true;
  while (ok && reader.next(field)) {
    const auto size = static_cast<int>(field.data.size());
    switch (field.number) {
      case 1:
        ok = out.rest.mutable_limit()->ParseFromArray(field.data.data(), size);
        break;
      case 2:
        ok = out.rest.mutable_order()->ParseFromArray(field.data.data(), size);
        break;
      case 3:
        ok = split_chunk(field.data, out);
        break;
      case 4:
        ok = out.rest.mutable_done()->ParseFromArray(field.data.data(), size);
        break;
      case 5:
        out.rest.set_hash_algorithm(static_cast<pb::PieceHashAlgorithm>(field.value));
        break;
      default:
        break;
    }
  }
  return ok && !reader.failed();
}

}  // namespace

// ---- upload ----

UploadStream::UploadStream(PieceNode& node) : node_(node), faults_(node.faults().get()) {
  ++node_.counters().uploads_begun;
}

UploadStream::~UploadStream() {
  node_.counters().put_ordered += static_cast<uint64_t>(ordered_);
}

std::optional<UploadStream::End> UploadStream::on_message(ByteView message) {
  UploadParts parts;
  if (auto failed = check_fields(message, upload_field_rules())) return *failed;
  if (!split(message, parts)) return failure(code::kUnknown, "proto: malformed message");
  if (!limit_) {
    if (auto failed = on_first(parts.rest)) return *failed;
  }
  if (parts.rest.has_order()) {
    if (auto failed = on_order(parts.rest.order())) return *failed;
  }
  if (parts.has_chunk) {
    if (auto failed = on_chunk(parts.offset, parts.data)) return *failed;
  }
  if (!parts.rest.has_done()) return std::nullopt;
  auto done = on_done(parts.rest.done());
  if (!done) return done.failed();
  return std::move(*done);
}

UploadStream::End UploadStream::on_close_send() const {
  return failure(code::kAborted, "unexpected EOF");
}

Check UploadStream::on_first(const pb::PieceUploadRequest& request) {
  if (!request.has_limit()) return invalid("expected order limit as the first message");
  const pb::OrderLimit& limit = request.limit();
  if (limit.action() != pb::PIECE_ACTION_PUT && limit.action() != pb::PIECE_ACTION_PUT_REPAIR) {
    return invalid("expected put or put repair action got " + action_name(limit.action()));
  }
  algorithm_ = request.hash_algorithm();
  if (algorithm_ != pb::PIECE_HASH_SHA256 && algorithm_ != pb::PIECE_HASH_BLAKE3) {
    return failure(code::kInternal, "unknown hash algorithm");
  }
  if (auto failed = node_.verify_limit(limit)) return failed;
  if (faults_.full) {
    return failure(code::kAborted,
                   "not enough available disk space, have: 0, need: " + std::to_string(limit.limit()));
  }
  limit_ = limit;
  key_.emplace(limit.uplink_public_key());
  return {};
}

Check UploadStream::on_order(const pb::Order& order) {
  if (auto failed = node_.verify_order(*limit_, order, ordered_, *key_)) return failed;
  ordered_ = order.amount();
  return {};
}

Check UploadStream::on_chunk(int64_t offset, ByteView data) {
  const auto before = static_cast<int64_t>(data_.size());
  if (offset != before) return invalid("chunk out of order");
  const int64_t after = before + static_cast<int64_t>(data.size());
  if (ordered_ < after) {
    return invalid("not enough allocated, allocated=" + std::to_string(ordered_) +
                   " writing=" + std::to_string(after));
  }
  // Most pieces that outgrow the small sizes become as large as their limit: one move instead of many.
  const auto limit = static_cast<size_t>(std::min(limit_->limit(), kMaxReserve));
  if (static_cast<size_t>(after) > data_.capacity() && static_cast<size_t>(before) >= kSmallPiece) {
    data_.reserve(std::max(limit, static_cast<size_t>(after)));
  }
  data_.append(data.text());
  if (algorithm_ == pb::PIECE_HASH_SHA256) {
    sha256_.update(data);
  } else {
    blake3_.update(data);
  }
  return {};
}

std::string UploadStream::digest() {
  if (algorithm_ == pb::PIECE_HASH_SHA256) {
    const auto hash = sha256_.finish();
    return ByteView(hash.data(), hash.size()).str();
  }
  const auto hash = blake3_.finish();
  return ByteView(hash.data(), hash.size()).str();
}

Outcome<std::string> UploadStream::on_done(const pb::PieceHash& done) {
  if (done.hash_algorithm() != algorithm_) {
    return failure(code::kInternal, "Hash algorithm in the first and last upload message are different " +
                                        algorithm_name(algorithm_) + " " +
                                        algorithm_name(done.hash_algorithm()));
  }
  const std::string hash = digest();
  // The network reports these three as internal errors.
  if (done.piece_id() != limit_->piece_id()) return failure(code::kInternal, "piece id changed");
  if (done.hash() != hash) return failure(code::kInternal, "hashes don't match");
  if (!key_->verify(signing_bytes(done), done.signature())) {
    return failure(code::kInternal, "invalid piece hash signature");
  }
  const auto size = static_cast<int64_t>(data_.size());
  if (done.piece_size() != size) {
    return invalid("Size of finished piece does not match size declared by uplink! " +
                   std::to_string(done.piece_size()) + " != " + std::to_string(size));
  }
  if (auto kept = node_.keep(*limit_, std::move(data_)); !kept) {
    return failure(code::kInternal, kept.error().what);
  }
  data_.clear();
  return reply(hash, size);
}

std::string UploadStream::reply(const std::string& hash, int64_t size) const {
  pb::PieceUploadResponse out;
  pb::PieceHash& done = *out.mutable_done();
  done.set_piece_id(limit_->piece_id());
  done.set_hash(hash);
  done.set_hash_algorithm(algorithm_);
  done.set_piece_size(size);
  *done.mutable_timestamp() = to_timestamp(node_.clock().wall_now());
  if (faults_.wrong_hash) {
    std::string other = hash;
    other[0] = static_cast<char>(other[0] ^ 1);
    done.set_hash(other);
  }
  std::string signed_bytes = signing_bytes(done);
  if (faults_.bad_signature) signed_bytes += '!';
  done.set_signature(node_.identity().sign(signed_bytes));
  out.set_node_certchain(node_.identity().chain_der());
  return out.SerializeAsString();
}

// ---- download ----

DownloadStream::DownloadStream(PieceNode& node) : node_(node), faults_(node.faults().get()) {
  ++node_.counters().downloads_begun;
}

DownloadStream::~DownloadStream() {
  node_.counters().get_ordered += static_cast<uint64_t>(ordered_);
  node_.counters().bytes_sent += static_cast<uint64_t>(sent_);
  if (piece_ != nullptr && sent_ == size_) ++node_.counters().downloads_complete;
}

Check DownloadStream::on_message(ByteView message) {
  if (auto failed = check_fields(message, download_field_rules())) return failed;
  pb::PieceDownloadRequest request;
  if (!request.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    return failure(code::kUnknown, "proto: malformed message");
  }
  if (!limit_) {
    if (auto failed = on_first(request)) return failed;
    return request.has_order() ? on_order(request.order()) : Check();
  }
  // Later messages hold nothing but orders.
  if (!request.has_order()) return failure(code::kInternal, "expected order as the message");
  return on_order(request.order());
}

Check DownloadStream::on_first(const pb::PieceDownloadRequest& request) {
  const pb::PieceDownloadRequest::Chunk& chunk = request.chunk();
  if (!request.has_limit() || !request.has_chunk() || chunk.chunk_size() == 0) {
    return invalid("expected order limit and chunk as the first message");
  }
  const pb::OrderLimit& limit = request.limit();
  if (limit.action() != pb::PIECE_ACTION_GET) {
    return invalid("expected get or get repair or audit action got " + action_name(limit.action()));
  }
  if (chunk.chunk_size() > limit.limit()) {
    return invalid("requested more that order limit allows, limit=" + std::to_string(limit.limit()) +
                   " requested=" + std::to_string(chunk.chunk_size()));
  }
  if (chunk.chunk_size() < 0 || chunk.offset() < 0) return invalid("requested a negative range");
  if (auto failed = node_.verify_limit(limit)) return failed;
  auto piece = node_.store().get(limit.piece_id());
  if (piece == nullptr) return failure(code::kNotFound, "file does not exist");
  const auto available = static_cast<int64_t>(piece->data().size());
  if (chunk.offset() > available || chunk.chunk_size() > available - chunk.offset()) {
    return invalid("requested more data than available, requesting=" +
                   std::to_string(chunk.offset() + chunk.chunk_size()) +
                   " available=" + std::to_string(available));
  }
  limit_ = limit;
  key_.emplace(limit.uplink_public_key());
  piece_ = std::move(piece);
  begin_ = chunk.offset();
  size_ = chunk.chunk_size();
  const int64_t wanted = request.maximum_chunk_size();
  chunk_ = wanted > kMinChunk && wanted < kMaxChunk ? wanted : kMaxChunk;
  return {};
}

Check DownloadStream::on_order(const pb::Order& order) {
  // A download that goes wrong here ends as an internal error, whatever is wrong.
  if (auto failed = node_.verify_order(*limit_, order, ordered_, *key_)) {
    return failure(code::kInternal, failed->text);
  }
  ordered_ = order.amount();
  return {};
}

bool DownloadStream::cut_short() const {
  return faults_.short_after && sent() >= *faults_.short_after && piece_ != nullptr;
}

void DownloadStream::flip_bits(std::string& data, uint64_t offset) const {
  const auto flip = [&](uint64_t at) {
    if (at >= offset && at < offset + data.size())
      data[at - offset] = static_cast<char>(data[at - offset] ^ 1);
  };
  if (faults_.flip_offset) {
    flip(*faults_.flip_offset);
    return;
  }
  for (uint64_t at = offset / kShare * kShare; at < offset + data.size(); at += kShare) flip(at);
}

std::optional<DownloadStream::Message> DownloadStream::next(uint64_t max_bytes) {
  if (piece_ == nullptr || cut_short()) return std::nullopt;
  int64_t n = std::min({size_ - sent_, chunk_, ordered_ - sent_});
  n = std::min(n, static_cast<int64_t>(std::min<uint64_t>(max_bytes, kMaxChunk)));
  if (faults_.short_after) n = std::min(n, static_cast<int64_t>(*faults_.short_after) - sent_);
  if (n <= 0) return std::nullopt;
  const int64_t offset = begin_ + sent_;
  Message out;
  out.data = piece_->data().sub(static_cast<size_t>(offset), static_cast<size_t>(n));
  if (faults_.flip) {
    changed_ = out.data.str();
    flip_bits(changed_, static_cast<uint64_t>(offset));
    out.data = changed_;
  }
  sent_ += n;

  // Response{chunk = 1: Chunk{offset = 1, data = 2}}, with the data left to the caller.
  std::string inner;
  const auto varint = [](std::string& to, uint64_t value) {
    for (; value >= 0x80; value >>= 7) to.push_back(static_cast<char>(value | 0x80));
    to.push_back(static_cast<char>(value));
  };
  if (offset != 0) {
    inner.push_back(0x08);
    varint(inner, static_cast<uint64_t>(offset));
  }
  inner.push_back(0x12);
  varint(inner, static_cast<uint64_t>(n));
  out.header.push_back(0x0a);
  varint(out.header, inner.size() + static_cast<uint64_t>(n));
  out.header += inner;
  return out;
}

}  // namespace sjcp::network
