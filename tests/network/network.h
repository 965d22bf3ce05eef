// The whole network: one satellite, its nodes, their listeners and threads.
//
// Threads: any, after create().
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "tests/network/metainfo.h"
#include "tests/network/piece_node.h"
#include "tests/network/placements.h"
#include "tests/network/server.h"

namespace sjcp::network {

struct NetworkOptions {
  size_t nodes = 10;
  Redundancy redundancy{4, 6, 8, 10, 256};
  int64_t segment_bytes = 64 << 20;
  std::string bind = "127.0.0.1";
  std::string
      node_bind;       // of the first node; each of the others has the address after.  Empty: all have `bind`
  uint16_t port = 0;   // of the satellite; nodes have the ports after it.  0: any
  std::string folder;  // pieces in files below it; empty: in memory
  bool plain_paths = false;  // path cipher NULL instead of AESGCM
  bool noise = true;         // nodes offer Noise
  bool checksums = false;    // the satellite takes checksums of objects
  size_t owners = 0;         // nodes have the tag "owner" with so many values in turn; 0: no tags
  std::map<std::string, Placement> placements = {};  // of buckets, unlike `redundancy`
  unsigned threads = 0;                              // 0: one for every processor
};

class Network {
 public:
  // Serves when it returns.  kUsage (redundancy against nodes), kNetwork (ports), kLocalIo (folder).
  static Result<std::unique_ptr<Network>> create(const NetworkOptions& options,
                                                 const Clock& clock = system_clock());
  ~Network();

  std::string satellite_url() const;
  std::vector<std::string> node_urls() const;
  std::string api_key() const;
  std::string access_grant() const;

  size_t size() const;
  PieceNode& node(size_t i);
  // Also opens and closes the listener.
  void set_faults(size_t node, const NodeFaults& faults);
  SatelliteState& satellite();
  // Down: its connections are cut and its port is refused, as while it restarts; identity, port and state
  // stay.
  void set_satellite_down(bool down);
  // Down at once, and up again after that time, which nobody waits for.
  void restart_satellite(std::chrono::milliseconds after);
  const Metainfo& metainfo() const;
  uint64_t satellite_connections() const;

  // Ends all connections and threads; nothing is served from then on.
  void stop();

 private:
  struct State;
  explicit Network(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sjcp::network
