// Which of the offered pieces of a segment are read, and when another takes the place of one that is late.
//
//   reserve --decided by review()--> active        asks only for what is still to come; opened then, or held
//   racing  --reached--> running                   while fewer than `needed` and some more run: the nearest
//                    \-> reserve                   otherwise: connected, told nothing, and held for a while
//   running --first bytes--> active                while fewer than `needed` are active
//                        \-> parked                otherwise: first bytes here, paid no further, not read
//   chosen  = active from the start: known to be good, paid in full at once
//   active  --late--> a parked or reserve piece becomes active beside it
//   active  --enough others have overtaken it--> dropped
//
// All pieces of a segment move in step: a piece can run ahead of the slowest of the k in use by no more than
// its ring.  So a late piece shows by the others' standing a good part of a ring ahead of it, and what it
// costs is the time that they wait.  It is replaced when that lasted for a fraction of the time that a piece
// takes, and when a substitute would end in less than half the time that it still needs.  Pieces exchanged
// for slowness are paid for twice, so there are few of them per segment; silent and very slow ones are always
// replaced, and soonest those that answered and stopped at once.
//
// Where many of those that were tried are silent or very slow, so will be many substitutes: then more are
// opened than places are to be filled, the more the fewer were good, first of all and among the substitutes.
// As soon as enough have shown that they deliver, the poor ones are dropped.  Where all are equally slow,
// though no queue says for certain that the line is at its end, a few others are looked at.
//
// Where the nodes are far away, a substitute comes late however soon it is called: there a few pieces more
// than needed are read from the start, and the slowest are dropped once enough are ahead of them.
//
// On a busy line every byte delays the others: as soon as enough pieces come, the rest are dropped.
//
// Time is the race's own: the time spent waiting for pieces.  While the destination blocks it stands still.
// Pure: no sockets, no clock of its own.
//
// Threads: one at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace sjcp::segment {

class PieceRace {
 public:
  using Time = std::chrono::nanoseconds;  // since the beginning of the race

  enum class Role : uint8_t { kReserve, kWaiting, kActive, kParked, kDropped, kFailed };
  enum class Start : uint8_t { kChosen, kRacing, kReserve };
  // What is known of a reserve's node now; the best first.
  enum class Reserve : uint8_t {
    kWarm,   // an idle connection is at hand: first bytes take one round trip, and many come at once
    kUsual,  // must be dialled
    kPoor,   // was slow or failed
  };

  struct Options {
    unsigned needed = 0;      // pieces to read at once
    unsigned minimum = 0;     // pieces without which the segment cannot be rebuilt; <= needed
    uint64_t piece_size = 1;  // bytes to read of each
    uint64_t slack = 1;       // bytes that a piece may be behind the others before it counts as late
    unsigned runners = 2;     // racing pieces that ask for first bytes beside those needed
    unsigned insurance = 0;   // pieces to read beside those needed where the nodes are far away
    unsigned uneven = 0;      // further ones where some nodes are several times as far as others
    // Bytes that a parked piece holds: while the segment has not come much further, it is the better
    // substitute.
    uint64_t parked_bytes = 0;
    // For a decoder that looks at all pieces together: late ones are dropped, not replaced, as long as so
    // many are left.  0: late ones are replaced.
    unsigned correctable = 0;
    Time min_patience = std::chrono::milliseconds(100);
    Time max_patience = std::chrono::seconds(2);
  };
  // An active piece at review time.
  struct Progress {
    unsigned piece = 0;
    uint64_t begin = 0;     // where its reading began, in bytes of the piece's range; 0 unless it came late
    uint64_t position = 0;  // bytes up to here are here
    Time busy{0};           // time for which it was ready to take bytes
    bool full = false;      // cannot take any more now
  };
  // What the driver is to do.  Roles have changed already.
  struct Decision {
    std::vector<unsigned> activate;  // parked ones
    std::vector<unsigned> open;      // reserves, active from now on; for what is still to come
    std::vector<unsigned> drop;      // active ones
    bool more_nodes = false;         // pieces are late and nothing is left to replace them
  };

  explicit PieceRace(Options options) : options_(options) {}

  // Substitutes are taken in the order of adding.  During the race only as kReserve.
  void add(unsigned piece, Start start);
  // From now on; kUsual before.  The better ones are taken first.
  void know(unsigned piece, Reserve reserve) { pieces_.at(piece).reserve = reserve; }
  Role role(unsigned piece) const;
  unsigned needed() const { return options_.needed; }

  // The round trip to the piece's node, where it is known better than from the times told here; 0: it is not.
  void measured(unsigned piece, Time trip);

  // The piece's node can be reached: its role from now on.  kWaiting: it asks for its first bytes; kReserve:
  // it is held, as the best substitute that there is.  `line_busy`: how long that took says how busy the line
  // is, not how far the node.
  Role reached(unsigned piece, Time now, bool line_busy = false);

  // The piece's first bytes came: its role from now on.  `warm`: over a connection that was there before, so
  // that they took one round trip only.
  Role first_bytes(unsigned piece, Time now, bool warm = false);

  // The piece is out.  Another one is activated at once if it is needed.
  Decision failed(unsigned piece, uint64_t consumed, Time now);

  // To be called every few tens of milliseconds with all active pieces.  `consumed`: bytes of every piece
  // that are decoded.  `line_busy`: a line that all pieces share limits them, so that a substitute would only
  // take from the others: late ones are kept as long as anything to speak of comes from them.
  Decision review(std::span<const Progress> active, uint64_t consumed, Time now, bool line_busy = false);

  unsigned count(Role role) const;
  // Enough pieces are left to finish.
  bool possible() const;

 private:
  struct Piece {
    Role role = Role::kReserve;
    Reserve reserve = Reserve::kUsual;
    bool reached = false;
    bool answered = false;
    bool substitute = false;  // took the place of another
    bool poor = false;        // was judged hopeless, or failed; not for ever, if it recovers
    uint64_t poor_position = 0;
    Time opened{0};
    Time trip{0};  // round trip; 0: not known
    Time answered_at{0};
    Time last_gain{0};
    Time busy{0};  // at the last gain: silence says nothing about speed
    uint64_t last_position = 0;
    std::optional<Time> late_since;    // behind the median
    std::optional<Time> behind_since;  // behind the best
    Time mark_time{0};                 // from where the speed of a piece that is behind is measured
    uint64_t mark_position = 0;
  };
  // What all pieces together show.
  struct View {
    Time now{0};
    bool line_busy = false;
    bool warm = false;  // the next substitute has a connection
    uint64_t consumed = 0;
    uint64_t median = 0;  // positions of the active pieces
    uint64_t best = 0;
    double rate = 0;       // bytes per second, of a typical piece while it is read
    double good_rate = 0;  // of the best eighth
    Time startup{0};       // from dialling a node to its first bytes
    Time patience{0};      // how long others wait for a late piece
    Time silence{0};       // without a byte, in which a late piece is taken for stalled
  };
  enum class Verdict : uint8_t { kFine, kLate, kSlow, kHopeless };

  View look(std::span<const Progress> active, uint64_t consumed, Time now) const;
  void note(const Progress& progress, Time now);
  bool stillborn(const Piece& piece, const Progress& progress, const View& view, Time silent) const;
  bool crawls(const Piece& piece, const Progress& progress, const View& view, double least) const;
  static bool doubling(const Piece& piece, const Progress& progress, Time now);
  Verdict judge(const Progress& progress, const View& view);
  Verdict judge_late(const Piece& piece, const Progress& progress, const View& view) const;
  Time silence_of(const Piece& piece, const View& view) const;
  double needs(const Piece& piece, const Progress& progress, const View& view) const;
  double worth(double needs, const View& view, double rate) const;
  void fill(const View& view, Decision& decision);
  bool substitute(uint64_t consumed, Time now, Decision& decision);
  std::optional<unsigned> first_of(Role role) const;
  std::optional<unsigned> next_reserve() const;
  void replace(std::vector<std::pair<Verdict, unsigned>> late, const View& view, Decision& decision);
  void drop_late(const std::vector<std::pair<Verdict, unsigned>>& late, Decision& decision);
  unsigned substitutes_for(unsigned places);
  void probe(std::span<const Progress> active, const View& view, Decision& decision);
  bool new_here(const Piece& piece, const View& view) const;
  void drop_overtaken(std::span<const Progress> active, const View& view, Decision& decision);
  void drop_unproven(std::span<const Progress> active, const View& view, Decision& decision);
  void drop_surplus(std::span<const Progress> active, const View& view, Decision& decision);

  Options options_;
  std::map<unsigned, Piece> pieces_;
  std::vector<unsigned> order_;  // as added: the best substitutes first
  std::vector<unsigned> held_;   // became a reserve when they were reached, the nearest first
  std::vector<Time> startups_;   // from dialling to first bytes, ascending
  Time nearest_{0};              // shortest round trip of those reached
  unsigned insured_ = 0;         // of those needed, beside as many as were asked for
  unsigned exchanged_ = 0;       // for slowness
  bool hedged_ = false;          // more were opened than there were places, because many are poor
  bool probing_ = false;         // more were opened to see whether others are faster
  unsigned probe_rounds_ = 0;    // how often others were looked at
  Time probe_after_{0};          // when others are looked at, if all are slow; 0: not known yet
};

}  // namespace sjcp::segment
