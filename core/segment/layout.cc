#include "core/segment/layout.h"

#include <algorithm>
#include <cstring>

namespace sjcp::segment {
namespace {

constexpr uint64_t kPaddingCountSize = 4;
constexpr uint32_t kMaxShareSize = 1u << 20;
constexpr uint32_t kMaxShares = 255;

uint64_t divide_up(uint64_t a, uint64_t b) {
  return a / b + (a % b != 0);
}

}  // namespace

bool Redundancy::valid() const {
  return required >= 1 && required <= optimal && optimal <= total && total <= kMaxShares && share_size > 0 &&
         share_size <= kMaxShareSize;
}

uint64_t padding_size(uint64_t len, uint64_t block) {
  const uint64_t rest = (len + kPaddingCountSize) % block;
  return kPaddingCountSize + (rest == 0 ? 0 : block - rest);
}

void write_padding(ByteSpan padding) {
  std::memset(padding.data(), 0, padding.size());
  for (size_t i = 0; i < kPaddingCountSize; ++i) {
    padding[padding.size() - 1 - i] = static_cast<uint8_t>(padding.size() >> (8 * i));
  }
}

uint32_t BlockLayout::plain_block() const {
  return cipher == crypto::CipherSuite::kNull ? encrypted_block
                                              : encrypted_block - static_cast<uint32_t>(crypto::kTagSize);
}

uint32_t BlockLayout::padding_block() const {
  return cipher == crypto::CipherSuite::kNull ? 1 : plain_block();
}

uint64_t encrypted_size(uint64_t plain, const BlockLayout& layout) {
  const uint64_t padded = plain + padding_size(plain, layout.padding_block());
  if (layout.cipher == crypto::CipherSuite::kNull) return padded;
  return padded / layout.plain_block() * layout.encrypted_block;
}

uint64_t piece_size(uint64_t enc, const Redundancy& rs) {
  return (enc + padding_size(enc, rs.stripe_size())) / rs.required;
}

uint64_t data_stripes(uint64_t enc, const Redundancy& rs) {
  return divide_up(enc, rs.stripe_size());
}

crypto::Nonce segment_nonce(Position position) {
  crypto::Nonce nonce{};
  const uint64_t counter = (uint64_t{static_cast<uint32_t>(position.part)} << 32) +
                           uint64_t{static_cast<uint32_t>(position.index)} + 1;
  for (size_t i = 0; i < sizeof counter; ++i) nonce[i] = static_cast<uint8_t>(counter >> (8 * i));
  return nonce;
}

ReadPlan plan_read(ByteRange range, uint64_t enc, const Redundancy& rs, const BlockLayout& layout) {
  ReadPlan plan;
  if (range.begin >= range.end) return plan;
  plan.blocks = {range.begin / layout.plain_block(), divide_up(range.end, layout.plain_block())};
  const uint64_t begin = std::min(plan.blocks.begin * layout.encrypted_block, enc);
  const uint64_t end = std::min(plan.blocks.end * layout.encrypted_block, enc);
  plan.stripes = {begin / rs.stripe_size(), divide_up(end, rs.stripe_size())};
  plan.piece = {plan.stripes.begin * rs.share_size, plan.stripes.end * rs.share_size};
  return plan;
}

}  // namespace sjcp::segment
