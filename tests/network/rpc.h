// Outcomes of remote calls: a reply, or the status code and text that the peer gets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace sjcp::network {

// Status codes of the network (protocol notes 4.4).
namespace code {
inline constexpr uint64_t kUnknown = 0;
inline constexpr uint64_t kCancelled = 2;
inline constexpr uint64_t kInvalidArgument = 3;
inline constexpr uint64_t kNotFound = 5;
inline constexpr uint64_t kAlreadyExists = 6;
inline constexpr uint64_t kPermissionDenied = 7;
inline constexpr uint64_t kResourceExhausted = 8;
inline constexpr uint64_t kFailedPrecondition = 9;
inline constexpr uint64_t kAborted = 10;
inline constexpr uint64_t kUnimplemented = 12;
inline constexpr uint64_t kInternal = 13;
inline constexpr uint64_t kUnavailable = 14;
inline constexpr uint64_t kUnauthenticated = 16;
inline constexpr uint64_t kBucketNameMissing = 10014;
inline constexpr uint64_t kBucketNameInvalid = 10015;
inline constexpr uint64_t kObjectKeyMissing = 10016;
inline constexpr uint64_t kObjectKeyTooLong = 10017;
inline constexpr uint64_t kObjectVersionInvalid = 10018;
inline constexpr uint64_t kBucketNotFound = 10019;
inline constexpr uint64_t kDeleteObjectsNoItems = 10020;
inline constexpr uint64_t kDeleteObjectsTooManyItems = 10021;
inline constexpr uint64_t kChecksumsUnsupported = 10027;
inline constexpr uint64_t kChecksumAlgorithmInvalid = 10028;
inline constexpr uint64_t kChecksumTypeUnexpected = 10029;
inline constexpr uint64_t kChecksumMissing = 10030;
inline constexpr uint64_t kChecksumUnexpected = 10031;
inline constexpr uint64_t kMetadataIncludesInvalid = 10033;
inline constexpr uint64_t kStreamIdInvalid = 10035;
}  // namespace code

struct RpcFailure {
  uint64_t code = 0;
  std::string text;
};

inline RpcFailure failure(uint64_t status, std::string text) {
  return {status, std::move(text)};
}

inline RpcFailure too_many_requests() {
  return failure(code::kResourceExhausted, "Too Many Requests");
}

// The result of a check: empty when passed.
using Check = std::optional<RpcFailure>;

// Either a value or the failure to send back.
template <class T>
class [[nodiscard]] Outcome {
 public:
  Outcome(T value) : v_(std::in_place_index<0>, std::move(value)) {}
  Outcome(RpcFailure failed) : v_(std::in_place_index<1>, std::move(failed)) {}

  explicit operator bool() const { return v_.index() == 0; }

  // Requires: a value.
  T& operator*() & { return *std::get_if<0>(&v_); }
  const T& operator*() const& { return *std::get_if<0>(&v_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&v_)); }
  T* operator->() { return std::get_if<0>(&v_); }
  const T* operator->() const { return std::get_if<0>(&v_); }

  // Requires: no value.
  const RpcFailure& failed() const { return *std::get_if<1>(&v_); }

 private:
  std::variant<T, RpcFailure> v_;
};

}  // namespace sjcp::network
