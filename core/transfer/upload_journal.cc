#include "core/transfer/upload_journal.h"

#include <utility>

#include "core/base/byte_record.h"

namespace sjcp::transfer {
namespace {

constexpr RecordKind kKind{"sjcpupld", 1};

}  // namespace

std::string UploadJournal::serialize() const {
  RecordWriter out(kKind);
  out.text(destination);
  out.text(source);
  out.text(pending);
  return std::move(out).finish();
}

std::optional<UploadJournal> UploadJournal::parse(ByteView bytes) {
  RecordReader in(kKind, bytes);
  UploadJournal journal;
  journal.destination = in.text();
  journal.source = in.text();
  journal.pending = in.text();
  if (!in.complete()) return std::nullopt;
  return journal;
}

}  // namespace sjcp::transfer
