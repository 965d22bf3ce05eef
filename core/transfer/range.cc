#include "core/transfer/range.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

#include "core/base/text.h"

namespace sjcp::transfer {
namespace {

Error malformed(std::string_view text, const char* why) {
  return make_error(Errc::kUsage, "range \"" + std::string(text) + "\": " + why +
                                      "; write bytes=FIRST-LAST, bytes=FIRST- or bytes=-COUNT");
}

// Sizes of objects are signed 64-bit on the wire.
constexpr uint64_t kLargest = std::numeric_limits<int64_t>::max();

// Digits, which may have a plus sign as uplink takes it: from_chars alone would stop at trailing characters.
// A number that no type holds is as good as the largest: no object is as long, and the end is where the
// object ends.
std::optional<uint64_t> parse_number(std::string_view digits) {
  if (digits.starts_with('+')) digits.remove_prefix(1);
  uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  auto [stopped, error] = std::from_chars(digits.data(), end, value);
  const bool too_large = error == std::errc::result_out_of_range;
  if (stopped != end || (error != std::errc() && !too_large)) return std::nullopt;
  return too_large ? kLargest : std::min(value, kLargest);
}

}  // namespace

Result<RangeRequest> RangeRequest::parse(std::string_view text) {
  std::string_view rest = trimmed(text);
  if (rest.starts_with("bytes=")) rest = trimmed(rest.substr(6));
  if (rest.empty()) return RangeRequest();
  if (rest.find(',') != std::string_view::npos)
    return malformed(text, "only one range at a time is supported");
  const size_t dash = rest.find('-');
  if (dash == std::string_view::npos) return malformed(text, "has no '-'");
  const std::string_view first = trimmed(rest.substr(0, dash));
  const std::string_view last = trimmed(rest.substr(dash + 1));

  RangeRequest request;
  if (first.empty()) {
    if (last.empty()) return malformed(text, "names neither a first nor a last byte");
    auto count = parse_number(last);
    if (!count) return malformed(text, "the count is not a number");
    if (*count == 0) return malformed(text, "the last 0 bytes are none");
    request.suffix = true;
    request.end = *count;
    return request;
  }
  auto begin = parse_number(first);
  if (!begin) return malformed(text, "the first byte is not a number");
  if (*begin == kLargest) return malformed(text, "the first byte lies beyond the end of any object");
  request.begin = *begin;
  if (last.empty()) return request;
  auto inclusive = parse_number(last);
  if (!inclusive) return malformed(text, "the last byte is not a number");
  if (*inclusive < *begin) return malformed(text, "ends before it begins");
  // Beyond any object: up to its end.
  if (*inclusive < kLargest) request.end = *inclusive + 1;
  return request;
}

Result<ByteRange> RangeRequest::resolve(uint64_t object_size) const {
  if (suffix) {
    const uint64_t count = std::min(end.value_or(object_size), object_size);
    if (count == 0 && object_size > 0) return make_error(Errc::kUsage, "the range asks for no bytes");
    return ByteRange{object_size - count, object_size};
  }
  if (begin > object_size || (begin == object_size && object_size > 0)) {
    return make_error(Errc::kUsage, "the range begins at byte " + std::to_string(begin) +
                                        ", but there are only " + std::to_string(object_size) + " bytes");
  }
  const ByteRange range{begin, std::min(end.value_or(object_size), object_size)};
  if (range.end < range.begin || (range.end == range.begin && object_size > 0)) {
    return make_error(Errc::kUsage, "the range asks for no bytes");
  }
  return range;
}

}  // namespace sjcp::transfer
