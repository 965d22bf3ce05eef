// One kind of route, set over netlink: the only way to choose a congestion control that the machine does not
// let every namespace have as its default.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.h"

namespace sjcp::wan {

// In the calling thread's namespace, `network`/`bits` (in host order) leads to `device`, and TCP over it uses
// `congestion_control`; "": the namespace's default.  kUnsupported.
Status add_route(const char* device, uint32_t network, uint8_t bits, const std::string& congestion_control);

}  // namespace sjcp::wan
