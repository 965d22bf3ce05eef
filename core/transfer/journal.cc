#include "core/transfer/journal.h"

#include <utility>

#include "core/base/byte_record.h"

namespace sjcp::transfer {
namespace {

constexpr RecordKind kKind{"sjcpjrnl", 1};

}  // namespace

std::string Journal::serialize() const {
  RecordWriter out(kKind);
  out.number(file_id);
  out.number(content.object_size);
  out.number(content.range.begin);
  out.number(content.range.end);
  out.text(content.source);
  out.text(content.version);
  const auto ranges = done.ranges();
  out.number(ranges.size());
  for (const ByteRange& range : ranges) {
    out.number(range.begin);
    out.number(range.end);
  }
  return std::move(out).finish();
}

std::optional<Journal> Journal::parse(ByteView bytes) {
  RecordReader in(kKind, bytes);
  Journal journal;
  journal.file_id = in.number();
  journal.content.object_size = in.number();
  journal.content.range.begin = in.number();
  journal.content.range.end = in.number();
  journal.content.source = in.text();
  journal.content.version = in.text();
  const ByteRange& whole = journal.content.range;
  if (whole.begin > whole.end || whole.end > journal.content.object_size) return std::nullopt;
  uint64_t previous = 0;
  for (uint64_t left = in.number(); left > 0 && in.good(); --left) {
    const ByteRange range{in.number(), in.number()};
    if (range.begin < previous || range.begin >= range.end || range.end > whole.size()) return std::nullopt;
    journal.done.add(range);
    previous = range.end;
  }
  if (!in.complete()) return std::nullopt;
  return journal;
}

}  // namespace sjcp::transfer
