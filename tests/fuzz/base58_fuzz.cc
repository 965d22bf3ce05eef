// base58check and node addresses: what decodes encodes to the same text, what encodes decodes to the same
// bytes.
#include <cstdlib>

#include "core/access/node_id.h"
#include "core/crypto/base58.h"

using namespace sjcp;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView input(data, size);
  if (auto decoded = crypto::base58check_decode(input.text())) {
    if (crypto::base58check_encode(decoded->payload, decoded->version) != input.text()) std::abort();
  }
  uint8_t version = size == 0 ? 0 : data[0];
  auto decoded = crypto::base58check_decode(crypto::base58check_encode(input, version));
  if (!decoded || decoded->version != version || !equal(decoded->payload, input)) std::abort();

  if (auto url = access::NodeUrl::parse(input.text(), false)) {
    auto again = access::NodeUrl::parse(url->text(), false);
    if (!url->text().empty() && (!again || again->text() != url->text())) std::abort();
  }
  return 0;
}
