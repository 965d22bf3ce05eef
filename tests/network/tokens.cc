#include "tests/network/tokens.h"

#include "core/crypto/hash.h"

namespace sjcp::network {
namespace {

constexpr size_t kMacSize = 32;

RpcFailure not_ours() {
  return failure(code::kInvalidArgument, "signature verification: signature is not valid");
}

}  // namespace

Tokens::Tokens() : key_(crypto::random_string(kMacSize)) {}

std::string Tokens::mac(char kind, ByteView message) const {
  const auto digest = crypto::hmac_sha256(key_, kind + message.str());
  return ByteView(digest.data(), digest.size()).str();
}

std::string Tokens::seal(char kind, const std::string& message) const {
  return mac(kind, message) + message;
}

bool Tokens::open(char kind, ByteView sealed, ByteView& message) const {
  if (sealed.size() < kMacSize) return false;
  message = sealed.sub(kMacSize);
  return crypto::constant_time_equal(mac(kind, message), sealed.sub(0, kMacSize));
}

std::string Tokens::seal(const pb::StreamToken& token) const {
  return seal('o', token.SerializeAsString());
}
std::string Tokens::seal(const pb::SegmentToken& token) const {
  return seal('s', token.SerializeAsString());
}

Outcome<pb::StreamToken> Tokens::open_stream(const std::string& sealed) const {
  ByteView message;
  pb::StreamToken token;
  if (!open('o', sealed, message) ||
      !token.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    return not_ours();
  }
  return token;
}

Outcome<pb::SegmentToken> Tokens::open_segment(const std::string& sealed) const {
  ByteView message;
  pb::SegmentToken token;
  if (!open('s', sealed, message) ||
      !token.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    return not_ours();
  }
  return token;
}

pb::StreamToken stream_token(const Object& object) {
  pb::StreamToken token;
  token.set_bucket(object.stream.bucket);
  token.set_object_key(object.stream.object);
  token.set_stream_id(object.stream.stream_id);
  token.set_version(object.stream.version);
  if (object.expires_at) {
    token.set_expires_at_ns(
        std::chrono::duration_cast<std::chrono::nanoseconds>(object.expires_at->time_since_epoch()).count());
  }
  token.set_cipher(object.encryption.cipher);
  token.set_block_size(object.encryption.block_size);
  return token;
}

StreamKey stream_key(const pb::StreamToken& token) {
  return {token.bucket(), token.object_key(), token.stream_id(), token.version()};
}

}  // namespace sjcp::network
