// What a copy's options name but do not hold: lists of downloads, and files of digests.
#pragma once

#include <functional>
#include <string>

#include "cli/copy_plan.h"
#include "cli/services.h"

namespace sjcp::cli {

// Reads them into request.wanted, digests and compute.  kUsage: a list that cannot be understood; errors of
// reading name the list.
Status read_lists(const CpOptions& options, CopyRequest& request, Services& services,
                  const std::function<void(const std::string& warning)>& warn);

}  // namespace sjcp::cli
