// How long services that are away are waited for, from the option, else the environment.
#pragma once

#include "cli/io.h"
#include "cli/options.h"
#include "core/flow/retry.h"

namespace sjcp::cli {

// --retry-time, else SJCP_RETRY_TIME, else a minute: "90s", "5m", or a number of seconds; 0: nothing is
// repeated.  kUsage: it is none of these; the text names where it stands.
Result<flow::RetryPolicy> retry_policy(const GlobalOptions& global, const Io& io);

}  // namespace sjcp::cli
