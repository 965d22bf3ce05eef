#include "core/crypto/base58.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/crypto/hash.h"

namespace sjcp::crypto {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::string_view kAlphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr size_t kChunkDigits = 10;                  // the most digits whose value fits 64 bits
constexpr uint64_t kChunkBase = 430804206899405824;  // 58^10
constexpr size_t kChecksumSize = 4;
constexpr size_t kMaxText = 1 << 20;

constexpr auto kDigitValues = [] {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<uint8_t>(kAlphabet[i])] = static_cast<int8_t>(i);
  }
  return values;
}();

// The whole buffer is one big-endian number; limbs hold it least significant first.
std::vector<uint64_t> limbs_from_bytes(ByteView bytes) {
  std::vector<uint64_t> limbs((bytes.size() + 7) / 8);
  for (size_t i = 0; i < bytes.size(); ++i) {
    size_t power = bytes.size() - 1 - i;
    limbs[power / 8] |= uint64_t{bytes[i]} << (8 * (power % 8));
  }
  return limbs;
}

// Divides by 58^10, drops leading zero limbs, returns the remainder.
uint64_t divide_chunk(std::vector<uint64_t>& limbs) {
  uint64_t remainder = 0;
  for (size_t i = limbs.size(); i-- > 0;) {
    Wide value = Wide{remainder} << 64 | limbs[i];
    limbs[i] = static_cast<uint64_t>(value / kChunkBase);
    remainder = static_cast<uint64_t>(value % kChunkBase);
  }
  while (!limbs.empty() && limbs.back() == 0) limbs.pop_back();
  return remainder;
}

void multiply_add(std::vector<uint64_t>& limbs, uint64_t factor, uint64_t addend) {
  uint64_t carry = addend;
  for (uint64_t& limb : limbs) {
    Wide value = Wide{limb} * factor + carry;
    limb = static_cast<uint64_t>(value);
    carry = static_cast<uint64_t>(value >> 64);
  }
  if (carry != 0) limbs.push_back(carry);
}

std::string encode(ByteView bytes) {
  size_t zeros = 0;
  while (zeros < bytes.size() && bytes[zeros] == 0) ++zeros;

  std::string reversed;
  auto limbs = limbs_from_bytes(bytes.sub(zeros));
  while (!limbs.empty()) {
    uint64_t chunk = divide_chunk(limbs);
    // The most significant chunk has no leading zero digits; the others have all ten digits.
    for (size_t i = 0; limbs.empty() ? chunk != 0 : i < kChunkDigits; ++i) {
      reversed.push_back(kAlphabet[chunk % 58]);
      chunk /= 58;
    }
  }
  reversed.append(zeros, kAlphabet[0]);
  return std::string(reversed.rbegin(), reversed.rend());
}

std::optional<std::string> decode(std::string_view text) {
  size_t ones = std::min(text.find_first_not_of(kAlphabet[0]), text.size());

  std::vector<uint64_t> limbs;
  for (size_t at = ones; at < text.size(); at += kChunkDigits) {
    uint64_t chunk = 0;
    uint64_t base = 1;
    for (char c : text.substr(at, kChunkDigits)) {
      int8_t digit = kDigitValues[static_cast<uint8_t>(c)];
      if (digit < 0) return std::nullopt;
      chunk = chunk * 58 + static_cast<uint64_t>(digit);
      base *= 58;
    }
    multiply_add(limbs, base, chunk);
  }

  std::string out(ones, '\0');
  bool leading = true;
  for (size_t i = limbs.size() * 8; i-- > 0;) {
    auto byte = static_cast<uint8_t>(limbs[i / 8] >> (8 * (i % 8)));
    leading = leading && byte == 0;
    if (!leading) out.push_back(static_cast<char>(byte));
  }
  return out;
}

std::string_view checksum(const Sha256Digest& digest) {
  return ByteView(digest.data(), kChecksumSize).text();
}

Sha256Digest double_sha256(ByteView data) {
  return sha256(sha256(data));
}

}  // namespace

std::string base58check_encode(ByteView payload, uint8_t version) {
  std::string buffer;
  buffer.reserve(1 + payload.size() + kChecksumSize);
  buffer.push_back(static_cast<char>(version));
  buffer.append(payload.text());
  auto digest = double_sha256(buffer);
  buffer.append(checksum(digest));
  return encode(buffer);
}

std::optional<Base58Payload> base58check_decode(std::string_view text) {
  if (text.size() > kMaxText) return std::nullopt;
  auto buffer = decode(text);
  if (!buffer || buffer->size() < 1 + kChecksumSize) return std::nullopt;

  std::string_view body = std::string_view(*buffer).substr(0, buffer->size() - kChecksumSize);
  auto digest = double_sha256(body);
  if (!equal(checksum(digest), std::string_view(*buffer).substr(body.size()))) return std::nullopt;
  return Base58Payload{static_cast<uint8_t>(body[0]), std::string(body.substr(1))};
}

}  // namespace sjcp::crypto
