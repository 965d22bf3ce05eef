// An object that is put at a plain URL, in one stream: presigned URLs, WebDAV, and the like.
//
// Ownership: the client outlives the writer.
// Threads: as transfer::ObjectWriter says; the request runs in a thread of its own.
// Errors: as client.h and status.h say.  A server that is away is waited for (client.h, waits()) as long as
// no byte of the object has been sent; nothing is sent again then, and nothing can be taken back: what a
// request that broke off leaves behind is the server's choice.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "core/transfer/object_writer.h"
#include "net/http/client.h"

namespace sjcp::http {

// request: a PUT, or whatever its method says, without its body.  size: nothing: sent in chunks, which many
// servers refuse.  What context points to outlives the writer.
std::unique_ptr<transfer::ObjectWriter> make_target(Client& client, Request request,
                                                    std::optional<uint64_t> size,
                                                    const transfer::Context& context);

}  // namespace sjcp::http
