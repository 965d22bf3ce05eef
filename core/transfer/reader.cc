#include "core/transfer/reader.h"

#include <algorithm>

#include "core/base/units.h"

namespace sjcp::transfer {
namespace {

// It stays in the processor's cache between whoever fills it and whoever looks at it.
constexpr uint64_t kPiece = 128 * kKiB;

}  // namespace

Status ReaderPart::each(const std::function<void(ByteView)>& piece) const {
  Bytes buffer(static_cast<size_t>(std::min(size_, kPiece)));
  for (uint64_t at = 0; at < size_;) {
    const ByteSpan out(buffer.data(), static_cast<size_t>(std::min<uint64_t>(buffer.size(), size_ - at)));
    if (Status status = read(at, out); !status) return status;
    piece(out);
    at += out.size();
  }
  return {};
}

}  // namespace sjcp::transfer
