// Pieces in, plaintext out: rings, decode, de-interleave and open of one segment, in one pass over batches of
// stripes.  No sockets: the race (net/storj) feeds it.
//
//   piece rings --k shares of a run of stripes--> erasure::Decoder --> blocks --> BlockCipher --> 1 MiB of
//   plaintext --> output
//
// Every piece in play has a ring of ring_bytes; a piece may run that far ahead of the slowest of the k in
// use. A piece that lies behind the common position is skipped forward: its bytes are taken and thrown away.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/crypto/key.h"
#include "core/segment/layout.h"
#include "erasure/code.h"

namespace sjcp::segment {

class SegmentDecoder {
 public:
  struct Options {
    Redundancy rs;
    BlockLayout layout;
    uint64_t encrypted_size = 0;
    uint64_t plain_size = 0;
    crypto::Key key;  // the segment's content key
    Position position;
    ByteRange range;                       // plain bytes wanted, within the segment
    bool correct_errors = false;           // wait for all pieces in play and run Berlekamp-Welch
    size_t ring_bytes = size_t{64} << 10;  // rounded down to whole shares, at least 4
    size_t output_bytes = 1 << 20;
  };
  // Receives plaintext: offset within the segment, ascending, contiguous.
  using Output = std::function<Status(uint64_t offset, ByteView data)>;

  // `code` must match options.rs.
  SegmentDecoder(std::shared_ptr<const erasure::Code> code, Options options, Output output);
  ~SegmentDecoder();

  // What must be requested of every piece.
  ByteRange piece_range() const;

  // Brings piece `number` into play, with its first byte at `from` bytes behind the start of piece_range().
  // Requires: not in play; from <= consumed().
  void add(unsigned number, uint64_t from = 0);
  // Takes it out (failed, stalled).  What was decoded stays.  No effect when it is not in play.
  void remove(unsigned number);
  bool in_play(unsigned number) const;

  // Bytes that feed() takes right now; 0 means: stop reading this piece until advance() freed some.
  size_t room(unsigned number) const;
  // Next bytes of the piece.  Requires: data.size() <= room(number), which is 0 for a piece out of play.
  void feed(unsigned number, ByteView data);
  // Bytes of this piece taken so far (counted from the start of piece_range()), and whether it has delivered
  // its whole range.
  uint64_t taken(unsigned number) const;
  bool complete(unsigned number) const;

  // Bytes of every piece that are decoded: what lies before is of no use any more.
  uint64_t consumed() const;

  // Decodes, opens and writes out what is ready.  True: the whole range was written.  Errors: what output
  // returned; kIntegrity when a block does not open (with correct_errors: cannot be corrected); kProtocol
  // when the sizes in the options contradict each other.  After an error only written(), suspects() and
  // wrong_pieces() may be called.
  Result<bool> advance();

  // Writes out what is opened but would have waited for the end of its run; for a race that is given up.  A
  // no-op after an error.
  Status flush();

  // Plain bytes written out so far, verified; a new fetch may go on at range.begin + written().
  uint64_t written() const;
  // After kIntegrity: the pieces whose shares made the block that failed.
  std::vector<unsigned> suspects() const;
  // Pieces whose shares were found wrong and corrected (correct_errors only).  advance() takes them out of
  // play while more than k + 2 pieces are in it.
  std::vector<unsigned> wrong_pieces() const;

  // Memory of one decoder with `pieces` in play.
  static uint64_t memory(const Options& options, unsigned pieces);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sjcp::segment
