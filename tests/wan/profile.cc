#include "tests/wan/profile.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

namespace sjcp::wan {
namespace {

using nlohmann::json;

// Reads the keys of one JSON object; the first error stays, and keys that nobody asked for are one.
class Reader {
 public:
  Reader(std::string where, const json& object) : where_(std::move(where)), object_(object) {
    if (!object.is_object()) fail("is not an object");
  }

  template <class T>
  void number(const char* key, std::optional<T>& out, double most, const std::function<T(double)>& convert) {
    const json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_number() || !(value->get<double>() >= 0) || !(value->get<double>() <= most)) {
      return fail(std::string(key) + " is not a number from 0 to " + std::to_string(most));
    }
    out = convert(value->get<double>());
  }
  void milliseconds(const char* key, std::optional<Time>& out) {
    number<Time>(key, out, 1e9, [](double v) { return Time(std::llround(v * 1e6)); });
  }
  void rate(const char* key, std::optional<uint64_t>& out) {
    number<uint64_t>(key, out, 1e6, [](double v) { return static_cast<uint64_t>(std::llround(v * 1e6)); });
  }
  void count(const char* key, std::optional<uint64_t>& out, double most) {
    number<uint64_t>(key, out, most, [](double v) { return static_cast<uint64_t>(v); });
  }
  void text(const char* key, std::string& out) {
    const json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_string()) return fail(std::string(key) + " is not a string");
    out = value->get<std::string>();
  }
  void flag(const char* key, std::optional<bool>& out) {
    const json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_boolean()) return fail(std::string(key) + " is not true or false");
    out = value->get<bool>();
  }
  // Null when it is not there.
  const json* find(const char* key) {
    known_.push_back(key);
    if (!object_.is_object()) return nullptr;
    const auto at = object_.find(key);
    return at == object_.end() ? nullptr : &*at;
  }
  void check(const Status& status) {
    if (!status && !error_) error_ = status.error();
  }
  void fail(const std::string& text) { check(make_error(Errc::kUsage, where_ + ": " + text)); }

  Status finish() {
    if (error_) return *error_;
    for (const auto& [key, value] : object_.items()) {
      if (std::find(known_.begin(), known_.end(), key) == known_.end()) fail("unknown key " + key);
    }
    if (error_) return *error_;
    return {};
  }

 private:
  const std::string where_;
  const json& object_;
  std::vector<std::string> known_;
  std::optional<Error> error_;
};

void read_path(Reader& in, PathChange& out) {
  in.milliseconds("rtt_ms", out.round_trip);
  in.milliseconds("jitter_ms", out.jitter);
  in.rate("mbit", out.bits_per_second);
  in.milliseconds("queue_ms", out.queue);
  in.number<double>("loss", out.loss, 1, [](double v) { return v; });
  in.flag("dead", out.dead);
  in.count("stall_after_bytes", out.stall_after, 1e15);
  in.milliseconds("stall_for_ms", out.stall_for);
}

Status read_hop(const std::string& where, const json& value, std::optional<HopSettings>& out) {
  Reader in(where, value);
  std::optional<uint64_t> rate;
  std::optional<Time> queue;
  in.rate("mbit", rate);
  in.milliseconds("queue_ms", queue);
  out = HopSettings{rate.value_or(0), queue.value_or(std::chrono::milliseconds(50))};
  return in.finish();
}

Status read_line(const std::string& where, const json& value, std::optional<HopSettings>& down,
                 std::optional<HopSettings>& up) {
  Reader in(where, value);
  if (const json* part = in.find("down")) in.check(read_hop(where + " down", *part, down));
  if (const json* part = in.find("up")) in.check(read_hop(where + " up", *part, up));
  return in.finish();
}

Status read_shares(const std::string& where, const json& value, std::vector<Share>& out) {
  if (!value.is_array()) return make_error(Errc::kUsage, where + ": not an array");
  uint64_t sum = 0;
  for (const json& item : value) {
    Reader in(where, item);
    Share share;
    std::optional<uint64_t> percent;
    in.text("name", share.name);
    in.count("percent", percent, 100);
    read_path(in, share.change);
    if (auto read = in.finish(); !read) return read;
    share.percent = static_cast<uint32_t>(percent.value_or(0));
    sum += share.percent;
    out.push_back(std::move(share));
  }
  if (sum > 100) return make_error(Errc::kUsage, where + ": more than 100 percent");
  return {};
}

Status read_range(const std::string& text, Change& out) {
  if (text == "all") return {};
  const size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  const std::string bits_text = slash == std::string::npos ? "32" : text.substr(slash + 1);
  const bool is_number = bits_text.size() <= 2 && !bits_text.empty() &&
                         bits_text.find_first_not_of("0123456789") == std::string::npos;
  const unsigned bits = is_number ? static_cast<unsigned>(std::stoul(bits_text)) : 99;
  if (!address || (*address & kFarMask) != kFarNetwork || bits < 16 || bits > 32) {
    return make_error(Errc::kUsage,
                      "paths: neither all nor ADDRESS nor ADDRESS/BITS in 10.66.0.0/16: " + text);
  }
  const uint32_t mask = bits == 32 ? 0xffffffff : ~(0xffffffffu >> bits);
  out.first = *address & mask;
  out.last = out.first | ~mask;
  return {};
}

Result<Change> read_change(const json& value) {
  Reader in("change", value);
  Change out;
  std::optional<Time> at;
  in.number<Time>("at_s", at, 1e6, [](double v) { return Time(std::llround(v * 1e9)); });
  out.at = at.value_or(Time(0));
  std::string paths = "all";
  in.text("paths", paths);
  in.check(read_range(paths, out));
  if (const json* set = in.find("set")) {
    Reader path("set", *set);
    read_path(path, out.path);
    in.check(path.finish());
  }
  if (const json* line = in.find("line")) in.check(read_line("line", *line, out.down, out.up));
  if (auto read = in.finish(); !read) return read.error();
  return out;
}

Status read_events(const std::string& where, const json& value, std::vector<Change>& out) {
  if (!value.is_array()) return make_error(Errc::kUsage, where + ": not an array");
  for (const json& item : value) {
    auto change = read_change(item);
    if (!change) return with_context(change.error(), where);
    out.push_back(*change);
  }
  return {};
}

uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// Which of 100 places a node has.  Each hundred nodes share all places out, so the parts are exact and not
// only likely; nodes of one part are apart from each other.
uint32_t place_in_hundred(uint64_t node, uint64_t seed) {
  std::array<uint8_t, 100> places;
  std::iota(places.begin(), places.end(), uint8_t{0});
  uint64_t random = mix(seed * 0x9e3779b97f4a7c15 + node / 100);
  for (size_t i = places.size() - 1; i > 0; --i) {
    random = mix(random + 0x9e3779b97f4a7c15);
    std::swap(places[i], places[random % (i + 1)]);
  }
  return places[node % 100];
}

const Share* share_at(const std::vector<Share>& shares, uint32_t place) {
  for (const Share& share : shares) {
    if (place < share.percent) return &share;
    place -= share.percent;
  }
  return nullptr;
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  if (!in || !(text << in.rdbuf())) return errno_error(path, errno != 0 ? errno : EIO);
  return text.str();
}

}  // namespace

void PathChange::apply(PathSettings& settings) const {
  settings.round_trip = round_trip.value_or(settings.round_trip);
  settings.jitter = jitter.value_or(settings.jitter);
  settings.hop.bits_per_second = bits_per_second.value_or(settings.hop.bits_per_second);
  settings.hop.queue = queue.value_or(settings.hop.queue);
  settings.loss = loss.value_or(settings.loss);
  settings.dead = dead.value_or(settings.dead);
  settings.stall_after = stall_after.value_or(settings.stall_after);
  settings.stall_for = stall_for.value_or(settings.stall_for);
}

Placed Profile::place(uint32_t address) const {
  Placed out{path, {}, {}};
  const bool is_node = address >= kFirstNode && address != kPinged;
  const uint64_t node = address - kFirstNode;
  const Share* region = is_node ? share_at(regions, place_in_hundred(node, 2 * seed)) : nullptr;
  if (region == nullptr && !regions.empty()) region = &regions.front();
  if (region != nullptr) {
    region->change.apply(out.settings);
    out.region = region->name;
  }
  const Share* kind = is_node ? share_at(kinds, place_in_hundred(node, 2 * seed + 1)) : nullptr;
  if (kind != nullptr) {
    kind->change.apply(out.settings);
    out.kind = kind->name;
  }
  return out;
}

Result<Profile> parse_profile(const std::string& name, const std::string& text) {
  const json value = json::parse(text, nullptr, false);
  if (value.is_discarded()) return make_error(Errc::kUsage, name + ": not JSON");
  Reader in(name, value);
  Profile out;
  out.name = name;
  in.text("about", out.about);
  std::optional<HopSettings> down, up;
  if (const json* line = in.find("line")) in.check(read_line(name + ": line", *line, down, up));
  out.line = {down.value_or(HopSettings{}), up.value_or(HopSettings{})};
  PathChange path;
  if (const json* part = in.find("path")) {
    Reader reader(name + ": path", *part);
    read_path(reader, path);
    in.check(reader.finish());
  }
  path.apply(out.path);
  if (const json* part = in.find("regions")) in.check(read_shares(name + ": regions", *part, out.regions));
  if (const json* part = in.find("kinds")) in.check(read_shares(name + ": kinds", *part, out.kinds));
  std::optional<uint64_t> seed;
  in.count("seed", seed, 1e9);
  out.seed = seed.value_or(1);
  if (const json* events = in.find("events")) in.check(read_events(name + ": events", *events, out.events));
  if (auto read = in.finish(); !read) return read.error();
  std::stable_sort(out.events.begin(), out.events.end(),
                   [](const Change& a, const Change& b) { return a.at < b.at; });
  return out;
}

Result<Profile> load_profile(const std::string& name_or_file) {
  const bool is_file = name_or_file.find('/') != std::string::npos || name_or_file.ends_with(".json");
  auto text =
      read_file(is_file ? name_or_file : std::string(SJCP_WAN_PROFILES) + "/" + name_or_file + ".json");
  if (!text && !is_file) return make_error(Errc::kUsage, name_or_file + ": no such profile");
  if (!text) return text.error();
  return parse_profile(name_or_file, *text);
}

Result<Change> parse_change(const std::string& text) {
  const json value = json::parse(text, nullptr, false);
  if (value.is_discarded()) return make_error(Errc::kUsage, "change: not JSON");
  return read_change(value);
}

std::string address_text(uint32_t address) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) {
    out += std::to_string(address >> shift & 255) + (shift != 0 ? "." : "");
  }
  return out;
}

std::optional<uint32_t> parse_address(const std::string& text) {
  in_addr address{};
  if (::inet_pton(AF_INET, text.c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

}  // namespace sjcp::wan
