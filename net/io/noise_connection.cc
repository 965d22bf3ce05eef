#include "net/io/noise_connection.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "net/io/peer_socket.h"

namespace sjcp::io {

namespace {

using crypto::kNoiseMostData;
using crypto::kNoiseTagSize;
using crypto::NoiseHandshake;

constexpr uint8_t kFrameMark = 0x80;
constexpr size_t kHeaderSize = 4;
constexpr size_t kLargestMessage = kNoiseMostData + NoiseHandshake::kFirstOverhead;
// Room for what is received at once.
constexpr size_t kReadAhead = 64 << 10;
// Of frames beyond this no more is received than they need: what follows would have to be moved.
constexpr size_t kLargeFrame = 32 << 10;

void put_header(uint8_t* out, size_t size) {
  out[0] = kFrameMark;
  out[1] = static_cast<uint8_t>(size >> 16);
  out[2] = static_cast<uint8_t>(size >> 8);
  out[3] = static_cast<uint8_t>(size);
}

}  // namespace

struct NoiseConnection::State {
  std::unique_ptr<PeerSocket> owned;
  PeerSocket& socket = *owned;
  NoiseHandshake handshake;
  bool connected = false;
  bool said = false;   // own handshake message has been made
  bool heard = false;  // the peer's has been read
  std::optional<NoiseHandshake::Ciphers> ciphers;

  // What has come: [at, end) of `buffer`, of which the first `open` bytes, from `at` on, are plain and to be
  // handed out, and `tail` more behind them are the frame's tag.
  std::unique_ptr<uint8_t[]> buffer;
  size_t capacity = 0;
  size_t at = 0;
  size_t end = 0;
  size_t open = 0;
  size_t tail = 0;
  std::array<uint8_t, kHeaderSize> header{};  // what remains while there is no buffer
  size_t header_size = 0;

  std::string sealed;     // a frame that is not sent whole
  size_t sent = 0;        // of it
  size_t sealed_for = 0;  // bytes of data in it that write() has not reported as taken
  std::shared_ptr<const PeerIdentity> nobody;

  State(std::unique_ptr<PeerSocket> over, NoiseHandshake begun)
      : owned(std::move(over)), handshake(std::move(begun)) {}

  size_t pending() const { return buffer != nullptr ? end - at : header_size; }
  const uint8_t* front() const { return buffer != nullptr ? buffer.get() + at : header.data(); }
  Status damaged(const char* how) const { return make_error(Errc::kIntegrity, socket.name() + ": " + how); }
  Result<size_t> wanted() const;
  Result<bool> receive();
  Status open_frame(size_t size);
  void make_room(size_t size);
  void tidy();
  Result<bool> flush(bool more);
  Status say(ByteView data);
  Status seal(ByteView data);
};

// Bytes of the first frame with its header, as far as they are known.
Result<size_t> NoiseConnection::State::wanted() const {
  if (pending() < kHeaderSize) return kHeaderSize;
  const uint8_t* bytes = front();
  const size_t size = size_t{bytes[1]} << 16 | size_t{bytes[2]} << 8 | bytes[3];
  if (bytes[0] != kFrameMark || size < kNoiseTagSize || size > kLargestMessage) {
    return damaged("sends what is not Noise").error();
  }
  return kHeaderSize + size;
}

// Moves what is pending to the front of a buffer that has room for `size` bytes.
void NoiseConnection::State::make_room(size_t size) {
  if (buffer != nullptr && at + size <= capacity) return;
  if (buffer != nullptr && size <= capacity) {
    std::memmove(buffer.get(), buffer.get() + at, end - at);
  } else {
    auto larger = std::make_unique_for_overwrite<uint8_t[]>(size);
    const size_t kept = pending();
    std::memcpy(larger.get(), front(), kept);
    end = at + kept;
    buffer = std::move(larger);
    capacity = size;
  }
  end -= at;
  at = 0;
}

// A connection between two frames holds no buffer.
void NoiseConnection::State::tidy() {
  if (buffer == nullptr || open != 0 || end - at >= kHeaderSize) return;
  header_size = end - at;
  std::memcpy(header.data(), buffer.get() + at, header_size);
  buffer.reset();
  capacity = at = end = 0;
}

// Until the first frame is whole.  False: more must come.
Result<bool> NoiseConnection::State::receive() {
  for (;;) {
    const auto frame = wanted();
    if (!frame) return frame.error();
    if (pending() >= kHeaderSize && pending() >= *frame) return true;
    const size_t ahead = *frame > kLargeFrame ? *frame + kHeaderSize : kReadAhead;
    make_room(ahead);
    const ssize_t received = socket.receive(buffer.get() + end, ahead - (end - at));
    if (received <= 0) {
      tidy();
      if (socket.broken()) return socket.failure("reading");
      return false;
    }
    end += static_cast<size_t>(received);
  }
}

// The first frame, of so many bytes, becomes plain in its place.
Status NoiseConnection::State::open_frame(size_t size) {
  const ByteView message(buffer.get() + at + kHeaderSize, size - kHeaderSize);
  if (!heard) {
    auto data = handshake.read(message);
    if (!data) return with_context(data.error(), socket.name());
    heard = true;
    if (said) ciphers = handshake.split();
    at += size - data->size();
    std::memcpy(buffer.get() + at, data->data(), data->size());
    open = data->size();
    tail = 0;
    return {};
  }
  uint8_t* start = buffer.get() + at + kHeaderSize;
  const size_t plain = message.size() - kNoiseTagSize;
  if (!ciphers->receiving.open({}, message, {start, plain})) {
    return damaged("sent something that was damaged on its way");
  }
  at += kHeaderSize;
  open = plain;
  tail = kNoiseTagSize;
  if (open == 0) at += std::exchange(tail, 0);
  return {};
}

// True: nothing is left to send.
Result<bool> NoiseConnection::State::flush(bool more) {
  while (sent < sealed.size()) {
    const ssize_t n = socket.send(sealed.data() + sent, sealed.size() - sent, more);
    if (n < 0) {
      if (socket.broken()) return socket.failure("writing");
      return false;
    }
    sent += static_cast<size_t>(n);
  }
  sent = 0;
  // Its memory stays for the next while there is more to say.
  sealed.clear();
  if (!more) sealed.shrink_to_fit();
  return true;
}

// The own handshake message, with data.
Status NoiseConnection::State::say(ByteView data) {
  auto message = handshake.write(data);
  if (!message) return with_context(message.error(), socket.name());
  said = true;
  if (heard) ciphers = handshake.split();
  sealed.resize(kHeaderSize);
  put_header(reinterpret_cast<uint8_t*>(sealed.data()), message->size());
  sealed += *message;
  return {};
}

Status NoiseConnection::State::seal(ByteView data) {
  if (!said) return say(data);
  const size_t size = data.size() + kNoiseTagSize;
  sealed.resize(kHeaderSize + size);
  auto* out = reinterpret_cast<uint8_t*>(sealed.data());
  put_header(out, size);
  ciphers->sending.seal({}, data, {out + kHeaderSize, size});
  return {};
}

NoiseConnection::NoiseConnection(std::unique_ptr<State> state) : state_(std::move(state)) {}
NoiseConnection::~NoiseConnection() = default;

Result<std::unique_ptr<NoiseConnection>> NoiseConnection::dial(const crypto::NoiseKey& own,
                                                               const Endpoint& endpoint,
                                                               const access::NodeId& id,
                                                               const NoiseInfo& node,
                                                               std::string_view preamble) {
  auto socket = PeerSocket::dial(endpoint, id, preamble);
  if (!socket) return std::move(socket).error();
  return std::unique_ptr<NoiseConnection>(new NoiseConnection(std::make_unique<State>(
      std::move(*socket), NoiseHandshake::initiator(node.protocol, own, node.public_key))));
}

std::unique_ptr<NoiseConnection> NoiseConnection::accept(crypto::NoiseProtocol protocol,
                                                         const crypto::NoiseKey& own, int fd) {
  auto state = std::make_unique<State>(PeerSocket::accept(fd), NoiseHandshake::responder(protocol, own));
  state->connected = true;
  return std::unique_ptr<NoiseConnection>(new NoiseConnection(std::move(state)));
}

int NoiseConnection::fd() const {
  return state_->socket.fd();
}
const std::string& NoiseConnection::name() const {
  return state_->socket.name();
}
bool NoiseConnection::reached() const {
  return state_->socket.reached();
}
bool NoiseConnection::connected() const {
  return state_->connected;
}
const std::shared_ptr<const PeerIdentity>& NoiseConnection::peer() const {
  return state_->nobody;
}
bool NoiseConnection::speechless() const {
  return state_->said && !state_->heard;
}
bool NoiseConnection::unproven() const {
  return !state_->heard;
}

Result<Ready> NoiseConnection::handshake() {
  if (state_->connected) return Ready::kDone;
  if (!state_->socket.reached()) return Ready::kWantWrite;
  state_->socket.check_connected();
  if (state_->socket.broken()) return state_->socket.failure("connect");
  state_->connected = true;
  return Ready::kDone;
}

Result<NoiseConnection::ReadResult> NoiseConnection::read(ByteSpan scratch) {
  State& state = *state_;
  ReadResult result;
  for (;;) {
    if (state.open > 0) {
      result.data = ByteView(state.buffer.get() + state.at, std::min(state.open, scratch.size()));
      state.at += result.data.size();
      state.open -= result.data.size();
      if (state.open == 0) state.at += std::exchange(state.tail, 0);
      return result;
    }
    state.tidy();
    // Who is asked first answers as soon as it waits for more.
    if (state.heard && !state.said) {
      if (auto status = state.say({}); !status) return status.error();
    }
    if (state.sealed_for == 0 && !state.sealed.empty()) {
      if (auto flushed = state.flush(false); !flushed) return flushed.error();
    }
    const auto whole = state.receive();
    if (!whole) return whole.error();
    if (!*whole) {
      result.eof = state.socket.eof();
      return result;
    }
    if (auto status = state.open_frame(*state.wanted()); !status) return status.error();
  }
}

bool NoiseConnection::has_buffered() const {
  if (state_->open > 0) return true;
  const auto frame = state_->wanted();
  // What is no frame is for read() to tell.
  return !frame || (state_->pending() >= kHeaderSize && state_->pending() >= *frame);
}

Result<size_t> NoiseConnection::write(ByteView data, bool more) {
  State& state = *state_;
  if (data.empty()) return size_t{0};
  if (!state.sealed.empty()) {
    const auto flushed = state.flush(more);
    if (!flushed) return flushed.error();
    if (!*flushed || state.sealed_for > 0) return *flushed ? std::exchange(state.sealed_for, 0) : 0;
  }
  if (speechless()) return size_t{0};
  const ByteView part = data.sub(0, std::min(data.size(), kRecordSize));
  if (auto status = state.seal(part); !status) return status.error();
  const auto flushed = state.flush(more || part.size() < data.size());
  if (!flushed) return flushed.error();
  if (*flushed) return part.size();
  state.sealed_for = part.size();
  return size_t{0};
}

}  // namespace sjcp::io
