#include "net/s3/begun_uploads.h"

#include <utility>

#include "core/base/byte_record.h"

namespace sjcp::s3 {
namespace {

constexpr RecordKind kKind{"sjcps3bg", 1};

}  // namespace

std::string BegunUpload::text() const {
  RecordWriter out(kKind);
  out.text(bucket);
  out.text(key);
  out.text(upload_id);
  return std::move(out).finish();
}

std::optional<BegunUpload> BegunUpload::parse(std::string_view text) {
  RecordReader in(kKind, text);
  BegunUpload out;
  out.bucket = in.text();
  out.key = in.text();
  out.upload_id = in.text();
  if (!in.complete() || out.bucket.empty() || out.key.empty() || out.upload_id.empty()) return std::nullopt;
  return out;
}

void Note::begun(const BegunUpload& upload) {
  if (notes_ != nullptr && number_ == 0) number_ = notes_->begun(service_, upload.text());
}

void Note::ended() {
  if (number_ != 0) notes_->ended(std::exchange(number_, 0));
}

}  // namespace sjcp::s3
