// What a handshake asks of the peer and learns about it; hangs on its SSL object.  For .cc files of this room
// only.
#pragma once

#include <memory>
#include <optional>

#include "core/access/node_id.h"
#include "core/base/result.h"
#include "net/io/identity.h"

namespace sjcp::io {

struct PeerCheck {
  std::optional<access::NodeId> expected;    // any id when empty
  std::shared_ptr<const PeerIdentity> peer;  // set when the chain is good
  std::optional<Error> refusal;              // set when it is not
};

}  // namespace sjcp::io
