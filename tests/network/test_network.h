// A satellite and nodes without sockets or real identities, on a clock that only tests move.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "core/access/access.pb.h"
#include "core/base/clock.h"
#include "core/crypto/hash.h"
#include "net/storj/wire/piecestore.pb.h"
#include "tests/network/metainfo.h"
#include "tests/network/piece_node.h"
#include "tests/network/piece_streams.h"
#include "tests/network/types.h"

namespace sjcp::network {

class TestClock : public Clock {
 public:
  Steady steady_now() const override { return Steady(offset_); }
  Wall wall_now() const override { return Wall(std::chrono::seconds(1'800'000'000) + offset_); }
  void advance(std::chrono::seconds by) { offset_ += by; }

 private:
  std::chrono::nanoseconds offset_{0};
};

// "Signs" with a keyed hash; quick, and as unforgeable as tests need.
class FakeSignatory : public Signatory {
 public:
  FakeSignatory()
      : secret_(crypto::random_string(32)), id_(*access::NodeId::from_bytes(crypto::random_string(32))) {}

  const access::NodeId& id() const override { return id_; }
  std::string sign(ByteView data) const override {
    const auto digest = crypto::hmac_sha256(secret_, data);
    return ByteView(digest.data(), digest.size()).str();
  }
  bool verify(ByteView data, ByteView signature) const override { return equal(sign(data), signature); }
  std::string chain_der() const override { return "chain of " + to_hex(id_.view()); }

 private:
  std::string secret_;
  access::NodeId id_;
};

// RS 2/3/4/5 over six nodes.
class TestNetwork : private PieceReleaser {
 public:
  TestNetwork() : TestNetwork(default_config()) {}
  explicit TestNetwork(const SatelliteConfig& config)
      : satellite_identity(std::make_shared<FakeSignatory>()),
        state(config, satellite_identity, *this, clock),
        metainfo(state) {
    for (size_t i = 0; i < 6; ++i) {
      auto identity = std::make_shared<FakeSignatory>();
      nodes.push_back(std::make_unique<PieceNode>(identity, satellite_identity, make_memory_store(), clock));
      state.nodes.add({identity, "node" + std::to_string(i) + ":7777"});
    }
    header.set_api_key(state.keys.root().serialize());
    header.set_user_agent("test");
  }

  static SatelliteConfig default_config() {
    SatelliteConfig config;
    config.redundancy = {2, 3, 4, 5, 256};
    config.project_salt = std::string(16, 's');
    config.key_head = std::string(32, 'h');
    config.key_secret = std::string(32, 'k');
    return config;
  }

  // A call with the header set; `reply` keeps what it had when the call fails.
  template <class Request, class Reply>
  Check call(const std::string& method, Request request, Reply& reply) {
    if (!request.has_header()) *request.mutable_header() = header;
    CallResult result = metainfo.call(method, request.SerializeAsString());
    if (!result.failed) reply.ParseFromString(result.reply);
    return result.failed;
  }

  void make_bucket(const std::string& name) {
    pb::CreateBucketRequest request;
    request.set_name(name);
    pb::CreateBucketResponse reply;
    call("CreateBucket", request, reply);
  }

  // A stream id; empty when it failed.
  std::string begin(const std::string& bucket, const std::string& key) {
    pb::BeginObjectRequest request;
    request.set_bucket(bucket);
    request.set_encrypted_object_key(key);
    request.mutable_encryption_parameters()->set_cipher_suite(2);
    request.mutable_encryption_parameters()->set_block_size(512);
    pb::BeginObjectResponse reply;
    call("BeginObject", request, reply);
    return reply.stream_id();
  }

  Check make_inline(const std::string& stream_id, const std::string& data, SegmentPosition position = {}) {
    pb::MakeInlineSegmentRequest request;
    request.set_stream_id(stream_id);
    request.mutable_position()->set_part_number(static_cast<int32_t>(position.part));
    request.mutable_position()->set_index(static_cast<int32_t>(position.index));
    request.set_encrypted_key_nonce(std::string(24, 'n'));
    request.set_encrypted_key(std::string(48, 'k'));
    request.set_encrypted_inline_data(data);
    request.set_plain_size(static_cast<int64_t>(data.size()));
    pb::MakeInlineSegmentResponse reply;
    return call("MakeInlineSegment", request, reply);
  }

  Check commit(const std::string& stream_id) {
    pb::CommitObjectRequest request;
    request.set_stream_id(stream_id);
    pb::CommitObjectResponse reply;
    return call("CommitObject", request, reply);
  }

  // An object of one inline segment.
  void put(const std::string& bucket, const std::string& key, const std::string& data = "data") {
    const std::string stream = begin(bucket, key);
    make_inline(stream, data);
    commit(stream);
  }

  PieceNode& node_of(const pb::OrderLimit& limit) {
    for (auto& node : nodes) {
      if (node->identity().id().view().str() == limit.storage_node_id()) return *node;
    }
    return *nodes.front();
  }

  // Limits for one segment of at most `size` encrypted bytes.
  pb::BeginSegmentResponse begin_segment(const std::string& stream_id, int64_t size, int32_t index = 0) {
    pb::BeginSegmentRequest request;
    request.set_stream_id(stream_id);
    request.mutable_position()->set_index(index);
    request.set_max_order_limit(size);
    pb::BeginSegmentResponse reply;
    call("BeginSegment", request, reply);
    return reply;
  }

  // Stores `data` with one message; the node's signed hash.
  pb::PieceHash upload(const pb::BeginSegmentResponse& segment, int number, const std::string& data) {
    const pb::OrderLimit& limit = segment.addressed_limits(number).limit();
    UploadStream stream(node_of(limit));
    auto end = stream.on_message(upload_message(limit, segment.private_key(), data).SerializeAsString());
    pb::PieceUploadResponse reply;
    if (end && std::holds_alternative<std::string>(*end)) reply.ParseFromString(std::get<std::string>(*end));
    return reply.done();
  }

  // Limit, order for all, the data and the hash.
  pb::PieceUploadRequest upload_message(const pb::OrderLimit& limit, const std::string& key,
                                        const std::string& data) const {
    pb::PieceUploadRequest request;
    *request.mutable_limit() = limit;
    *request.mutable_order() = order(limit, key, static_cast<int64_t>(data.size()));
    request.mutable_chunk()->set_data(data);
    *request.mutable_done() = hash(limit, key, data);
    return request;
  }

  static pb::Order order(const pb::OrderLimit& limit, const std::string& key, int64_t amount) {
    pb::Order out;
    out.set_serial_number(limit.serial_number());
    out.set_amount(amount);
    out.set_uplink_signature(sign_with_piece_key(key, signing_bytes(out)));
    return out;
  }

  pb::PieceHash hash(const pb::OrderLimit& limit, const std::string& key, const std::string& data) const {
    pb::PieceHash out;
    out.set_piece_id(limit.piece_id());
    const auto digest = crypto::sha256(data);
    out.set_hash(ByteView(digest.data(), digest.size()).str());
    out.set_piece_size(static_cast<int64_t>(data.size()));
    *out.mutable_timestamp() = to_timestamp(clock.wall_now());
    out.set_signature(sign_with_piece_key(key, signing_bytes(out)));
    return out;
  }

  // All pieces of a segment of `size` encrypted bytes, stored, as results to commit.
  pb::CommitSegmentRequest stored_segment(const pb::BeginSegmentResponse& segment, int64_t size,
                                          int pieces = 5) {
    pb::CommitSegmentRequest out;
    out.set_segment_id(segment.segment_id());
    out.set_encrypted_key_nonce(std::string(24, 'n'));
    out.set_encrypted_key(std::string(48, 'k'));
    out.set_size_encrypted_data(size);
    out.set_plain_size(size - 16);
    const auto piece_bytes = static_cast<size_t>(piece_size(state.config.redundancy, size));
    for (int i = 0; i < pieces; ++i) {
      pb::SegmentPieceUploadResult& result = *out.add_upload_result();
      result.set_piece_num(i);
      result.set_node_id(segment.addressed_limits(i).limit().storage_node_id());
      *result.mutable_hash() = upload(segment, i, std::string(piece_bytes, static_cast<char>('a' + i)));
    }
    return out;
  }

  Check commit_segment(const pb::CommitSegmentRequest& request, int* successful = nullptr) {
    pb::CommitSegmentResponse reply;
    Check failed = call("CommitSegment", request, reply);
    if (successful != nullptr) *successful = reply.successful_pieces();
    return failed;
  }

  size_t pieces_held() {
    size_t count = 0;
    for (auto& node : nodes) count += node->store().ids().size();
    return count;
  }

  // The root key with one more caveat, as a header.
  pb::RequestHeader restricted(const pb::Caveat& caveat) const {
    pb::RequestHeader out = header;
    out.set_api_key(state.keys.root().with_caveat(caveat.SerializeAsString()).serialize());
    return out;
  }

  TestClock clock;
  std::shared_ptr<FakeSignatory> satellite_identity;
  std::vector<std::unique_ptr<PieceNode>> nodes;  // outlives the satellite's objects
  SatelliteState state;
  Metainfo metainfo;
  pb::RequestHeader header;

 private:
  void release(const std::vector<PieceRef>& pieces, const std::string& serial) override {
    for (const PieceRef& piece : pieces) {
      for (auto& node : nodes) {
        if (node->identity().id() != piece.node) continue;
        if (!serial.empty()) node->retire(serial);
        node->store().remove(piece.piece_id);
      }
    }
  }
};

inline std::string text_of(const Check& failed) {
  return failed ? std::to_string(failed->code) + " " + failed->text : "ok";
}

}  // namespace sjcp::network
