#include "tests/network/order_signing.h"

#include <openssl/evp.h>

#include "core/crypto/hash.h"
#include "tests/network/types.h"

namespace sjcp::network {
namespace {

struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeDigest>;

const unsigned char* bytes_of(ByteView view) {
  return view.data();
}

}  // namespace

std::string signing_bytes(const pb::OrderLimit& limit) {
  pb::OrderLimit bare = limit;
  bare.clear_satellite_signature();
  if (!is_set(bare.piece_expiration())) bare.clear_piece_expiration();
  if (!is_set(bare.order_expiration())) bare.clear_order_expiration();
  if (!is_set(bare.order_creation())) bare.clear_order_creation();
  return bare.SerializeAsString();
}

std::string signing_bytes(const pb::Order& order) {
  pb::Order bare = order;
  bare.clear_uplink_signature();
  return bare.SerializeAsString();
}

std::string signing_bytes(const pb::PieceHash& hash) {
  pb::PieceHash bare = hash;
  bare.clear_signature();
  if (!is_set(bare.timestamp())) bare.clear_timestamp();
  return bare.SerializeAsString();
}

std::string derive_piece_id(ByteView root, const access::NodeId& node, int32_t number) {
  std::string message = node.view().str();
  const auto n = static_cast<uint32_t>(number);
  for (int shift = 24; shift >= 0; shift -= 8) message.push_back(static_cast<char>(n >> shift));
  const auto digest = crypto::hmac_sha512(root, message);
  return std::string(reinterpret_cast<const char*>(digest.data()), 32);
}

PieceKey PieceKey::generate() {
  PieceKey out;
  const std::string seed = crypto::random_string(32);
  EVP_PKEY* key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(seed), seed.size());
  unsigned char raw[32] = {};
  size_t size = sizeof raw;
  EVP_PKEY_get_raw_public_key(key, raw, &size);
  EVP_PKEY_free(key);
  out.public_key.assign(reinterpret_cast<const char*>(raw), size);
  out.private_key = seed + out.public_key;
  return out;
}

void PieceKeyVerifier::FreeKey::operator()(evp_pkey_st* key) const {
  EVP_PKEY_free(key);
}

PieceKeyVerifier::PieceKeyVerifier(ByteView public_key)
    : key_(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(public_key), public_key.size())) {}
PieceKeyVerifier::~PieceKeyVerifier() = default;
PieceKeyVerifier::PieceKeyVerifier(PieceKeyVerifier&&) noexcept = default;
PieceKeyVerifier& PieceKeyVerifier::operator=(PieceKeyVerifier&&) noexcept = default;

bool PieceKeyVerifier::verify(ByteView data, ByteView signature) const {
  if (!key_) return false;
  DigestContext context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(data),
                          data.size()) == 1;
}

std::string sign_with_piece_key(ByteView private_key, ByteView data) {
  EVP_PKEY* key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(private_key), 32);
  DigestContext context(EVP_MD_CTX_new());
  unsigned char raw[64] = {};
  size_t size = sizeof raw;
  EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key);
  EVP_DigestSign(context.get(), raw, &size, bytes_of(data), data.size());
  EVP_PKEY_free(key);
  return std::string(reinterpret_cast<const char*>(raw), size);
}

}  // namespace sjcp::network
