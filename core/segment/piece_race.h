// Which of the offered pieces of a segment are read: the first `needed` to answer, then spares for those that
// fail or fall behind.
//
//   offered --first bytes--> active (read and paid for in full)   while fewer than `needed` are active
//                         \-> parked (kept warm, not read)         otherwise
//   active --fails, or others have waited for it for `patience`--> one parked piece becomes active too
// A piece that only lags stays active: whoever delivers first is used.  Pure: no sockets, no clock of its
// own.
//
// Threads: one at a time.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "core/base/clock.h"

namespace sjcp::segment {

class PieceRace {
 public:
  enum class Role : uint8_t { kWaiting, kActive, kParked, kFailed };

  struct Options {
    unsigned needed = 0;   // pieces to read at once
    unsigned minimum = 0;  // pieces without which the segment cannot be rebuilt; <= needed
    std::chrono::milliseconds patience{500};
  };
  // State of one active piece at review time.
  struct Progress {
    unsigned piece = 0;
    bool ahead = false;  // has delivered all that can be taken now, or everything
  };

  explicit PieceRace(Options options) : options_(options) {}

  void add(unsigned piece);
  Role role(unsigned piece) const;

  // The piece's first bytes came: its role from now on.
  Role first_bytes(unsigned piece);

  // The piece is out.  A parked piece to activate instead, if there is one and it is needed.
  std::optional<unsigned> failed(unsigned piece);

  // Parked pieces to activate because active ones lag: an active piece lags while it is not ahead and at
  // least half of the active ones are.  Each laggard is given one substitute.
  std::vector<unsigned> review(std::span<const Progress> active, Clock::Steady now);

  unsigned count(Role role) const;
  // Enough pieces are left to finish.
  bool possible() const;

 private:
  struct Piece {
    Role role = Role::kWaiting;
    std::optional<Clock::Steady> lagging_since;
    bool substituted = false;
  };

  std::optional<unsigned> promote();

  Options options_;
  std::map<unsigned, Piece> pieces_;
};

}  // namespace sjcp::segment
