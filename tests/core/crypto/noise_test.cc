#include "core/crypto/noise.h"

#include "tests/support/catch.h"
#include "tests/support/vectors.h"

namespace sjcp {
namespace {

using crypto::NoiseCipher;
using crypto::NoiseHandshake;
using crypto::NoiseKey;
using crypto::NoiseProtocol;

NoiseKey key_of(const nlohmann::json& value) {
  return *NoiseKey::from_private(test::unhex(value));
}

std::string seal(NoiseCipher& cipher, const std::string& plain) {
  std::string out(plain.size() + crypto::kNoiseTagSize, '\0');
  cipher.seal({}, plain, {reinterpret_cast<uint8_t*>(out.data()), out.size()});
  return out;
}

std::optional<std::string> open(NoiseCipher& cipher, const std::string& sealed) {
  std::string out(sealed.size() - crypto::kNoiseTagSize, '\0');
  if (!cipher.open({}, sealed, {reinterpret_cast<uint8_t*>(out.data()), out.size()})) return std::nullopt;
  return out;
}

TEST_CASE("every byte of a Noise session is as the network's library makes it") {
  const auto vectors = test::load_vectors("noise.json");
  for (const auto& v : vectors.at("noise_ik")) {
    INFO(v.at("name"));
    const auto protocol = static_cast<NoiseProtocol>(v.at("proto").get<int>());
    const NoiseKey client = key_of(v.at("initiator_static_private_hex"));
    const NoiseKey node = key_of(v.at("responder_static_private_hex"));
    CHECK(to_hex(node.public_key()) == v.at("responder_static_public_hex").get<std::string>());
    auto initiator = NoiseHandshake::initiator(protocol, client, node.public_key(),
                                               key_of(v.at("initiator_ephemeral_private_hex")));
    auto responder =
        NoiseHandshake::responder(protocol, node, key_of(v.at("responder_ephemeral_private_hex")));
    const auto& messages = v.at("messages");
    const auto plain = [&](size_t i) { return test::unhex(messages.at(i).at("plain_hex")); };
    const auto sealed = [&](size_t i) { return test::unhex(messages.at(i).at("sealed_hex")); };

    CHECK(*initiator.write(plain(0)) == sealed(0));
    CHECK(*responder.read(sealed(0)) == plain(0));
    CHECK(*responder.write(plain(1)) == sealed(1));
    CHECK(*initiator.read(sealed(1)) == plain(1));
    auto ours = initiator.split();
    auto theirs = responder.split();
    for (size_t i = 2; i < messages.size(); ++i) {
      const bool up = messages.at(i).at("from") == "initiator";
      CHECK(seal(up ? ours.sending : theirs.sending, plain(i)) == sealed(i));
      CHECK(open(up ? theirs.receiving : ours.receiving, sealed(i)) == plain(i));
    }
  }
}

TEST_CASE("who has another key than the one asked for cannot read the first message") {
  const NoiseKey client = NoiseKey::generate();
  const NoiseKey node = NoiseKey::generate();
  const NoiseKey other = NoiseKey::generate();
  auto initiator = NoiseHandshake::initiator(NoiseProtocol::kChaChaPoly, client, node.public_key());
  const std::string first = *initiator.write(std::string("request"));
  CHECK(first.size() == NoiseHandshake::kFirstOverhead + 7);
  auto responder = NoiseHandshake::responder(NoiseProtocol::kChaChaPoly, other);
  const auto read = responder.read(first);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Errc::kIntegrity);
}

TEST_CASE("a Noise message that was damaged, cut or moved is not opened") {
  const NoiseKey client = NoiseKey::generate();
  const NoiseKey node = NoiseKey::generate();
  const auto begin = [&](std::string& first) {
    auto initiator = NoiseHandshake::initiator(NoiseProtocol::kChaChaPoly, client, node.public_key());
    first = *initiator.write(std::string("request"));
    return initiator;
  };
  std::string first;
  auto initiator = begin(first);
  for (size_t i = 0; i < first.size(); ++i) {
    std::string wrong = first;
    wrong[i] = static_cast<char>(wrong[i] ^ 1);
    CHECK_FALSE(NoiseHandshake::responder(NoiseProtocol::kChaChaPoly, node).read(wrong));
    CHECK_FALSE(NoiseHandshake::responder(NoiseProtocol::kChaChaPoly, node).read(first.substr(0, i)));
  }
  auto responder = NoiseHandshake::responder(NoiseProtocol::kChaChaPoly, node);
  REQUIRE(responder.read(first));
  const std::string second = *responder.write({});
  CHECK(second.size() == NoiseHandshake::kSecondOverhead);
  REQUIRE(initiator.read(second));
  auto ours = initiator.split();
  auto theirs = responder.split();
  const std::string one = seal(theirs.sending, "one");
  const std::string two = seal(theirs.sending, "two");
  CHECK_FALSE(open(ours.receiving, two));
  // The order is the nonce: what was refused was counted.
  CHECK(open(ours.receiving, two) == "two");
}

TEST_CASE("a key of low order has no secret to share") {
  CHECK_FALSE(NoiseKey::generate().agree(std::string(32, '\0')));
  CHECK_FALSE(NoiseKey::generate().agree(std::string(31, '\1')));
  CHECK_FALSE(NoiseKey::from_private(std::string(31, '\1')));
}

}  // namespace
}  // namespace sjcp
