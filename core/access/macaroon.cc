#include "core/access/macaroon.h"

#include <optional>

#include "core/crypto/base58.h"
#include "core/crypto/hash.h"

namespace sjcp::access {
namespace {

constexpr char kVersion = 2;
constexpr size_t kTailSize = 32;
constexpr uint64_t kMaxVarint = 0x7fffffff;

enum PacketType : uint32_t { kEnd = 0, kLocation = 1, kIdentifier = 2, kVerificationId = 4, kSignature = 6 };

struct Packet {
  uint32_t type = kEnd;
  std::string_view data;
};

// Reads packets off the front of a buffer.  nullopt: the buffer ends early or a number is out of range.
class PacketReader {
 public:
  explicit PacketReader(std::string_view rest) : rest_(rest) {}

  std::optional<Packet> packet() {
    auto type = varint();
    if (!type) return std::nullopt;
    if (*type == kEnd) return Packet{};
    auto size = varint();
    if (!size || *size > rest_.size()) return std::nullopt;
    Packet packet{*type, rest_.substr(0, *size)};
    rest_.remove_prefix(*size);
    return packet;
  }

  // The packets up to the next end mark, without a leading location.  Types must ascend.
  std::optional<std::vector<Packet>> section() {
    std::vector<Packet> packets;
    std::optional<uint32_t> previous;
    for (;;) {
      auto next = packet();
      if (!next) return std::nullopt;
      if (next->type == kEnd) break;
      if (previous && next->type <= *previous) return std::nullopt;
      previous = next->type;
      packets.push_back(*next);
    }
    // A location alone is not the empty section that ends the caveats.
    if (packets.size() == 1 && packets[0].type == kLocation) return std::nullopt;
    if (!packets.empty() && packets[0].type == kLocation) packets.erase(packets.begin());
    return packets;
  }

 private:
  std::optional<uint32_t> varint() {
    uint64_t value = 0;
    for (size_t i = 0; i < 10 && i < rest_.size(); ++i) {
      auto byte = static_cast<uint8_t>(rest_[i]);
      if (i == 9 && byte > 1) return std::nullopt;
      value |= uint64_t{byte & 0x7fu} << (7 * i);
      if (byte < 0x80) {
        rest_.remove_prefix(i + 1);
        return value > kMaxVarint ? std::nullopt : std::optional(static_cast<uint32_t>(value));
      }
    }
    return std::nullopt;
  }

  std::string_view rest_;
};

void append_packet(std::string& out, PacketType type, std::string_view data) {
  out.push_back(static_cast<char>(type));
  size_t size = data.size();
  for (; size >= 0x80; size >>= 7) out.push_back(static_cast<char>(size | 0x80));
  out.push_back(static_cast<char>(size));
  out.append(data);
}

std::string chain(ByteView key, ByteView message) {
  return ByteView(crypto::hmac_sha256(key, message)).str();
}

Error malformed() {
  return make_error(Errc::kUsage, "API key is malformed");
}

}  // namespace

Macaroon Macaroon::create(ByteView head, ByteView secret) {
  Macaroon macaroon;
  macaroon.head_ = head.str();
  macaroon.tail_ = chain(secret, head);
  return macaroon;
}

Result<Macaroon> Macaroon::parse(ByteView raw) {
  std::string_view text = raw.text();
  if (text.empty() || text[0] != kVersion) return malformed();
  PacketReader reader(text.substr(1));

  auto header = reader.section();
  if (!header || header->size() != 1 || header->front().type != kIdentifier) return malformed();
  Macaroon macaroon;
  macaroon.head_ = header->front().data;

  for (;;) {
    auto section = reader.section();
    if (!section) return malformed();
    if (section->empty()) break;
    bool with_id = section->size() == 2 && (*section)[1].type == kVerificationId;
    if (section->front().type != kIdentifier || (section->size() != 1 && !with_id)) return malformed();
    macaroon.caveats_.emplace_back(section->front().data);
  }

  auto signature = reader.packet();
  if (!signature || signature->type != kSignature || signature->data.size() != kTailSize) return malformed();
  macaroon.tail_ = signature->data;
  return macaroon;
}

Result<Macaroon> Macaroon::parse_api_key(std::string_view text) {
  auto decoded = crypto::base58check_decode(text);
  if (!decoded || decoded->version != 0) return malformed();
  return parse(decoded->payload);
}

Macaroon Macaroon::with_caveat(ByteView caveat) const {
  Macaroon restricted = *this;
  restricted.caveats_.push_back(caveat.str());
  restricted.tail_ = chain(tail_, caveat);
  return restricted;
}

bool Macaroon::verify(ByteView secret) const {
  std::string tail = chain(secret, head_);
  for (const std::string& caveat : caveats_) tail = chain(tail, caveat);
  return crypto::constant_time_equal(tail, tail_);
}

std::string Macaroon::serialize() const {
  std::string out(1, kVersion);
  append_packet(out, kIdentifier, head_);
  out.push_back('\0');
  for (const std::string& caveat : caveats_) {
    append_packet(out, kIdentifier, caveat);
    out.push_back('\0');
  }
  out.push_back('\0');
  append_packet(out, kSignature, tail_);
  return out;
}

std::string Macaroon::api_key() const {
  return crypto::base58check_encode(serialize(), 0);
}

}  // namespace sjcp::access
