#include "tests/network/zstd_frame.h"

#include <zstd.h>

#include <memory>

namespace sjcp::network {
namespace {

constexpr int kLevel = 3;

struct FreeStream {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

}  // namespace

std::string zstd_pack(ByteView data) {
  std::string out(ZSTD_compressBound(data.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), data.data(), data.size(), kLevel));
  return out;
}

std::optional<std::string> zstd_unpack(ByteView frame, size_t max_bytes) {
  // Streaming: a frame need not say how large its content is.
  std::unique_ptr<ZSTD_DStream, FreeStream> stream(ZSTD_createDStream());
  std::string out;
  std::string chunk(ZSTD_DStreamOutSize(), '\0');
  ZSTD_inBuffer in{frame.data(), frame.size(), 0};
  size_t left = 1;
  while (left != 0) {
    ZSTD_outBuffer room{chunk.data(), chunk.size(), 0};
    left = ZSTD_decompressStream(stream.get(), &room, &in);
    if (ZSTD_isError(left) != 0 || out.size() + room.pos > max_bytes) return std::nullopt;
    out.append(chunk, 0, room.pos);
    if (left != 0 && in.pos == in.size && room.pos < chunk.size()) return std::nullopt;
  }
  return out;
}

}  // namespace sjcp::network
