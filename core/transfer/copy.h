// The engine: moves one object, N segments in flight.
//
// Each segment in flight is one thread: it waits for budget, runs Source::fetch (or reads, seals and sends), and
// takes the next segment.  The first error stops its siblings; the destination is committed only when every byte
// arrived.  See README.md for why threads.
#pragma once

#include <cstdint>

#include "core/base/result.h"
#include "core/transfer/context.h"
#include "core/transfer/object_writer.h"
#include "core/transfer/reader.h"
#include "core/transfer/sink.h"
#include "core/transfer/source.h"

namespace sjcp::transfer {

struct CopyOptions {
  unsigned parallelism = 8;  // segments in flight; >= 1
  RangeRequest range;        // downloads only
};

struct CopySummary {
  uint64_t bytes = 0;
  uint64_t segments = 0;
};

// kCancelled when context.stop was requested.  On any error the sink has been aborted.
Result<CopySummary> download(Source& source, Sink& sink, const CopyOptions& options, const Context& context);
// On any error the writer has been aborted.
Result<CopySummary> upload(Reader& reader, ObjectWriter& writer, const CopyOptions& options,
                           const Context& context);

}  // namespace sjcp::transfer
