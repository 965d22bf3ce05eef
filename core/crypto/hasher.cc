#include "core/crypto/hasher.h"

#include "core/crypto/openssl.h"

namespace sjcp::crypto {
namespace {

EVP_MD* fetch(const char* name) {
  EVP_MD* const md = EVP_MD_fetch(nullptr, name, nullptr);
  require(md != nullptr);
  return md;
}

// Fetched once: the library looks a name up at every init otherwise.
const EVP_MD* algorithm(HashKind kind) {
  switch (kind) {
    case HashKind::kMd5: {
      static const EVP_MD* const md5 = fetch("MD5");
      return md5;
    }
    case HashKind::kSha1: {
      static const EVP_MD* const sha1 = fetch("SHA1");
      return sha1;
    }
    case HashKind::kSha256: {
      static const EVP_MD* const sha256 = fetch("SHA256");
      return sha256;
    }
    case HashKind::kSha512:
      break;
  }
  static const EVP_MD* const sha512 = fetch("SHA512");
  return sha512;
}

}  // namespace

struct Hasher::State {
  DigestContext context{EVP_MD_CTX_new()};
};

Hasher::Hasher(HashKind kind) : state_(std::make_unique<State>()) {
  require(state_->context && EVP_DigestInit_ex2(state_->context.get(), algorithm(kind), nullptr) == 1);
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(ByteView data) {
  require(EVP_DigestUpdate(state_->context.get(), data.data(), data.size()) == 1);
}

Bytes Hasher::finish() {
  Bytes out(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  require(EVP_DigestFinal_ex(state_->context.get(), out.data(), &size) == 1);
  out.resize(size);
  return out;
}

}  // namespace sjcp::crypto
