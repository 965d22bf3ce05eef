// Errors as values: Result<T> holds either a T or an Error; Status is Result<void>.
//
// An Error has a kind (Errc), one line of text that names the object and says what to do, and optionally the
// errno or protocol status that caused it.  Whether to ask again follows from its fault (core/flow/retry.h),
// the exit code from its kind (cli/exit_codes.h); neither ever from the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace sjcp {

enum class Errc : uint8_t {
  kUsage,  // the request itself is wrong: bad option, malformed grant, bad bucket name, range outside object
  kNotFound,     // bucket, object, file or saved access does not exist
  kDenied,       // the grant does not allow it, or holds no key for the path
  kNetwork,      // dial, TLS, connection or time-out; retries used up
  kProtocol,     // a peer answered something that the protocol does not allow
  kIntegrity,    // bytes do not verify: AEAD tag, hash, signature, node identity
  kLocalIo,      // local file system: permission, full disk, missing folder
  kConflict,     // exists already, changed meanwhile, locked, not empty
  kLimited,      // quota or rate limit
  kCancelled,    // the user interrupted, or a sibling failed first
  kUnsupported,  // known, valid, not available here
  kInternal,     // a bug in this program
};

// Short lower-case name, stable: it appears in JSON output.
const char* to_string(Errc code);

// What a peer, or the way to it, did: as far as it says whether asking again may help (core/flow/retry.h has
// the table).  Set where the failure is met, by whoever knows the errno, the status or libcurl's code.
enum class Fault : uint8_t {
  kNone,         // nothing that passes by itself: a refusal, an unknown host, a wrong certificate, bad bytes
  kUnreached,    // no connection: refused, unreachable, no answer to the dial, no name service for now
  kBroken,       // the connection ended before the answer was whole: what was asked may have been done
  kSilent,       // no answer in time: the same
  kUnavailable,  // the peer says "not now" (HTTP 502, 503, 504; RPC 14)
  kBusy,  // the peer asks for fewer requests (HTTP 429, SlowDown, RPC 8 for the rate): nothing was done
  kServerError,  // the peer failed at it (HTTP 500; RPC 13)
};

// Short lower-case name, for logs.
const char* to_string(Fault fault);

struct Error {
  Errc code = Errc::kInternal;
  std::string what;  // one line; names the object
  int cause = 0;     // errno or protocol status code; 0 when there is none
  Fault fault = Fault::kNone;
};

inline Error make_error(Errc code, std::string what, int cause = 0, Fault fault = Fault::kNone) {
  return Error{code, std::move(what), cause, fault};
}

// Prefixes the text of an error with the object it concerns: "<object>: <what>".
Error with_context(Error error, const std::string& object);

// Error of kind kLocalIo from an errno value: "<object>: <strerror>".  ENOENT also stays kLocalIo.
Error errno_error(const std::string& object, int err);

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : v_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : v_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return v_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // Requires: has_value().
  T& operator*() & { return *std::get_if<0>(&v_); }
  const T& operator*() const& { return *std::get_if<0>(&v_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&v_)); }
  T* operator->() { return std::get_if<0>(&v_); }
  const T* operator->() const { return std::get_if<0>(&v_); }

  // Requires: !has_value().
  const Error& error() const& { return *std::get_if<1>(&v_); }
  Error&& error() && { return std::move(*std::get_if<1>(&v_)); }

 private:
  std::variant<T, Error> v_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace sjcp
