// Copying within the service: in one request, or a large object in parts.
#pragma once

#include <string>

#include "core/base/result.h"
#include "core/transfer/store.h"
#include "net/s3/begun_uploads.h"
#include "net/s3/requester.h"

namespace sjcp::s3 {

struct Name {
  std::string bucket;
  std::string key;
};

// Blocks.  kUnsupported: the service cannot, and the object has to be read and written.
// note: of what a large copy begins.
Status copy_object(Requester& requester, const Name& from, const Name& to,
                   const transfer::ObjectOptions& options, Note& note, const transfer::Context& context);

}  // namespace sjcp::s3
