// Object listings: pages asked of the satellite, keys and metadata decrypted (protocol notes 3.4).
//
// Items come in the satellite's order, which is by encrypted key.  Items that do not decrypt with this grant
// are skipped, as the reference client does, and counted.
//
// Threads: pure apart from the calls.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "net/storj/session.h"

namespace sjcp::storj {

Status list_objects(const Session& session, const std::string& bucket, const ListOptions& options,
                    const std::function<Status(const ObjectItem&)>& item, const std::stop_token& stop);

// One object, by a question that costs no order limits and that whoever may list can ask.
Result<ObjectItem> stat_object(const Session& session, const std::string& bucket, const std::string& key,
                               const std::stop_token& stop);

}  // namespace sjcp::storj
