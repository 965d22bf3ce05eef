#include "core/access/node_id.h"

#include <charconv>
#include <utility>

#include "core/crypto/base58.h"
#include "core/crypto/hash.h"

namespace sjcp::access {
namespace {

constexpr uint8_t kKnownVersion = 0;  // the only identity version there is
constexpr std::string_view kScheme = "storj://";

// Satellites that old grants name without an id.  Closed: every newer one must be written with its id.
constexpr std::pair<std::string_view, std::string_view> kKnownSatellites[] = {
    {"us-central-1.tardigrade.io", "12EayRS2V1kEsWESU9QMRseFhdxYxKicsiFmxrsLZHeLUtdps3S"},
    {"mars.tardigrade.io", "12EayRS2V1kEsWESU9QMRseFhdxYxKicsiFmxrsLZHeLUtdps3S"},
    {"asia-east-1.tardigrade.io", "121RTSDpyNZVcEU84Ticf2L1ntiuUimbWgfATz21tuvgk3vzoA6"},
    {"saturn.tardigrade.io", "121RTSDpyNZVcEU84Ticf2L1ntiuUimbWgfATz21tuvgk3vzoA6"},
    {"europe-west-1.tardigrade.io", "12L9ZFwhzVpuEKMUNUqkaTLGzwY9G24tbiigLiXpmZWKwmcNDDs"},
    {"jupiter.tardigrade.io", "12L9ZFwhzVpuEKMUNUqkaTLGzwY9G24tbiigLiXpmZWKwmcNDDs"},
    {"satellite.stefan-benten.de", "118UWpMCHzs6CvSgWd9BfFVjw5K9pZbJjkfZJexMtSkmKxvvAW"},
    {"saltlake.tardigrade.io", "1wFTAgs9DP5RSnCqKV1eLf6N9wtk4EAtmN5DpSxcs8EjT69tGE"},
};

Error bad_url(const std::string& why) {
  return make_error(Errc::kUsage, "node address is malformed: " + why);
}

// "host", "host:port" or "[v6]:port", of printable characters.  Empty is a URL that names a node without a
// place.
bool valid_address(std::string_view address) {
  for (char c : address) {
    if (c <= ' ' || c == 0x7f || std::string_view("\"<>\\^`{|}").find(c) != std::string_view::npos)
      return false;
  }
  std::string_view host = address;
  std::string_view port;
  if (address.starts_with('[')) {
    size_t end = address.find(']');
    if (end == std::string_view::npos) return false;
    host = address.substr(0, end + 1);
    port = address.substr(end + 1);
    if (!port.empty() && port[0] != ':') return false;
  } else if (size_t colon = address.find(':'); colon != std::string_view::npos) {
    host = address.substr(0, colon);
    port = address.substr(colon);
  }
  if (port.empty()) return true;
  return !host.empty() && port.substr(1).find_first_not_of("0123456789") == std::string_view::npos;
}

template <class T>
bool parse_number(std::string_view text, T& out, int base = 10) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc() && end == text.data() + text.size();
}

// The parameters that a node may publish; others are left aside, as they may come later.
Status parse_parameter(std::string_view name, std::string_view value, NodeUrl& url) {
  if (value.empty()) return {};
  if (name == "noise_pub") {
    auto decoded = crypto::base58check_decode(value);
    if (!decoded) return bad_url("noise_pub is not a key");
    url.noise_public_key = std::move(decoded->payload);
  } else if (name == "noise_proto") {
    if (!parse_number(value, url.noise_proto)) return bad_url("noise_proto is not a number");
  } else if (name == "debounce") {
    if (!parse_number(value, url.debounce)) return bad_url("debounce is not a number");
  } else if (name == "f") {
    if (!parse_number(value, url.features, 16)) return bad_url("f is not a hexadecimal number");
  }
  return {};
}

Status parse_query(std::string_view query, NodeUrl& url) {
  while (!query.empty()) {
    std::string_view parameter = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), parameter.size() + 1));
    size_t equals = std::min(parameter.find('='), parameter.size());
    std::string_view value = parameter.substr(std::min(parameter.size(), equals + 1));
    if (auto status = parse_parameter(parameter.substr(0, equals), value, url); !status) return status;
  }
  return {};
}

NodeId known_satellite(std::string_view address) {
  std::string_view host = address.substr(0, address.rfind(':'));
  for (auto [name, id] : kKnownSatellites) {
    if (host == name) return *NodeId::parse(id);
  }
  return NodeId();
}

}  // namespace

std::optional<NodeId> NodeId::from_bytes(ByteView bytes) {
  if (bytes.size() != kSize) return std::nullopt;
  NodeId id;
  std::memcpy(id.bytes_.data(), bytes.data(), kSize);
  return id;
}

Result<NodeId> NodeId::parse(std::string_view text) {
  auto decoded = crypto::base58check_decode(text);
  if (!decoded) return make_error(Errc::kUsage, "node id is malformed");
  if (decoded->version != kKnownVersion) return make_error(Errc::kUsage, "node id has an unknown version");
  auto id = from_bytes(decoded->payload);
  if (!id) return make_error(Errc::kUsage, "node id has the wrong length");
  id->bytes_.back() = decoded->version;
  return *id;
}

NodeId NodeId::from_ca_spki(ByteView spki_der, uint8_t version) {
  NodeId id;
  id.bytes_ = crypto::sha256(crypto::sha256(spki_der));
  id.bytes_.back() = version;
  return id;
}

std::string NodeId::text() const {
  auto unversioned = bytes_;
  unversioned.back() = 0;
  // A version that nobody knows is written as version 0.
  return crypto::base58check_encode(unversioned, kKnownVersion);
}

Result<NodeUrl> NodeUrl::parse(std::string_view text, bool require_id) {
  if (size_t scheme = text.find("://"); scheme != std::string_view::npos) {
    if (!text.starts_with(kScheme)) return bad_url("the scheme is not storj://");
    text.remove_prefix(kScheme.size());
  }
  if (text.empty()) return bad_url("it is empty");

  NodeUrl url;
  std::string_view rest = text.substr(0, text.find('#'));
  std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  std::string_view query = rest.substr(std::min(rest.size(), rest.find('?')));
  if (!query.empty()) query.remove_prefix(1);

  std::string_view address = authority;
  if (size_t at = authority.rfind('@'); at != std::string_view::npos) {
    auto id = NodeId::parse(authority.substr(0, at));
    if (!id) return bad_url(id.error().what);
    url.id = *id;
    address = authority.substr(at + 1);
  }
  if (!valid_address(address)) return bad_url("it is not host:port");
  url.address = address;

  if (auto status = parse_query(query, url); !status) return status.error();
  if (url.id.is_zero()) url.id = known_satellite(url.address);
  if (url.id.is_zero() && require_id) return bad_url("it lacks the node id (id@host:port)");
  return url;
}

std::string NodeUrl::text() const {
  std::string out = id.is_zero() ? address : id.text() + "@" + address;
  char separator = '?';
  auto parameter = [&](const char* name, const std::string& value) {
    out += separator;
    out += name + ("=" + value);
    separator = '&';
  };
  if (debounce > 0) parameter("debounce", std::to_string(debounce));
  if (features > 0) {
    char hex[16];
    parameter("f", std::string(hex, std::to_chars(hex, hex + sizeof hex, features, 16).ptr));
  }
  if (noise_proto != 0) parameter("noise_proto", std::to_string(noise_proto));
  if (!noise_public_key.empty()) parameter("noise_pub", crypto::base58check_encode(noise_public_key, 0));
  return out;
}

}  // namespace sjcp::access
