// Errors as values: Result<T> holds either a T or an Error; Status is Result<void>.
//
// An Error has a kind (Errc), one line of text that names the object and says what to do, and optionally the
// errno or protocol status that caused it.  Whether to retry and which exit code follow are functions of the
// kind (retryable() here, cli/exit_codes.h there), never of the text.
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

// True when the same request may succeed if sent again unchanged.
bool retryable(Errc code);

struct Error {
  Errc code = Errc::kInternal;
  std::string what;  // one line; names the object
  int cause = 0;     // errno or protocol status code; 0 when there is none
};

inline Error make_error(Errc code, std::string what, int cause = 0) {
  return Error{code, std::move(what), cause};
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
