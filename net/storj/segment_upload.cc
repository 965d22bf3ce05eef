#include "net/storj/segment_upload.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "core/base/clock.h"
#include "net/io/tcp_state.h"
#include "net/storj/status.h"

namespace sjcp::storj {

using Steady = std::chrono::steady_clock;

namespace {

constexpr auto kCheckInterval = std::chrono::milliseconds(500);
constexpr auto kLookInterval = std::chrono::milliseconds(100);
constexpr auto kReviewInterval = std::chrono::milliseconds(50);
constexpr auto kWorthNoting = std::chrono::microseconds(100);
constexpr size_t kReadSize = 16 << 10;
constexpr auto kNotable = std::chrono::milliseconds(3);  // a round trip

// The clock by which receipts are judged is the satellite's, which made the limit moments ago: this machine's
// may be wrong by years.
Clock::Wall satellite_time(const pb::AddressedOrderLimit& limit) {
  const int64_t seconds = limit.limit().order_creation().seconds();
  return seconds > 0 ? Clock::Wall(std::chrono::seconds(seconds)) : system_clock().wall_now();
}

// "not enough nodes: requested from cache 3, found 2": the 2.
std::optional<int> nodes_found(const std::string& text) {
  constexpr std::string_view kFound = ", found ";
  const size_t at = text.rfind(kFound);
  if (at == std::string::npos) return std::nullopt;
  int found = 0;
  const char* const begin = text.data() + at + kFound.size();
  if (std::from_chars(begin, text.data() + text.size(), found).ec != std::errc() || found < 0)
    return std::nullopt;
  return found;
}

// A connection that is far from its shortest round trip waits behind others in some queue.  Where round trips
// take next to no time, nothing is lost by holding pieces back until they are needed.
bool has_room(NodeConnection& link) {
  if (!link.connected()) return false;
  const auto state = io::tcp_state(link.transport().fd());
  return state && state->smoothed >= kNotable && state->smoothed < state->least * 3 / 2;
}

}  // namespace

struct SegmentUpload::Lane {
  enum class State : uint8_t { kRunning, kStored, kFailed };

  Lane(SegmentUpload& spread, unsigned number)
      : piece(number), link(spread.pool_, spread.poller_, spread.context_, spread.share_, number) {}

  const unsigned piece;
  State state = State::kRunning;
  pb::AddressedOrderLimit limit;
  NodeTags tags;
  drpc::Peer peer;
  NodeConnection link;
  std::optional<PieceUpload> stream;  // set once the call has begun
  std::optional<Error> failure;
  bool want_write = false;
  bool waits = false;  // for others to come closer
};

SegmentUpload::SegmentUpload(drpc::Pool& pool, pb::BeginSegmentResponse offer,
                             segment::SegmentEncoder& encoder, Exchange exchange,
                             const transfer::Context& context, SpreadOptions options)
    : pool_(pool),
      offer_(std::move(offer)),
      encoder_(encoder),
      exchange_(std::move(exchange)),
      context_(context),
      options_(options),
      pace_(context.throttle),
      poller_(context.stop),
      scratch_(kReadSize) {}

SegmentUpload::~SegmentUpload() {
  cancel_rest();
}

Status SegmentUpload::run() {
  const auto optimum = static_cast<size_t>(std::max(1, offer_.redundancy_scheme().success_threshold()));
  if (auto status = share_.open(least_connections(optimum), context_); !status) return status;
  if (auto status = start(); !status) return status;
  auto next_check = Steady::now() + kCheckInterval;
  auto next_look = Steady::now() + kLookInterval;
  while (!satisfied()) {
    const size_t still_running = running();
    if (still_running == 0 || results_.size() + still_running < optimum) {
      if (auto status = exchange_failed(); !status) return status;
    }
    if (auto status = keep_pace(); !status) return status;
    auto events = poller_.wait(kReviewInterval);
    if (!events) return std::move(events).error();
    for (const auto& event : **events) on_ready(*lanes_[event.token], event.readable);
    open_waiting();
    keep_together();
    review();
    if (Steady::now() >= next_look) {
      next_look = Steady::now() + kLookInterval;
      note_acknowledged();
    }
    if (Steady::now() >= next_check) {
      next_check = Steady::now() + kCheckInterval;
      check_limits();
    }
  }
  cancel_rest();
  std::sort(results_.begin(), results_.end(),
            [](const auto& a, const auto& b) { return a.piece_num() < b.piece_num(); });
  return {};
}

// A piece that is stored makes place for the next, so the segment gets through with any number.
size_t SegmentUpload::least_connections(size_t optimum) const {
  return context_.connections == nullptr ? optimum : std::min(optimum, context_.connections->limit());
}

// The time that the rate makes it wait is not the nodes' silence.
Status SegmentUpload::keep_pace() {
  const auto begin = Steady::now();
  if (auto status = pace_.wait(context_.stop); !status) return status;
  const auto waited = Steady::now() - begin;
  if (waited < kWorthNoting) return {};
  for (auto& lane : lanes_) lane->link.last_progress += waited;
  return {};
}

Status SegmentUpload::start() {
  auto key = crypto::Ed25519Key::from_private(offer_.private_key());
  if (!key) return std::move(key).error();
  key_ = std::move(*key);
  began_ = Steady::now();
  segment::PieceSpread::Options options;
  options.needed = static_cast<unsigned>(std::max(1, offer_.redundancy_scheme().success_threshold()));
  options.piece_size = encoder_.piece_size();
  spread_.emplace(options);
  for (int i = 0; i < offer_.addressed_limits_size(); ++i) {
    spread_->add(static_cast<unsigned>(i));
    lanes_.push_back(std::make_unique<Lane>(*this, static_cast<unsigned>(i)));
  }
  for (auto& lane : lanes_) {
    if (auto status = start_lane(*lane); !status) return status;
  }
  return {};
}

// (Re)starts a piece under the current offer's limit.
Status SegmentUpload::start_lane(Lane& lane) {
  lane.limit = offer_.addressed_limits(static_cast<int>(lane.piece));
  lane.state = Lane::State::kRunning;
  lane.waits = false;
  lane.stream.reset();
  begin_again(lane);
  lane.tags.clear();
  for (const auto& [key, value] : lane.limit.tags()) lane.tags[key] = value;
  auto id = access::NodeId::from_bytes(lane.limit.limit().storage_node_id());
  if (!id) return make_error(Errc::kProtocol, "the satellite's offer names no node");
  if (lane.limit.limit().limit() < static_cast<int64_t>(encoder_.piece_size())) {
    return make_error(Errc::kProtocol, "the satellite's limit is smaller than the piece");
  }
  lane.peer = peer_of(lane, *id);
  open_lane(lane, false);
  return {};
}

// A full segment most likely has others behind it, whose pieces go over the same connections: there the
// cheaper cipher of TLS saves more than Noise does at the beginning.
drpc::Peer SegmentUpload::peer_of(const Lane& lane, const access::NodeId& id) const {
  drpc::Peer peer = node_peer(pool_, id, lane.limit.storage_node_address());
  if (encoder_.plain_size() >= segment::kMaxSegmentSize) peer.noise = {};
  return peer;
}

void SegmentUpload::begin_again(Lane& lane) {
  spread_->add(lane.piece);
  encoder_.expect(lane.piece, true);
}

void SegmentUpload::open_lane(Lane& lane, bool fresh) {
  lane.want_write = false;
  const auto opened = lane.link.open(lane.peer, fresh);
  if (!opened) return fail(lane, opened.error());
  if (!*opened) return unopened_.push_back(&lane);
  on_ready(lane, false);
}

// Pieces for which there was no connection.
void SegmentUpload::open_waiting() {
  for (Lane* lane : std::exchange(unopened_, {})) {
    if (lane->state == Lane::State::kRunning && !lane->link.is_open()) open_lane(*lane, false);
  }
}

void SegmentUpload::on_ready(Lane& lane, bool readable) {
  if (!lane.link.is_open()) return;
  if (!lane.stream) {
    auto connected = lane.link.connect();
    if (!connected) return fail(lane, std::move(connected).error());
    if (*connected) begin_stream(lane);
    return;
  }
  if (readable) read(lane);
  // Reading may have shown that the connection was dead; a fresh one has no stream yet.
  if (lane.stream && lane.link.is_open()) pump(lane);
}

void SegmentUpload::begin_stream(Lane& lane) {
  bool old_node = lane.limit.storage_node_address().debounce_limit() == 0;
  lane.stream.emplace(lane.limit.limit(), *key_, encoder_.piece_size(), old_node);
  // A connection that served others before has had theirs acknowledged.
  if (const auto state = io::tcp_state(lane.link.transport().fd()))
    lane.link.acknowledged = state->acknowledged;
  lane.stream->start(lane.link.machine());
  lane.link.watch(true, false);
  pump(lane);
}

// Keeps one chunk on its way; the loop ends when the socket is full, so that all pieces move on together and
// share the encoder's window.
void SegmentUpload::pump(Lane& lane) {
  if (!flush(lane)) return;
  if (lane.stream->left() == 0 || !goes_on(lane)) return;
  const size_t n =
      pace_.allow(static_cast<size_t>(std::min<uint64_t>(options_.chunk_size, lane.stream->left())));
  // The socket stays writable: it comes back when there is something to give.
  if (n == 0) return want_write(lane, true);
  lane.stream->send(lane.link.machine(), n,
                    [&](ByteSpan out) { encoder_.read(lane.piece, lane.stream->sent(), out); });
  lane.link.last_progress = Steady::now();
  context_.counters->bytes_fetched.fetch_add(n, std::memory_order_relaxed);
  // More to send and room to do so: come back after the others had their turn.
  flush(lane);
}

// True when everything is written that should be by now.
bool SegmentUpload::flush(Lane& lane) {
  auto flushed = lane.link.flush(lane.stream->left() > 0);
  if (!flushed) {
    broken(lane, std::move(flushed).error());
    return false;
  }
  if (!*flushed) {
    want_write(lane, !lane.link.speechless());
    return false;
  }
  want_write(lane, lane.stream->left() > 0 && goes_on(lane));
  return true;
}

// False: what has been sent of the piece suffices for now.  Requires: that has left for the socket.
bool SegmentUpload::goes_on(Lane& lane) {
  using Role = segment::PieceSpread::Role;
  Role role = spread_->role(lane.piece);
  if (role == Role::kTrying && lane.stream->sent() >= spread_->trial()) {
    role = spread_->tried(lane.piece, Steady::now() - began_);
    if (role == Role::kHeld) encoder_.expect(lane.piece, false);
  }
  if (role == Role::kHeld) return false;
  lane.waits = !encoder_.ready(lane.piece, lane.stream->sent());
  waits_ |= lane.waits;
  return !lane.waits;
}

std::vector<segment::PieceSpread::Progress> SegmentUpload::leading() const {
  std::vector<segment::PieceSpread::Progress> out;
  out.reserve(lanes_.size());
  for (const auto& lane : lanes_) {
    if (spread_->role(lane->piece) != segment::PieceSpread::Role::kLeading) continue;
    out.push_back({lane->piece, lane->stream ? lane->stream->sent() : 0, false});
  }
  return out;
}

// Those that are far ahead wait for the others: the segment is not done before, and parity is computed once
// for all who are close together.
void SegmentUpload::keep_together() {
  if (!waits_) return;
  encoder_.settle(spread_->front(leading(), Steady::now() - began_));
  waits_ = false;
  for (auto& lane : lanes_) {
    if (!lane->waits) continue;
    if (!encoder_.ready(lane->piece, lane->stream->sent())) {
      waits_ = true;
      continue;
    }
    lane->waits = false;
    lane->link.last_progress = Steady::now();
    want_write(*lane, true);
  }
}

void SegmentUpload::review() {
  const auto now = Steady::now();
  if (now < next_review_) return;
  next_review_ = now + kReviewInterval;
  if (spread_->count(segment::PieceSpread::Role::kStored) >= spread_->needed()) {
    // Enough, but not in enough places.
    return release(spread_->release_all(now - began_));
  }
  if (spread_->count(segment::PieceSpread::Role::kHeld) == 0) return;
  auto progress = leading();
  for (auto& piece : progress) piece.room = has_room(lanes_[piece.piece]->link);
  release(spread_->review(progress, now - began_));
}

void SegmentUpload::release(const std::vector<unsigned>& pieces) {
  for (const unsigned piece : pieces) {
    Lane& lane = *lanes_[piece];
    encoder_.expect(piece, true);
    lane.link.last_progress = Steady::now();
    want_write(lane, true);
  }
}

void SegmentUpload::want_write(Lane& lane, bool want) {
  if (lane.want_write == want) return;
  lane.want_write = want;
  lane.link.watch(true, want);
}

void SegmentUpload::read(Lane& lane) {
  for (;;) {
    auto got = lane.link.transport().read(scratch_);
    if (!got) return broken(lane, std::move(got).error());
    if (got->eof) return broken(lane, make_error(Errc::kNetwork, "connection closed by the node"));
    if (got->data.empty()) return;
    lane.link.last_progress = Steady::now();
    auto status = lane.stream->receive(lane.link.machine(), got->data);
    if (!status) return fail(lane, std::move(status).error());
    if (lane.stream->answered()) return store_result(lane);
  }
}

void SegmentUpload::store_result(Lane& lane) {
  if (lane.stream->left() > 0) return fail(lane, make_error(Errc::kProtocol, "node answered before the end"));
  auto status = lane.stream->verify(pool_.chains(), lane.link.transport().peer(), satellite_time(lane.limit));
  if (!status) return fail(lane, std::move(status).error());
  pb::SegmentPieceUploadResult result;
  result.set_piece_num(static_cast<int>(lane.piece));
  result.set_node_id(lane.limit.limit().storage_node_id());
  *result.mutable_hash() = lane.stream->node_hash();
  results_.push_back(std::move(result));
  note_acknowledged(lane.link);
  lane.state = Lane::State::kStored;
  spread_->stored(lane.piece, Steady::now() - began_);
  lane.link.machine().close();
  auto flushed = lane.link.flush();
  if (flushed && *flushed) return lane.link.give_back();
  lane.link.drop();
}

// A kept connection may have died while it was idle, and a node with a new Noise key cannot read what it is
// told: one fresh try under the same limit, if the node can hardly have seen it.
void SegmentUpload::broken(Lane& lane, Error error) {
  const bool unread = lane.link.reused() || lane.link.noise_failed();
  const bool untouched = unread && lane.stream->sent() <= options_.chunk_size;
  if (!untouched) return fail(lane, std::move(error));
  spdlog::debug("{}: {}; once more over a new connection", lane.link.node_name(), error.what);
  lane.link.drop();
  lane.waits = false;
  lane.stream.reset();
  lane.peer = peer_of(lane, lane.peer.id);
  begin_again(lane);
  open_lane(lane, true);
}

void SegmentUpload::fail(Lane& lane, Error error) {
  lane.link.drop();
  lane.waits = false;
  lane.state = Lane::State::kFailed;
  spread_->failed(lane.piece);
  next_review_ = {};
  lane.failure = lane.link.named(std::move(error));
  spdlog::debug("piece {} is not stored: {}", lane.piece, lane.failure->what);
  // A node that is offered once more knows the serial number and refuses for that: the first failure is the
  // cause.  A damaged piece is said before all others.
  if (!first_failure_ ||
      (first_failure_->code != Errc::kIntegrity && lane.failure->code == Errc::kIntegrity)) {
    first_failure_ = lane.failure;
  }
}

void SegmentUpload::cancel_rest() {
  for (auto& lane : lanes_) {
    if (lane->link.is_open()) lane->link.cancel();
  }
}

// What the socket has taken may be on its way for minutes.
void SegmentUpload::note_acknowledged(NodeConnection& link) {
  const auto state = io::tcp_state(link.transport().fd());
  if (!state || state->acknowledged <= link.acknowledged) return;
  const uint64_t more = state->acknowledged - std::exchange(link.acknowledged, state->acknowledged);
  context_.counters->bytes_acknowledged.fetch_add(more, std::memory_order_relaxed);
  link.last_progress = Steady::now();
  // Of pieces of which some are never finished: what has arrived is not said to be more than it is.
  acknowledged_ += more;
  const double share =
      static_cast<double>(acknowledged_) / static_cast<double>(lanes_.size() * encoder_.piece_size());
  landing_.reach(static_cast<uint64_t>(std::min(share, 1.0) * static_cast<double>(encoder_.plain_size())));
}

void SegmentUpload::note_acknowledged() {
  for (auto& lane : lanes_) {
    if (lane->stream && lane->link.is_open()) note_acknowledged(lane->link);
  }
}

void SegmentUpload::check_limits() {
  const auto now = Steady::now();
  std::vector<segment::PieceSpread::Silence> open;
  for (const auto& lane : lanes_) {
    if (!lane->link.is_open()) continue;
    open.push_back({lane->piece, lane->link.connected(), lane->waits, now - lane->link.last_progress});
  }
  for (const unsigned piece : spread_->given_up(open)) {
    Lane& lane = *lanes_[piece];
    fail(lane,
         make_error(Errc::kNetwork, lane.link.connected() ? "no progress in time" : "no connection in time",
                    ETIMEDOUT));
  }
}

bool SegmentUpload::satisfied() const {
  if (static_cast<int64_t>(results_.size()) < offer_.redundancy_scheme().success_threshold()) return false;
  if (!offer_.has_cohort_requirements()) return true;
  std::vector<const NodeTags*> tags;
  for (const auto& lane : lanes_) {
    if (lane->state == Lane::State::kStored) tags.push_back(&lane->tags);
  }
  return cohort_satisfied(offer_.cohort_requirements(), tags);
}

size_t SegmentUpload::running() const {
  return static_cast<size_t>(
      std::ranges::count_if(lanes_, [](const auto& lane) { return lane->state == Lane::State::kRunning; }));
}

// All that failed, as long as there are so many other nodes; else as many as there are.
Result<pb::RetryBeginSegmentPiecesResponse> SegmentUpload::other_nodes(
    pb::RetryBeginSegmentPiecesRequest& request) {
  for (;;) {
    auto response = exchange_(request);
    const int asked = request.retry_piece_numbers_size();
    if (response || response.error().cause != kRpcFailedPrecondition || asked == 1) return response;
    const int found = nodes_found(response.error().what).value_or(asked / 2);
    if (found == 0) return response;
    request.mutable_retry_piece_numbers()->Truncate(std::min(found, asked - 1));
  }
}

Status SegmentUpload::exchange_failed() {
  pb::RetryBeginSegmentPiecesRequest request;
  request.set_segment_id(offer_.segment_id());
  for (const auto& lane : lanes_) {
    if (lane->state == Lane::State::kFailed) request.add_retry_piece_numbers(static_cast<int>(lane->piece));
  }
  if (request.retry_piece_numbers_size() == 0 || ++exchanges_ > options_.max_exchanges) return too_few();
  context_.counters->retries.fetch_add(1, std::memory_order_relaxed);
  auto response = other_nodes(request);
  if (!response) {
    Error error = too_few();
    if (response.error().code == Errc::kCancelled) return std::move(response).error();
    error.what += "; no other nodes: " + response.error().what;
    satellite_away_ = response.error().code == Errc::kNetwork;
    return error;
  }
  if (response->addressed_limits_size() != offer_.addressed_limits_size()) {
    return make_error(Errc::kProtocol, "the satellite's exchange of pieces has another size");
  }
  offer_.set_segment_id(response->segment_id());
  *offer_.mutable_addressed_limits() = response->addressed_limits();
  for (int number : request.retry_piece_numbers()) {
    if (auto status = start_lane(*lanes_[static_cast<size_t>(number)]); !status) return status;
  }
  return {};
}

bool SegmentUpload::offer_refused() const {
  return std::ranges::any_of(lanes_, [](const auto& lane) {
    return lane->state == Lane::State::kFailed && lane->failure->cause == kRpcInvalidArgument;
  });
}

Error SegmentUpload::too_few() const {
  const auto failed =
      std::ranges::count_if(lanes_, [](const auto& lane) { return lane->state == Lane::State::kFailed; });
  std::string text = "only " + std::to_string(results_.size() + running()) + " of the " +
                     std::to_string(offer_.redundancy_scheme().success_threshold()) +
                     " pieces needed can be stored, " + std::to_string(failed) + " failed";
  if (first_failure_) text += ", e.g. " + first_failure_->what;
  return make_error(Errc::kNetwork, text);
}

}  // namespace sjcp::storj
