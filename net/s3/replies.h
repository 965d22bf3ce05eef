// The XML that S3 services answer with, and that two requests carry.  Pure functions.
// Errors: kProtocol without an object's name: the caller adds it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/transfer/store.h"
#include "net/s3/credentials.h"
#include "net/s3/error.h"

namespace sjcp::s3 {

struct Page {
  std::vector<transfer::ObjectItem> items;  // objects and prefixes in the order of their keys
  // What the next page is asked with; empty: this is the last.
  std::map<std::string, std::string> next;
};

// A page of objects without prefixes, while it comes.
class ObjectList {
 public:
  // The objects that are whole now, in order.  Some services say only at the end of a page whether its keys
  // are encoded: from the first key on for which that makes a difference, objects come with finish().
  // kProtocol: what is none, and more than 64 MiB besides objects.
  Result<std::vector<transfer::ObjectItem>> add(std::string_view more);
  // All of the body was added.  The objects that are left.
  Result<Page> finish();

 private:
  bool is_encoded() const;

  std::string open_;                         // from the first object on that is not whole
  std::string rest_;                         // the body without the objects that were taken
  std::vector<transfer::ObjectItem> plain_;  // held back, with keys as they came
};

struct StoredPart {
  unsigned number = 0;
  uint64_t size = 0;
  std::string etag;      // with its quotes
  std::string checksum;  // base64, of the kind that the upload was begun with; empty: none
};
struct PartPage {
  std::vector<StoredPart> parts;
  std::string next_marker;  // empty: this is the last
};

struct BucketPage {
  std::vector<transfer::BucketItem> buckets;
  std::string next_token;  // empty: this is the last
};

Result<BucketPage> parse_buckets(std::string_view body);
Result<Page> parse_objects(std::string_view body);
Result<Page> parse_uploads(std::string_view body);
// checksum: the element that holds it, "ChecksumCRC64NVME".
Result<PartPage> parse_parts(std::string_view body, const std::string& checksum);
Result<std::string> parse_upload_id(std::string_view body);
// The ETag of a copied object or part, or of a completed upload.  An error of the service, which comes with
// status 200 once it has begun to answer: code in `failed`.
Result<std::string> parse_etag(std::string_view body, std::optional<ServiceError>& failed);
// The keys that were not deleted, and why.
Result<std::map<std::string, ServiceError>> parse_deleted(std::string_view body);
Result<TimedKeys> parse_assumed_role(std::string_view body);

std::string delete_request(const std::vector<std::string>& keys, size_t begin, size_t end);
std::string complete_request(const std::vector<StoredPart>& parts, const std::string& checksum);
std::string create_bucket_request(const std::string& region);

// Undoes encoding-type=url: %XX, and '+' for a blank.
std::string url_decoded(std::string_view text);

}  // namespace sjcp::s3
