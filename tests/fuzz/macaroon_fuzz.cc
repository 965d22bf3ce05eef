// API keys and their caveats from any bytes.
#include <cstdlib>

#include "core/access/caveat.h"
#include "core/access/macaroon.h"

using namespace sjcp;
using namespace sjcp::access;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView input(data, size);
  if (auto caveat = Caveat::parse(input)) {
    auto again = Caveat::parse(caveat->serialize());
    if (!again || again->serialize() != caveat->serialize()) std::abort();
  }

  auto key = Macaroon::parse(input);
  if (!key) return 0;
  auto again = Macaroon::parse(key->serialize());
  if (!again || *again != *key) std::abort();
  // One more restriction never allows what was denied.
  Action action{Op::kRead, "bucket", "path", Timestamp(std::chrono::seconds(1'700'000'000))};
  bool allowed = check(*key, action).has_value();
  if (check(key->with_caveat(input), action).has_value() && !allowed) std::abort();
  (void)allowed_buckets(*key, action);
  (void)max_object_ttl(*key);
  return 0;
}
