#include "net/http/range_reply.h"

#include "net/http/status.h"

namespace sjcp::http {
namespace {

Error wrong(const Known& known, const Head& head, const std::string& why) {
  return make_error(Errc::kProtocol, known.name + ": " + why, head.status);
}

Error changed(const Known& known, int cause = 0) {
  return make_error(Errc::kConflict, known.name + ": the object changes while it is being read; start again",
                    cause);
}

bool of_version(const Known& known, const Head& head) {
  return known.any_version || known.validator.holds(head);
}

// A reply whose validators differ.
Error differs(const Known& known, const Head& head, const std::optional<uint64_t>& total) {
  return changed(known, total && known.size && *total == *known.size ? head.status : 0);
}

}  // namespace

std::string range_value(ByteRange range) {
  std::string text = "bytes=" + std::to_string(range.begin) + "-";
  if (range.end != UINT64_MAX) text += std::to_string(range.end - 1);
  return text;
}

Result<ByteRange> check_range_reply(const Head& head, ByteRange asked, const Known& known) {
  // 416: it has become shorter, and the server does not look at conditions.
  if (head.status == 412 || head.status == 416) return changed(known, head.status);
  if (head.status == 200) {
    if (!of_version(known, head)) return differs(known, head, content_length(head));
    return wrong(known, head, "the server answers with the whole object instead of a range");
  }
  if (head.status != 206) return status_error(known.name, head.status);
  if (content_encoding(head) != known.encoding) {
    return wrong(known, head, "the server sends a range of another form of the object");
  }
  const auto field = head.header("Content-Range");
  const auto range = field ? parse_content_range(*field) : std::nullopt;
  if (!range || !range->bytes) return wrong(known, head, "the server does not say which range it sends");
  if (range->total && known.size && *range->total != *known.size) return changed(known);
  if (!of_version(known, head)) return differs(known, head, range->total);
  if (range->bytes->begin != asked.begin || range->bytes->end > asked.end) {
    return wrong(known, head,
                 "asked for " + range_value(asked) + ", the server sends " + one_line(*field, 80));
  }
  const auto length = content_length(head);
  if (length && *length != range->bytes->size()) {
    return wrong(known, head, "the length of the reply is not that of its range");
  }
  return *range->bytes;
}

Status check_whole_reply(const Head& head, const Known& known) {
  if (head.status == 412) return changed(known, head.status);
  if (head.status != 200) return status_error(known.name, head.status);
  if (content_encoding(head) != known.encoding) {
    return wrong(known, head, "the server sends another form of the object");
  }
  if (!of_version(known, head)) return differs(known, head, content_length(head));
  if (known.size && content_length(head) != known.size) return changed(known);
  return {};
}

std::optional<SentRange> sent_range(const Head& head) {
  const auto field = head.header("Content-Range");
  const auto range = field ? parse_content_range(*field) : std::nullopt;
  if (!range || !range->bytes || !range->total) return std::nullopt;
  const auto length = content_length(head);
  if (length && *length != range->bytes->size()) return std::nullopt;
  return SentRange{*range->bytes, *range->total};
}

bool other_version(const Error& error) {
  return error.code == Errc::kConflict && (error.cause == 412 || error.cause == 206 || error.cause == 200);
}

}  // namespace sjcp::http
