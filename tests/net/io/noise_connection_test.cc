#include "net/io/noise_connection.h"

#include <fcntl.h>

#include <array>
#include <optional>

#include "tests/net/io/loopback_server.h"
#include "tests/support/catch.h"
#include "tests/support/loopback_listener.h"
#include "tests/support/random_bytes.h"

using namespace sjcp;
using crypto::NoiseHandshake;
using crypto::NoiseKey;
using crypto::NoiseProtocol;
using io::NoiseConnection;
using io::PeerConnection;
using test::handshake;
using test::patience;

namespace {

constexpr std::string_view kPreamble = "DRPC!N!1";

std::string frame(const std::string& message) {
  std::string out{'\x80', static_cast<char>(message.size() >> 16), static_cast<char>(message.size() >> 8),
                  static_cast<char>(message.size())};
  return out + message;
}

// A client's connection to a node that the test itself is, byte by byte.
class Exchange {
 public:
  explicit Exchange(NoiseProtocol protocol = NoiseProtocol::kChaChaPoly) : protocol_(protocol) {
    client = std::move(*NoiseConnection::dial(own_, io::resolve(listener_.address())->front(),
                                              test::new_identity()->id(), {protocol, node.public_key()},
                                              kPreamble));
    fd_ = listener_.accept();
  }
  ~Exchange() { hang_up(); }

  void hang_up() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  std::string receive(size_t size) const {
    std::string out(size, '\0');
    size_t at = 0;
    while (at < size) {
      const ssize_t n = ::recv(fd_, out.data() + at, size - at, 0);
      if (n <= 0) break;
      at += static_cast<size_t>(n);
    }
    out.resize(at);
    return out;
  }
  std::string receive_frame() const {
    const std::string header = receive(4);
    REQUIRE(header.size() == 4);
    CHECK(header[0] == '\x80');
    const auto byte = [&](size_t i) { return size_t{static_cast<uint8_t>(header[i])}; };
    return receive(byte(1) << 16 | byte(2) << 8 | byte(3));
  }
  void send(const std::string& bytes) const {
    REQUIRE(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  std::string sealed(const std::string& plain) {
    std::string out(plain.size() + crypto::kNoiseTagSize, '\0');
    ciphers->sending.seal({}, plain, {reinterpret_cast<uint8_t*>(out.data()), out.size()});
    return frame(out);
  }

  // The node's part of the handshake; returns the first data of the client.
  std::string answer(const std::string& data = {}) {
    CHECK(receive(8) == kPreamble);
    auto responder = NoiseHandshake::responder(protocol_, node);
    auto first = responder.read(receive_frame());
    REQUIRE(first);
    const std::string second = *responder.write(data);
    ciphers = responder.split();
    send(frame(second));
    return *first;
  }

  // What the client reads, until so many bytes or an end.
  Result<std::string> read(size_t size) {
    std::array<uint8_t, 1000> scratch;
    std::string all;
    while (all.size() < size) {
      auto got = client->read(scratch);
      if (!got) return got.error();
      CHECK(got->data.size() <= scratch.size());
      all += got->data.text();
      if (got->eof) return all;
      if (got->data.empty()) REQUIRE(io::wait_ready(client->fd(), io::Ready::kWantRead, patience(), {}));
    }
    return all;
  }

  const NoiseKey node = NoiseKey::generate();
  std::unique_ptr<PeerConnection> client;
  std::optional<NoiseHandshake::Ciphers> ciphers;

 private:
  const NoiseProtocol protocol_;
  const NoiseKey own_ = NoiseKey::generate();
  const test::LoopbackListener listener_;
  int fd_ = -1;
};

}  // namespace

TEST_CASE("over Noise the first request travels with the first message, and nothing more before the answer") {
  Exchange exchange(GENERATE(NoiseProtocol::kChaChaPoly, NoiseProtocol::kAesGcm));
  PeerConnection& client = *exchange.client;
  CHECK_FALSE(client.connected());
  REQUIRE(handshake(client));
  CHECK(client.connected());
  CHECK(client.peer() == nullptr);
  CHECK_FALSE(client.speechless());
  CHECK(*client.write(std::string("request")) == 7);
  CHECK(client.speechless());
  CHECK(client.unproven());
  CHECK(*client.write(std::string("more")) == 0);
  CHECK(exchange.answer("hello") == "request");
  CHECK(*exchange.read(5) == "hello");
  CHECK_FALSE(client.speechless());
  CHECK_FALSE(client.unproven());
  CHECK(*client.write(std::string("more")) == 4);
  const std::string sealed = exchange.receive_frame();
  std::string plain(sealed.size() - crypto::kNoiseTagSize, '\0');
  REQUIRE(
      exchange.ciphers->receiving.open({}, sealed, {reinterpret_cast<uint8_t*>(plain.data()), plain.size()}));
  CHECK(plain == "more");
  exchange.hang_up();
  CHECK(exchange.read(1)->empty());
}

TEST_CASE("Noise frames of any size, cut anywhere, are read in order") {
  Exchange exchange;
  REQUIRE(handshake(*exchange.client));
  REQUIRE(exchange.client->write(std::string("request")));
  exchange.answer();
  std::string plain;
  std::string wire;
  std::mt19937_64 random(3);
  // Large ones as nodes send them, an empty one, and many that come together.
  std::vector<size_t> sizes{65535, 1, 0, 65535, 40000, 7936};
  for (int i = 0; i < 200; ++i) sizes.push_back(random() % 900);
  for (const size_t size : sizes) {
    const auto bytes = test::random_bytes(random, size);
    const std::string text(bytes.begin(), bytes.end());
    plain += text;
    wire += exchange.sealed(text);
  }
  std::string read;
  for (size_t at = 0; at < wire.size();) {
    const size_t step = std::min<size_t>(1 + random() % (at % 3 == 0 ? 5 : 30000), wire.size() - at);
    exchange.send(wire.substr(at, step));
    at += step;
    // What has come so far, without waiting.
    std::array<uint8_t, 1000> scratch;
    for (;;) {
      auto got = exchange.client->read(scratch);
      REQUIRE(got);
      if (got->data.empty()) break;
      read += got->data.text();
    }
  }
  read += *exchange.read(plain.size() - read.size());
  CHECK(read == plain);
}

TEST_CASE("what came with the last bytes that were read is known to wait") {
  Exchange exchange;
  PeerConnection& client = *exchange.client;
  REQUIRE(handshake(client));
  REQUIRE(client.write(std::string("request")));
  exchange.answer(std::string(1500, 'a'));
  CHECK(exchange.read(1000)->size() == 1000);
  CHECK(client.has_buffered());
  CHECK(exchange.read(500)->size() == 500);
  CHECK_FALSE(client.has_buffered());
  std::string both = exchange.sealed("one");
  both += exchange.sealed("two");
  exchange.send(both);
  CHECK(*exchange.read(3) == "one");
  CHECK(client.has_buffered());
  CHECK(*exchange.read(3) == "two");
  CHECK_FALSE(client.has_buffered());
}

TEST_CASE("what was damaged on its way, or is not Noise, ends the connection") {
  Exchange exchange;
  REQUIRE(handshake(*exchange.client));
  REQUIRE(exchange.client->write(std::string("request")));
  exchange.answer();
  const std::string wrong = GENERATE("damaged", "mark", "short", "long");
  const std::string good = exchange.sealed("good");
  std::string bytes = exchange.sealed("data");
  if (wrong == "damaged") bytes.back() = static_cast<char>(bytes.back() ^ 1);
  if (wrong == "mark") bytes[0] = '\x16';
  if (wrong == "short") bytes[3] = 15;
  if (wrong == "long") bytes[1] = 2;
  // Behind something that is right, with which it comes.
  exchange.send(good + bytes);
  CHECK(*exchange.read(4) == "good");
  CHECK(exchange.client->has_buffered());
  const auto read = exchange.read(1);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Errc::kIntegrity);
  CHECK(read.error().what.starts_with(exchange.client->name()));
}

TEST_CASE("a node with another key cannot pass for the one that was asked for") {
  Exchange exchange;
  REQUIRE(handshake(*exchange.client));
  REQUIRE(exchange.client->write(std::string("request")));
  CHECK(exchange.receive(8) == kPreamble);
  const NoiseKey other = NoiseKey::generate();
  const std::string first = exchange.receive_frame();
  SECTION("it cannot read the request, and hangs up") {
    CHECK_FALSE(NoiseHandshake::responder(NoiseProtocol::kChaChaPoly, other).read(first));
    exchange.hang_up();
    CHECK(exchange.read(1)->empty());
    CHECK(exchange.client->unproven());
  }
  SECTION("it answers with what it makes up") {
    exchange.send(frame(std::string(NoiseHandshake::kSecondOverhead, 'x')));
    const auto read = exchange.read(1);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::kIntegrity);
    CHECK(exchange.client->unproven());
  }
}

TEST_CASE("a server over Noise answers as soon as it waits for more, and echoes a megabyte") {
  const NoiseKey node = NoiseKey::generate();
  const NoiseKey own = NoiseKey::generate();
  const test::LoopbackListener listener;
  const auto dialled =
      NoiseConnection::dial(own, io::resolve(listener.address())->front(), test::new_identity()->id(),
                            {NoiseProtocol::kChaChaPoly, node.public_key()}, kPreamble);
  PeerConnection& client = **dialled;
  REQUIRE(handshake(client));
  const int fd = listener.accept();
  std::string sent(1000000, '\0');
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 >> 3);
  ByteView left(sent);
  left = left.sub(*client.write(left));
  std::array<char, 8> preamble;
  REQUIRE(::recv(fd, preamble.data(), preamble.size(), MSG_WAITALL) == 8);
  REQUIRE(::fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
  const auto server = NoiseConnection::accept(NoiseProtocol::kChaChaPoly, node, fd);
  std::array<uint8_t, 20000> buffer;
  std::string back;
  std::string returned;
  size_t echoed = 0;
  // Both ends take turns; each does what it can without waiting.
  for (int turn = 0; turn < 1000000 && returned.size() < sent.size(); ++turn) {
    auto request = server->read(buffer);
    REQUIRE(request);
    back += request->data.text();
    if (echoed < back.size()) echoed += *server->write(ByteView(back).sub(echoed));
    if (!left.empty()) left = left.sub(*client.write(left));
    auto reply = client.read(buffer);
    REQUIRE(reply);
    returned += reply->data.text();
  }
  CHECK(returned == sent);
}

TEST_CASE("a dial over Noise that is refused says so") {
  const std::string address = [] { return test::LoopbackListener().address(); }();
  const NoiseKey own = NoiseKey::generate();
  const auto dialled = NoiseConnection::dial(own, io::resolve(address)->front(), test::new_identity()->id(),
                                             {NoiseProtocol::kChaChaPoly, own.public_key()}, kPreamble);
  const auto connected = dialled ? handshake(**dialled) : Status(dialled.error());
  REQUIRE_FALSE(connected);
  CHECK(connected.error().code == Errc::kNetwork);
  CHECK(connected.error().cause == ECONNREFUSED);
}
