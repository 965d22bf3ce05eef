// An object that is put at a plain URL, in one stream: presigned URLs, WebDAV, and the like.
//
// Ownership: the client outlives the writer.
// Threads: as transfer::ObjectWriter says; the request runs in a thread of its own.
// Errors: as client.h and status.h say.  A PUT that fails is repeated as the table of core/flow has it: doing
// it twice is as good as once.  Not when the bytes have gone by: what comes by append() and is longer than
// Pipe::kCapacity is repeated only until more than that was written.  Nothing can be taken back: what a
// request that broke off leaves behind is the server's choice.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "core/transfer/object_writer.h"
#include "net/http/client.h"

namespace sjcp::http {

// request: a PUT without its body.  size: nothing: sent in chunks, which many
// servers refuse.  What context points to outlives the writer.
std::unique_ptr<transfer::ObjectWriter> make_target(Client& client, Request request,
                                                    std::optional<uint64_t> size,
                                                    const transfer::Context& context);

}  // namespace sjcp::http
