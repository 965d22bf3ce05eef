// Access grants: any bytes as the content of a grant, and as its text.
#include <cstdlib>

#include "core/access/grant.h"
#include "core/crypto/base58.h"

using namespace sjcp;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView input(data, size);
  (void)access::Grant::parse(input.text());

  // The checksum keeps almost every input out; behind it lies the parser.
  auto grant = access::Grant::parse(crypto::base58check_encode(input, 0));
  if (!grant) return 0;

  // What was read can be written, and reads back as what was written.
  std::string text = grant->serialize();
  auto again = access::Grant::parse(text);
  if (!again || again->api_key != grant->api_key) std::abort();

  access::Permission permission;
  permission.reads = true;
  auto restricted = grant->restrict(permission, {{"bucket", "a/b/"}}, std::string_view("nonc"));
  if (restricted && !access::Grant::parse(restricted->serialize())) std::abort();
  (void)grant->store.prefix_info("bucket", "a/b/");
  return 0;
}
