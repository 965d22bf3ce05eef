#include "erasure/code.h"

#include <cstring>
#include <numeric>

#include "erasure/gf.h"

namespace sjcp::erasure {

bool by_gfni() {
  return gf::kernel() == gf::Kernel::kAffine;
}

Code::Code(unsigned k, unsigned n) : k_(k), n_(n), matrix_(size_t{k} * k) {
  for (size_t i = 0; i < k; ++i) matrix_[i * k + i] = 1;
  std::vector<unsigned> shares(n);
  std::iota(shares.begin(), shares.end(), 0u);
  const std::span<const unsigned> all = shares;
  const std::vector<uint8_t> parity = gf::interpolation(all.first(k), all.subspan(k));
  tables_ = gf::tables(parity, k);
  matrix_.insert(matrix_.end(), parity.begin(), parity.end());
}

Code::~Code() = default;

std::span<const uint8_t> Code::row(unsigned r) const {
  return std::span(matrix_).subspan(size_t{r} * k_, k_);
}

void Code::encode(size_t len, const uint8_t* const* data, uint8_t* const* parity) const {
  if (n_ == k_ || len == 0) return;
  gf::combine(len, k_, n_ - k_, tables_.data(), data, parity);
  gf::leave_vector_code();
}

Code::Selection Code::select(std::vector<unsigned> numbers) const {
  Selection selection;
  const size_t row = size_t{k_} * gf::table_size();
  for (const unsigned number : numbers) {
    const auto begin = tables_.begin() + static_cast<std::ptrdiff_t>((number - k_) * row);
    selection.tables_.insert(selection.tables_.end(), begin, begin + static_cast<std::ptrdiff_t>(row));
  }
  selection.numbers_ = std::move(numbers);
  return selection;
}

void Code::encode(const Selection& selection, size_t len, const uint8_t* const* data,
                  uint8_t* const* parity) const {
  if (selection.size() == 0 || len == 0) return;
  gf::combine(len, k_, selection.size(), selection.tables_.data(), data, parity);
  gf::leave_vector_code();
}

void Code::encode_share(unsigned r, size_t len, const uint8_t* const* data, uint8_t* out) const {
  if (len == 0) return;
  if (r < k_) {
    std::memcpy(out, data[r], len);
    return;
  }
  gf::combine(len, k_, 1, tables_.data() + size_t{r - k_} * k_ * gf::table_size(), data, &out);
  gf::leave_vector_code();
}

}  // namespace sjcp::erasure
