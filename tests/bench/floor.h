// The least that a transfer can cost: its bytes through the bare primitives, in one thread, without protocol,
// scheduling, handshakes or anything that goes wrong.  What sjcp needs beyond it is its own.
//
//   get   TLS open of k pieces -> decode, with as many data shares missing as a random choice of nodes misses
//         -> open blocks -> pwrite
//   put   pread -> seal blocks -> encode n pieces -> hash them -> TLS seal and send
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/segment/layout.h"

namespace sjcp::bench {

// CPU seconds of the one thread, and what part each primitive has in them.
struct Floor {
  double wall_seconds = 0;
  double cpu_seconds = 0;
  std::map<std::string, double> parts;
};

// Stripes that pass from one primitive to the next at a time: 16 KiB of each piece, which is a TLS record.
inline constexpr size_t kBatch = 64;

// Moves the file `source` to `target`.
Floor download_floor(const segment::Redundancy& rs, const std::string& source, const std::string& target);
// Moves the file `source` to nowhere.
Floor upload_floor(const segment::Redundancy& rs, const std::string& source);

}  // namespace sjcp::bench
