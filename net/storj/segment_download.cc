#include "net/storj/segment_download.h"

#include <algorithm>
#include <cerrno>

namespace sjcp::storj {

using segment::PieceRace;
using Steady = std::chrono::steady_clock;

namespace {

// One TLS record at most comes per read.
constexpr size_t kScratchSize = 16 << 10;
// Bytes taken from one connection before the others get their turn.
constexpr size_t kReadsPerTurn = 128 << 10;

PieceRace::Options race_options(const pb::DownloadSegmentResponse& offer, bool read_all) {
  auto minimum = static_cast<unsigned>(std::max(1, offer.redundancy_scheme().min_req()));
  auto offered = static_cast<unsigned>(offer.addressed_limits_size());
  return {.needed = read_all ? offered : minimum, .minimum = minimum};
}

}  // namespace

struct SegmentDownload::Lane final : PieceDownload::Payload {
  Lane(SegmentDownload& race, unsigned number, const pb::AddressedOrderLimit& addressed, uint64_t token)
      : owner(race), piece(number), limit(addressed), link(race.pool_, race.poller_, race.context_, token) {}

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
  const pb::AddressedOrderLimit& limit;
  drpc::Peer peer;
  NodeConnection link;
  std::optional<PieceDownload> stream;  // set once the request was sent
  std::string early;
  std::optional<Error> failure;
  bool active = false;  // in play in the decoder
  bool paused = false;  // not read: its ring is full, or it is parked
  bool finished = false;
  bool watching_write = false;
};

SegmentDownload::SegmentDownload(drpc::Pool& pool, const pb::DownloadSegmentResponse& offer,
                                 segment::SegmentDecoder& decoder, bool read_all, const transfer::Context& context,
                                 RaceOptions options)
    : pool_(pool),
      offer_(offer),
      decoder_(decoder),
      context_(context),
      read_all_(read_all),
      options_(options),
      race_(race_options(offer, read_all)),
      poller_(context.stop),
      scratch_(kScratchSize) {}

SegmentDownload::~SegmentDownload() { close_all(); }

Status SegmentDownload::run() {
  if (auto status = start(); !status) return status;
  for (;;) {
    auto now = Steady::now();
    auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(next_review_ - now);
    if (!again_.empty() || limit < std::chrono::milliseconds(0)) limit = std::chrono::milliseconds(0);
    auto events = poller_.wait(limit);
    if (!events) return std::move(events).error();
    for (const auto& event : **events) on_ready(*lanes_[event.token]);
    auto again = std::move(again_);
    again_.clear();
    for (Lane* lane : again) {
      if (lane->stream && lane->link.is_open() && !lane->paused) read(*lane);
    }
    // Correction looks at all pieces together, so it begins when each has answered or failed.
    if (!read_all_ || race_.count(PieceRace::Role::kWaiting) == 0) {
      auto done = decoder_.advance();
      if (!done) return std::move(done).error();
      if (*done) return {};
      resume_paused();
    }
    if (Steady::now() >= next_review_) review();
    if (!race_.possible()) return too_few();
  }
}

Status SegmentDownload::start() {
  auto key = crypto::Ed25519Key::from_private(offer_.private_key());
  if (!key) return std::move(key).error();
  key_ = std::move(*key);
  for (int i = 0; i < offer_.addressed_limits_size(); ++i) {
    const auto& limit = offer_.addressed_limits(i);
    if (!limit.has_limit()) continue;  // this piece is not offered
    auto lane = std::make_unique<Lane>(*this, static_cast<unsigned>(i), limit, lanes_.size());
    auto id = access::NodeId::from_bytes(limit.limit().storage_node_id());
    if (!id) return make_error(Errc::kProtocol, "the satellite's offer names no node");
    lane->peer = {*id, limit.storage_node_address().address()};
    race_.add(lane->piece);
    lanes_.push_back(std::move(lane));
  }
  next_review_ = Steady::now() + options_.review_interval;
  if (!race_.possible()) return too_few();
  for (size_t i = 0; i < lanes_.size(); ++i) open_lane(*lanes_[i], false);
  return {};
}

void SegmentDownload::open_lane(Lane& lane, bool fresh) {
  if (auto status = lane.link.open(lane.peer, fresh); !status) return fail(lane, std::move(status).error());
  on_ready(lane);
}

void SegmentDownload::on_ready(Lane& lane) {
  if (!lane.link.is_open()) return;
  if (!lane.stream) {
    auto connected = lane.link.connect();
    if (!connected) return fail(lane, std::move(connected).error());
    if (*connected) begin_stream(lane);
    return;
  }
  if (lane.watching_write) flush(lane);
  // Writing may have shown that the connection was dead; a fresh one has no stream yet.
  if (lane.stream && lane.link.is_open() && !lane.paused) read(lane);
}

void SegmentDownload::begin_stream(Lane& lane) {
  lane.stream.emplace(lane.limit.limit(), *key_, decoder_.piece_range(), options_.first_order);
  lane.stream->start(lane.link.machine());
  lane.link.watch(true, false);
  flush(lane);
}

// Reads until the descriptor or the ring is exhausted, or the lane's turn is over.
void SegmentDownload::read(Lane& lane) {
  size_t turn = kReadsPerTurn;
  while (turn > 0) {
    size_t room = lane.active ? decoder_.room(lane.piece) : scratch_.size();
    if (room == 0 || race_.role(lane.piece) == PieceRace::Role::kParked) {
      lane.paused = true;
      return lane.link.watch(false, lane.watching_write);
    }
    auto got = lane.link.tls().read(ByteSpan(scratch_).first(std::min(room, scratch_.size())));
    if (!got) return broken(lane, std::move(got).error());
    if (got->eof) return broken(lane, make_error(Errc::kNetwork, "connection closed by the node"));
    if (got->bytes == 0) {
      if (got->wait == io::Ready::kWantWrite) lane.link.watch(true, true);
      return;
    }
    uint64_t before = lane.stream->received();
    auto status = lane.stream->receive(lane.link.machine(), ByteView(scratch_.data(), got->bytes), lane);
    if (!status) return fail(lane, std::move(status).error());
    if (uint64_t received = lane.stream->received(); received != before) {
      lane.link.last_progress = Steady::now();
      context_.counters->bytes_fetched.fetch_add(received - before, std::memory_order_relaxed);
      // Activation may already have finished or broken the lane.
      if (before == 0) after_first_bytes(lane);
      if (!lane.link.is_open()) return;
      if (lane.stream->complete() && lane.active) return finish(lane);
    }
    turn -= std::min(turn, got->bytes);
  }
  if (lane.link.tls().has_buffered()) again_.push_back(&lane);
}

void SegmentDownload::after_first_bytes(Lane& lane) {
  if (race_.first_bytes(lane.piece) == PieceRace::Role::kActive) activate(lane.piece);
}

void SegmentDownload::activate(unsigned piece) {
  Lane& lane = *lane_of(piece);
  decoder_.add(piece);
  lane.active = true;
  lane.paused = false;
  lane.link.last_progress = Steady::now();
  // What came early is at most one read of a connection, which a fresh ring can hold.
  decoder_.feed(piece, ByteView(lane.early));
  lane.early.clear();
  lane.early.shrink_to_fit();
  if (lane.stream->complete()) return finish(lane);
  lane.stream->order_rest(lane.link.machine());
  lane.link.watch(true, lane.watching_write);
  flush(lane);
  if (lane.link.is_open()) again_.push_back(&lane);
}

void SegmentDownload::flush(Lane& lane) {
  auto flushed = lane.link.flush();
  if (!flushed) return broken(lane, std::move(flushed).error());
  if (lane.watching_write == !*flushed) return;
  lane.watching_write = !*flushed;
  lane.link.watch(!lane.paused, lane.watching_write);
}

// A kept connection may have died while it was idle, most likely before the node saw the request: one fresh try.
void SegmentDownload::broken(Lane& lane, Error error) {
  if (!lane.link.reused() || lane.stream->received() > 0) return fail(lane, std::move(error));
  lane.link.drop();
  lane.stream.reset();
  open_lane(lane, true);
}

void SegmentDownload::fail(Lane& lane, Error error) {
  lane.link.drop();
  lane.failure = with_context(std::move(error), node_name(lane.piece));
  if (lane.active) decoder_.remove(lane.piece);
  lane.active = false;
  if (auto spare = race_.failed(lane.piece)) activate(*spare);
}

// All bytes of the piece are here: the connection may serve another segment at once.
void SegmentDownload::finish(Lane& lane) {
  lane.finished = true;
  lane.link.machine().close();
  auto flushed = lane.link.flush();
  if (flushed && *flushed) return lane.link.give_back();
  lane.link.drop();
}

void SegmentDownload::close_all() {
  for (auto& lane : lanes_) {
    // Draining more than a first order costs more than a handshake: such a connection is dropped.
    bool cheap = lane->stream && lane->stream->ordered() - lane->stream->received() <= options_.first_order;
    if (cheap && lane->link.is_open()) lane->link.cancel();
    lane->link.drop();
  }
}

void SegmentDownload::resume_paused() {
  for (auto& lane : lanes_) {
    if (!lane->paused || !lane->active || !lane->link.is_open()) continue;
    // Waking a connection for a few bytes is not worth it, unless they are its last.
    uint64_t left = lane->stream->wanted() - lane->stream->received();
    if (decoder_.room(lane->piece) < std::min<uint64_t>(kScratchSize, left)) continue;
    lane->paused = false;
    lane->link.watch(true, lane->watching_write);
    again_.push_back(lane.get());
  }
}

void SegmentDownload::review() {
  auto now = Steady::now();
  next_review_ = now + options_.review_interval;
  std::vector<PieceRace::Progress> progress;
  for (auto& lane : lanes_) {
    if (lane->active) progress.push_back({lane->piece, lane->finished || decoder_.room(lane->piece) == 0});
  }
  for (unsigned spare : race_.review(progress, now)) {
    context_.counters->retries.fetch_add(1, std::memory_order_relaxed);
    activate(spare);
  }
  for (auto& lane : lanes_) {
    if (!lane->link.is_open() || lane->paused) continue;
    if (!lane->link.connected()) {
      if (now - lane->link.last_progress > options_.dial_limit) {
        fail(*lane, make_error(Errc::kNetwork, "no connection in time", ETIMEDOUT));
      }
    } else if (now - lane->link.last_progress > options_.silence_limit) {
      fail(*lane, make_error(Errc::kNetwork, "no data in time", ETIMEDOUT));
    }
  }
}

Error SegmentDownload::too_few() const {
  // One sentence for many failures, led by the most telling: a wrong identity before a refusal before a time-out.
  const Error* first = nullptr;
  unsigned failed = 0;
  for (const auto& lane : lanes_) {
    if (!lane->failure) continue;
    ++failed;
    auto rank = [](const Error& e) { return e.code == Errc::kIntegrity ? 2 : e.cause != ETIMEDOUT ? 1 : 0; };
    if (first == nullptr || rank(*lane->failure) > rank(*first)) first = &*lane->failure;
  }
  std::string text = "only " + std::to_string(lanes_.size() - failed) + " of the " +
                     std::to_string(offer_.redundancy_scheme().min_req()) + " pieces needed can be read";
  if (first != nullptr) text += ", " + std::to_string(failed) + " failed, e.g. " + first->what;
  return make_error(Errc::kNetwork, text);
}

std::string SegmentDownload::node_name(unsigned piece) const {
  for (const auto& lane : lanes_) {
    if (lane->piece == piece) return lane->link.node_name();
  }
  return "piece " + std::to_string(piece);
}

SegmentDownload::Lane* SegmentDownload::lane_of(unsigned piece) {
  for (auto& lane : lanes_) {
    if (lane->piece == piece) return lane.get();
  }
  return nullptr;
}

}  // namespace sjcp::storj
