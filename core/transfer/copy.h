// The engine: moves one object, N segments in flight.
//
// Each segment in flight is one thread: it waits for its place and for budget, runs Source::fetch (or reads,
// seals and sends), and takes the next segment.  Threads are started as the limits let segments in; one or
// two wait.  An error stops the siblings, and the most telling one (error_rank.h) is returned; the
// destination is committed only when every byte arrived.  See README.md for why threads.
//
// Counters: both add to bytes_total (once the size is known), bytes_done, bytes_resumed and segments_active;
// files_done and files_failed are the caller's (batch.h counts them).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/base/result.h"
#include "core/transfer/context.h"
#include "core/transfer/object_writer.h"
#include "core/transfer/pieces.h"
#include "core/transfer/reader.h"
#include "core/transfer/sink.h"
#include "core/transfer/source.h"
#include "core/transfer/upload_journal.h"

namespace sjcp::transfer {

struct CopyOptions {
  unsigned parallelism = 8;  // segments in flight; 0: as many as context.gate lets in
  RangeRequest range;        // downloads only
  // Downloads only: asked once the object is known; true leaves the destination alone.
  std::function<bool(const ObjectInfo&)> skip;
  // Downloads of whole objects only: what they must be, besides what the source promises.
  std::vector<Digest> expect;
  // The same: of their pieces.  A piece that is wrong is fetched again from another place, if the source has
  // one.
  std::optional<PieceDigests> pieces;
  std::optional<DigestKind> compute;  // returned in any case
  // Uploads only: where a large one remembers what it began.  Null: it does not.
  UploadStore* store = nullptr;
  bool resume = true;  // false, with a store: what an earlier run began is removed, and nothing is remembered
};

struct CopySummary {
  uint64_t bytes = 0;
  uint64_t segments = 0;
  uint64_t resumed = 0;  // bytes that were there from an earlier run
  bool skipped = false;
  std::optional<Digest> digest{};  // of the kind that was asked for, or else of one that was verified
  std::chrono::nanoseconds last_percent{};  // downloads: time that the last hundredth of the bytes took
};

// Both block until done.  kCancelled when context.stop was requested; source, sink, reader and writer then
// may be destroyed at once: no thread is left behind.

// Opens the source, then the sink, and fetches what the sink does not have yet.  A source that cannot be
// opened leaves the destination untouched.  On any error the sink has been aborted; the text says so if it
// kept something to go on from.  A digest that differs is kIntegrity: the sink has rejected the bytes.
Result<CopySummary> download(Source& source, Sink& sink, const CopyOptions& options, const Context& context);
// Segments are filled one after another and sent in parallel.  With a store and a reader whose identity is
// known, an error that may pass leaves what is stored, the text says so, and a later run with an unchanged
// source sends the rest only.  After any other error the writer has been aborted.
Result<CopySummary> upload(Reader& reader, ObjectWriter& writer, const CopyOptions& options,
                           const Context& context);

}  // namespace sjcp::transfer
