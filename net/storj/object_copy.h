// An object copied by the satellite: only its keys pass through here, sealed again for their new place, and
// the stored pieces are shared by both objects (protocol notes 5, BeginCopyObject).
//
// Threads: any.
#pragma once

#include <string>

#include "core/crypto/key.h"
#include "core/transfer/group_size.h"
#include "net/storj/session.h"

namespace sjcp::storj {

// What the satellite counts for a copy: begin and finish.
inline constexpr unsigned kCopyCost = 2;

struct ObjectName {
  std::string bucket;
  std::string key;
};

// As Project::copy_object.  kUnsupported: the satellite cannot copy these, the buckets' placements differ, or
// the options want an expiry, which a copy always has from its original.  pace: of all copies, at kCopyCost.
Status copy_object(const Session& session, const ObjectName& from, const ObjectName& to,
                   const ObjectOptions& options, transfer::GroupSize& pace, const transfer::Context& context);

// The second request of a copy: every key opened with the content key of the old place and sealed with that
// of the new one.  Without bucket and key.  kIntegrity: a key does not open; kUnsupported: an unknown cipher.
Result<pb::FinishCopyObjectRequest> finish_copy_request(const pb::BeginCopyObjectResponse& begun,
                                                        const crypto::Key& from, const crypto::Key& to);

}  // namespace sjcp::storj
