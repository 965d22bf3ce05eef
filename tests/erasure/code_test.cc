#include <algorithm>
#include <numeric>

#include "erasure/code.h"
#include "tests/erasure/shares.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace sjcp;
using erasure::Code;
using erasure::Decoder;
using sjcp::test::multiply;

namespace {

const std::vector<std::pair<unsigned, unsigned>> kCodes = {{1, 1},     {1, 2},     {1, 255},  {2, 4},
                                                           {4, 10},    {16, 38},   {29, 80},  {29, 110},
                                                           {100, 101}, {128, 255}, {255, 255}};

// The pieces of a segment of whole stripes.
std::vector<Bytes> pieces_of(const Code& code, const Bytes& segment, size_t share_size) {
  const size_t stripe = code.k() * share_size;
  std::vector<Bytes> pieces(code.n());
  Bytes share(share_size);
  for (size_t at = 0; at < segment.size(); at += stripe) {
    std::vector<const uint8_t*> data;
    for (size_t j = 0; j < code.k(); ++j) data.push_back(segment.data() + at + j * share_size);
    for (unsigned i = 0; i < code.n(); ++i) {
      code.encode_share(i, share_size, data.data(), share.data());
      pieces[i].insert(pieces[i].end(), share.begin(), share.end());
    }
  }
  return pieces;
}

Bytes decode(Decoder& decoder, std::vector<unsigned> set, const std::vector<Bytes>& pieces,
             size_t share_size) {
  std::ranges::sort(set);
  std::vector<const uint8_t*> shares;
  for (unsigned i : set) shares.push_back(pieces[i].data());
  Bytes out(pieces[0].size() * set.size());
  decoder.use(set);
  decoder.decode(shares.data(), share_size, pieces[0].size() / share_size, out.data());
  return out;
}

}  // namespace

TEST_CASE("Code has the network's generator rows and shares, for every vector") {
  for (const auto& vector : nlohmann::json(test::load_vectors("rs.json")["encode"])) {
    const Code code(vector["k"], vector["n"]);
    INFO(code.k() << "/" << code.n());
    const auto& rows = vector["parity_rows_hex"];
    for (unsigned i = 0; i < rows.size(); ++i) {
      CHECK(to_hex(ByteView(code.row(code.k() + i))) == rows[i].get<std::string>());
    }
    const std::string stripe = test::unhex(vector["stripe_hex"]);
    const auto pieces = pieces_of(code, Bytes(stripe.begin(), stripe.end()), vector["share_size"]);
    for (unsigned i = 0; i < code.n(); ++i) {
      CHECK(to_hex(pieces[i]) == vector["shares_hex"][i].get<std::string>());
    }
  }
}

TEST_CASE("Code encodes all parity at once as its rows say, for lengths around the vector widths") {
  std::mt19937_64 random(1);
  for (const auto& [k, n] : kCodes) {
    const Code code(k, n);
    for (size_t len : std::initializer_list<size_t>{1, 15, 16, 31, 32, 33, 63, 64, 65, 127, 256, 1000}) {
      const test::Shares shares(code, random, len);
      for (unsigned i = k; i < n; ++i) {
        uint8_t expected = 0;
        for (unsigned j = 0; j < k; ++j) {
          expected = static_cast<uint8_t>(expected ^ multiply(code.row(i)[j], shares.bytes[j][len - 1]));
        }
        if (shares.bytes[i][len - 1] != expected) FAIL(k << "/" << n << " share " << i << " length " << len);
      }
    }
  }
}

TEST_CASE("Code computes a single share as encode does when asked for one") {
  std::mt19937_64 random(2);
  for (const auto& [k, n] : kCodes) {
    const Code code(k, n);
    const test::Shares shares(code, random, 256);
    std::vector<const uint8_t*> data;
    for (unsigned j = 0; j < k; ++j) data.push_back(shares.bytes[j].data());
    for (unsigned i = 0; i < n; ++i) {
      Bytes share(256);
      code.encode_share(i, share.size(), data.data(), share.data());
      if (share != shares.bytes[i]) FAIL(k << "/" << n << " share " << i);
    }
  }
}

TEST_CASE("Code computes the parity shares of a selection as encode does all") {
  const Code code(29, 80);
  const size_t len = 256;
  Bytes segment(29 * len);
  std::iota(segment.begin(), segment.end(), uint8_t{7});
  std::vector<const uint8_t*> data;
  for (size_t j = 0; j < 29; ++j) data.push_back(segment.data() + j * len);
  for (const std::vector<unsigned>& numbers :
       {std::vector<unsigned>{}, {29u}, {79u, 29u}, {30u, 31u, 40u, 50u, 60u, 70u, 79u}}) {
    const auto selection = code.select(numbers);
    REQUIRE(selection.size() == numbers.size());
    std::vector<Bytes> parity(numbers.size(), Bytes(len));
    std::vector<uint8_t*> out;
    for (Bytes& share : parity) out.push_back(share.data());
    code.encode(selection, len, data.data(), out.data());
    for (size_t i = 0; i < numbers.size(); ++i) {
      Bytes share(len);
      code.encode_share(numbers[i], len, data.data(), share.data());
      CHECK(parity[i] == share);
    }
  }
}

TEST_CASE("Decoder rebuilds data from any k shares, whatever their number and the code") {
  std::mt19937_64 random(3);
  for (const auto& [k, n] : kCodes) {
    const Code code(k, n);
    Decoder decoder(code);
    for (size_t share_size : std::initializer_list<size_t>{1, 8, 100, 256}) {
      const Bytes segment = test::random_bytes(random, 3 * k * share_size);
      const auto pieces = pieces_of(code, segment, share_size);
      for (int round = 0; round < 4; ++round) {
        const auto set = test::random_subset(random, n, k);
        if (decode(decoder, set, pieces, share_size) != segment)
          FAIL(k << "/" << n << " share size " << share_size);
      }
    }
  }
}

TEST_CASE("Decoder works for every set of shares of a small code") {
  std::mt19937_64 random(4);
  const Code code(3, 8);
  Decoder decoder(code);
  const Bytes segment = test::random_bytes(random, 5 * 3 * 64);
  const auto pieces = pieces_of(code, segment, 64);
  for (unsigned mask = 0; mask < 256; ++mask) {
    std::vector<unsigned> set;
    for (unsigned i = 0; i < 8; ++i) {
      if (mask >> i & 1) set.push_back(i);
    }
    if (set.size() == 3) CHECK(decode(decoder, set, pieces, 64) == segment);
  }
}

TEST_CASE("Decoder decodes right after more share sets than it caches, when an early one returns") {
  std::mt19937_64 random(5);
  const Code code(10, 40);
  Decoder decoder(code);
  const Bytes segment = test::random_bytes(random, 10 * 256);
  const auto pieces = pieces_of(code, segment, 256);
  std::vector<std::vector<unsigned>> sets;
  for (int i = 0; i < 100; ++i) sets.push_back(test::random_subset(random, 40, 10));
  for (int round = 0; round < 2; ++round) {
    for (const auto& set : sets) REQUIRE(decode(decoder, set, pieces, 256) == segment);
  }
}
