// A small object in the caller's thread: threads of its own would cost more than it does.
#pragma once

#include "core/transfer/copy.h"

namespace sjcp::transfer {

// The whole of an opened source into a begun sink, one segment after another; no commit.  Adds to bytes_total
// and bytes_done.  Holds source.memory_per_segment() without asking the budget: the caller's business.
Result<CopySummary> fetch_whole(Source& source, const ObjectInfo& info, Sink& sink, const Context& context);

}  // namespace sjcp::transfer
