// A question with a small reply, asked again as the client's policy has it.
//
// Threads: any.  Errors: those of Client; of a status of 300 and more those of status_error().
#pragma once

#include <string>

#include "core/flow/retry.h"
#include "net/http/client.h"

namespace sjcp::http {

// object: for messages.
Result<Reply> ask(Client& client, const Request& request, flow::Question question, const std::string& object,
                  const transfer::Context& context, size_t limit);

}  // namespace sjcp::http
