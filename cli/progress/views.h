// Which views a copy gets, from what the user asked for.
#pragma once

#include <memory>
#include <vector>

#include "cli/io.h"
#include "cli/options.h"
#include "cli/progress/event.h"

namespace sjcp::cli {

// One for stderr, and one more for --progress-file or --progress-fd.  With --progress=json and neither of
// these, stderr carries JSON lines and nothing else.  kUsage: the descriptor is not open.  kLocalIo: the file
// cannot be created.
Result<std::vector<std::unique_ptr<View>>> make_views(const CpOptions& options, const GlobalOptions& global,
                                                      const Io& io);

// How often to sample: a bar lives, lines are for machines.
std::chrono::milliseconds sample_interval(const CpOptions& options, const GlobalOptions& global,
                                          const Io& io);

}  // namespace sjcp::cli
