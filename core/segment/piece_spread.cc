#include "core/segment/piece_spread.h"

#include <algorithm>
#include <functional>

namespace sjcp::segment {
namespace {

// Part of what a typical piece has sent by which another may be behind it.
constexpr uint64_t kBehind = 4;
// Times the first bytes from which on what connections show is believed.
constexpr uint64_t kTelling = 3;
// Times the time in which half of the receipts came.
constexpr int kOverdue = 2;
// A path that moves at all does so once in a round trip.
constexpr auto kStuck = std::chrono::milliseconds(200);
// While other pieces move, one that does not may be starved by them: on a line of 20 Mbit/s some of 120
// connections wait for a minute between two packets that are not lost.  A dead node harms nobody meanwhile.
constexpr auto kStillMoving = std::chrono::seconds(5);
constexpr int kMorePatience = 4;

}  // namespace

void PieceSpread::add(unsigned piece) {
  Piece& p = pieces_[piece];
  p = Piece();
  // Nothing of it would be held.
  if (options_.piece_size <= options_.trial) p.role = Role::kLeading;
}

PieceSpread::Role PieceSpread::tried(unsigned piece, Time now) {
  Piece& p = pieces_.at(piece);
  p.role = Role::kHeld;
  if (count(Role::kLeading) + count(Role::kStored) < options_.needed) lead(p, now);
  return p.role;
}

void PieceSpread::lead(Piece& piece, Time now) const {
  piece.role = Role::kLeading;
  piece.since = now;
  piece.head_start = typical_ - std::min(typical_, options_.trial);
}

void PieceSpread::stored(unsigned piece, Time now) {
  pieces_.at(piece).role = Role::kStored;
  if (!half_stored_ && 2 * count(Role::kStored) >= options_.needed) half_stored_ = now;
}

void PieceSpread::failed(unsigned piece) {
  pieces_.at(piece).role = Role::kFailed;
}

std::vector<unsigned> PieceSpread::review(std::span<const Progress> leading, Time now) {
  if (count(Role::kHeld) == 0) return {};
  typical_ = median(leading);
  const unsigned wanted = options_.needed + (room(leading) ? options_.extra : 0);
  const auto good =
      count(Role::kStored) + static_cast<size_t>(std::ranges::count_if(
                                 leading, [&](const auto& p) { return !late(p, typical_, now); }));
  return release(wanted - std::min<size_t>(good, wanted), now);
}

std::vector<unsigned> PieceSpread::release_all(Time now) {
  return release(pieces_.size(), now);
}

std::vector<unsigned> PieceSpread::release(size_t most, Time now) {
  std::vector<unsigned> released;
  for (auto& [number, piece] : pieces_) {
    if (released.size() == most) break;
    if (piece.role != Role::kHeld) continue;
    lead(piece, now);
    released.push_back(number);
  }
  return released;
}

// What the first bytes show is the path before anything was sent on it.
bool PieceSpread::room(std::span<const Progress> leading) const {
  if (typical_ < kTelling * options_.trial) return false;
  return 2 * static_cast<size_t>(std::ranges::count_if(leading, &Progress::room)) > leading.size();
}

unsigned PieceSpread::count(Role role) const {
  return static_cast<unsigned>(
      std::ranges::count_if(pieces_, [&](const auto& entry) { return entry.second.role == role; }));
}

uint64_t PieceSpread::front(std::span<const Progress> leading, Time now) {
  const uint64_t last = nth(leading, options_.needed - 1);
  if (last != front_) {
    front_ = last;
    moved_ = now;
  }
  return now - moved_ > kStuck ? std::max(front_, median(leading)) : front_;
}

// Of those that lead or are stored, how far they have come.
uint64_t PieceSpread::median(std::span<const Progress> leading) const {
  return nth(leading, (leading.size() + count(Role::kStored) - 1) / 2);
}

// How far the one in this place has come, the furthest being in place 0.
uint64_t PieceSpread::nth(std::span<const Progress> leading, size_t place) const {
  std::vector<uint64_t> sent(count(Role::kStored), options_.piece_size);
  for (const Progress& progress : leading) sent.push_back(progress.sent);
  if (place >= sent.size()) return 0;
  const auto at = sent.begin() + static_cast<std::ptrdiff_t>(place);
  std::ranges::nth_element(sent, at, std::greater<>());
  return *at;
}

std::vector<unsigned> PieceSpread::given_up(std::span<const Silence> open) const {
  const bool moving = std::ranges::any_of(
      open, [](const Silence& silence) { return silence.connected && silence.lasts < kStillMoving; });
  std::vector<unsigned> pieces;
  for (const Silence& silence : open) {
    if (silence.waits || role(silence.piece) == Role::kHeld) continue;
    const Time limit = silence.connected ? options_.silence_limit : options_.dial_limit;
    if (silence.lasts > (moving ? kMorePatience : 1) * limit) pieces.push_back(silence.piece);
  }
  return pieces;
}

bool PieceSpread::late(const Progress& progress, uint64_t median, Time now) const {
  const Piece& piece = pieces_.at(progress.piece);
  const uint64_t come = median - std::min(median, piece.head_start);
  const uint64_t allowance = std::max(come / kBehind, options_.slack);
  if (progress.sent < options_.piece_size && progress.sent + allowance < come) return true;
  return half_stored_ && now - piece.since > kOverdue * *half_stored_ + options_.patience;
}

}  // namespace sjcp::segment
