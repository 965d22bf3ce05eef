// What a storage node sends for a piece: the outcome does not depend on how it is cut, and no more comes out
// than came in. The first byte is the size of the fragments.
#include "net/storj/piece_download.h"

#include <algorithm>

#include "tests/fuzz/require.h"

using namespace sjcp;
using fuzz::require;

namespace {

struct Outcome {
  bool good = true;
  std::string payload;
};

Outcome read(ByteView message, size_t fragment) {
  Outcome out;
  storj::DownloadResponseParser parser;
  for (size_t at = 0; at < message.size() && out.good; at += fragment) {
    const size_t count = std::min(fragment, message.size() - at);
    out.good = parser
                   .feed(message.sub(at, count), at + count == message.size(),
                         [&out](ByteView bytes) { out.payload += bytes.text(); })
                   .has_value();
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const ByteView message = ByteView(data, size).sub(1);
  const Outcome whole = read(message, message.size());
  const Outcome cut = read(message, size_t{1} + data[0] % 16);
  require(whole.good == cut.good && (!whole.good || whole.payload == cut.payload));
  require(whole.payload.size() < size);
  return 0;
}
