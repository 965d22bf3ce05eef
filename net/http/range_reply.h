// Is a reply what was asked for?  Decided from its head, before a byte of its body goes anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "net/http/client.h"
#include "net/http/headers.h"

namespace sjcp::http {

// What is known of an object once its first reply came.
struct Known {
  std::string name;              // for messages
  std::optional<uint64_t> size;  // nothing: the server does not say
  Validator validator;
  bool any_version = false;  // validators do not count: something else tells whether the bytes are right
  std::string encoding{};    // as content_encoding() has it: all replies have to have the same
};

// "bytes=0-4" of [0, 5); open where end is UINT64_MAX.
std::string range_value(ByteRange range);

// Of a request for `asked`: the reply begins at its first byte, does not go beyond it, and is of the known
// version and encoding.  The bytes that it brings.  Errors: those of status_error(); kConflict: the object
// has changed; kProtocol: it is anything else, Error::cause being the status.
Result<ByteRange> check_range_reply(const Head& head, ByteRange asked, const Known& known);

// The same of a request for all of the object.
Status check_whole_reply(const Head& head, const Known& known);

// What a 206 brings of how much, as its head says; nothing: it does not say, or contradicts itself.
struct SentRange {
  ByteRange bytes;
  uint64_t total = 0;
};
std::optional<SentRange> sent_range(const Head& head);

// One of the errors above: the reply is of another version, as far as validators tell, and nothing says that
// it has another size.  One of several servers behind a name may give tags of its own.
bool other_version(const Error& error);

}  // namespace sjcp::http
