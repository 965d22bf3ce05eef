// What is kept of storage nodes between runs: which of them were poor, slow or failing, and until when others
// are asked before them.  Nothing of those that did well.
//
// A record (core/base/byte_record.h) of kind "sjcpnode":  count | count times: id, seen, until, strikes
// Times are seconds since 1970.
//
// Whoever is found poor in one run after another is so for longer each time, up to a day.  An entry is
// forgotten a day after it was made, and when the clock says that it was made later than now.  Pure: the time
// is an argument.
//
// Threads: one at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/access/node_id.h"
#include "core/base/bytes.h"
#include "core/base/clock.h"

namespace sjcp::storj {

class NodeHistory {
 public:
  static constexpr size_t kMaxNodes = 2000;
  static constexpr size_t kMaxBytes = 128 << 10;  // of a record

  enum class Verdict : uint8_t { kWell, kPoor, kWrongData };
  // What a run found about a node.
  struct Finding {
    access::NodeId node;
    Verdict verdict = Verdict::kWell;
    Clock::Wall seen;
    friend bool operator==(const Finding&, const Finding&) = default;
  };
  struct Poor {
    access::NodeId node;
    std::chrono::seconds left;  // so long others are asked first
    friend bool operator==(const Poor&, const Poor&) = default;
  };

  // Nothing when the bytes are not exactly what serialize() wrote.
  static std::optional<NodeHistory> parse(ByteView bytes);
  std::string serialize() const;

  // What one run found.  Where there are too many nodes, those that were seen longest ago go.
  void add(std::span<const Finding> findings, Clock::Wall now);
  std::vector<Poor> poor(Clock::Wall now) const;

  friend bool operator==(const NodeHistory&, const NodeHistory&) = default;

 private:
  using Time = std::chrono::sys_seconds;
  struct Entry {
    Time seen;
    Time until;
    uint64_t strikes = 0;  // runs that found it poor, one after another
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  void strike(const Finding& finding);
  static bool forgotten(const Entry& entry, Time now);
  void drop_oldest();

  std::map<access::NodeId, Entry> entries_;
};

}  // namespace sjcp::storj
