// Which of the pieces of a segment being stored are sent, and which are held until they are needed.
//
//   trying  --its first bytes are on their way--> leading   while fewer than `needed` are leading or stored
//                                             \-> held      otherwise
//   leading --the node's receipt--> stored
//   held    --a leading one fails or is late--> leading, too
//
// More pieces are offered than are needed, and what is sent of those that are not is lost: where the line or
// the processor is the limit, the segment takes longer for it.  So only as many as are needed are sent to the
// end.  The first bytes of all are sent, so that the nearest nodes lead, and a held piece goes on at once.
// Late pieces go on as well: whoever ends first counts.
//
// Where the path has room, connections wait for their windows to grow and for single nodes, and a few more of
// them spare the wait for the slowest: then some more lead than are needed.
//
// Late is who is behind a typical one, by a quarter of what that has sent; pieces that began to lead later
// are compared with how far it has come since.  What sockets have taken says nothing of a node that is silent
// at the end, so late is also whose receipt takes more than twice as long as half of the others took.
//
// Pure: no sockets, no clock of its own.  Threads: one at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace sjcp::segment {

class PieceSpread {
 public:
  using Time = std::chrono::nanoseconds;  // since the beginning

  enum class Role : uint8_t { kTrying, kLeading, kHeld, kStored, kFailed };

  struct Options {
    unsigned needed = 0;                             // pieces to store
    unsigned extra = 5;                              // pieces that lead beyond them where the path has room
    uint64_t piece_size = 1;                         // bytes of each
    uint64_t trial = 64 << 10;                       // bytes that are sent of every piece
    uint64_t slack = 256 << 10;                      // bytes that any piece may be behind
    Time patience = std::chrono::milliseconds(100);  // for which any receipt may be waited for
    // Four times as long while other pieces of the segment move.
    Time dial_limit = std::chrono::seconds(10);
    Time silence_limit = std::chrono::seconds(30);  // no byte that a node takes, and no answer
  };
  struct Progress {
    unsigned piece = 0;
    uint64_t sent = 0;  // bytes that the connection has taken
    bool room = false;  // the path could take more than the connection sends
  };

  struct Silence {
    unsigned piece = 0;
    bool connected = false;
    bool waits = false;  // for others, and not for its node
    Time lasts{0};       // for which nothing has moved
  };

  explicit PieceSpread(Options options) : options_(options) {}

  // Begins a piece, or begins it again after it failed.
  void add(unsigned piece);
  Role role(unsigned piece) const { return pieces_.at(piece).role; }
  unsigned needed() const { return options_.needed; }
  uint64_t trial() const { return options_.trial; }

  // The connection has taken the first trial() bytes: its role from now on.  Requires: trying.
  Role tried(unsigned piece, Time now);
  void stored(unsigned piece, Time now);
  // review() tells who takes its place.
  void failed(unsigned piece);

  // To be called every few tens of milliseconds, and after a failure, with all leading pieces.  Returns held
  // ones that lead from now on.
  std::vector<unsigned> review(std::span<const Progress> leading, Time now);
  // The same for all that are held: `needed` are not enough.
  std::vector<unsigned> release_all(Time now);

  // How far the last of those has come that the segment needs, of the ones that lead; where that one does not
  // move, a typical one.
  uint64_t front(std::span<const Progress> leading, Time now);

  // Which of those whose nodes are waited for have waited too long.  Requires: all that have a connection, or
  // are dialling.
  std::vector<unsigned> given_up(std::span<const Silence> open) const;

  unsigned count(Role role) const;

 private:
  struct Piece {
    Role role = Role::kTrying;
    uint64_t head_start = 0;  // how far a typical one had come when this one came to lead
    Time since{0};            // when it came to lead
  };

  bool room(std::span<const Progress> leading) const;
  std::vector<unsigned> release(size_t most, Time now);
  uint64_t median(std::span<const Progress> leading) const;
  uint64_t nth(std::span<const Progress> leading, size_t place) const;
  bool late(const Progress& progress, uint64_t median, Time now) const;

  void lead(Piece& piece, Time now) const;

  const Options options_;
  std::map<unsigned, Piece> pieces_;
  uint64_t typical_ = 0;             // how far one of them had come at the last review
  std::optional<Time> half_stored_;  // when half of the needed ones were
  uint64_t front_ = 0;
  Time moved_{0};  // when front_ did
};

}  // namespace sjcp::segment
