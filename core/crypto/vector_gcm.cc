#include "core/crypto/vector_gcm.h"

#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>

#include <cstdlib>
#include <cstring>

#include "core/crypto/openssl.h"

namespace sjcp::crypto {
namespace {

constexpr uint64_t kWanted = IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ | IMB_FEATURE_AVX512_SKX;

// The second word of libcrypto's view is CPUID 7 (ebx, ecx), which the environment may have masked.
bool libcrypto_agrees() {
  const char* info = OPENSSL_info(OPENSSL_INFO_CPU_SETTINGS);
  const char* second = info != nullptr ? std::strchr(info, ':') : nullptr;
  if (second == nullptr) return false;
  const uint64_t word = std::strtoull(second + 1, nullptr, 0);
  constexpr int kAvx512f = 16;
  constexpr int kVaes = 41;
  return (word >> kAvx512f & 1) != 0 && (word >> kVaes & 1) != 0;
}

// The library's table of functions for this processor, shared and never changed.
const IMB_MGR* library() {
  static const IMB_MGR* const made = []() -> const IMB_MGR* {
    if (!libcrypto_agrees()) return nullptr;
    IMB_MGR* manager = alloc_mb_mgr(0);
    if (manager == nullptr) return nullptr;
    IMB_ARCH arch = IMB_ARCH_NONE;
    init_mb_mgr_auto(manager, &arch);
    const bool healthy = (manager->features & IMB_FEATURE_SELF_TEST) == 0 ||
                         (manager->features & IMB_FEATURE_SELF_TEST_PASS) != 0;
    if (arch == IMB_ARCH_AVX512 && healthy && (manager->features & kWanted) == kWanted) return manager;
    free_mb_mgr(manager);
    return nullptr;
  }();
  return made;
}

// Of the two key sizes; the functions have the same shapes.
struct Kernel {
  aes_gcm_pre_t expand;
  aes_gcm_enc_dec_t seal;
  aes_gcm_enc_dec_t open;
  aes_gcm_init_t begin;
  aes_gcm_enc_dec_update_t encrypt;
  aes_gcm_enc_dec_update_t decrypt;
  aes_gcm_enc_dec_finalize_t end_encryption;
  aes_gcm_enc_dec_finalize_t end_decryption;
};

Kernel kernel_for(size_t key_size) {
  const IMB_MGR* of = library();
  require(of != nullptr && (key_size == 16 || key_size == 32));
  if (key_size == 16)
    return {of->gcm128_pre,        of->gcm128_enc,        of->gcm128_dec,          of->gcm128_init,
            of->gcm128_enc_update, of->gcm128_dec_update, of->gcm128_enc_finalize, of->gcm128_dec_finalize};
  return {of->gcm256_pre,        of->gcm256_enc,        of->gcm256_dec,          of->gcm256_init,
          of->gcm256_enc_update, of->gcm256_dec_update, of->gcm256_enc_finalize, of->gcm256_dec_finalize};
}

}  // namespace

struct VectorGcm::State {
  alignas(64) gcm_key_data key{};
  gcm_context_data context{};
  Kernel kernel;

  explicit State(const Kernel& of) : kernel(of) {}
  State(const State&) = default;
  State& operator=(const State&) = delete;
  ~State() {
    OPENSSL_cleanse(&key, sizeof key);
    OPENSSL_cleanse(&context, sizeof context);
  }
};

bool VectorGcm::available() {
  return library() != nullptr;
}

const char* VectorGcm::library_version() {
  return imb_get_version_str();
}

VectorGcm::VectorGcm(size_t key_size) : state_(std::make_unique<State>(kernel_for(key_size))) {}
VectorGcm::VectorGcm(const VectorGcm& other) : state_(std::make_unique<State>(*other.state_)) {}
VectorGcm::~VectorGcm() = default;

void VectorGcm::set_key(const uint8_t* key) {
  state_->kernel.expand(key, &state_->key);
}

void VectorGcm::seal(const uint8_t* nonce, ByteView associated, ByteView in, ByteSpan out, uint8_t* tag) {
  state_->kernel.seal(&state_->key, &state_->context, out.data(), in.data(), in.size(), nonce,
                      associated.data(), associated.size(), tag, kTagSize);
}

void VectorGcm::open(const uint8_t* nonce, ByteView associated, ByteView in, ByteSpan out, uint8_t* tag) {
  state_->kernel.open(&state_->key, &state_->context, out.data(), in.data(), in.size(), nonce,
                      associated.data(), associated.size(), tag, kTagSize);
}

void VectorGcm::begin(const uint8_t* nonce, ByteView associated) {
  state_->kernel.begin(&state_->key, &state_->context, nonce, associated.data(), associated.size());
}

void VectorGcm::encrypt(ByteView in, uint8_t* out) {
  state_->kernel.encrypt(&state_->key, &state_->context, out, in.data(), in.size());
}

void VectorGcm::decrypt(ByteView in, uint8_t* out) {
  state_->kernel.decrypt(&state_->key, &state_->context, out, in.data(), in.size());
}

void VectorGcm::end(bool encrypting, uint8_t* tag) {
  (encrypting ? state_->kernel.end_encryption : state_->kernel.end_decryption)(&state_->key, &state_->context,
                                                                               tag, kTagSize);
}

}  // namespace sjcp::crypto
