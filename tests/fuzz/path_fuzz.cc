// Path encryption: the first byte chooses the cipher; the rest is taken as an encrypted path and as a plain
// one.
#include <cstdlib>

#include "core/access/encryption_store.h"
#include "core/access/path_cipher.h"

using namespace sjcp;
using namespace sjcp::access;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  EncryptionStore store;
  store.default_key = crypto::Key();
  store.default_path_cipher = static_cast<crypto::CipherSuite>(data[0] % 6);
  std::string_view path = ByteView(data + 1, size - 1).text();

  if (auto blob = decode_segment(path); blob && !blob->empty() && encode_segment(*blob) != path) std::abort();
  if (decode_segment(encode_segment(path)) != path) std::abort();
  (void)store.decrypt_path("bucket", path);
  (void)store.prefix_info("bucket", path);
  // Spelling without keys goes the other way: there the encrypted path is the arbitrary one.
  if (store.default_path_cipher == crypto::CipherSuite::kNullBase64Url) return 0;
  auto encrypted = store.encrypt_path("bucket", path);
  if (!encrypted) return 0;
  auto plain = store.decrypt_path("bucket", *encrypted);
  if (!plain || *plain != path) std::abort();
  return 0;
}
