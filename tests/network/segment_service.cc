#include "tests/network/segment_service.h"

#include <algorithm>
#include <set>

#include "core/crypto/hash.h"
#include "tests/network/object_reply.h"
#include "tests/network/object_service.h"

namespace sjcp::network {
namespace {

constexpr std::chrono::hours kPieceHashLifetime{24};
constexpr std::chrono::hours kMaxCommitInterval{48};
// Sealing may add this much: the smallest blocks that a client could choose.
constexpr int64_t kSmallestBlock = 128;

RpcFailure invalid(std::string text) {
  return failure(code::kInvalidArgument, std::move(text));
}

Check check_position(bool present, const pb::SegmentPosition& position, const char* request) {
  if (!present) return invalid(std::string("sjnet: ") + request + " without a position");
  if (position.index() < 0) return invalid("segment index must be greater then 0");
  if (position.part_number() < 0) return invalid("sjnet: part number is negative");
  return {};
}

std::optional<Clock::Wall> expiry_of(const pb::StreamToken& stream) {
  if (stream.expires_at_ns() == 0) return std::nullopt;
  return Clock::Wall(
      std::chrono::duration_cast<Clock::Wall::duration>(std::chrono::nanoseconds(stream.expires_at_ns())));
}

PieceRef piece_ref(const pb::OrderLimit& limit) {
  return {access::NodeId::from_bytes(limit.storage_node_id()).value_or(access::NodeId()), limit.piece_id()};
}

}  // namespace

Outcome<pb::StreamToken> SegmentService::open(const pb::RequestHeader& header, const std::string& stream_id,
                                              Action action) const {
  auto token = state_.tokens.open_stream(stream_id);
  if (!token) return token;
  auto credentials = state_.keys.identify(header);
  if (!credentials) return credentials.failed();
  if (auto failed = credentials->require(action, token->bucket(), token->object_key())) return *failed;
  return token;
}

Outcome<pb::SegmentToken> SegmentService::open_segment(const pb::RequestHeader& header,
                                                       const std::string& segment_id) const {
  auto token = state_.tokens.open_segment(segment_id);
  if (!token) return token;
  auto credentials = state_.keys.identify(header);
  if (!credentials) return credentials.failed();
  const pb::StreamToken& stream = token->stream();
  if (auto failed = credentials->require(Action::kWrite, stream.bucket(), stream.object_key()))
    return *failed;
  return token;
}

// ---- limits for uploads ----

Outcome<pb::BeginSegmentResponse> SegmentService::begin(const pb::BeginSegmentRequest& request) {
  const auto stream = open(request.header(), request.stream_id(), Action::kWrite);
  if (!stream) return stream.failed();
  if (auto failed = check_position(request.has_position(), request.position(), "BeginSegment"))
    return *failed;
  if (request.max_order_limit() <= 0) return invalid("sjnet: max_order_limit is not positive");
  const SegmentPosition position = position_of(request.position());
  const Placement placement = state_.placements.of(stream->bucket());
  const Redundancy& redundancy = placement.scheme(position.index);
  const auto total = static_cast<size_t>(redundancy.total);
  const auto nodes = state_.nodes.pick(total, {});
  if (nodes.size() < total) {
    return failure(code::kFailedPrecondition, "not enough nodes: requested from cache " +
                                                  std::to_string(total) + ", found " +
                                                  std::to_string(nodes.size()));
  }
  const LimitSet set = state_.orders.begin(pb::PIECE_ACTION_PUT, crypto::random_string(32),
                                           piece_size(redundancy, request.max_order_limit()),
                                           expiry_of(*stream), state_.faults.take_limit_age());
  pb::BeginSegmentResponse out;
  pb::SegmentToken token;
  std::vector<PieceRef> pieces;
  for (size_t i = 0; i < total; ++i) {
    pb::AddressedOrderLimit& limit = *out.add_addressed_limits();
    limit = state_.orders.issue(set, *nodes[i], static_cast<int32_t>(i));
    pieces.push_back(piece_ref(limit.limit()));
    pb::AddressedOrderLimit& kept = *token.add_limits();
    kept = limit;
    kept.mutable_limit()->clear_satellite_signature();
  }
  auto lease = std::make_shared<PieceLease>(state_.releaser, set.serial, std::move(pieces));
  if (auto failed = state_.metabase.begin_segment(stream_key(*stream), set.root_piece_id, std::move(lease))) {
    return *failed;
  }
  *token.mutable_stream() = *stream;
  set_redundancy(*token.mutable_redundancy(), redundancy);
  token.set_part(position.part);
  token.set_index(position.index);
  token.set_root_piece_id(set.root_piece_id);
  out.set_segment_id(state_.tokens.seal(token));
  out.set_private_key(set.key.private_key);
  set_redundancy(*out.mutable_redundancy_scheme(), redundancy);
  if (placement.cohort) *out.mutable_cohort_requirements() = requirements_of(placement, position.index);
  return out;
}

namespace {

Check check_retry(const pb::RetryBeginSegmentPiecesRequest& request, const pb::SegmentToken& token) {
  if (request.retry_piece_numbers().empty()) return invalid("piece numbers to exchange cannot be empty");
  std::set<int32_t> seen;
  for (const int32_t number : request.retry_piece_numbers()) {
    if (number < 0 || number >= token.limits_size()) {
      return invalid("piece number " + std::to_string(number) + " must be within range [0," +
                     std::to_string(token.limits_size() - 1) + "]");
    }
    if (!seen.insert(number).second)
      return invalid("piece number " + std::to_string(number) + " is duplicated");
  }
  return {};
}

}  // namespace

Outcome<pb::RetryBeginSegmentPiecesResponse> SegmentService::retry(
    const pb::RetryBeginSegmentPiecesRequest& request) {
  auto token = open_segment(request.header(), request.segment_id());
  if (!token) return token.failed();
  if (auto failed = check_retry(request, *token)) return *failed;
  std::set<access::NodeId> used;
  for (const pb::AddressedOrderLimit& limit : token->limits()) used.insert(piece_ref(limit.limit()).node);
  const auto wanted = static_cast<size_t>(request.retry_piece_numbers_size());
  const auto nodes = state_.nodes.pick(wanted, used);
  if (nodes.size() < wanted) {
    return failure(code::kFailedPrecondition, "not enough nodes: not enough nodes: requested from cache " +
                                                  std::to_string(wanted) + ", found " +
                                                  std::to_string(nodes.size()));
  }
  std::vector<PieceRef> added;
  for (size_t i = 0; i < wanted; ++i) {
    const int32_t number = request.retry_piece_numbers(static_cast<int>(i));
    pb::AddressedOrderLimit& limit = *token->mutable_limits(number);
    limit = state_.orders.reissue(limit, token->root_piece_id(), *nodes[i], number);
    added.push_back(piece_ref(limit.limit()));
  }
  state_.metabase.extend_segment(stream_key(token->stream()), token->root_piece_id(), added);
  pb::RetryBeginSegmentPiecesResponse out;
  out.set_segment_id(state_.tokens.seal(*token));
  for (const pb::AddressedOrderLimit& limit : token->limits()) {
    pb::AddressedOrderLimit& signed_limit = *out.add_addressed_limits();
    signed_limit = limit;
    state_.orders.sign(*signed_limit.mutable_limit());
  }
  return out;
}

// ---- commits ----

namespace {

// Sizes of all pieces: equal, and what the redundancy scheme makes of the segment.
Check check_piece_sizes(const pb::CommitSegmentRequest& request, const Redundancy& redundancy) {
  const std::string prefix = "piece sizes are invalid: pointer verification: ";
  int64_t common = -1;
  for (const pb::SegmentPieceUploadResult& result : request.upload_result()) {
    if (!result.has_hash()) continue;
    const int64_t size = result.hash().piece_size();
    if (size <= 0) return invalid(prefix + "size is invalid (" + std::to_string(size) + ")");
    if (common > 0 && common != size) {
      return invalid(prefix + "sizes do not match (" + std::to_string(common) +
                     " != " + std::to_string(size) + ")");
    }
    common = size;
  }
  if (common < 0) return invalid(prefix + "no remote pieces");
  const int64_t expected = piece_size(redundancy, request.size_encrypted_data());
  if (expected != common) {
    return invalid(prefix + "expected size is different from provided (" + std::to_string(expected) +
                   " != " + std::to_string(common) + ")");
  }
  return {};
}

// Ascending numbers; the same node only once.
Check check_piece_order(const std::vector<pb::SegmentPieceUploadResult>& results) {
  std::set<std::string> nodes;
  for (size_t i = 0; i < results.size(); ++i) {
    if (i > 0 && results[i].piece_num() < results[i - 1].piece_num()) {
      return invalid("metabase: invalid request: pieces should be ordered");
    }
    if (!nodes.insert(results[i].node_id()).second) {
      return invalid("metainfo: node id for piece num " + std::to_string(results[i].piece_num()) +
                     " is duplicated");
    }
  }
  return {};
}

}  // namespace

bool SegmentService::valid_result(const pb::SegmentPieceUploadResult& result,
                                  const pb::SegmentToken& token) const {
  if (result.piece_num() < 0 || result.piece_num() >= token.limits_size() || !result.has_hash()) return false;
  const pb::OrderLimit& limit = token.limits(result.piece_num()).limit();
  const pb::PieceHash& hash = result.hash();
  if (limit.storage_node_id() != result.node_id() || limit.piece_id() != hash.piece_id()) return false;
  if (hash.piece_size() > limit.limit()) return false;
  if (to_wall(hash.timestamp()) < state_.clock.wall_now() - kPieceHashLifetime) return false;
  const auto id = access::NodeId::from_bytes(result.node_id());
  const NodeEntry* node = id ? state_.nodes.find(*id) : nullptr;
  return node != nullptr && node->signatory->verify(signing_bytes(hash), hash.signature());
}

std::vector<pb::SegmentPieceUploadResult> SegmentService::valid_results(
    const pb::CommitSegmentRequest& request, const pb::SegmentToken& token) const {
  std::vector<pb::SegmentPieceUploadResult> valid;
  std::set<int32_t> numbers;
  for (const pb::SegmentPieceUploadResult& result : request.upload_result()) {
    if (valid_result(result, token) && numbers.insert(result.piece_num()).second) valid.push_back(result);
  }
  return valid;
}

Check SegmentService::check_segment_checksum(const std::string& checksum) const {
  if (checksum.empty() || state_.config.checksums) return {};
  return failure(code::kChecksumsUnsupported, "Checksum options may not be provided at this time");
}

Check SegmentService::check_commit(const pb::CommitSegmentRequest& request,
                                   const Redundancy& redundancy) const {
  const int32_t optimal = redundancy.optimal;
  if (request.upload_result_size() < optimal) {
    return invalid("the number of results of uploaded pieces (" +
                   std::to_string(request.upload_result_size()) + ") is below the optimal threshold (" +
                   std::to_string(optimal) + ")");
  }
  if (auto failed = check_piece_sizes(request, redundancy)) return failed;
  const int64_t size = request.size_encrypted_data();
  const int64_t largest = encrypted_size(state_.config.segment_bytes, kSmallestBlock);
  if (size > largest || size < 0) {
    return invalid("metainfo: encrypted segment size " + std::to_string(size) +
                   " is out of range, maximum allowed is " + std::to_string(largest));
  }
  if (request.plain_size() > size || request.plain_size() > state_.config.segment_bytes) {
    return invalid("metainfo: plain segment size " + std::to_string(request.plain_size()) +
                   " is out of range, maximum allowed is " +
                   std::to_string(std::min(size, state_.config.segment_bytes)));
  }
  return {};
}

// Stricter than the network, which leaves it to its clients.
Check SegmentService::check_cohort(const std::vector<pb::SegmentPieceUploadResult>& results,
                                   const pb::SegmentToken& token) const {
  const Placement placement = state_.placements.of(token.stream().bucket());
  if (!placement.cohort) return {};
  std::vector<std::string> values;
  for (const pb::SegmentPieceUploadResult& result : results) {
    const auto& tags = token.limits(result.piece_num()).tags();
    const auto tag = tags.find(placement.cohort->tag);
    values.push_back(tag == tags.end() ? "" : tag->second);
  }
  if (satisfied(*placement.cohort, values)) return {};
  return invalid("sjnet: the pieces do not satisfy the placement's cohort");
}

Outcome<pb::CommitSegmentResponse> SegmentService::commit(const pb::CommitSegmentRequest& request) {
  const auto token = open_segment(request.header(), request.segment_id());
  if (!token) return token.failed();
  if (auto failed = check_segment_checksum(request.encrypted_checksum())) return *failed;
  const Redundancy redundancy = redundancy_of(token->redundancy());
  if (auto failed = check_commit(request, redundancy)) return *failed;
  const auto valid = valid_results(request, *token);
  if (valid.size() < static_cast<size_t>(redundancy.optimal)) {
    return invalid(
        "Number of valid pieces (" + std::to_string(valid.size()) + ") is less than the success threshold (" +
        std::to_string(redundancy.optimal) + "). Found " +
        std::to_string(static_cast<size_t>(request.upload_result_size()) - valid.size()) + " invalid pieces");
  }
  if (auto failed = check_piece_order(valid)) return *failed;
  if (auto failed = check_cohort(valid, *token)) return *failed;
  const Clock::Wall created = to_wall(token->limits(0).limit().order_creation());
  if (state_.clock.wall_now() - created > kMaxCommitInterval) {
    return invalid("metainfo: Segment not committed before max commit interval of 2880.000000 minutes.");
  }
  Segment segment;
  segment.position = {token->part(), token->index()};
  segment.key = request.encrypted_key();
  segment.key_nonce = nonce_or_zero(request.encrypted_key_nonce());
  segment.encrypted_size = request.size_encrypted_data();
  segment.plain_size = request.plain_size();
  segment.etag = request.encrypted_e_tag();
  segment.checksum = request.encrypted_checksum();
  segment.redundancy = redundancy;
  segment.root_piece_id = token->root_piece_id();

  for (const pb::SegmentPieceUploadResult& result : valid) {
    const pb::OrderLimit& limit = token->limits(result.piece_num()).limit();
    segment.pieces.push_back({result.piece_num(), piece_ref(limit).node});
  }
  if (auto failed = state_.metabase.commit_segment(stream_key(token->stream()), std::move(segment))) {
    return *failed;
  }
  pb::CommitSegmentResponse out;
  out.set_successful_pieces(static_cast<int32_t>(valid.size()));
  return out;
}

Outcome<pb::MakeInlineSegmentResponse> SegmentService::make_inline(
    const pb::MakeInlineSegmentRequest& request) {
  const auto stream = open(request.header(), request.stream_id(), Action::kWrite);
  if (!stream) return stream.failed();
  if (auto failed = check_position(request.has_position(), request.position(), "MakeInlineSegment"))
    return *failed;
  if (auto failed = check_segment_checksum(request.encrypted_checksum())) return *failed;
  const auto size = static_cast<int64_t>(request.encrypted_inline_data().size());
  if (size > encrypted_size(state_.config.max_inline_bytes, kSmallestBlock)) {
    return invalid("inline segment size cannot be larger than " + size_text(state_.config.max_inline_bytes));
  }
  if (request.plain_size() > size) return invalid("sjnet: plain size is larger than the inline data");
  Segment segment;
  segment.position = position_of(request.position());
  segment.key = request.encrypted_key();
  segment.key_nonce = nonce_or_zero(request.encrypted_key_nonce());
  segment.encrypted_size = size;
  segment.plain_size = request.plain_size();
  segment.etag = request.encrypted_e_tag();
  segment.checksum = request.encrypted_checksum();
  segment.inline_data = request.encrypted_inline_data();
  if (auto failed = state_.metabase.commit_segment(stream_key(*stream), std::move(segment))) return *failed;
  return pb::MakeInlineSegmentResponse();
}

// ---- reading ----

Outcome<pb::ListSegmentsResponse> SegmentService::list(const pb::ListSegmentsRequest& request) {
  const auto stream = open(request.header(), request.stream_id(), Action::kRead);
  if (!stream) return stream.failed();
  const auto limit = list_limit(request.limit());
  if (!limit) return limit.failed();
  const SegmentPosition cursor = position_of(request.cursor_position());
  pb::ListSegmentsResponse out;
  for (const Segment& segment : state_.metabase.segments(stream_key(*stream))) {
    // A zero cursor means "from the start", not "after the first".
    if (cursor != SegmentPosition{} && segment.position <= cursor) continue;
    if (static_cast<size_t>(out.items_size()) == *limit) {
      out.set_more(true);
      break;
    }
    *out.add_items() = segment_list_item(segment);
  }
  out.mutable_encryption_parameters()->set_cipher_suite(stream->cipher());
  out.mutable_encryption_parameters()->set_block_size(stream->block_size());
  return out;
}

Outcome<pb::DownloadSegmentResponse> SegmentService::download(const pb::DownloadSegmentRequest& request) {
  const auto stream = open(request.header(), request.stream_id(), Action::kRead);
  if (!stream) return stream.failed();
  if (request.server_side_copy()) {
    return invalid("ServerSideCopy flag is only allowed for trusted uplink clients");
  }
  if (!request.has_cursor_position()) return invalid("sjnet: DownloadSegment without a position");
  const std::vector<Segment> segments = state_.metabase.segments(stream_key(*stream));
  const pb::SegmentPosition& wanted = request.cursor_position();
  const bool last = wanted.part_number() == 0 && wanted.index() == -1;
  const auto found = std::find_if(segments.begin(), segments.end(), [&](const Segment& segment) {
    return last ? &segment == &segments.back() : segment.position == position_of(wanted);
  });
  if (found == segments.end()) return failure(code::kNotFound, "segment not found: segment missing");
  const Encryption encryption{stream->cipher(), stream->block_size()};
  return segment_download(state_, *found, encryption, std::nullopt, false, request.desired_nodes());
}

Outcome<pb::DeletePartResponse> SegmentService::delete_part(const pb::DeletePartRequest&) {
  // Parts of an upload in progress are overwritten, never deleted: the network answers and does nothing.
  return pb::DeletePartResponse();
}

}  // namespace sjcp::network
