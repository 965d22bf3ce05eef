// Everything that the satellite's services share.
//
// Threads: any; each part locks for itself.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "tests/network/authorization.h"
#include "tests/network/metabase.h"
#include "tests/network/misbehaviour.h"
#include "tests/network/orders.h"
#include "tests/network/placements.h"
#include "tests/network/tokens.h"

namespace sjcp::network {

struct SatelliteConfig {
  Redundancy redundancy;
  int64_t segment_bytes = 64 << 20;  // largest plain segment
  std::string project_salt;
  std::string key_head;
  std::string key_secret;
  size_t max_key_bytes = 4000;
  int64_t max_metadata_bytes = 2048;
  int64_t max_inline_bytes = 4096;  // plain
  bool checksums = false;           // objects and segments may have them
  MetabaseLimits metabase;
};

struct SatelliteState {
  // `clock` and `releaser` must outlive the state.
  SatelliteState(SatelliteConfig settings, std::shared_ptr<const Signatory> identity,
                 PieceReleaser& piece_releaser, const Clock& time)
      : config(std::move(settings)),
        signatory(std::move(identity)),
        releaser(piece_releaser),
        clock(time),
        metabase(time, config.metabase),
        placements(config.redundancy),
        keys(config.key_head, config.key_secret, time),
        orders(signatory, time) {}

  const SatelliteConfig config;
  const std::shared_ptr<const Signatory> signatory;
  PieceReleaser& releaser;
  const Clock& clock;
  NodeDirectory nodes;
  Metabase metabase;
  Placements placements;
  KeyRing keys;
  Tokens tokens;
  OrderIssuer orders;
  SatelliteFaults faults;
  RequestLimit limit;
  // What objects consisted of when a test asked to keep it, by key.
  std::map<std::string, std::vector<Segment>> kept_segments;
};

}  // namespace sjcp::network
