// The XML that S3 services answer with, and that two requests carry.  Pure functions of bytes.
//
// Services name roots as they like, so what counts are the children; an <Error> is never taken for what was
// asked for.  Blanks around numbers, times and names of the protocol's own are passed over; a number that is
// none is an error and never 0.
// Errors: kProtocol without an object's name: the caller adds it; what the service says in an <Error>, as
// to_error() has it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/transfer/content.h"
#include "core/transfer/store.h"
#include "net/s3/credentials.h"
#include "net/s3/error.h"

namespace sjcp::s3 {

struct Page {
  std::vector<transfer::ObjectItem> items;  // objects and prefixes in the order of their keys
  // What the next page is asked with; empty: this is the last.
  std::map<std::string, std::string> next;
};

// A page of objects without prefixes, while it comes.  Takes time and memory in proportion to what comes.
class ObjectList {
 public:
  // Bytes of a page at most, of one object in it, and besides objects.
  static constexpr size_t kMostPage = 1u << 30;
  static constexpr size_t kMostObject = 1u << 20;
  static constexpr size_t kMostRest = 4u << 20;

  // The objects that are whole now, in order.  Some services say only at the end of a page whether its keys
  // are encoded: from the first key on for which that makes a difference, objects come with finish().
  // kProtocol: what is none, and what is too long.
  Result<std::vector<transfer::ObjectItem>> add(std::string_view more);
  // All of the body was added.  The objects that are left.
  Result<Page> finish();

 private:
  Result<std::string> take_whole();
  bool add_rest(std::string_view text);

  std::string open_;      // from the first object on that is not whole, or what may be its first bytes
  size_t searched_ = 0;   // of it, in which no object ends
  std::string rest_;      // the body without the objects that were taken
  bool encoded_ = false;  // it says so
  size_t size_ = 0;       // of the body
  std::vector<transfer::ObjectItem> plain_;  // held back, with keys as they came
  std::string last_key_;                     // of those that were given
};

struct StoredPart {
  unsigned number = 0;
  uint64_t size = 0;     // kUnknownSize: not told
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
// A size that is not told is kUnknownSize.  Of a page of the first version of listings, which may not say
// where the next begins, that is behind its last key.
Result<Page> parse_objects(std::string_view body);
Result<Page> parse_uploads(std::string_view body);
// checksum: the element that holds it, "ChecksumCRC64NVME".
Result<PartPage> parse_parts(std::string_view body, const std::string& checksum);
Result<std::string> parse_upload_id(std::string_view body);
// The ETag of a copied object or part, or of a completed upload; empty where the service tells none.
Result<std::string> parse_etag(std::string_view body);
// The keys that were not deleted, and why.
Result<std::map<std::string, ServiceError>> parse_deleted(std::string_view body);
Result<TimedKeys> parse_assumed_role(std::string_view body);

// Whether XML can carry the key: it knows no control characters but tab and line ends, and no bytes that are
// not UTF-8.
bool fits_xml(std::string_view key);
std::string delete_request(const std::vector<std::string>& keys);
std::string complete_request(const std::vector<StoredPart>& parts, const std::string& checksum);
std::string create_bucket_request(const std::string& region);

// Undoes encoding-type=url: %XX, and '+' for a blank.
std::string url_decoded(std::string_view text);

}  // namespace sjcp::s3
