// Heads of replies: what is understood of them is no more than what was asked for, and every name is one
// component.
#include "net/http/head_parser.h"
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

// As libcurl hands them over: a line at a time.
void check_lines(std::string_view text) {
  http::HeadParser parser;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const auto done = parser.take(text.substr(0, end));
    text.remove_prefix(end);
    if (!done) return;
    if (!*done) continue;
    require(parser.head().status >= 200 && parser.head().status <= 999);
    require(!http::bad_length(parser.head()));
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = ByteView(data, size).text();
  const http::Head head = fuzz::head_of(text);
  check_values(text);
  check_lines(text);
  for (const auto& header : head.headers) check_values(header.value);
  (void)http::content_length(head);
  (void)http::encoding_of_name(http::content_encoding(head), text);
  if (const auto sent = http::sent_range(head)) require(sent->bytes.end <= sent->total);
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
