#include "core/crypto/ed25519.h"

#include <openssl/evp.h>

namespace sjcp::crypto {
namespace {

struct FreePkey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeMdCtx {
  void operator()(EVP_MD_CTX* ctx) const { EVP_MD_CTX_free(ctx); }
};
using PkeyPtr = std::unique_ptr<EVP_PKEY, FreePkey>;
using MdCtxPtr = std::unique_ptr<EVP_MD_CTX, FreeMdCtx>;

constexpr size_t kSeedSize = 32;
constexpr size_t kSignatureSize = 64;

}  // namespace

struct Ed25519Key::State {
  PkeyPtr key;
};

Ed25519Key::Ed25519Key(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ed25519Key::~Ed25519Key() = default;
Ed25519Key::Ed25519Key(Ed25519Key&&) noexcept = default;
Ed25519Key& Ed25519Key::operator=(Ed25519Key&&) noexcept = default;

Result<Ed25519Key> Ed25519Key::from_private(ByteView bytes) {
  if (bytes.size() != kSeedSize && bytes.size() != 2 * kSeedSize) {
    return make_error(Errc::kProtocol, "piece key has a wrong length");
  }
  auto state = std::make_unique<State>();
  state->key.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes.data(), kSeedSize));
  if (!state->key) return make_error(Errc::kProtocol, "piece key is not usable");
  return Ed25519Key(std::move(state));
}

std::string Ed25519Key::sign(ByteView message) const {
  std::string signature(kSignatureSize, '\0');
  size_t length = signature.size();
  MdCtxPtr ctx(EVP_MD_CTX_new());
  EVP_DigestSignInit(ctx.get(), nullptr, nullptr, nullptr, state_->key.get());
  EVP_DigestSign(ctx.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, message.data(),
                 message.size());
  return signature;
}

std::string Ed25519Key::public_key() const {
  std::string out(kSeedSize, '\0');
  size_t length = out.size();
  EVP_PKEY_get_raw_public_key(state_->key.get(), reinterpret_cast<unsigned char*>(out.data()), &length);
  return out;
}

bool ed25519_verify(ByteView public_key, ByteView message, ByteView signature) {
  if (public_key.size() != kSeedSize || signature.size() != kSignatureSize) return false;
  PkeyPtr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key.data(), public_key.size()));
  if (!key) return false;
  MdCtxPtr ctx(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(ctx.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(ctx.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
}

}  // namespace sjcp::crypto
