// Ownership of the pieces that a segment has on nodes: when the last reference goes, the nodes drop them, so
// that a network which runs for long keeps only what its objects need.
//
// The lease of a segment being uploaded covers every piece that its limits allow.  Committing the object
// splits off the pieces that count; the rest goes at once, and the serial number is retired, so that an
// upload which ends later than the commit leaves nothing behind either.
//
// Threads: guarded by the owner's lock.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/access/node_id.h"

namespace sjcp::network {

struct PieceRef {
  access::NodeId node;
  std::string piece_id;
};

class PieceReleaser {
 public:
  virtual ~PieceReleaser() = default;
  // Drops the pieces; `serial` (may be empty) stores nothing from now on.  Called from any thread.
  virtual void release(const std::vector<PieceRef>& pieces, const std::string& serial) = 0;
};

class PieceLease {
 public:
  // `releaser` must outlive the lease.
  PieceLease(PieceReleaser& releaser, std::string serial, std::vector<PieceRef> pieces)
      : releaser_(releaser), serial_(std::move(serial)), pieces_(std::move(pieces)) {}
  ~PieceLease() { releaser_.release(pieces_, serial_); }
  PieceLease(const PieceLease&) = delete;
  PieceLease& operator=(const PieceLease&) = delete;

  void add(PieceRef piece) { pieces_.push_back(std::move(piece)); }

  // Moves the named pieces to a lease of their own.
  std::shared_ptr<PieceLease> split(const std::set<std::string>& piece_ids) {
    std::vector<PieceRef> kept;
    std::vector<PieceRef> taken;
    for (PieceRef& piece : pieces_) {
      (piece_ids.count(piece.piece_id) != 0 ? taken : kept).push_back(std::move(piece));
    }
    pieces_ = std::move(kept);
    return std::make_shared<PieceLease>(releaser_, std::string(), std::move(taken));
  }

 private:
  PieceReleaser& releaser_;
  std::string serial_;
  std::vector<PieceRef> pieces_;
};

}  // namespace sjcp::network
