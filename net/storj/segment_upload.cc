#include "net/storj/segment_upload.h"

#include <algorithm>
#include <cerrno>

namespace sjcp::storj {

using Steady = std::chrono::steady_clock;

namespace {

constexpr auto kCheckInterval = std::chrono::milliseconds(500);
constexpr size_t kReadSize = 16 << 10;

}  // namespace

struct SegmentUpload::Lane {
  enum class State : uint8_t { kRunning, kStored, kFailed };

  unsigned piece = 0;
  State state = State::kRunning;
  pb::AddressedOrderLimit limit;
  NodeTags tags;
  drpc::Peer peer;
  std::unique_ptr<drpc::Connection> connection;
  std::optional<PieceUpload> stream;
  std::optional<Error> failure;
  bool from_pool = false;
  bool want_write = false;
  Steady::time_point last_progress;
};

SegmentUpload::SegmentUpload(drpc::Pool& pool, pb::BeginSegmentResponse offer, segment::SegmentEncoder& encoder,
                             Exchange exchange, const transfer::Context& context, SpreadOptions options)
    : pool_(pool),
      offer_(std::move(offer)),
      encoder_(encoder),
      exchange_(std::move(exchange)),
      context_(context),
      options_(options),
      poller_(context.stop),
      scratch_(std::max(options.chunk_size, kReadSize)) {}

SegmentUpload::~SegmentUpload() { cancel_rest(); }

Status SegmentUpload::run() {
  if (auto status = start(); !status) return status;
  auto next_check = Steady::now() + kCheckInterval;
  while (!satisfied()) {
    auto running = static_cast<int64_t>(std::count_if(lanes_.begin(), lanes_.end(), [](const auto& lane) {
      return lane->state == Lane::State::kRunning;
    }));
    auto optimal = static_cast<int64_t>(offer_.redundancy_scheme().success_threshold());
    if (running == 0 || static_cast<int64_t>(results_.size()) + running < optimal) {
      if (auto status = exchange_failed(); !status) return status;
    }
    auto events = poller_.wait(kCheckInterval);
    if (!events) return std::move(events).error();
    for (const auto& event : **events) on_ready(*lanes_[event.token]);
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

Status SegmentUpload::start() {
  auto key = crypto::Ed25519Key::from_private(offer_.private_key());
  if (!key) return std::move(key).error();
  key_ = std::move(*key);
  for (int i = 0; i < offer_.addressed_limits_size(); ++i) {
    auto lane = std::make_unique<Lane>();
    lane->piece = static_cast<unsigned>(i);
    lanes_.push_back(std::move(lane));
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
  lane.stream.reset();
  lane.tags.clear();
  for (const auto& [key, value] : lane.limit.tags()) lane.tags[key] = value;
  auto id = access::NodeId::from_bytes(lane.limit.limit().storage_node_id());
  if (!id) return make_error(Errc::kProtocol, "the satellite's offer names no node");
  if (lane.limit.limit().limit() < static_cast<int64_t>(encoder_.piece_size())) {
    return make_error(Errc::kProtocol, "the satellite's limit is smaller than the piece");
  }
  lane.peer = {*id, lane.limit.storage_node_address().address()};
  open_lane(lane, false);
  return {};
}

void SegmentUpload::open_lane(Lane& lane, bool fresh) {
  lane.last_progress = Steady::now();
  if (!fresh) lane.connection = pool_.take(lane.peer);
  lane.from_pool = lane.connection != nullptr;
  if (!lane.connection) {
    auto dialled = pool_.dial(lane.peer);
    if (!dialled) return fail(lane, std::move(dialled).error());
    lane.connection = std::move(*dialled);
  }
  if (context_.counters != nullptr) context_.counters->connections_active.fetch_add(1, std::memory_order_relaxed);
  if (lane.from_pool) return begin_stream(lane);
  on_ready(lane);
}

void SegmentUpload::on_ready(Lane& lane) {
  if (!lane.connection) return;
  io::TlsConnection& tls = *lane.connection->tls;
  if (!tls.connected()) {
    auto ready = tls.handshake();
    if (!ready) return fail(lane, std::move(ready).error());
    if (*ready == io::Ready::kDone) return begin_stream(lane);
    poller_.watch(tls.fd(), lane.piece, *ready == io::Ready::kWantRead, *ready == io::Ready::kWantWrite);
    return;
  }
  read(lane);
  if (lane.connection) pump(lane);
}

void SegmentUpload::begin_stream(Lane& lane) {
  bool old_node = lane.limit.storage_node_address().debounce_limit() == 0;
  lane.stream.emplace(lane.limit.limit(), *key_, encoder_.piece_size(), old_node);
  lane.stream->start(lane.connection->machine);
  watch(lane);
  pump(lane);
}

// Keeps one chunk on its way; the loop ends when the socket is full, so that all pieces move on together and share
// the encoder's window.
void SegmentUpload::pump(Lane& lane) {
  if (!flush(lane)) return;
  if (lane.stream->left() == 0) return;
  size_t n = static_cast<size_t>(std::min<uint64_t>(options_.chunk_size, lane.stream->left()));
  encoder_.read(lane.piece, lane.stream->sent(), ByteSpan(scratch_).first(n));
  lane.stream->send(lane.connection->machine, ByteView(scratch_.data(), n));
  lane.last_progress = Steady::now();
  if (context_.counters != nullptr) context_.counters->bytes_fetched.fetch_add(n, std::memory_order_relaxed);
  if (!flush(lane)) return;
  // More to send and room to do so: come back after the others had their turn.
  bool more = lane.stream->left() > 0;
  if (more != lane.want_write) {
    lane.want_write = more;
    watch(lane);
  }
}

// True when everything is written.
bool SegmentUpload::flush(Lane& lane) {
  drpc::ClientMachine& machine = lane.connection->machine;
  while (!machine.output().empty()) {
    auto written = lane.connection->tls->write(machine.output());
    if (!written) {
      broken(lane, std::move(written).error());
      return false;
    }
    if (*written == 0) {
      if (!lane.want_write) {
        lane.want_write = true;
        watch(lane);
      }
      return false;
    }
    lane.last_progress = Steady::now();
    machine.consume_output(*written);
  }
  bool more = lane.stream && lane.stream->left() > 0;
  if (lane.want_write && !more) {
    lane.want_write = false;
    watch(lane);
  }
  return true;
}

void SegmentUpload::read(Lane& lane) {
  for (;;) {
    auto got = lane.connection->tls->read(ByteSpan(scratch_).first(kReadSize));
    if (!got) return broken(lane, std::move(got).error());
    if (got->eof) return broken(lane, make_error(Errc::kNetwork, "connection closed by the node"));
    if (got->bytes == 0) return;
    lane.last_progress = Steady::now();
    auto status = lane.stream->receive(lane.connection->machine, ByteView(scratch_.data(), got->bytes));
    if (!status) return fail(lane, std::move(status).error());
    if (lane.stream->answered()) return store_result(lane);
  }
}

void SegmentUpload::store_result(Lane& lane) {
  if (lane.stream->left() > 0) return fail(lane, make_error(Errc::kProtocol, "node answered before the end"));
  auto status = lane.stream->verify(lane.connection->tls->peer(), Clock::Wall::clock::now());
  if (!status) return fail(lane, std::move(status).error());
  pb::SegmentPieceUploadResult result;
  result.set_piece_num(static_cast<int>(lane.piece));
  result.set_node_id(lane.limit.limit().storage_node_id());
  *result.mutable_hash() = lane.stream->node_hash();
  results_.push_back(std::move(result));
  lane.state = Lane::State::kStored;
  lane.connection->machine.close();
  if (!flush(lane) || !lane.connection) return;
  poller_.forget(lane.connection->tls->fd());
  if (context_.counters != nullptr) context_.counters->connections_active.fetch_sub(1, std::memory_order_relaxed);
  pool_.give_back(lane.peer, std::move(lane.connection));
}

// A kept connection may have died while it was idle: one fresh try under the same limit, if the node can hardly
// have seen it.
void SegmentUpload::broken(Lane& lane, Error error) {
  if (lane.state == Lane::State::kStored) return drop_connection(lane);
  bool untouched = lane.from_pool && (!lane.stream || lane.stream->sent() <= options_.chunk_size);
  if (!untouched) return fail(lane, std::move(error));
  drop_connection(lane);
  lane.stream.reset();
  open_lane(lane, true);
}

void SegmentUpload::fail(Lane& lane, Error error) {
  drop_connection(lane);
  lane.state = Lane::State::kFailed;
  lane.failure = with_context(std::move(error), "node " + lane.peer.id.text() + " (" + lane.peer.address + ")");
}

void SegmentUpload::drop_connection(Lane& lane) {
  if (!lane.connection) return;
  poller_.forget(lane.connection->tls->fd());
  lane.connection.reset();
  lane.want_write = false;
  if (context_.counters != nullptr) context_.counters->connections_active.fetch_sub(1, std::memory_order_relaxed);
}

void SegmentUpload::cancel_rest() {
  for (auto& lane : lanes_) {
    if (!lane->connection) continue;
    drpc::ClientMachine& machine = lane->connection->machine;
    // A half-written frame cannot be taken back: such a connection is closed (protocol notes 4.3).
    if (lane->connection->tls->connected() && machine.output().empty()) {
      machine.cancel();
      if (auto written = lane->connection->tls->write(machine.output()); written) {
        machine.consume_output(*written);
        poller_.forget(lane->connection->tls->fd());
        if (context_.counters != nullptr) {
          context_.counters->connections_active.fetch_sub(1, std::memory_order_relaxed);
        }
        pool_.give_back(lane->peer, std::move(lane->connection));
      }
    }
    drop_connection(*lane);
  }
}

void SegmentUpload::watch(Lane& lane) {
  poller_.watch(lane.connection->tls->fd(), lane.piece, true, lane.want_write);
}

void SegmentUpload::check_limits() {
  auto now = Steady::now();
  for (auto& lane : lanes_) {
    if (!lane->connection || lane->state != Lane::State::kRunning) continue;
    bool connected = lane->connection->tls->connected();
    if (now - lane->last_progress > (connected ? options_.silence_limit : options_.dial_limit)) {
      fail(*lane, make_error(Errc::kNetwork, connected ? "no progress in time" : "no connection in time", ETIMEDOUT));
    }
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

Status SegmentUpload::exchange_failed() {
  pb::RetryBeginSegmentPiecesRequest request;
  request.set_segment_id(offer_.segment_id());
  for (const auto& lane : lanes_) {
    if (lane->state == Lane::State::kFailed) request.add_retry_piece_numbers(static_cast<int>(lane->piece));
  }
  if (request.retry_piece_numbers_size() == 0 || ++exchanges_ > options_.max_exchanges) return too_few();
  if (context_.counters != nullptr) context_.counters->retries.fetch_add(1, std::memory_order_relaxed);
  auto response = exchange_(request);
  if (!response) {
    Error error = too_few();
    if (response.error().code == Errc::kCancelled) return std::move(response).error();
    error.what += "; no other nodes: " + response.error().what;
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

Error SegmentUpload::too_few() const {
  const Error* first = nullptr;
  unsigned failed = 0;
  for (const auto& lane : lanes_) {
    if (lane->state != Lane::State::kFailed) continue;
    ++failed;
    if (first == nullptr || (first->code != Errc::kIntegrity && lane->failure->code == Errc::kIntegrity)) {
      first = &*lane->failure;
    }
  }
  std::string text = "only " + std::to_string(results_.size()) + " of the " +
                     std::to_string(offer_.redundancy_scheme().success_threshold()) +
                     " pieces needed were stored, " + std::to_string(failed) + " failed";
  if (first != nullptr) text += ", e.g. " + first->what;
  return make_error(Errc::kNetwork, text);
}

}  // namespace sjcp::storj
