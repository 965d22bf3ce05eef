// What a handshake asks of the peer and learns, hung on its SSL object.  For .cc files of this room only.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/access/node_id.h"
#include "core/base/result.h"
#include "net/io/identity.h"

namespace sjcp::io {

struct PeerCheck {
  std::optional<access::NodeId> expected;    // any id when empty
  std::shared_ptr<const PeerIdentity> peer;  // set when the chain is good
  std::optional<Error> refusal;              // set when it is not
  // Traffic secret of what this side will send (TLS 1.3); to be wiped.
  std::string secret;
  bool new_keys = false;  // the peer wants this side to send with new ones from now on
};

}  // namespace sjcp::io
