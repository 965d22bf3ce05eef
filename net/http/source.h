// An object behind a URL as a source of the engine.
//
// Where the server serves ranges and says how long the object is, the source is divisible: each fetch is a
// connection that asks for what is wanted from where it stands.  Else the object comes in one stream, which
// is begun anew after a failure only if the server's validators show that it is the same object.
//
// Replies of other versions of the same size, and whole objects in place of ranges, come from one bad server
// among several: from then on the fetches read one reply in turn (reply_turns.h).  A fetch that is refused
// while another one receives waits for it: the server does not want so many connections.
//
// Ownership: the client outlives the source.
// Threads: as transfer::Source says.
// Errors: as client.h and status.h say; kConflict: the object has changed since open(); kProtocol: a reply
// that is not what was asked for, several times; kUsage: a range outside the object.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/transfer/source.h"
#include "net/http/client.h"

namespace sjcp::http {

struct SourceOptions {
  std::string name;  // for messages; empty: the URL as people see it
  // The GET of the object, made anew for each try: signatures age.  Range and If-Match are added to it.  Any
  // thread.
  std::function<Result<Request>(const transfer::Context&)> request;
  // What a reply of 300 and more means; its body is cut off at 64 KiB.  Null: status_error().
  std::function<Error(const Reply&)> explain;
  // Adds to what the object's first reply tells.  Null: nothing to add.
  std::function<void(const Head&, transfer::ObjectInfo&)> describe;
  // What the object has to be is known: its digest says which version comes, whatever tags the replies have.
  bool digest_known = false;
};

std::unique_ptr<transfer::Source> make_source(Client& client, SourceOptions options);

// The object that this GET asks for.
std::unique_ptr<transfer::Source> make_source(Client& client, Request request, bool digest_known = false);

}  // namespace sjcp::http
