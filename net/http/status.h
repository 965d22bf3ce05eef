// What a reply's status means to the user.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace sjcp::http {

// 401, 403, 407 kDenied; 404, 410 kNotFound; 409, 412 kConflict; 416 kUsage; 429, 507 kLimited; 408, 425 and
// the other 5xx but 501 and 505 kNetwork; 405, 501, 505 kUnsupported; other 4xx kUsage; anything else
// kProtocol.
Errc status_kind(int status);

// 408, 425, 502 to 504 and 520 to 530 (a CDN that does not reach its server) kUnavailable; 429 kBusy; the
// other 5xx kServerError, but for those that say something lasting (501, 505, 507, 508, 510, 511).
Fault status_fault(int status);

// "<object>: the server answers 403 (forbidden): <detail>; <what to do>".  Error::cause is the status.
// detail: what the server says about it, shortened to one line; may be empty.
Error status_error(const std::string& object, int status, std::string_view detail = {});

// Of a proxy that makes no tunnel.
Error proxy_error(const std::string& object, int status);

// One line of printable characters, of at most `most` bytes, out of what somebody else wrote.
std::string one_line(std::string_view text, size_t most = 200);

}  // namespace sjcp::http
