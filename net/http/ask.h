// A question with a small reply, asked again as the client's policy has it.
//
// Threads: any.  Errors: those of Client; of a status of 300 and more what `explain` makes of the reply.
#pragma once

#include <functional>
#include <string>

#include "core/flow/retry.h"
#include "net/http/client.h"

namespace sjcp::http {

using Explain = std::function<Error(const Reply&)>;

Result<Reply> ask(Client& client, const Request& request, flow::Question question, const Explain& explain,
                  const transfer::Context& context, size_t limit);
// As status_error() explains it.  object: for messages.
Result<Reply> ask(Client& client, const Request& request, flow::Question question, const std::string& object,
                  const transfer::Context& context, size_t limit);

}  // namespace sjcp::http
