// Where the multi-buffer library is missing.
#include <cstdlib>

#include "core/crypto/vector_gcm.h"

namespace sjcp::crypto {

struct VectorGcm::State {};

bool VectorGcm::available() {
  return false;
}

const char* VectorGcm::library_version() {
  return "";
}

// Nobody gets beyond this.
VectorGcm::VectorGcm(size_t) {
  std::abort();
}
VectorGcm::VectorGcm(const VectorGcm&) {
  std::abort();
}
VectorGcm::~VectorGcm() = default;
void VectorGcm::set_key(const uint8_t*) {}
void VectorGcm::seal(const uint8_t*, ByteView, ByteView, ByteSpan, uint8_t*) {}
void VectorGcm::open(const uint8_t*, ByteView, ByteView, ByteSpan, uint8_t*) {}
void VectorGcm::begin(const uint8_t*, ByteView) {}
void VectorGcm::encrypt(ByteView, uint8_t*) {}
void VectorGcm::decrypt(ByteView, uint8_t*) {}
void VectorGcm::end(bool, uint8_t*) {}

}  // namespace sjcp::crypto
