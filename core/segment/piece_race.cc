#include "core/segment/piece_race.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

namespace sjcp::segment {
namespace {

using Seconds = std::chrono::duration<double>;

// A substitute must be expected to end this many times sooner than the piece that it replaces.
constexpr double kWorth = 2;
// From here on it is replaced however many were before it.
constexpr double kWorthAny = 4;
// The same where most are as late as it is, and only a few show that it could be better.
constexpr double kWorthAlone = 8;
constexpr double kLongAlone = 5;  // seconds
// The same before it is certain that it lasts.
constexpr double kWorthSoon = 24;
// The same on a busy line, where luck decides who is behind: beyond any luck.
constexpr double kWorthBusy = 16;
// Where even good pieces get no more, in bytes a second, many connections share a thin line and some of them
// starve for seconds: nobody new would fare better.
constexpr double kThin = 512e3;
// What a connection sends in its first round trip, about; it doubles with each.
constexpr double kFirstWindow = 16 << 10;
// Round trips from dialling to the first bytes.
constexpr int kStartupTrips = 3;
// A connection that got that part of what doubling would have brought is still doubling.
constexpr double kStillDoubling = 0.25;
// From this round trip on a substitute takes longer to get up to speed than a piece takes in all.
constexpr PieceRace::Time kFar = std::chrono::milliseconds(35);
// Where the farthest of those needed is so many times as far as the nearest, substitutes, which are farther
// still, take much longer than a typical piece.
constexpr int kUneven = 3;
// Share of the needed pieces that may be paid for twice because they are slow.
constexpr unsigned kExchangeShare = 10;

// Where fewer of those tried are good, more substitutes are opened than places are to be filled.
constexpr double kManyPoor = 0.6;
// What a node delivers before it is trusted to go on.
constexpr uint64_t kProven = 64 << 10;
// So many others are looked at where all are equally slow, then twice as many, a few times.
constexpr unsigned kProbes = 2;
constexpr unsigned kProbeRounds = 4;

// The nearest nodes answer first, and others may be several times as far away.
constexpr int kOverdue = 5;

PieceRace::Time time_of(double seconds) {
  return std::chrono::duration_cast<PieceRace::Time>(Seconds(std::min(seconds, 1e6)));
}

}  // namespace

void PieceRace::add(unsigned piece, Start start) {
  Piece& p = pieces_[piece];
  p = Piece();
  order_.push_back(piece);
  if (start == Start::kChosen) p.role = Role::kActive;
  if (start == Start::kRacing) p.role = Role::kWaiting;
}

PieceRace::Role PieceRace::role(unsigned piece) const {
  auto it = pieces_.find(piece);
  return it == pieces_.end() ? Role::kFailed : it->second.role;
}

void PieceRace::measured(unsigned piece, Time trip) {
  if (trip > Time(0)) pieces_.at(piece).trip = trip;
}

PieceRace::Role PieceRace::reached(unsigned piece, Time now, bool line_busy) {
  Piece& p = pieces_.at(piece);
  if (p.trip == Time(0)) p.trip = now - p.opened;
  if (nearest_ == Time(0) || p.trip < nearest_) nearest_ = p.trip;
  if (p.role != Role::kWaiting || p.reached) return p.role;
  const auto runs = [](const auto& entry) {
    const Piece& each = entry.second;
    return each.role == Role::kActive || each.role == Role::kParked ||
           (each.role == Role::kWaiting && each.reached);
  };
  const auto running = static_cast<unsigned>(std::ranges::count_if(pieces_, runs));
  // The last of those needed says how far away all of them are.
  if (running + 1 == options_.needed && p.trip >= kFar && !line_busy) {
    unsigned more = std::exchange(options_.insurance, 0);
    if (p.trip >= kUneven * nearest_) more += std::exchange(options_.uneven, 0);
    options_.needed += more;
    insured_ += more;
  }
  if (running < options_.needed + options_.runners) {
    p.reached = true;
  } else {
    p.role = Role::kReserve;
    held_.push_back(piece);
  }
  return p.role;
}

PieceRace::Role PieceRace::first_bytes(unsigned piece, Time now, bool warm) {
  Piece& p = pieces_.at(piece);
  if (!p.answered) {
    p.answered = true;
    p.last_gain = p.answered_at = now;
    const Time took = warm ? kStartupTrips * (now - p.opened) : now - p.opened;
    if (p.trip == Time(0)) p.trip = took / kStartupTrips;
    startups_.insert(std::ranges::upper_bound(startups_, took), took);
  }
  if (p.role == Role::kWaiting) {
    p.role = count(Role::kActive) < options_.needed ? Role::kActive : Role::kParked;
  }
  return p.role;
}

PieceRace::Decision PieceRace::failed(unsigned piece, uint64_t consumed, Time now) {
  Decision decision;
  pieces_.at(piece).role = Role::kFailed;
  pieces_.at(piece).poor = true;
  if (options_.correctable != 0) return decision;
  // A failed laggard whose substitute is already running leaves no gap.
  while (count(Role::kActive) + count(Role::kWaiting) < options_.needed) {
    if (!substitute(consumed, now, decision)) break;
  }
  return decision;
}

PieceRace::Decision PieceRace::review(std::span<const Progress> active, uint64_t consumed, Time now,
                                      bool line_busy) {
  Decision decision;
  for (const Progress& progress : active) note(progress, now);
  View view = look(active, consumed, now);
  view.line_busy = line_busy;
  const auto next = next_reserve();
  view.warm = next && pieces_.at(*next).reserve == Reserve::kWarm;
  if (options_.correctable == 0) fill(view, decision);
  std::vector<std::pair<Verdict, unsigned>> late;
  for (const Progress& progress : active) {
    if (const Verdict verdict = judge(progress, view); verdict != Verdict::kFine) {
      late.emplace_back(verdict, progress.piece);
    }
  }
  std::ranges::stable_sort(late, std::greater<>(), [](const auto& each) { return each.first; });
  if (options_.correctable != 0) {
    drop_late(late, decision);
  } else {
    replace(std::move(late), view, decision);
    probe(active, view, decision);
    drop_overtaken(active, view, decision);
    if (hedged_ || probing_) drop_unproven(active, view, decision);
    if (line_busy) drop_surplus(active, view, decision);
  }
  return decision;
}

PieceRace::View PieceRace::look(std::span<const Progress> active, uint64_t consumed, Time now) const {
  View view;
  view.now = now;
  view.consumed = consumed;
  std::vector<uint64_t> positions;
  std::vector<double> rates;
  for (const Progress& progress : active) {
    positions.push_back(progress.position);
    const auto bytes = static_cast<double>(progress.position - progress.begin);
    // What arrives while nobody looks is read at once: the rate then only says "fast".
    if (bytes > 0) rates.push_back(bytes / std::max(Seconds(pieces_.at(progress.piece).busy).count(), 1e-3));
  }
  std::ranges::sort(positions, std::greater<>());
  std::ranges::sort(rates);
  if (!positions.empty()) {
    view.median = positions[(positions.size() - 1) / 2];
    view.best = positions.front();
  }
  if (!rates.empty()) {
    view.rate = rates[rates.size() / 2];
    view.good_rate = rates[rates.size() - 1 - rates.size() / 8];
  }
  view.startup = startups_.empty() ? options_.max_patience : startups_[startups_.size() / 2];
  Time whole = options_.max_patience * 4;
  if (view.rate > 0) {
    whole = view.startup + time_of(static_cast<double>(options_.piece_size) / view.rate);
  }
  view.patience = std::clamp(whole / 4, options_.min_patience, options_.max_patience);
  view.silence = std::clamp(2 * view.startup, view.patience, std::max(view.patience, options_.max_patience));
  return view;
}

void PieceRace::note(const Progress& progress, Time now) {
  Piece& p = pieces_.at(progress.piece);
  if (progress.position != p.last_position || progress.full) {
    p.last_gain = now;
    p.busy = progress.busy;
  }
  p.last_position = progress.position;
  if (p.poor && progress.position >= p.poor_position + kProven) p.poor = false;
}

PieceRace::Verdict PieceRace::judge(const Progress& progress, const View& view) {
  Piece& p = pieces_.at(progress.piece);
  const Time startup = std::max(view.startup, kStartupTrips * p.trip);
  const bool grace = p.opened != Time(0) && view.now < p.opened + 2 * startup;
  const bool able = !progress.full && progress.position < options_.piece_size && !grace;
  const uint64_t limit = progress.position + options_.slack;
  const auto watch = [&](std::optional<Time>& since, bool condition) {
    if (!condition) return since.reset();
    if (!since) since = view.now;
  };
  const bool was_behind = p.behind_since.has_value();
  watch(p.late_since, able && view.median >= limit);
  watch(p.behind_since, able && view.best >= limit);
  if (!able) return Verdict::kFine;
  if (!was_behind) {
    p.mark_time = view.now;
    p.mark_position = progress.position;
  }
  const Verdict verdict = judge_late(p, progress, view);
  if (view.now - p.mark_time >= 4 * view.patience) {
    p.mark_time = view.now;
    p.mark_position = progress.position;
  }
  return verdict;
}

// Others wait for a piece that is a slack behind the median.  Where it is behind the best only, or nothing
// comes from anybody, it is less certain that another would do better, so it takes longer and more.
PieceRace::Verdict PieceRace::judge_late(const Piece& p, const Progress& progress, const View& view) const {
  const Time silent = view.now - std::max(p.last_gain, p.opened);
  if (silent >= std::max(options_.max_patience, 3 * silence_of(p, view))) return Verdict::kHopeless;
  // Senders that pace themselves look like a queue where they are most of those that are read.  A silent one
  // may have lost packets.
  if (view.line_busy) {
    const bool useless =
        view.good_rate >= kThin && silent < silence_of(p, view) && crawls(p, progress, view, kWorthBusy);
    return useless ? Verdict::kHopeless : Verdict::kFine;
  }
  if (p.late_since && view.now - *p.late_since >= view.patience) {
    if (silent >= silence_of(p, view)) return Verdict::kHopeless;
    const double gain = worth(needs(p, progress, view), view, view.rate);
    return gain > kWorthAny ? Verdict::kHopeless : gain > kWorth ? Verdict::kSlow : Verdict::kLate;
  }
  if (stillborn(p, progress, view, silent)) return Verdict::kHopeless;
  if (!p.behind_since) return Verdict::kFine;
  if (silent >= 3 * silence_of(p, view)) return Verdict::kHopeless;
  return crawls(p, progress, view, kWorthAlone) ? Verdict::kHopeless : Verdict::kFine;
}

// The best are so many times as fast for a good while.  What comes steadily, and many times as slowly as
// that, is no matter of luck and seen sooner.
bool PieceRace::crawls(const Piece& p, const Progress& progress, const View& view, double least) const {
  if (!p.behind_since) return false;
  const Time behind = view.now - *p.behind_since;
  const Time startup = p.trip > Time(0) ? kStartupTrips * p.trip : view.startup;
  const bool long_enough = behind >= options_.max_patience / 2;
  const bool steady = !view.line_busy || view.now - p.last_gain <= options_.min_patience;
  if (!long_enough && (!steady || behind < kOverdue * startup + 3 * options_.min_patience)) return false;
  const double needed = needs(p, progress, view);
  if (needed <= kLongAlone) return false;
  return worth(needed, view, view.good_rate) > (long_enough ? least : kWorthSoon);
}

// It answered, and then sent no more than a connection sends before its first acknowledgement: little is lost
// by giving it up, and a node that begins and stops seldom goes on.  Where nobody delivers it may be the
// line.
bool PieceRace::stillborn(const Piece& piece, const Progress& progress, const View& view, Time silent) const {
  if (!piece.answered || static_cast<double>(progress.position - progress.begin) > kFirstWindow) return false;
  const Time startup = std::max(view.startup, kStartupTrips * piece.trip);
  const bool others = piece.behind_since && view.good_rate >= kThin;
  return silent >= (others ? kOverdue * startup + 2 * options_.min_patience : options_.max_patience / 2);
}

// Its round trips are what limits it.
bool PieceRace::doubling(const Piece& piece, const Progress& progress, Time now) {
  if (!piece.answered || piece.trip <= Time(0)) return false;
  const auto bytes = static_cast<double>(progress.position - progress.begin);
  const double trips = Seconds(now - piece.answered_at).count() / Seconds(piece.trip).count();
  return bytes >= kStillDoubling * kFirstWindow * (std::exp2(std::min(trips, 60.0)) - 1);
}

// A far node answers late and then in bursts, one each round trip.
PieceRace::Time PieceRace::silence_of(const Piece& piece, const View& view) const {
  const int trips = piece.answered ? 2 : 2 * kStartupTrips;
  return std::clamp(trips * piece.trip, view.silence, std::max(view.silence, options_.max_patience));
}

// Seconds to its end, at the speed since it was marked; a connection that doubles what it sends with each
// round trip has its best time before it.
double PieceRace::needs(const Piece& piece, const Progress& progress, const View& view) const {
  if (doubling(piece, progress, view.now)) {
    const auto bytes = static_cast<double>(progress.position - progress.begin);
    const auto left = static_cast<double>(options_.piece_size - progress.position);
    return Seconds(piece.trip).count() * std::log2((bytes + left + kFirstWindow) / (bytes + kFirstWindow));
  }
  const double measured = Seconds(view.now - piece.mark_time).count();
  if (measured <= 0) return 0;
  const double rate = static_cast<double>(progress.position - piece.mark_position) / measured;
  return static_cast<double>(options_.piece_size - progress.position) / std::max(rate, 1.0);
}

// How many times sooner a substitute would end, from its dialling on.  It cannot be faster than a connection
// that starts slowly, whatever the others' rate: they have been at it for a while.  One that served others
// has that behind it.
double PieceRace::worth(double needs, const View& view, double rate) const {
  if (rate <= 0) return 0;
  const double trip = Seconds(view.startup).count() / kStartupTrips;
  const auto left = static_cast<double>(options_.piece_size - view.consumed);
  const double ramp = view.warm ? trip : std::log2(1 + left / kFirstWindow) * trip;
  return needs / ((view.warm ? 1 : kStartupTrips) * trip + std::max(left / rate, ramp));
}

// Racing pieces that do not answer hold the segment as long as fewer than `needed` are active.
void PieceRace::fill(const View& view, Decision& decision) {
  unsigned coming = count(Role::kActive);
  const bool most_answered = startups_.size() * 2 >= options_.needed;
  // Where nobody has answered, how far the nodes are says how long an answer takes.
  const bool mute = startups_.empty() && nearest_ > Time(0);
  const Time startup = mute ? kStartupTrips * nearest_ : view.startup;
  const bool overdue = view.now >= std::max(options_.max_patience, kOverdue * startup) ||
                       (most_answered && view.now >= kOverdue * view.startup + options_.min_patience);
  if (!overdue) coming += count(Role::kWaiting);
  while (coming < options_.needed && substitute(view.consumed, view.now, decision)) ++coming;
}

void PieceRace::replace(std::vector<std::pair<Verdict, unsigned>> late, const View& view,
                        Decision& decision) {
  const unsigned good = count(Role::kActive) - static_cast<unsigned>(late.size());
  const unsigned most = (options_.needed + kExchangeShare - 1) / kExchangeShare;
  unsigned slow = 0;
  unsigned hopeless = 0;
  for (const auto& [verdict, number] : late) {
    if (verdict == Verdict::kSlow) ++slow;
    if (verdict != Verdict::kHopeless) continue;
    ++hopeless;
    Piece& p = pieces_.at(number);
    p.poor = true;
    p.poor_position = p.last_position;
  }
  if (good >= options_.needed) return;
  const unsigned places = options_.needed - good;
  const unsigned certain = std::min(places, hopeless);
  for (unsigned i = substitutes_for(certain); i != 0; --i) {
    if (!substitute(view.consumed, view.now, decision)) return;
  }
  for (unsigned i = std::min(places - certain, slow); i != 0 && exchanged_ < most; --i) {
    if (!substitute(view.consumed, view.now, decision)) return;
    ++exchanged_;
  }
}

// So many are opened for places that hopeless ones hold.
unsigned PieceRace::substitutes_for(unsigned places) {
  if (places == 0) return 0;
  struct Tried {
    double all = 0;
    double good = 0;
  };
  Tried any;
  Tried substitutes;
  for (const auto& [number, p] : pieces_) {
    if (p.role != Role::kActive && !p.poor) continue;
    for (Tried* tried : {&any, &substitutes}) {
      if (tried == &substitutes && !p.substitute) continue;
      ++tried->all;
      if (!p.poor) ++tried->good;
    }
  }
  const double share = std::max(any.good, 1.0) / any.all;
  if (share > kManyPoor) return places;
  // Of few it is not known what the next will be.
  const double next = (substitutes.good + 1) / (substitutes.all + 2);
  const double wanted = places / std::min(share, substitutes.all != 0 ? next : share);
  hedged_ |= wanted > places;
  return static_cast<unsigned>(std::lround(wanted));
}

// Nobody shows that it could be better, and nothing says for certain that the line is at its end.
void PieceRace::probe(std::span<const Progress> active, const View& view, Decision& decision) {
  if (hedged_ || probe_rounds_ == kProbeRounds || view.rate <= 0) return;
  // Senders that pace themselves look like a queue, too.
  if (view.line_busy && view.good_rate * options_.needed >= kThin) return;
  if (!probing_ && count(Role::kActive) > options_.needed) return;
  if (probe_after_ == Time(0))
    probe_after_ = view.now + std::max(options_.max_patience / 4, 2 * view.startup);
  if (view.now < probe_after_) return;
  const auto left = static_cast<double>(options_.piece_size - view.consumed);
  const auto moves = [&](const Progress& each) {
    const Piece& p = pieces_.at(each.piece);
    return p.behind_since.has_value() || doubling(p, each, view.now);
  };
  if (left / view.good_rate < kLongAlone || std::ranges::any_of(active, moves)) return;
  probe_after_ = 2 * view.now;
  for (unsigned i = 0; i < kProbes << std::min(probe_rounds_, 1U); ++i) {
    if (!first_of(Role::kParked) && !next_reserve()) break;
    probing_ |= substitute(view.consumed, view.now, decision);
  }
  ++probe_rounds_;
}

// Parked pieces have their handshake behind them but would have to send everything from the beginning.
bool PieceRace::substitute(uint64_t consumed, Time now, Decision& decision) {
  auto parked = first_of(Role::kParked);
  auto reserve = next_reserve();
  if (parked && (!reserve || consumed <= 2 * options_.parked_bytes)) {
    decision.activate.push_back(*parked);
  } else if (reserve) {
    parked.reset();
    decision.open.push_back(*reserve);
  } else {
    decision.more_nodes = true;
    return false;
  }
  Piece& p = pieces_.at(parked ? *parked : *reserve);
  p.role = Role::kActive;
  p.substitute = true;
  p.opened = p.last_gain = now;
  return true;
}

void PieceRace::drop_late(const std::vector<std::pair<Verdict, unsigned>>& late, Decision& decision) {
  for (const auto& [verdict, piece] : late) {
    if (verdict == Verdict::kLate || count(Role::kActive) <= options_.correctable) return;
    pieces_.at(piece).role = Role::kDropped;
    decision.drop.push_back(piece);
  }
}

// Once enough others have overtaken a late piece, its bytes come too late for any stripe, unless it is about
// to overtake them.
void PieceRace::drop_overtaken(std::span<const Progress> active, const View& view, Decision& decision) {
  for (const Progress& progress : active) {
    Piece& p = pieces_.at(progress.piece);
    if (p.role != Role::kActive || !p.late_since || view.now - *p.late_since < view.patience) continue;
    if (doubling(p, progress, view.now)) continue;
    const auto ahead = std::ranges::count_if(active, [&](const Progress& other) {
      return other.position > progress.position && role(other.piece) == Role::kActive;
    });
    if (ahead < static_cast<std::ptrdiff_t>(options_.needed)) continue;
    p.role = Role::kDropped;
    decision.drop.push_back(progress.piece);
  }
}

// A substitute that has not had the time to show what it can do.
bool PieceRace::new_here(const Piece& p, const View& view) const {
  const Time time = 2 * std::max(view.startup, kStartupTrips * p.trip) + options_.max_patience / 2;
  return p.substitute && view.now < p.opened + time;
}

// Enough have shown that they deliver.  What is dropped cannot come back, since an order limit serves once:
// so those of whom nothing bad is known stay, unless they were only looked at.
void PieceRace::drop_unproven(std::span<const Progress> active, const View& view, Decision& decision) {
  std::vector<Progress> proven;
  for (const Progress& progress : active) {
    const Piece& p = pieces_.at(progress.piece);
    const bool delivers = progress.full || progress.position - progress.begin >= kProven;
    const bool comes = progress.full || view.now - p.last_gain < silence_of(p, view);
    if (p.role == Role::kActive && !p.poor && p.answered && delivers && comes) proven.push_back(progress);
  }
  if (proven.size() < options_.needed) return;
  std::ranges::stable_sort(proven, std::greater<>(), &Progress::position);
  proven.resize(options_.needed);
  bool dropped = false;
  for (auto& [number, p] : pieces_) {
    if (p.role != Role::kActive || !(p.poor || (probing_ && !new_here(p, view)))) continue;
    if (std::ranges::find(proven, number, &Progress::piece) != proven.end()) continue;
    p.role = Role::kDropped;
    decision.drop.push_back(number);
    dropped = true;
  }
  if (dropped) probing_ = false;
}

void PieceRace::drop_surplus(std::span<const Progress> active, const View& view, Decision& decision) {
  // How far the nodes are was measured through the queue.
  options_.needed -= std::exchange(insured_, 0);
  if (count(Role::kActive) <= options_.needed) return;
  std::vector<Progress> coming;
  std::vector<unsigned> rest;
  for (const Progress& progress : active) {
    const Piece& p = pieces_.at(progress.piece);
    if (p.role != Role::kActive) continue;
    if (progress.full || (!p.poor && p.answered && view.now - p.last_gain < silence_of(p, view))) {
      coming.push_back(progress);
    } else {
      rest.push_back(progress.piece);
    }
  }
  if (coming.size() < options_.needed) return;
  std::ranges::stable_sort(coming, std::greater<>(), &Progress::position);
  for (size_t i = options_.needed; i < coming.size(); ++i) rest.push_back(coming[i].piece);
  for (unsigned piece : rest) {
    Piece& p = pieces_.at(piece);
    if ((hedged_ || probing_) && new_here(p, view)) continue;
    p.role = Role::kDropped;
    decision.drop.push_back(piece);
  }
}

std::optional<unsigned> PieceRace::first_of(Role role) const {
  for (unsigned number : order_) {
    if (pieces_.at(number).role == role) return number;
  }
  return std::nullopt;
}

std::optional<unsigned> PieceRace::next_reserve() const {
  for (const Reserve reserve : {Reserve::kWarm, Reserve::kUsual, Reserve::kPoor}) {
    for (const auto& numbers : {std::cref(held_), std::cref(order_)}) {
      for (unsigned number : numbers.get()) {
        const Piece& p = pieces_.at(number);
        if (p.role == Role::kReserve && p.reserve == reserve) return number;
      }
    }
  }
  return std::nullopt;
}

unsigned PieceRace::count(Role role) const {
  return static_cast<unsigned>(std::count_if(pieces_.begin(), pieces_.end(),
                                             [&](const auto& entry) { return entry.second.role == role; }));
}

bool PieceRace::possible() const {
  const unsigned out = count(Role::kFailed) + count(Role::kDropped);
  return pieces_.size() - out >= options_.minimum;
}

}  // namespace sjcp::segment
