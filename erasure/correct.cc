// Error correction in two gaits.  Fast: k shares are taken as the truth and predict the others, for thousands
// of columns at a time; a column in which at most (r - k) / 2 predictions differ has exactly one codeword
// that near, so the prediction is the right one.  Slow: a column with more differences is solved by
// Berlekamp-Welch, and the shares found wrong there leave the k that are trusted.
#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <optional>

#include "erasure/code.h"
#include "erasure/gf.h"

namespace sjcp::erasure {
namespace {

constexpr size_t kColumns = 4096;  // predicted at a time

// A matrix over the field, reduced in place.
class LinearSystem {
 public:
  LinearSystem(size_t rows, size_t unknowns) : rows_(rows), width_(unknowns + 1), cells_(rows * width_) {}
  uint8_t& at(size_t row, size_t column) { return cells_[row * width_ + column]; }

  // One solution (free unknowns are 0); the last column holds the right side.  nullopt: there is none.
  std::optional<std::vector<uint8_t>> solve() {
    const size_t unknowns = width_ - 1;
    std::vector<size_t> pivots;
    for (size_t column = 0; column < unknowns && pivots.size() < rows_; ++column) {
      if (eliminate(pivots.size(), column)) pivots.push_back(column);
    }
    for (size_t row = pivots.size(); row < rows_; ++row) {
      if (at(row, unknowns) != 0) return std::nullopt;
    }
    std::vector<uint8_t> solution(unknowns);
    for (size_t row = pivots.size(); row-- > 0;) {
      uint8_t value = at(row, unknowns);
      for (size_t c = pivots[row] + 1; c < unknowns; ++c) value ^= gf::mul(at(row, c), solution[c]);
      solution[pivots[row]] = value;
    }
    return solution;
  }

 private:
  // Brings a 1 to (row, column) and zeros below it.  False: the column is zero from `row` down.
  bool eliminate(size_t row, size_t column) {
    size_t found = row;
    while (found < rows_ && at(found, column) == 0) ++found;
    if (found == rows_) return false;
    if (found != row) std::swap_ranges(&at(row, 0), &at(row, 0) + width_, &at(found, 0));
    const uint8_t scale = gf::inverse(at(row, column));
    for (size_t c = column; c < width_; ++c) at(row, c) = gf::mul(at(row, c), scale);
    for (size_t below = row + 1; below < rows_; ++below) {
      const uint8_t factor = at(below, column);
      if (factor == 0) continue;
      for (size_t c = column; c < width_; ++c) at(below, c) ^= gf::mul(factor, at(row, c));
    }
    return true;
  }

  size_t rows_;
  size_t width_;
  std::vector<uint8_t> cells_;
};

uint8_t evaluate(std::span<const uint8_t> polynomial, uint8_t x) {
  uint8_t value = 0;
  for (size_t i = polynomial.size(); i-- > 0;) value = gf::mul(value, x) ^ polynomial[i];
  return value;
}

// Quotient by a monic divisor; nullopt when a remainder is left.
std::optional<std::vector<uint8_t>> divide(std::vector<uint8_t> dividend, std::span<const uint8_t> divisor) {
  const size_t degree = divisor.size() - 1;
  std::vector<uint8_t> quotient(dividend.size() - degree);
  for (size_t i = quotient.size(); i-- > 0;) {
    const uint8_t lead = dividend[i + degree];
    quotient[i] = lead;
    for (size_t d = 0; d <= degree; ++d) dividend[i + d] ^= gf::mul(lead, divisor[d]);
  }
  if (std::ranges::any_of(dividend, [](uint8_t b) { return b != 0; })) return std::nullopt;
  return quotient;
}

// The right values of one column, or nullopt when more than (r - k) / 2 of them are wrong.
// Unknown are Q (degree < errors + k) and the monic error locator E (degree `errors`) with Q(x_i) = y_i
// E(x_i).
std::optional<std::vector<uint8_t>> berlekamp_welch(size_t k, std::span<const unsigned> numbers,
                                                    std::span<const uint8_t> values) {
  const size_t errors = (numbers.size() - k) / 2;
  const size_t q = errors + k;
  LinearSystem system(numbers.size(), q + errors);
  for (size_t i = 0; i < numbers.size(); ++i) {
    const uint8_t x = gf::point(numbers[i]);
    uint8_t power = 1;
    for (size_t d = 0; d < q; ++d) {
      system.at(i, d) = power;
      if (d < errors) system.at(i, q + d) = gf::mul(values[i], power);
      if (d == errors) system.at(i, q + errors) = gf::mul(values[i], power);
      power = gf::mul(power, x);
    }
  }
  const auto solution = system.solve();
  if (!solution) return std::nullopt;
  std::vector<uint8_t> locator(solution->begin() + static_cast<std::ptrdiff_t>(q), solution->end());
  locator.push_back(1);
  const auto polynomial =
      divide({solution->begin(), solution->begin() + static_cast<std::ptrdiff_t>(q)}, locator);
  if (!polynomial) return std::nullopt;
  // Where E is not 0 the quotient agrees with the value, and E has at most `errors` zeros.
  std::vector<uint8_t> right(numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i) right[i] = evaluate(*polynomial, gf::point(numbers[i]));
  return right;
}

class Corrector {
 public:
  Corrector(const Code& code, std::span<const unsigned> numbers, std::span<uint8_t* const> shares, size_t len)
      : k_(code.k()),
        numbers_(numbers),
        shares_(shares),
        len_(len),
        errors_((numbers.size() - k_) / 2),
        faults_(numbers.size()),
        fixed_(numbers.size()) {
    trust();
  }

  Correction run() {
    size_t column = 0;
    while (column < len_) {
      const size_t count = std::min(kColumns, len_ - column);
      const size_t good = predict(column, count);
      column += good;
      if (good == count) continue;
      if (!solve(column)) return {};
      ++column;
      trust();
    }
    return finish();
  }

 private:
  // Trusts the k shares with the fewest known faults.
  void trust() {
    std::vector<unsigned> order(numbers_.size());
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::stable_sort(order, {}, [&](unsigned i) { return faults_[i]; });
    base_.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k_));
    others_.assign(order.begin() + static_cast<std::ptrdiff_t>(k_), order.end());
    std::vector<unsigned> from, to;
    for (unsigned i : base_) from.push_back(numbers_[i]);
    for (unsigned i : others_) to.push_back(numbers_[i]);
    tables_ = gf::tables(gf::interpolation(from, to), k_);
    predicted_.resize(others_.size() * kColumns);
  }

  // Checks and corrects [column, column + count) up to the first column that the trusted shares cannot
  // explain. Returns how many columns that are.
  size_t predict(size_t column, size_t count) {
    std::array<const uint8_t*, gf::kMaxShares> in;
    std::array<uint8_t*, gf::kMaxShares> out;
    for (size_t c = 0; c < k_; ++c) in[c] = shares_[base_[c]] + column;
    for (size_t r = 0; r < others_.size(); ++r) out[r] = &predicted_[r * kColumns];
    if (!others_.empty()) gf::combine(count, k_, others_.size(), tables_.data(), in.data(), out.data());
    gf::leave_vector_code();

    std::array<uint8_t, kColumns> differences{};
    std::vector<size_t> differing;
    for (size_t r = 0; r < others_.size(); ++r) {
      const uint8_t* actual = shares_[others_[r]] + column;
      if (std::memcmp(out[r], actual, count) == 0) continue;
      differing.push_back(r);
      for (size_t c = 0; c < count; ++c)
        differences[c] = static_cast<uint8_t>(differences[c] + (out[r][c] != actual[c]));
    }
    if (differing.empty()) return count;
    const auto* end = std::find_if(differences.data(), differences.data() + count,
                                   [&](uint8_t number) { return number > errors_; });
    const auto good = static_cast<size_t>(end - differences.data());
    for (size_t r : differing) {
      if (std::memcmp(out[r], shares_[others_[r]] + column, good) == 0) continue;
      ++faults_[others_[r]];
      std::memcpy(fixed(others_[r]) + column, out[r], good);
    }
    return good;
  }

  bool solve(size_t column) {
    std::vector<uint8_t> values(numbers_.size());
    for (size_t i = 0; i < values.size(); ++i) values[i] = shares_[i][column];
    const auto right = berlekamp_welch(k_, numbers_, values);
    if (!right) return false;
    for (size_t i = 0; i < values.size(); ++i) {
      if ((*right)[i] == values[i]) continue;
      ++faults_[i];
      fixed(i)[column] = (*right)[i];
    }
    return true;
  }

  // The corrected copy of share i: buffers stay as they are until all columns are known to be right.
  uint8_t* fixed(size_t i) {
    if (fixed_[i].empty()) fixed_[i].assign(shares_[i], shares_[i] + len_);
    return fixed_[i].data();
  }

  Correction finish() {
    Correction result;
    result.ok = true;
    for (size_t i = 0; i < fixed_.size(); ++i) {
      if (fixed_[i].empty()) continue;
      std::memcpy(shares_[i], fixed_[i].data(), len_);
      result.wrong.push_back(numbers_[i]);
    }
    std::ranges::sort(result.wrong);
    return result;
  }

  const size_t k_;
  const std::span<const unsigned> numbers_;
  const std::span<uint8_t* const> shares_;
  const size_t len_;
  const size_t errors_;                      // that one column can have
  std::vector<size_t> faults_;               // seen so far, by share
  std::vector<std::vector<uint8_t>> fixed_;  // by share; empty: nothing wrong so far
  std::vector<unsigned> base_;               // indexes of the trusted shares
  std::vector<unsigned> others_;             // indexes of the rest
  std::vector<uint8_t> tables_;              // others from base
  std::vector<uint8_t> predicted_;
};

}  // namespace

Correction correct(const Code& code, std::span<const unsigned> numbers, std::span<uint8_t* const> shares,
                   size_t len) {
  if (numbers.size() < code.k()) return {};
  return Corrector(code, numbers, shares, len).run();
}

}  // namespace sjcp::erasure
