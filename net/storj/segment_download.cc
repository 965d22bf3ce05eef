#include "net/storj/segment_download.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <map>

#include <spdlog/spdlog.h>

#include "net/io/receive_window.h"
#include "net/io/tcp_state.h"
#include "net/storj/status.h"

namespace sjcp::storj {

using segment::PieceRace;
using Correction = RaceOptions::Correction;
using Steady = std::chrono::steady_clock;
using Nanoseconds = std::chrono::nanoseconds;
using Seconds = std::chrono::duration<double>;

namespace {

// One TLS record at most comes per read.
constexpr size_t kScratchSize = 16 << 10;
// Bytes taken from one connection before the others get their turn.
constexpr size_t kReadsPerTurn = 128 << 10;
// Of the connections, one in so many is looked at each time, until they are steered.
constexpr size_t kGlances = 4;
// Share of the line for who is a slack or more behind the others, as a power of 2.
constexpr double kMostTilt = 0.75;
// Windows that end inside of a packet have short packets circulate, as do those that the header's unit rounds
// up.
constexpr double kPacket = transfer::QueueControl::kPacket;
constexpr double kFewestPackets = transfer::QueueControl::kLeastWindow / kPacket;
// So far beyond a whole number of them a window is changed: each change leaves a short packet behind.
constexpr double kRestless = 1;
constexpr uint64_t kWindowUnit = 128;
constexpr double kGolden = 0.618;

unsigned offered(const pb::DownloadSegmentResponse& offer) {
  return static_cast<unsigned>(std::count_if(offer.addressed_limits().begin(), offer.addressed_limits().end(),
                                             [](const auto& limit) { return limit.has_limit(); }));
}

PieceRace::Options race_options(const pb::DownloadSegmentResponse& offer, uint64_t piece_size,
                                const RaceOptions& options) {
  const auto minimum = static_cast<unsigned>(std::max(1, offer.redundancy_scheme().min_req()));
  PieceRace::Options race;
  race.needed = race.minimum = minimum;
  race.piece_size = std::max<uint64_t>(piece_size, 1);
  race.slack = std::max<uint64_t>(std::min(options.slack, piece_size / 2), 1);
  race.parked_bytes = options.first_order;
  race.runners = (minimum + 14) / 15;
  race.insurance = (minimum + 10) / 15;
  race.uneven = (minimum + 10) / 30;
  if (options.correction != Correction::kNone) {
    race.needed = std::max(minimum, offered(offer));
    race.correctable = options.correction == Correction::kQuick ? minimum + 2 : race.needed;
  }
  return race;
}

}  // namespace

struct SegmentDownload::Lane final : PieceDownload::Payload {
  Lane(SegmentDownload& race, unsigned number, Offer the_offer,
       std::shared_ptr<const crypto::Ed25519Key> the_key, uint64_t token)
      : owner(race),
        piece(number),
        offer(std::move(the_offer)),
        key(std::move(the_key)),
        limit(offer->addressed_limits(static_cast<int>(number))),
        link(race.pool_, race.poller_, race.context_, race.share_, token) {}

  // Bytes that come before the lane's role is known, or while it is parked, wait in `early`.
  void on_payload(ByteView data) override {
    if (active) {
      owner.decoder_.feed(piece, data);
    } else {
      early.append(data.text());
    }
  }

  SegmentDownload& owner;
  const unsigned piece;
  const Offer offer;
  const std::shared_ptr<const crypto::Ed25519Key> key;
  const pb::AddressedOrderLimit& limit;
  drpc::Peer peer;
  NodeConnection link;
  std::optional<PieceDownload> stream;  // set once the request was sent
  std::string early;
  std::optional<Error> failure;
  uint64_t from = 0;  // where its reading begins, in bytes of the piece's range
  RaceTime opened{0};
  RaceTime last_gain{0};    // also of the connection before the stream
  RaceTime ready_since{0};  // while it is read
  RaceTime busy{0};         // time read before that
  bool begun = false;       // opened once
  bool active = false;      // in play in the decoder
  bool reading = false;     // first bytes are here, and more can be taken
  bool paused = false;      // not read: its ring is full, or it is parked
  bool finished = false;
  bool watching_write = false;
  bool coming_back = false;  // is in again_
  bool held = false;         // connected, and told nothing: it was not among the nearest
  // See transfer::QueueControl.
  Nanoseconds queue_before{0};  // of the line, when it was opened
  Nanoseconds trip{0};          // round trip while nothing waits; 0: unknown
  double weight = 1;            // of its share
  bool wide = false;            // its node may send more ahead than to a fresh connection
  uint64_t window = 0;          // limit of what it may have under way; 0: none
};

SegmentDownload::SegmentDownload(drpc::Pool& pool, NodeMemory& memory, Offer offer,
                                 segment::SegmentDecoder& decoder, const transfer::Context& context,
                                 RaceOptions options)
    : pool_(pool),
      memory_(memory),
      offer_(std::move(offer)),
      decoder_(decoder),
      context_(context),
      options_(std::move(options)),
      race_(race_options(*offer_, decoder.piece_range().size(), options_)),
      pace_(context.throttle),
      readers_(context.queue),
      poller_(context.stop),
      scratch_(kScratchSize),
      all_known_(options_.all_nodes == nullptr) {}

SegmentDownload::~SegmentDownload() {
  close_all();
}

Status SegmentDownload::run() {
  if (auto status = share_.open(race_.needed(), context_); !status) return status;
  const auto began = Steady::now();
  if (auto status = start(); !status) return status;
  for (;;) {
    if (auto status = pace_.wait(context_.stop); !status) return status;
    const auto now = Steady::now();
    auto limit = std::chrono::ceil<std::chrono::milliseconds>(next_review_ - now);
    if (!again_.empty() || limit < std::chrono::milliseconds(0)) limit = std::chrono::milliseconds(0);
    auto events = poller_.wait(limit);
    if (!events) return std::move(events).error();
    // Whatever else takes time, such as a destination that blocks, is not the nodes' fault.
    if (!gives_way_) waited_ += Steady::now() - now;
    // Those who had to wait go first, so that a rate is shared by all.
    for (Lane* lane : std::exchange(again_, {})) {
      lane->coming_back = false;
      if (lane->stream && lane->link.is_open() && !lane->paused) read(*lane);
    }
    for (const auto& event : **events) on_ready(*lanes_[event.token]);
    open_waiting();
    auto done = decoder_.advance();
    if (!done) return std::move(done).error();
    if (*done) {
      report(Steady::now() - began);
      return {};
    }
    resume_paused();
    if (Steady::now() >= next_review_) review();
    if (race_.possible()) continue;
    if (all_known_) return too_few();
    want_more_ = true;
  }
}

void SegmentDownload::report(Steady::duration took) const {
  if (!spdlog::should_log(spdlog::level::debug)) return;
  std::string late;
  uint64_t bytes = 0;
  for (const auto& lane : lanes_) {
    if (lane->stream) bytes += lane->stream->received();
    if (lane->opened == RaceTime(0) && race_.role(lane->piece) == PieceRace::Role::kActive) continue;
    if (!lane->begun) continue;
    const bool dropped = race_.role(lane->piece) == PieceRace::Role::kDropped;
    const char* role = lane->active    ? "late"
                       : lane->failure ? "failed"
                       : dropped       ? "left out"
                       : lane->stream  ? "spare"
                                       : "unanswered";
    late += fmt::format(" {}:{}@{:.2f}s", lane->piece, role, Seconds(lane->opened).count());
  }
  spdlog::debug(
      "a segment took {:.3f} s, {:.3f} s of it waiting, the line's queue {:.0f} ms{}; {} bytes of pieces for "
      "{}; "
      "beside the first ones:{}",
      Seconds(took).count(), Seconds(waited_).count(),
      context_.queue != nullptr ? 1e3 * Seconds(context_.queue->queue()).count() : 0,
      context_.queue != nullptr && context_.queue->steering() ? ", steered" : "", bytes,
      decoder_.consumed() * static_cast<uint64_t>(offer_->redundancy_scheme().min_req()), late);
}

Status SegmentDownload::start() {
  if (auto status = add_lanes(offer_, true); !status) return status;
  next_review_ = Steady::now() + options_.review_interval;
  for (size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = *lanes_[i];
    const auto role = race_.role(lane.piece);
    // A failure of one may have opened another already.
    if (lane.begun || (role != PieceRace::Role::kActive && role != PieceRace::Role::kWaiting)) continue;
    lane.active = role == PieceRace::Role::kActive;
    if (lane.active) decoder_.add(lane.piece);
    open_lane(lane, false);
  }
  return {};
}

// Pieces that are not in the race yet; later ones as a reserve.
Status SegmentDownload::add_lanes(const Offer& offer, bool first) {
  auto key = crypto::Ed25519Key::from_private(offer->private_key());
  if (!key) return std::move(key).error();
  auto shared_key = std::make_shared<const crypto::Ed25519Key>(std::move(*key));
  const auto data_shares = static_cast<unsigned>(std::max(1, offer->redundancy_scheme().min_req()));
  std::map<unsigned, access::NodeId> nodes;
  std::vector<NodeMemory::Candidate> candidates;
  for (int i = 0; i < offer->addressed_limits_size(); ++i) {
    const auto& limit = offer->addressed_limits(i);
    const auto piece = static_cast<unsigned>(i);
    if (!limit.has_limit() || lane_of(piece) != nullptr) continue;  // not offered, or known already
    auto id = access::NodeId::from_bytes(limit.limit().storage_node_id());
    if (!id) return make_error(Errc::kProtocol, "the satellite's offer names no node");
    nodes.emplace(piece, *id);
    const bool warm = pool_.has(node_peer(pool_, *id, limit.storage_node_address()));
    candidates.push_back({piece, *id, piece < data_shares, warm});
  }
  const bool all = options_.correction != Correction::kNone;
  const auto needed = static_cast<unsigned>(all ? candidates.size() : data_shares);
  for (const auto& [piece, how] : memory_.plan(candidates, needed)) {
    auto lane = std::make_unique<Lane>(*this, piece, offer, shared_key, lanes_.size());
    lane->peer = node_peer(pool_, nodes.at(piece), lane->limit.storage_node_address());
    race_.add(piece, all ? PieceRace::Start::kChosen : first ? how : PieceRace::Start::kReserve);
    lanes_.push_back(std::move(lane));
  }
  return {};
}

void SegmentDownload::open_lane(Lane& lane, bool fresh) {
  lane.begun = true;
  lane.opened = lane.last_gain = waited_;
  lane.trip = Nanoseconds(0);
  lane.queue_before = context_.queue != nullptr ? context_.queue->queue() : Nanoseconds(0);
  const auto opened = lane.link.open(lane.peer, fresh);
  if (!opened) return fail(lane, opened.error());
  if (!*opened) return unopened_.push_back(&lane);
  on_ready(lane);
}

// Lanes for which there was no connection, as far as they are still wanted.
void SegmentDownload::open_waiting() {
  for (Lane* lane : std::exchange(unopened_, {})) {
    const auto role = race_.role(lane->piece);
    const bool wanted = role == PieceRace::Role::kActive || role == PieceRace::Role::kWaiting;
    if (wanted && !lane->link.is_open()) open_lane(*lane, false);
  }
}

void SegmentDownload::come_back(Lane& lane) {
  if (lane.coming_back) return;
  lane.coming_back = true;
  again_.push_back(&lane);
}

void SegmentDownload::on_ready(Lane& lane) {
  if (!lane.link.is_open()) return;
  if (!lane.stream) {
    if (!lane.active && !reached(lane)) return;
    auto connected = lane.link.connect();
    if (!connected) return fail(lane, std::move(connected).error());
    if (*connected) begin_stream(lane);
    return;
  }
  if (lane.watching_write) flush(lane);
  // Writing may have shown that the connection was dead; a fresh one has no stream yet.
  if (lane.stream && lane.link.is_open() && !lane.paused) read(lane);
  // What had to wait for the node's first answer.
  if (lane.stream && lane.link.is_open() && !lane.watching_write && !lane.link.machine().output().empty()) {
    flush(lane);
  }
}

// A racing node is told nothing before it is known to be among the nearest.  True: it is.
bool SegmentDownload::reached(Lane& lane) {
  if (lane.held) return false;
  if (!lane.link.reached()) {
    lane.link.watch(false, true);
    return false;
  }
  race_.measured(lane.piece, trip_of(lane));
  lane.held = race_.reached(lane.piece, waited_, line_busy()) == PieceRace::Role::kReserve;
  if (!lane.held) return true;
  lane.link.watch(false, false);
  if (race_.count(PieceRace::Role::kActive) >= race_.needed()) let_go(lane);
  return false;
}

void SegmentDownload::let_go(Lane& lane) {
  lane.held = lane.begun = false;
  if (lane.link.connected()) return lane.link.give_back();
  lane.link.drop();
}

void SegmentDownload::begin_stream(Lane& lane) {
  segment::ByteRange range = decoder_.piece_range();
  range.begin += lane.from;
  lane.stream.emplace(lane.limit.limit(), *lane.key, range,
                      lane.active ? range.size() : options_.first_order);
  lane.stream->start(lane.link.machine());
  lane.last_gain = waited_;
  lane.link.watch(true, false);
  lane.wide = false;
  lane.window = 0;
  if (context_.queue != nullptr && context_.queue->steering()) {
    steered_ = true;
    limit(lane);
  }
  flush(lane);
}

// Reads until the descriptor or the ring is exhausted, or the lane's turn is over.
void SegmentDownload::read(Lane& lane) {
  size_t turn = kReadsPerTurn;
  while (turn > 0) {
    size_t room = lane.active ? decoder_.room(lane.piece) : scratch_.size();
    const bool parked = race_.role(lane.piece) == PieceRace::Role::kParked;
    if (room == 0 || gives_way_ || parked) return pause(lane);
    const size_t allowed = pace_.allow(std::min(room, scratch_.size()));
    if (allowed == 0) return come_back(lane);
    auto got = lane.link.transport().read(ByteSpan(scratch_).first(allowed));
    pace_.give_back(allowed - (got ? got->data.size() : 0));
    if (!got) return broken(lane, std::move(got).error());
    if (got->eof) return broken(lane, make_error(Errc::kNetwork, "connection closed by the node"));
    if (got->data.empty()) {
      if (got->wait == io::Ready::kWantWrite) lane.link.watch(true, true);
      return;
    }
    uint64_t before = lane.stream->received();
    auto status = lane.stream->receive(lane.link.machine(), got->data, lane);
    if (!status) return fail(lane, std::move(status).error());
    if (uint64_t received = lane.stream->received(); received != before) {
      lane.last_gain = waited_;
      context_.counters->bytes_fetched.fetch_add(received - before, std::memory_order_relaxed);
      // Activation may already have finished or broken the lane.
      if (before == 0) after_first_bytes(lane);
      if (!lane.link.is_open()) return;
      if (lane.stream->complete() && lane.active) return finish(lane);
    }
    turn -= std::min(turn, got->data.size());
  }
  if (lane.link.transport().has_buffered()) come_back(lane);
}

void SegmentDownload::after_first_bytes(Lane& lane) {
  const bool racing = !lane.active;
  race_.measured(lane.piece, trip_of(lane));
  const auto role = race_.first_bytes(lane.piece, waited_, lane.link.reused());
  if (role == PieceRace::Role::kActive) {
    lane.reading = true;
    lane.ready_since = waited_;
    if (racing) activate(lane);
  }
}

void SegmentDownload::apply(const PieceRace::Decision& decision) {
  want_more_ |= decision.more_nodes;
  for (unsigned piece : decision.drop) leave_out(*lane_of(piece));
  const size_t exchanged = decision.activate.size() + decision.open.size();
  if (exchanged != 0) context_.counters->retries.fetch_add(exchanged, std::memory_order_relaxed);
  for (unsigned piece : decision.activate) activate(*lane_of(piece));
  for (unsigned piece : decision.open) open_reserve(*lane_of(piece));
}

// A racing or parked lane is needed.
void SegmentDownload::activate(Lane& lane) {
  decoder_.add(lane.piece);
  lane.active = true;
  lane.paused = false;
  lane.reading = true;
  lane.last_gain = lane.ready_since = waited_;
  // What came early is at most one read of a connection, which a fresh ring can hold.
  decoder_.feed(lane.piece, ByteView(lane.early));
  lane.early.clear();
  lane.early.shrink_to_fit();
  if (lane.stream->complete()) return finish(lane);
  lane.stream->order_rest(lane.link.machine());
  lane.link.watch(true, lane.watching_write);
  flush(lane);
  if (lane.link.is_open()) come_back(lane);
}

void SegmentDownload::open_reserve(Lane& lane) {
  lane.from = decoder_.consumed();
  decoder_.add(lane.piece, lane.from);
  lane.active = true;
  if (!lane.held) return open_lane(lane, false);
  lane.held = false;
  lane.opened = lane.last_gain = waited_;
  on_ready(lane);
}

void SegmentDownload::pause(Lane& lane) {
  lane.paused = true;
  lane.busy = busy(lane);
  lane.reading = false;
  lane.link.watch(false, lane.watching_write);
}

SegmentDownload::RaceTime SegmentDownload::busy(const Lane& lane) const {
  return lane.reading ? lane.busy + (waited_ - lane.ready_since) : lane.busy;
}

void SegmentDownload::flush(Lane& lane) {
  auto flushed = lane.link.flush();
  if (!flushed) return broken(lane, std::move(flushed).error());
  const bool waits = !*flushed && !lane.link.speechless();
  if (lane.watching_write == waits) return;
  lane.watching_write = waits;
  lane.link.watch(!lane.paused, lane.watching_write);
}

// A kept connection may have died while it was idle, most likely before the node saw the request, and a node
// with a new Noise key cannot read any: one fresh try.
void SegmentDownload::broken(Lane& lane, Error error) {
  const bool unread = lane.link.reused() || lane.link.noise_failed();
  if (!unread || lane.stream->received() > 0) return fail(lane, std::move(error));
  spdlog::debug("{}: {}; once more over a new connection", lane.link.node_name(), error.what);
  lane.link.drop();
  lane.stream.reset();
  lane.peer = node_peer(pool_, lane.peer.id, lane.limit.storage_node_address());
  open_lane(lane, true);
}

void SegmentDownload::fail(Lane& lane, Error error) {
  lane.link.drop();
  memory_.failed(lane.peer.id, NodeMemory::Fault::kFailed);
  lane.failure = lane.link.named(std::move(error));
  spdlog::debug("piece {} does not come: {}", lane.piece, lane.failure->what);
  if (lane.active) decoder_.remove(lane.piece);
  lane.active = lane.reading = false;
  apply(race_.failed(lane.piece, decoder_.consumed(), waited_));
}

// All bytes of the piece are here: the connection may serve another segment at once.
void SegmentDownload::finish(Lane& lane) {
  lane.finished = true;
  lane.busy = busy(lane);
  lane.reading = false;
  remember(lane);
  lane.link.machine().close();
  auto flushed = lane.link.flush();
  if (flushed && *flushed) return lane.link.give_back();
  lane.link.drop();
}

// Late, and not needed any more.
void SegmentDownload::leave_out(Lane& lane) {
  lane.busy = busy(lane);
  lane.reading = false;
  remember(lane);
  lane.link.drop();
  decoder_.remove(lane.piece);
  lane.active = false;
}

void SegmentDownload::remember(Lane& lane) {
  if (!lane.stream || !lane.link.is_open()) return;
  memory_.served(lane.peer.id, {.bytes = lane.stream->received(),
                                .busy = busy(lane),
                                .silent = lane.paused ? RaceTime(0) : waited_ - lane.last_gain,
                                .trip = trip_of(lane)});
}

// As the kernel measured it: it does not count the time that this process needs.
SegmentDownload::RaceTime SegmentDownload::trip_of(Lane& lane) {
  const auto state = io::tcp_state(lane.link.transport().fd());
  return state ? state->least : RaceTime(0);
}

// What the siblings of this segment have learned of the nodes by now, and left behind in connections.
void SegmentDownload::know_reserves() {
  for (const auto& lane : lanes_) {
    if (race_.role(lane->piece) != PieceRace::Role::kReserve || lane->link.is_open()) continue;
    const bool poor = memory_.standing(lane->peer.id) >= NodeMemory::Standing::kSlow;
    const bool warm = !poor && pool_.has(lane->peer);
    race_.know(lane->piece, poor   ? PieceRace::Reserve::kPoor
                            : warm ? PieceRace::Reserve::kWarm
                                   : PieceRace::Reserve::kUsual);
  }
}

void SegmentDownload::close_all() {
  for (auto& lane : lanes_) {
    if (!lane->link.is_open()) continue;
    if (lane->held) {
      let_go(*lane);
      continue;
    }
    remember(*lane);
    // Draining more than a first order costs more than a handshake: such a connection is dropped.
    const uint64_t coming = lane->stream ? lane->stream->ordered() - lane->stream->received() : 0;
    if (lane->stream && coming <= options_.first_order) {
      context_.counters->bytes_fetched.fetch_add(coming, std::memory_order_relaxed);
      lane->link.cancel();
    }
    lane->link.drop();
  }
}

void SegmentDownload::resume_paused() {
  if (gives_way_) return;
  for (auto& lane : lanes_) {
    if (!lane->paused || !lane->link.is_open()) continue;
    if (lane->active) {
      // Waking a connection for a few bytes is not worth it, unless they are its last.
      uint64_t left = lane->stream->wanted() - lane->stream->received();
      if (decoder_.room(lane->piece) < std::min<uint64_t>(kScratchSize, left)) continue;
    } else if (race_.role(lane->piece) != PieceRace::Role::kWaiting) {
      continue;
    }
    lane->paused = false;
    lane->reading = lane->active && lane->stream->received() > 0;
    lane->last_gain = lane->ready_since = waited_;
    lane->link.watch(true, lane->watching_write);
    come_back(*lane);
  }
}

// Older segments need all of a thin line.  What has come is kept, and so are connections.
void SegmentDownload::give_way() {
  const bool settled = gives_way_ || race_.count(PieceRace::Role::kActive) >= race_.needed();
  const bool gives = settled && !readers_.may_read();
  if (std::exchange(gives_way_, gives) == gives) return;
  const auto waited = Steady::now() - std::exchange(turn_changed_, Steady::now());
  for (auto& lane : lanes_) {
    if (!lane->stream || !lane->link.is_open()) continue;
    if (!gives) {
      // What came meanwhile took as long.
      if (lane->active && !lane->finished) lane->busy += waited;
    } else if (!lane->paused) {
      pause(*lane);
      limit(*lane);
    }
  }
}

// Not before it shows that the line is not a slow one: what was offered to nodes is sent, whoever reads it.
void SegmentDownload::widen() {
  if (line_busy()) return;
  for (auto& lane : lanes_) {
    if (lane->wide || !lane->active || !lane->stream || !lane->link.is_open()) continue;
    if (lane->stream->received() == 0) continue;
    lane->wide = true;
    lane->link.widen();
  }
}

void SegmentDownload::review() {
  next_review_ = Steady::now() + options_.review_interval;
  give_way();
  steer();
  if (gives_way_) return;
  widen();
  if (race_.count(PieceRace::Role::kActive) >= race_.needed()) {
    for (auto& lane : lanes_) {
      if (lane->held) let_go(*lane);
    }
  }
  std::vector<PieceRace::Progress> progress;
  for (auto& lane : lanes_) {
    if (!lane->active) continue;
    const bool full = lane->paused || lane->finished;
    progress.push_back({lane->piece, lane->from, decoder_.taken(lane->piece), busy(*lane), full});
  }
  know_reserves();
  apply(race_.review(progress, decoder_.consumed(), waited_, line_busy()));
  check_limits();
  if (want_more_ && !all_known_) {
    // Without more nodes the race goes on with those it has.
    if (auto status = ask_more(); !status) all_known_ = true;
  }
}

// Shows the queue control how long round trips are, and gives each connection its share of the line.
void SegmentDownload::steer() {
  if (context_.queue == nullptr) return;
  transfer::QueueControl& control = *context_.queue;
  const bool all = control.steering() && !gives_way_;
  paths_.clear();
  unsigned reading = 0;
  ++glance_;
  for (size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = *lanes_[i];
    if (!lane.active || !lane.stream || !lane.link.is_open()) continue;
    ++reading;
    if (gives_way_ || (!all && (i + glance_) % kGlances != 0)) continue;
    const auto state = io::tcp_state(lane.link.transport().fd());
    if (!state || state->least == Nanoseconds(0) || state->received == Nanoseconds(0)) continue;
    if (lane.trip == Nanoseconds(0)) learn_trip(lane, state->least);
    lane.trip = std::min(lane.trip, state->least);
    paths_.push_back({lane.trip, state->received});
  }
  readers_.set(reading);
  control.observe(paths_, context_.counters->bytes_fetched.load(std::memory_order_relaxed), Steady::now());
  // Also once more when it is over.
  if (!std::exchange(steered_, control.steering()) && !steered_) return;
  balance();
  for (auto& lane : lanes_) {
    if (lane->stream && lane->link.is_open()) limit(*lane);
  }
}

// Who is behind the others gets more of the line, who is ahead less.
void SegmentDownload::balance() {
  std::vector<uint64_t> positions;
  for (const auto& lane : lanes_) {
    if (lane->active) positions.push_back(decoder_.taken(lane->piece));
  }
  if (positions.empty()) return;
  const auto middle = positions.begin() + static_cast<std::ptrdiff_t>(positions.size() / 2);
  std::ranges::nth_element(positions, middle);
  for (auto& lane : lanes_) {
    if (!lane->active) continue;
    const auto behind = static_cast<double>(*middle) - static_cast<double>(decoder_.taken(lane->piece));
    lane->weight = std::exp2(std::clamp(behind / static_cast<double>(options_.slack), -kMostTilt, kMostTilt));
  }
}

// What a connection saw first has the queue in it that others had filled.
void SegmentDownload::learn_trip(Lane& lane, Nanoseconds least) {
  if (!lane.link.reused()) least = std::max(least - lane.queue_before, least / 4);
  lane.trip = memory_.round_trip(lane.peer.id, least);
}

void SegmentDownload::limit(Lane& lane) {
  uint64_t window = 0;
  const auto share = gives_way_ ? std::optional<uint64_t>(0) : context_.queue->window(lane.trip);
  if (share) {
    // Connections round differently, so that together they keep to what was offered.
    const double odd = std::fmod(lane.piece * kGolden, 1.0);
    const double packets =
        std::max(static_cast<double>(*share) * lane.weight / kPacket + odd, kFewestPackets);
    const double now = std::ceil(static_cast<double>(lane.window) / kPacket);
    if (packets > now - kRestless && packets < now + 1 + kRestless) return;
    window = static_cast<uint64_t>(std::floor(packets) * kPacket) / kWindowUnit * kWindowUnit;
  }
  if (window == lane.window) return;
  lane.window = window;
  io::limit_receive_window(lane.link.transport().fd(), window == 0 ? io::kAnyWindow : window);
}

Status SegmentDownload::ask_more() {
  auto answer = options_.all_nodes();
  if (!answer) return {};
  all_known_ = true;
  if (!*answer) return std::move(*answer).error();
  return add_lanes(**answer, false);
}

void SegmentDownload::check_limits() {
  for (auto& lane : lanes_) {
    if (!lane->link.is_open() || lane->paused || lane->held) continue;
    if (!lane->link.connected()) {
      if (waited_ - lane->opened > options_.dial_limit) {
        fail(*lane, make_error(Errc::kNetwork, "no connection in time", ETIMEDOUT));
      }
    } else if (waited_ - lane->last_gain > options_.silence_limit) {
      fail(*lane, make_error(Errc::kNetwork, "no data in time", ETIMEDOUT));
    }
  }
}

bool SegmentDownload::lost() const {
  const auto gone = static_cast<size_t>(std::ranges::count_if(
      lanes_, [](const auto& lane) { return lane->failure && lane->failure->cause == kRpcNotFound; }));
  const auto minimum = static_cast<size_t>(std::max(1, offer_->redundancy_scheme().min_req()));
  return all_known_ && lanes_.size() - gone < minimum;
}

void SegmentDownload::blame(const std::vector<unsigned>& pieces) {
  for (unsigned piece : pieces) {
    if (Lane* lane = lane_of(piece)) memory_.failed(lane->peer.id, NodeMemory::Fault::kBadData);
  }
}

Error SegmentDownload::too_few() const {
  // One sentence for many failures, led by the most telling: a wrong identity before a refusal before a
  // time-out.
  const Error* first = nullptr;
  unsigned failed = 0;
  for (const auto& lane : lanes_) {
    if (!lane->failure) continue;
    ++failed;
    auto rank = [](const Error& e) { return e.code == Errc::kIntegrity ? 2 : e.cause != ETIMEDOUT ? 1 : 0; };
    if (first == nullptr || rank(*lane->failure) > rank(*first)) first = &*lane->failure;
  }
  std::string text = "only " + std::to_string(lanes_.size() - failed) + " of the " +
                     std::to_string(offer_->redundancy_scheme().min_req()) + " pieces needed can be read";
  if (first != nullptr) text += ", " + std::to_string(failed) + " failed, e.g. " + first->what;
  return make_error(Errc::kNetwork, text);
}

std::string SegmentDownload::node_name(unsigned piece) const {
  for (const auto& lane : lanes_) {
    if (lane->piece == piece) return lane->link.node_name();
  }
  return "piece " + std::to_string(piece);
}

SegmentDownload::Lane* SegmentDownload::lane_of(unsigned piece) const {
  for (auto& lane : lanes_) {
    if (lane->piece == piece) return lane.get();
  }
  return nullptr;
}

}  // namespace sjcp::storj
