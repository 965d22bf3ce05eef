// The process-wide cache of erasure codes: generator matrices and tables by (k, n).
//
// Threads: any.  Codes live as long as someone holds them; the cache keeps those it has made.
#pragma once

#include <memory>

#include "core/base/result.h"
#include "core/segment/layout.h"
#include "erasure/code.h"
#include "net/storj/wire/metainfo.pb.h"

namespace sjcp::storj {

std::shared_ptr<const erasure::Code> shared_code(unsigned k, unsigned n);

// The satellite's scheme in our terms: a zero repair or success threshold means total.  kProtocol when it is
// not a usable Reed-Solomon scheme.
Result<segment::Redundancy> redundancy_of(const pb::RedundancyScheme& scheme);

}  // namespace sjcp::storj
