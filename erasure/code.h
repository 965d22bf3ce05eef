// The network's systematic Reed-Solomon code over GF(2^8)/0x11D, on ISA-L, or on GFNI where the processor has
// it.
//
// Share r < k of a stripe is its r-th data chunk; share r >= k is the value at x_r of the polynomial of
// degree < k through (x_c, data_c), where x_0 = 0 and x_i = 2^(i-1) (protocol notes 8.1).  It is neither of
// ISA-L's own matrices.  Layout of buffers: a stripe is k * share_size contiguous bytes; a piece is the
// concatenation of one share of each stripe.
//
// Threads: Code is immutable after construction, const methods from any thread.  A Decoder belongs to one
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace sjcp::erasure {

// Whether this processor's GFNI computes, instead of ISA-L; for --version.
bool by_gfni();

class Code {
 public:
  // Requires: 1 <= k <= n <= 255.
  Code(unsigned k, unsigned n);
  ~Code();

  unsigned k() const { return k_; }
  unsigned n() const { return n_; }
  // Row r of the generator: k coefficients.
  std::span<const uint8_t> row(unsigned r) const;

  // Parity of columns: data[0..k) and parity[0..n-k) are each `len` < 2^31 bytes; data chunks are not copied.
  void encode(size_t len, const uint8_t* const* data, uint8_t* const* parity) const;
  // Some parity shares, to be computed together.
  class Selection {
   public:
    size_t size() const { return numbers_.size(); }
    std::span<const unsigned> numbers() const { return numbers_; }

   private:
    friend class Code;
    std::vector<unsigned> numbers_;
    std::vector<uint8_t> tables_;
  };
  // Requires: k <= numbers < n.
  Selection select(std::vector<unsigned> numbers) const;
  // parity[i] receives share selection.numbers()[i].
  void encode(const Selection& selection, size_t len, const uint8_t* const* data,
              uint8_t* const* parity) const;
  // One share: out[len] from data[0..k).  For r < k a copy.
  void encode_share(unsigned r, size_t len, const uint8_t* const* data, uint8_t* out) const;

 private:
  friend class Decoder;
  unsigned k_;
  unsigned n_;
  std::vector<uint8_t> matrix_;  // n rows of k
  std::vector<uint8_t> tables_;  // of the n-k parity rows
};

// Rebuilds data from any k shares.  Tables are cached by the set of shares in use, so keep the set stable.
class Decoder {
 public:
  explicit Decoder(const Code& code);  // code must outlive it
  ~Decoder();

  // Chooses the set: k distinct share numbers, ascending.  Free when the set is the current one.
  void use(std::span<const unsigned> shares);

  // For each stripe s in [0, stripes): shares[i] + s * share_size is share `set[i]` of stripe s; out receives
  // stripes * k * share_size bytes, stripe after stripe.  Present data shares are copied, missing ones
  // computed. Requires: use() was called.
  void decode(const uint8_t* const* shares, size_t share_size, size_t stripes, uint8_t* out) const;

 private:
  struct Set;
  const Code& code_;
  std::vector<std::unique_ptr<Set>> cache_;
  const Set* current_ = nullptr;
};

// Finds and corrects wrong shares by Berlekamp-Welch: up to floor((r - k) / 2) of r shares, in every column
// of bytes by itself.  With r == k nothing can be checked and every buffer counts as right.
struct Correction {
  bool ok = false;              // false: r < k, or more errors than can be corrected; buffers are unchanged
  std::vector<unsigned> wrong;  // numbers of the shares that were wrong, ascending
};
// numbers[i] names buffer shares[i] of len bytes; wrong buffers are overwritten with the right bytes.
// Requires: numbers are distinct and below n.
Correction correct(const Code& code, std::span<const unsigned> numbers, std::span<uint8_t* const> shares,
                   size_t len);

}  // namespace sjcp::erasure
