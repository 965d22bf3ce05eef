#include <algorithm>
#include <array>
#include <cstring>

#include "erasure/code.h"
#include "erasure/gf.h"

namespace sjcp::erasure {
namespace {

// Sets come and go with the speed of pieces; a few tens of them cover the changes of one segment.  Sets of
// large codes are large, so fewer of those are kept.
constexpr size_t kCachedSets = 32;
constexpr size_t kCachedBytes = 512 * 1024;

}  // namespace

struct Decoder::Set {
  std::vector<unsigned> shares;   // k, ascending
  size_t present = 0;             // shares[0, present) are data shares
  std::vector<unsigned> missing;  // data shares to compute
  std::vector<uint8_t> tables;
};

Decoder::Decoder(const Code& code) : code_(code) {}
Decoder::~Decoder() = default;

void Decoder::use(std::span<const unsigned> shares) {
  const auto same = [&](const Set& set) { return std::ranges::equal(set.shares, shares); };
  if (current_ && same(*current_)) return;
  const auto cached = std::ranges::find_if(cache_, [&](const auto& set) { return same(*set); });
  if (cached != cache_.end()) {
    std::rotate(cache_.begin(), cached, cached + 1);
    current_ = cache_.front().get();
    return;
  }
  auto set = std::make_unique<Set>();
  set->shares.assign(shares.begin(), shares.end());
  const auto first_parity = std::ranges::lower_bound(set->shares, code_.k());
  set->present = static_cast<size_t>(first_parity - set->shares.begin());
  for (unsigned j = 0; j < code_.k(); ++j) {
    if (!std::binary_search(set->shares.begin(), first_parity, j)) set->missing.push_back(j);
  }
  set->tables = gf::tables(gf::interpolation(set->shares, set->missing), code_.k());
  const size_t most = std::clamp<size_t>(kCachedBytes / (set->tables.size() + 1), 1, kCachedSets);
  if (cache_.size() >= most) cache_.resize(most - 1);
  cache_.insert(cache_.begin(), std::move(set));
  current_ = cache_.front().get();
}

// Stripe by stripe: columns of one share cost 3-5 % more in ISA-L than long ones, but the stripe is finished
// while it is in the cache, and nothing needs to be scattered afterwards.
void Decoder::decode(const uint8_t* const* shares, size_t share_size, size_t stripes, uint8_t* out) const {
  const Set& set = *current_;
  const size_t k = code_.k();
  std::array<const uint8_t*, gf::kMaxShares> in;
  std::array<uint8_t*, gf::kMaxShares> computed;
  for (size_t s = 0; s < stripes; ++s, out += k * share_size) {
    const size_t offset = s * share_size;
    if (!set.missing.empty()) {
      for (size_t i = 0; i < k; ++i) in[i] = shares[i] + offset;
      for (size_t m = 0; m < set.missing.size(); ++m) computed[m] = out + set.missing[m] * share_size;
      gf::combine(share_size, k, set.missing.size(), set.tables.data(), in.data(), computed.data());
    }
    for (size_t i = 0; i < set.present; ++i) {
      std::memcpy(out + set.shares[i] * share_size, shares[i] + offset, share_size);
    }
  }
  if (!set.missing.empty()) gf::leave_vector_code();
}

}  // namespace sjcp::erasure
