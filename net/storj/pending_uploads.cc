#include "net/storj/pending_uploads.h"

#include <utility>

#include "core/base/byte_record.h"
#include "core/crypto/hash.h"

namespace sjcp::storj {
namespace {

constexpr RecordKind kNoteKind{"sjcpbgun", 1};

}  // namespace

Result<std::vector<std::string>> pending_streams(const Session& session, const PendingPlace& place,
                                                 const std::optional<std::string>& mark, const Asking& asking,
                                                 const std::stop_token& stop) {
  std::vector<std::string> streams;
  pb::ListPendingObjectStreamsRequest request;
  request.set_bucket(place.bucket);
  request.set_encrypted_object_key(place.encrypted_key);
  for (;;) {
    auto page = session.metainfo->call<pb::ListPendingObjectStreamsResponse>(
        "ListPendingObjectStreams", pb::ListPendingObjectStreamsRequest(request), asking, place.url, stop);
    if (!page) return std::move(page).error();
    for (const auto& item : page->items()) {
      if (!mark || item.encrypted_metadata_nonce() == *mark) streams.push_back(item.stream_id());
    }
    if (!page->more() || page->items_size() == 0) return streams;
    request.set_stream_id_cursor(page->items(page->items_size() - 1).stream_id());
  }
}

Status remove_stream(const Session& session, const PendingPlace& place, const std::string& stream_id,
                     const Asking& asking, const std::stop_token& stop) {
  pb::BeginDeleteObjectRequest request;
  request.set_bucket(place.bucket);
  request.set_encrypted_object_key(place.encrypted_key);
  request.set_status(pb::OBJECT_STATUS_UPLOADING);
  request.set_stream_id(stream_id);
  auto removed = session.metainfo->call<pb::BeginDeleteObjectResponse>(
      "BeginDeleteObject", std::move(request), asking, place.url, stop);
  if (!removed && removed.error().code != Errc::kNotFound) return std::move(removed).error();
  return {};
}

Status remove_streams(const Session& session, const PendingPlace& place,
                      const std::optional<std::string>& mark, const Asking& asking,
                      const std::stop_token& stop) {
  auto streams = pending_streams(session, place, mark, asking, stop);
  if (!streams && streams.error().code == Errc::kNotFound) return {};  // with its bucket
  if (!streams) return std::move(streams).error();
  for (const std::string& stream : *streams) {
    if (auto removed = remove_stream(session, place, stream, asking, stop); !removed) return removed;
  }
  return {};
}

Trace find_object(const Session& session, const PendingPlace& place, const std::string& nonce,
                  const std::stop_token& stop) {
  pb::GetObjectRequest request;
  request.set_bucket(place.bucket);
  request.set_encrypted_object_key(place.encrypted_key);
  auto got = session.metainfo->call<pb::GetObjectResponse>("GetObject", std::move(request), Asking(),
                                                           place.url, stop);
  if (!got) return got.error().code == Errc::kNotFound ? Trace::kNotDone : Trace::kUnknown;
  return got->object().encrypted_metadata_nonce() == nonce ? Trace::kDone : Trace::kNotDone;
}

std::string begun_note(const PendingPlace& place, const std::string& mark) {
  RecordWriter out(kNoteKind);
  out.text(place.bucket);
  out.text(place.encrypted_key);
  out.text(mark);
  return std::move(out).finish();
}

Status remove_begun(const Session& session, const std::string& note, const std::stop_token& stop) {
  RecordReader in(kNoteKind, note);
  PendingPlace place;
  place.bucket = in.text();
  place.encrypted_key = in.text();
  place.url = object_url(place.bucket, "");
  const std::string mark = in.text();
  // A note of another version says nothing to this one; without a mark it would be everybody's.
  if (!in.complete() || mark.empty()) return {};
  Asking asking;
  asking.at_most = std::chrono::seconds(5);
  return remove_streams(session, place, mark, asking, stop);
}

std::string service_name(const Session& session) {
  RecordWriter parts({"sjcpserv", 1});
  parts.text(session.grant.satellite_url);
  parts.text(session.grant.api_key.head());
  return to_hex(crypto::sha256(std::move(parts).finish()));
}

}  // namespace sjcp::storj
