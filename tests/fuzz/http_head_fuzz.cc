// Heads of replies: what is understood of them is no more than what was asked for, and every name is one
// component.
#include "net/http/headers.h"
#include "net/http/range_reply.h"
#include "net/http/retry_after.h"
#include "net/http/status.h"
#include "tests/fuzz/head.h"

using namespace sjcp;
using fuzz::require;

namespace {

void check_values(std::string_view value) {
  if (const auto range = http::parse_content_range(value)) {
    require(!range->bytes || range->bytes->begin < range->bytes->end);
    require(!range->bytes || !range->total || range->bytes->end <= *range->total);
  }
  require(fuzz::is_safe_name(http::disposition_file_name(value)));
  const auto wait = http::retry_after(value, Clock::Wall(std::chrono::seconds(1'700'000'000)));
  require(!wait || wait->count() >= 0);
  (void)http::parse_date(value);
  (void)http::from_base64(value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = ByteView(data, size).text();
  const http::Head head = fuzz::head_of(text);
  check_values(text);
  for (const auto& header : head.headers) check_values(header.value);
  (void)http::content_length(head);
  (void)http::plain_encoding(head);
  (void)http::promised_digests(head);
  (void)http::retry_after(head, Clock::Wall(std::chrono::seconds(1'700'000'000)));
  const http::Known known{"object", 100, http::Validator(head)};
  std::vector<http::Header> conditions;
  known.validator.add_conditions(conditions);
  (void)known.validator.version(100);
  require(known.validator.holds(head));
  const http::ByteRange asked{10, 20};
  if (const auto got = http::check_range_reply(head, asked, known)) {
    require(got->begin == asked.begin && got->begin < got->end && got->end <= asked.end);
  }
  (void)http::check_whole_reply(head, known);
  return 0;
}
