#include "net/storj/listing.h"

#include "core/segment/object_metadata.h"

namespace sjcp::storj {
namespace {

using access::PrefixInfo;
using crypto::CipherSuite;

// Where items hang: what to ask for, and how to make a full key of an item.
struct Place {
  PrefixInfo info;
  bool plain = false;  // NULL path cipher: the prefix is sent as it is and may end anywhere
};

pb::ListObjectsRequest first_request(const std::string& bucket, const ListOptions& options,
                                     const Place& place) {
  pb::ListObjectsRequest request;
  request.set_bucket(bucket);
  request.set_encrypted_prefix(place.plain ? options.prefix : place.info.parent_encrypted);
  request.set_arbitrary_prefix(place.plain);
  request.set_recursive(options.recursive);
  if (!options.recursive) request.set_delimiter("/");
  request.set_use_object_includes(true);
  request.mutable_object_includes()->set_metadata(options.metadata);
  if (options.pending) request.set_status(pb::OBJECT_STATUS_UPLOADING);
  return request;
}

std::string full_key(const Place& place, const ListOptions& options, const std::string& item) {
  if (place.plain) return options.prefix + item;
  return options.prefix.empty() ? item : place.info.parent_plain + "/" + item;
}

// The item's metadata, and where the satellite kept no plain size, its size.  False: not for this grant.
template <class Raw>
bool read_metadata(const Session& session, const std::string& bucket, const Raw& raw, ObjectItem& item) {
  auto key = session.grant.store.content_key(bucket, item.key);
  if (!key) return false;
  auto metadata = segment::open_metadata(raw.encrypted_metadata(), raw.encrypted_metadata_encrypted_key(),
                                         raw.encrypted_metadata_nonce(), *key);
  if (!metadata) return false;
  item.metadata = metadata->user;
  if (item.size == 0 && metadata->number_of_segments > 0) {
    item.size = static_cast<uint64_t>((metadata->number_of_segments - 1) * metadata->segments_size +
                                      metadata->last_segment_size);
  }
  return true;
}

template <class Raw>
void read_facts(const Raw& raw, ObjectItem& item) {
  item.size = raw.plain_size() < 0 ? 0 : static_cast<uint64_t>(raw.plain_size());
  item.created = time_of(raw.created_at());
  if (raw.has_expires_at() && time_of(raw.expires_at()) > Time()) item.expires = time_of(raw.expires_at());
}

// nullopt: not for this grant.
std::optional<ObjectItem> read_item(const Session& session, const std::string& bucket,
                                    const ListOptions& options, const Place& place,
                                    const pb::ListObjectsResponse& page, int index) {
  const pb::ObjectListItem& raw = page.items(index);
  auto relative =
      access::decrypt_relative(place.info.cipher, place.info.parent_key, raw.encrypted_object_key());
  if (!relative) return std::nullopt;
  ObjectItem item;
  item.key = full_key(place, options, *relative);
  item.is_prefix = raw.status() == pb::OBJECT_STATUS_PREFIX;
  if (item.is_prefix) return item;
  read_facts(raw, item);
  const bool wanted = options.metadata || (item.size == 0 && !raw.encrypted_metadata().empty());
  if (wanted && !read_metadata(session, bucket, raw, item)) return std::nullopt;
  return item;
}

}  // namespace

Status list_objects(const Session& session, const std::string& bucket, const ListOptions& options,
                    const std::function<Status(const ObjectItem&)>& item, const std::stop_token& stop) {
  std::string url = object_url(bucket, options.prefix);
  auto info = session.grant.store.prefix_info(bucket, options.prefix);
  if (!info) return with_context(std::move(info).error(), url);
  Place place{std::move(*info), false};
  place.plain = place.info.cipher == CipherSuite::kNull;
  pb::ListObjectsRequest request = first_request(bucket, options, place);
  for (;;) {
    pb::BatchRequest batch;
    *batch.add_requests()->mutable_object_list() = request;
    auto response = session.metainfo->batch(std::move(batch), Asking(), url, stop);
    if (!response) return std::move(response).error();
    const auto& page = response->responses(0).object_list();
    for (int i = 0; i < page.items_size(); ++i) {
      auto entry = read_item(session, bucket, options, place, page, i);
      if (!entry) {
        if (options.hidden != nullptr) ++*options.hidden;
        continue;
      }
      if (auto status = item(*entry); !status) return status;
    }
    if (!page.more() || page.items_size() == 0) return {};
    request.set_encrypted_cursor(page.items(page.items_size() - 1).encrypted_object_key());
  }
}

Result<ObjectItem> stat_object(const Session& session, const std::string& bucket, const std::string& key,
                               const std::stop_token& stop) {
  const std::string url = object_url(bucket, key);
  auto encrypted = session.grant.store.encrypt_path(bucket, key);
  if (!encrypted) return with_context(std::move(encrypted).error(), url);
  pb::GetObjectRequest request;
  request.set_bucket(bucket);
  request.set_encrypted_object_key(*encrypted);
  request.set_redundancy_scheme_per_segment(true);
  auto got =
      session.metainfo->call<pb::GetObjectResponse>("GetObject", std::move(request), Asking(), url, stop);
  if (!got) return std::move(got).error();
  ObjectItem item;
  item.key = key;
  read_facts(got->object(), item);
  if (!read_metadata(session, bucket, got->object(), item)) {
    return make_error(Errc::kIntegrity, url + ": its metadata does not open with this grant");
  }
  return item;
}

}  // namespace sjcp::storj
