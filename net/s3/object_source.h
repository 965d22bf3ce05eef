// An object being read: any part of it, by as many requests at a time as the engine likes, all of one
// version.
//
// open() asks for the object itself: a small one is there when it returns, of a larger one only the head is
// taken.  Of an object that a listing described, one below 1 MiB is not asked for again: its fetch is one
// stream, says If-Match and verifies what comes with it.  A larger one is asked for its head (HEAD), since
// what is divided can be verified only by who knows the digest.
//
// Threads and errors: as transfer::Source.  kConflict: the object changed since it was opened.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/transfer/source.h"
#include "core/transfer/store.h"
#include "net/s3/requester.h"

namespace sjcp::s3 {

class ObjectSource final : public transfer::Source {
 public:
  // listed: what a listing told of it.  requester outlives it.
  ObjectSource(Requester& requester, std::string bucket, std::string key,
               std::optional<transfer::ObjectItem> listed);

  Result<transfer::ObjectInfo> open(const transfer::RangeRequest& range,
                                    const transfer::Context& context) override;
  const std::vector<transfer::Segment>& segments() const override { return segments_; }
  bool divisible() const override { return divisible_; }
  uint64_t memory_per_segment() const override;
  Status fetch(const transfer::Segment& segment, transfer::Output& output,
               const transfer::Context& context) override;

 private:
  class Start;
  class Part;

  Result<transfer::ObjectInfo> ask_for_it(const transfer::RangeRequest& range,
                                          const transfer::Context& context);
  Call question(const char* method) const;
  Result<transfer::ObjectInfo> opened(const http::Head& head, bool has_whole, std::string whole,
                                      const transfer::RangeRequest& range);
  Result<transfer::ObjectInfo> found(transfer::ObjectInfo info, const transfer::RangeRequest& range);
  std::optional<transfer::Digest> promised(const http::Head& head, bool& certain) const;
  Call request() const;
  Status fetch_part(transfer::ByteRange rest, transfer::Output& output, uint64_t& position,
                    const transfer::Context& context);

  Requester& requester_;
  const std::string bucket_;
  const std::string key_;
  const std::string url_;
  const std::optional<transfer::ObjectItem> listed_;
  flow::RetryBudget budget_;  // of the fetches

  std::vector<transfer::Segment> segments_;
  uint64_t size_ = 0;
  std::string etag_;   // with its quotes; empty: none
  std::string whole_;  // all of a small object
  bool has_whole_ = false;
  bool divisible_ = true;
  bool digests_known_ = false;  // and so verified by who asked for the object
};

}  // namespace sjcp::s3
