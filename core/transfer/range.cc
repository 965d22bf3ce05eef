#include "core/transfer/range.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

namespace sjcp::transfer {
namespace {

Error malformed(std::string_view text, const char* why) {
  return make_error(Errc::kUsage, "range \"" + std::string(text) + "\": " + why +
                                      "; write bytes=FIRST-LAST, bytes=FIRST- or bytes=-COUNT");
}

// Digits only: from_chars alone would take a minus sign for signed types and stop at trailing characters.
std::optional<uint64_t> parse_number(std::string_view digits) {
  uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  auto [stopped, error] = std::from_chars(digits.data(), end, value);
  // Sizes of objects are signed 64-bit on the wire; the limit keeps LAST + 1 in range, too.
  constexpr uint64_t kLargest = std::numeric_limits<int64_t>::max();
  if (error != std::errc() || stopped != end || value >= kLargest) return std::nullopt;
  return value;
}

}  // namespace

Result<RangeRequest> RangeRequest::parse(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with("bytes=")) rest.remove_prefix(6);
  if (rest.find(',') != std::string_view::npos)
    return malformed(text, "only one range at a time is supported");
  const size_t dash = rest.find('-');
  if (dash == std::string_view::npos) return malformed(text, "has no '-'");
  const std::string_view first = rest.substr(0, dash);
  const std::string_view last = rest.substr(dash + 1);

  RangeRequest request;
  if (first.empty()) {
    auto count = parse_number(last);
    if (!count) return malformed(text, "the count is not a number");
    if (*count == 0) return malformed(text, "asks for no bytes");
    request.suffix = true;
    request.end = *count;
    return request;
  }
  auto begin = parse_number(first);
  if (!begin) return malformed(text, "the first byte is not a number");
  request.begin = *begin;
  if (last.empty()) return request;
  auto inclusive = parse_number(last);
  if (!inclusive) return malformed(text, "the last byte is not a number");
  if (*inclusive < *begin) return malformed(text, "ends before it begins");
  request.end = *inclusive + 1;
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
