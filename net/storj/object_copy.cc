#include "net/storj/object_copy.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "core/access/caveat.h"
#include "core/base/clock.h"
#include "core/crypto/aead.h"
#include "core/segment/object_metadata.h"
#include "core/transfer/group.h"
#include "net/storj/object_requests.h"

namespace sjcp::storj {
namespace {

using crypto::CipherSuite;

// Both sides of one end of a copy.
struct Place {
  std::string encrypted;
  crypto::Key content_key;
};

Result<Place> place_of(const Session& session, const ObjectName& name) {
  auto encrypted = session.grant.store.encrypt_path(name.bucket, name.key);
  if (!encrypted) return with_context(std::move(encrypted).error(), object_url(name.bucket, name.key));
  auto key = session.grant.store.content_key(name.bucket, name.key);
  if (!key) return with_context(std::move(key).error(), object_url(name.bucket, name.key));
  return Place{std::move(*encrypted), *key};
}

Result<std::string> open_key(CipherSuite suite, const crypto::Key& key, const std::string& nonce_bytes,
                             const std::string& sealed) {
  const auto nonce = crypto::nonce_from(nonce_bytes);
  if (!nonce) return make_error(Errc::kProtocol, "the satellite's nonce of a key has the wrong length");
  return crypto::open(suite, key, *nonce, sealed);
}

// What a satellite of the network refuses for good, though reading and writing would work.
bool relay_would_do(const Error& error) {
  return error.cause == kRpcInvalidArgument && (error.what.find("different placement") != std::string::npos ||
                                                error.what.find("too many segments") != std::string::npos);
}

Result<pb::Object> original_of(const Session& session, const ObjectName& name, const Place& place,
                               const transfer::Context& context) {
  pb::GetObjectRequest get;
  get.set_bucket(name.bucket);
  get.set_encrypted_object_key(place.encrypted);
  auto got = session.metainfo->call<pb::GetObjectResponse>("GetObject", std::move(get), Asking(),
                                                           object_url(name.bucket, name.key), context.stop);
  if (!got) return std::move(got).error();
  return std::move(*got->mutable_object());
}

// The metadata of the original with other entries: what it says of the segments holds for the copy.
Status replace_metadata(const pb::Object& original, const Place& from, const Place& to,
                        const ObjectOptions& options, pb::FinishCopyObjectRequest& finish) {
  auto metadata = segment::open_metadata(
      original.encrypted_metadata(), original.encrypted_metadata_encrypted_key(),
      original.encrypted_metadata_nonce(), from.content_key, sealed_checksum(original));
  if (!metadata) return std::move(metadata).error();
  metadata->user = options.metadata;
  auto sealed = segment::seal_metadata(*metadata, to.content_key);
  finish.set_override_metadata(true);
  finish.set_new_encrypted_metadata(std::move(sealed.encrypted_metadata));
  finish.set_new_encrypted_metadata_key(std::move(sealed.encrypted_key));
  finish.set_new_encrypted_metadata_key_nonce(std::move(sealed.nonce));
  if (metadata->crc64) {
    finish.set_new_checksum_algorithm(segment::kChecksumCrc64Nvme);
    finish.set_new_encrypted_checksum(std::move(sealed.encrypted_checksum));
  }
  return {};
}

}  // namespace

Result<pb::FinishCopyObjectRequest> finish_copy_request(const pb::BeginCopyObjectResponse& begun,
                                                        const crypto::Key& from, const crypto::Key& to) {
  auto suite = static_cast<CipherSuite>(begun.encryption_parameters().cipher_suite());
  if (suite == CipherSuite::kUnspecified) suite = CipherSuite::kAesGcm;
  pb::FinishCopyObjectRequest finish;
  finish.set_stream_id(begun.stream_id());
  // The nonce stays: the satellite keeps the metadata, of which it is a part.
  const std::string& nonce = begun.encrypted_metadata_key_nonce();
  finish.set_new_encrypted_metadata_key_nonce(nonce);
  if (!begun.encrypted_metadata_key().empty()) {
    auto key = open_key(suite, from, nonce, begun.encrypted_metadata_key());
    if (!key) return with_context(std::move(key).error(), "metadata key");
    auto sealed = crypto::seal(suite, to, *crypto::nonce_from(nonce), *key);
    if (!sealed) return std::move(sealed).error();
    finish.set_new_encrypted_metadata_key(std::move(*sealed));
  }
  for (const auto& segment : begun.segment_keys()) {
    auto key = open_key(suite, from, segment.encrypted_key_nonce(), segment.encrypted_key());
    if (!key) return with_context(std::move(key).error(), "segment key");
    const auto fresh = crypto::random_nonce();
    auto sealed = crypto::seal(suite, to, fresh, *key);
    if (!sealed) return std::move(sealed).error();
    auto& out = *finish.add_new_segment_keys();
    *out.mutable_position() = segment.position();
    out.set_encrypted_key_nonce(ByteView(fresh).str());
    out.set_encrypted_key(std::move(*sealed));
  }
  return finish;
}

namespace {

// All copies share a pace.
Asking copying(flow::Question question = flow::Question::kSafe) {
  Asking asking = Asking::large(question);
  asking.waits_for_rate = false;
  return asking;
}

// What a copy has of its own are the nonces of its segments' keys.
Trace find_copy(const Session& session, const ObjectName& to, const pb::FinishCopyObjectRequest& sent,
                const std::stop_token& stop) {
  const std::string url = object_url(to.bucket, to.key);
  pb::GetObjectRequest get;
  get.set_bucket(sent.new_bucket());
  get.set_encrypted_object_key(sent.new_encrypted_object_key());
  auto got = session.metainfo->call<pb::GetObjectResponse>("GetObject", std::move(get), Asking(), url, stop);
  if (!got) return got.error().code == Errc::kNotFound ? Trace::kNotDone : Trace::kUnknown;
  if (sent.new_segment_keys().empty()) return Trace::kUnknown;
  pb::ListSegmentsRequest list;
  list.set_stream_id(got->object().stream_id());
  list.mutable_cursor_position();
  list.set_limit(1);
  auto segments =
      session.metainfo->call<pb::ListSegmentsResponse>("ListSegments", std::move(list), Asking(), url, stop);
  if (!segments) return Trace::kUnknown;
  const bool ours = segments->items_size() > 0 && segments->items(0).encrypted_key_nonce() ==
                                                      sent.new_segment_keys(0).encrypted_key_nonce();
  return ours ? Trace::kDone : Trace::kNotDone;
}

Status copy_once(const Session& session, const ObjectName& from, const ObjectName& to,
                 const ObjectOptions& options, const transfer::Context& context) {
  const std::string url = object_url(from.bucket, from.key);
  auto old_place = place_of(session, from);
  if (!old_place) return std::move(old_place).error();
  auto new_place = place_of(session, to);
  if (!new_place) return std::move(new_place).error();

  pb::BeginCopyObjectRequest begin;
  begin.set_bucket(from.bucket);
  begin.set_encrypted_object_key(old_place->encrypted);
  begin.set_new_bucket(to.bucket);
  begin.set_new_encrypted_object_key(new_place->encrypted);
  pb::Object original;
  if (options.replaces_metadata()) {
    auto got = original_of(session, from, *old_place, context);
    if (!got) return std::move(got).error();
    original = std::move(*got);
    begin.set_object_version(original.object_version());
  }
  // Satellites take copies in no batch.
  auto begun = session.metainfo->call<pb::BeginCopyObjectResponse>("BeginCopyObject", std::move(begin),
                                                                   copying(), url, context.stop);
  if (!begun) {
    Error error = std::move(begun).error();
    if (relay_would_do(error)) error.code = Errc::kUnsupported;
    // The satellite does not say which of the two it denies; the grant does.
    const access::Action write{access::Op::kWrite, to.bucket, new_place->encrypted,
                               system_clock().wall_now()};
    if (error.code == Errc::kDenied && !access::check(session.grant.api_key, write)) {
      error.what.replace(0, url.size(), object_url(to.bucket, to.key));
    }
    return error;
  }
  auto finish = finish_copy_request(*begun, old_place->content_key, new_place->content_key);
  if (!finish) return with_context(std::move(finish).error(), url);
  finish->set_new_bucket(to.bucket);
  finish->set_new_encrypted_object_key(new_place->encrypted);
  if (options.replaces_metadata()) {
    if (auto status = replace_metadata(original, *old_place, *new_place, options, *finish); !status) {
      return with_context(status.error(), url);
    }
  }
  const pb::FinishCopyObjectRequest sent = *finish;
  auto finished = session.metainfo->traced_call<pb::FinishCopyObjectResponse>(
      "FinishCopyObject", std::move(*finish), copying(flow::Question::kTraceable),
      object_url(to.bucket, to.key),
      [&](const std::stop_token& stop) { return find_copy(session, to, sent, stop); }, context.stop);
  if (!finished) return std::move(finished).error();
  if (!*finished) return {};
  const auto size = static_cast<uint64_t>(std::max<int64_t>((*finished)->object().plain_size(), 0));
  context.counters->bytes_total.fetch_add(size, std::memory_order_relaxed);
  context.counters->bytes_done.fetch_add(size, std::memory_order_relaxed);
  return {};
}

transfer::GroupVerdict verdict(const Error& error) {
  if (error.cause == kRpcTooManyRequests) return transfer::GroupVerdict::kTooOften;
  return transfer::GroupVerdict::kAll;
}

}  // namespace

Status copy_object(const Session& session, const ObjectName& from, const ObjectName& to,
                   const ObjectOptions& options, transfer::GroupSize& pace,
                   const transfer::Context& context) {
  if (options.expires) {
    return make_error(Errc::kUnsupported,
                      object_url(from.bucket, from.key) + ": a copy has the expiry of its original");
  }
  Status outcome;
  auto calls = transfer::real_time_calls(context.stop);
  calls.attempt = [&](size_t, size_t) -> transfer::GroupReply {
    const Status copied = copy_once(session, from, to, options, context);
    if (copied) return {};
    return {copied, verdict(copied.error())};
  };
  calls.result = [&](size_t, const Status& status) { outcome = status; };
  transfer::run_group(1, pace, calls);
  return outcome;
}

}  // namespace sjcp::storj
