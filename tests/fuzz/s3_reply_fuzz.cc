// What else S3 services answer with: bodies, heads, errors and moments.
#include "net/s3/error.h"
#include "net/s3/object_info.h"
#include "net/s3/replies.h"
#include "net/s3/times.h"
#include "tests/fuzz/head.h"

using namespace sjcp;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body = ByteView(data, size).text();
  (void)s3::parse_parts(body, "ChecksumCRC64NVME");
  (void)s3::parse_upload_id(body);
  (void)s3::parse_etag(body);
  (void)s3::parse_deleted(body);
  (void)s3::parse_assumed_role(body);
  require(s3::url_decoded(body).size() <= size);
  if (const auto time = s3::parse_iso_time(body))
    require(s3::parse_iso_time(s3::iso_time(*time)).has_value());
  if (const auto bytes = s3::base64_decoded(body)) require(bytes->size() <= size);

  const http::Head head = fuzz::head_of(body);
  for (const auto& error : {s3::parse_error(body), s3::error_of(head, body)}) {
    (void)s3::remedy_for(error);
    require(!s3::to_error(error, "s3://bucket/key", true).what.empty());
  }
  (void)s3::digests_of(head, true, true);
  (void)s3::md5_in_etag(head);
  (void)s3::content_range(head);
  (void)s3::fits_xml(body);
  (void)s3::modified(head);
  (void)s3::metadata_of(head);
  return 0;
}
