// What a satellite tells of an object (DownloadObjectResponse), and order limits: segments are the object
// without gap or overlap, whatever sizes and offsets it claims.
#include "core/access/grant.h"
#include "core/transfer/context.h"
#include "net/storj/codes.h"
#include "net/storj/object_copy.h"
#include "net/storj/object_source.h"
#include "net/storj/order_signing.h"
#include "net/storj/wire/metainfo.pb.h"
#include "tests/fuzz/require.h"

using namespace sjcp;
using fuzz::require;

namespace {

void check_object(const pb::DownloadObjectResponse& response) {
  storj::Session session;
  session.grant.store.default_key = crypto::Key();
  session.grant.store.default_path_cipher = crypto::CipherSuite::kNull;
  transfer::Counters counters;
  transfer::Context context;
  context.counters = &counters;
  storj::ObjectSource source(
      session, "bucket", "key", [&](const auto&) -> Result<pb::DownloadObjectResponse> {
        auto copy = response;
        copy.mutable_segment_list()->set_more(false);  // there is nobody to ask for more
        return copy;
      });
  const auto info = source.open({}, context);
  if (!info) return;
  uint64_t at = info->range.begin;
  for (const auto& segment : source.segments()) {
    require(segment.bytes.begin == at && segment.bytes.begin < segment.bytes.end);
    at = segment.bytes.end;
  }
  require(at == info->range.end && info->range.end == info->size);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int length = static_cast<int>(size);
  if (pb::DownloadObjectResponse response; response.ParseFromArray(data, length)) check_object(response);
  if (pb::OrderLimit limit; limit.ParseFromArray(data, length)) {
    (void)storj::signing_bytes(limit);
    const auto order =
        storj::make_order(limit, limit.limit(), *crypto::Ed25519Key::from_private(std::string(32, 7)));
    require(order.serial_number() == limit.serial_number());
  }
  if (pb::RedundancyScheme scheme; scheme.ParseFromArray(data, length)) (void)storj::redundancy_of(scheme);
  if (pb::BeginCopyObjectResponse begun; begun.ParseFromArray(data, length)) {
    (void)storj::finish_copy_request(begun, crypto::Key(), crypto::Key());
  }
  return 0;
}
