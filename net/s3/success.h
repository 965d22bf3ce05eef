// What a reply with a status of success says of what was asked: the one place that decides.
//
// A login page, a proxy or some other server answers everything with 200.  So an object counts as stored
// when the reply names its ETag, as put together or copied when the reply is that of a service, and as
// deleted by 204.  Of what is not clear the service is asked what there is now.
//
// Errors: prove(): kProtocol with the URL.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/transfer/context.h"
#include "net/http/client.h"

namespace sjcp::s3 {

struct Call;
struct Name;
struct StoredPart;
class Requester;

// What a request does.
enum class Deed : uint8_t {
  kAsk,  // nothing: who asks reads the reply
  kStore,
  kStorePart,
  kCompose,  // an object of its parts
  kCopy,
  kCopyPart,
  kDelete,  // an object or a bucket
  kMakeBucket,
};

enum class Said : uint8_t {
  kDone,
  kRefused,  // the body is an <Error>
  kUnclear,
};

Said said_of(Deed deed, const http::Head& head, std::string_view body);

// Whether the head of an object shows that a request of no more than `ago` has made it: its size, and the
// time of its last change where the reply tells that and its own.
bool shows(const http::Head& head, uint64_t size, std::chrono::nanoseconds ago);

// Whether an object is there as these parts make it: by its ETag, which is that of the parts' where these are
// MD5s, or as shows() has it.
bool composed(Requester& requester, const Name& name, const std::vector<StoredPart>& parts,
              std::chrono::nanoseconds ago, const transfer::Context& context);

// Asks the service whether what was not clear has been done.  reply: to that; since: when it was asked.
Status prove(Requester& requester, const Call& call, const http::Head& reply,
             std::chrono::steady_clock::time_point since, const transfer::Context& context);

}  // namespace sjcp::s3
