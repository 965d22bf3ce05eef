// What a wide area is like: the line that all share, the path to each far address, and what changes when.
//
// A profile is a JSON file (README.md lists the keys).  Every address from kFirstNode on is in a region and
// of a kind by its number and the seed alone; those before, where services are, are in the first region and
// of no kind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "tests/wan/lane.h"

namespace sjcp::wan {

// Far addresses are 10.66.0.0/16, the near one is 10.65.0.1; in host order.
inline constexpr uint32_t kNearAddress = 0x0a410001;
inline constexpr uint32_t kFarNetwork = 0x0a420000;
inline constexpr uint32_t kFarMask = 0xffff0000;
inline constexpr uint32_t kFirstService = kFarNetwork + 1;   // 10.66.0.1
inline constexpr uint32_t kFirstNode = kFarNetwork + 0x101;  // 10.66.1.1
inline constexpr uint32_t kPinged = kFarNetwork + 0xff01;    // 10.66.255.1, which nobody else uses

// Both directions of a path are alike.
struct PathSettings {
  Time round_trip{0};
  Time jitter{0};  // of each direction
  HopSettings hop{0, std::chrono::milliseconds(50)};
  double loss = 0;
  bool dead = false;
  uint64_t stall_after = 0;
  Time stall_for{0};

  LaneSettings lane() const { return {round_trip / 2, jitter, hop, loss, dead, stall_after, stall_for}; }
};

// What differs; the rest stays.
struct PathChange {
  std::optional<Time> round_trip, jitter, queue, stall_for;
  std::optional<uint64_t> bits_per_second, stall_after;
  std::optional<double> loss;
  std::optional<bool> dead;

  void apply(PathSettings& settings) const;
};

struct Line {
  HopSettings down;  // to the near side
  HopSettings up;
};

// A part of the nodes, and what is different there.
struct Share {
  std::string name;
  uint32_t percent = 0;
  PathChange change;
};

// Addresses [first, last].
struct Change {
  Time at{0};  // since the near command began
  uint32_t first = kFarNetwork;
  uint32_t last = kFarNetwork + 0xffff;
  PathChange path;
  std::optional<HopSettings> down, up;  // of the line
};

struct Placed {
  PathSettings settings;
  std::string region;  // empty: none, likewise for kind
  std::string kind;
};

struct Profile {
  std::string name;
  std::string about;
  Line line;
  PathSettings path;
  std::vector<Share> regions;  // empty, or 100 percent in all
  std::vector<Share> kinds;    // at most 100 percent in all; the rest is of no kind
  uint64_t seed = 1;
  std::vector<Change> events;  // by time

  Placed place(uint32_t address) const;
};

// `name` prefixes errors.  kUsage.
Result<Profile> parse_profile(const std::string& name, const std::string& json);
// A file, or the name of one of those shipped.  kUsage, kLocalIo.
Result<Profile> load_profile(const std::string& name_or_file);
// {"paths":"all"|ADDRESS|ADDRESS/BITS,"set":{...}} or {"line":{...}}, either with "at_s".  kUsage.
Result<Change> parse_change(const std::string& json);

std::string address_text(uint32_t address);
std::optional<uint32_t> parse_address(const std::string& text);

}  // namespace sjcp::wan
