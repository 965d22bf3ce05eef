#include "core/transfer/pieces.h"

namespace sjcp::transfer {

void PieceCheck::update(ByteView bytes) {
  while (!bytes.empty() && position_ < size_) {
    const auto index = static_cast<size_t>(position_ / pieces_.length);
    const ByteRange piece = pieces_.range(index, size_);
    if (!hasher_) hasher_ = Hasher::create(pieces_.kind, piece.size());
    const auto count = static_cast<size_t>(std::min<uint64_t>(piece.end - position_, bytes.size()));
    hasher_->update(bytes.sub(0, count));
    bytes = bytes.sub(count);
    position_ += count;
    if (position_ < piece.end) continue;
    if (hasher_->finish().hex != pieces_.hex[index]) wrong_.push_back(index);
    hasher_.reset();
  }
}

}  // namespace sjcp::transfer
