#include "cli/formats/gzip.h"

#include <zlib.h>

#include <algorithm>

namespace sjcp::cli {
namespace {

class Inflater {
 public:
  Inflater() { ready_ = ::inflateInit2(&stream_, MAX_WBITS + 16) == Z_OK; }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() {
    if (ready_) ::inflateEnd(&stream_);
  }

  z_stream& operator*() { return stream_; }
  bool ready() const { return ready_; }

 private:
  z_stream stream_{};
  bool ready_;
};

}  // namespace

bool is_gzip(std::string_view bytes) {
  return bytes.starts_with("\x1f\x8b");
}

Result<std::string> gunzip(std::string_view bytes, size_t limit, const std::string& source) {
  constexpr size_t kStep = 64 << 10;
  Inflater inflater;
  z_stream& stream = *inflater;
  if (!inflater.ready()) return make_error(Errc::kInternal, source + ": cannot unpack it");
  std::string out;
  // zlib counts in 32 bits; what is read here is far smaller.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(std::min<size_t>(bytes.size(), UINT32_MAX));
  int status = Z_OK;
  while (status == Z_OK || (status == Z_STREAM_END && stream.avail_in > 0)) {
    if (status == Z_STREAM_END && ::inflateReset(&stream) != Z_OK) break;
    const size_t begin = out.size();
    out.resize(begin + kStep);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + begin);
    stream.avail_out = kStep;
    status = ::inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
    if (out.size() > limit) {
      return make_error(Errc::kUsage, source + ": unpacked it has more than " + std::to_string(limit >> 20) +
                                          " MiB, which is the most");
    }
  }
  if (status != Z_STREAM_END) return make_error(Errc::kUsage, source + ": is no whole gzip file");
  return out;
}

}  // namespace sjcp::cli
