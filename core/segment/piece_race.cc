#include "core/segment/piece_race.h"

#include <algorithm>

namespace sjcp::segment {

void PieceRace::add(unsigned piece) {
  pieces_.emplace(piece, Piece{});
}

PieceRace::Role PieceRace::role(unsigned piece) const {
  auto it = pieces_.find(piece);
  return it == pieces_.end() ? Role::kFailed : it->second.role;
}

PieceRace::Role PieceRace::first_bytes(unsigned piece) {
  Piece& p = pieces_.at(piece);
  if (p.role == Role::kWaiting) {
    p.role = count(Role::kActive) < options_.needed ? Role::kActive : Role::kParked;
  }
  return p.role;
}

std::optional<unsigned> PieceRace::failed(unsigned piece) {
  Piece& p = pieces_.at(piece);
  bool was_active = p.role == Role::kActive;
  p.role = Role::kFailed;
  // A failed laggard whose substitute is already running leaves no gap.
  if (!was_active || count(Role::kActive) >= options_.needed) return std::nullopt;
  return promote();
}

std::vector<unsigned> PieceRace::review(std::span<const Progress> active, Clock::Steady now) {
  size_t ahead = static_cast<size_t>(
      std::count_if(active.begin(), active.end(), [](const Progress& p) { return p.ahead; }));
  bool others_wait = ahead * 2 >= active.size() && ahead > 0;
  std::vector<unsigned> promoted;
  for (const Progress& progress : active) {
    Piece& p = pieces_.at(progress.piece);
    if (progress.ahead || !others_wait) {
      p.lagging_since.reset();
      continue;
    }
    if (!p.lagging_since) p.lagging_since = now;
    if (p.substituted || now - *p.lagging_since < options_.patience) continue;
    if (auto spare = promote()) {
      p.substituted = true;
      promoted.push_back(*spare);
    }
  }
  return promoted;
}

unsigned PieceRace::count(Role role) const {
  return static_cast<unsigned>(std::count_if(pieces_.begin(), pieces_.end(),
                                             [&](const auto& entry) { return entry.second.role == role; }));
}

bool PieceRace::possible() const {
  return pieces_.size() - count(Role::kFailed) >= options_.minimum;
}

std::optional<unsigned> PieceRace::promote() {
  for (auto& [number, piece] : pieces_) {
    if (piece.role == Role::kParked) {
      piece.role = Role::kActive;
      return number;
    }
  }
  return std::nullopt;
}

}  // namespace sjcp::segment
