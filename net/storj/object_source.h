// A stored object as a transfer::Source: one request finds it, each segment is a race or an inline box.
//
// Threads: as transfer::Source says.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/crypto/key.h"
#include "core/segment/layout.h"
#include "core/segment/segment_decoder.h"
#include "core/transfer/source.h"
#include "net/storj/offer_shelf.h"
#include "net/storj/session.h"

namespace sjcp::storj {

class ObjectSource final : public transfer::Source {
 public:
  // Brings the satellite's answer for the whole object: how objects are asked for together.
  using Finder = std::function<Result<pb::DownloadObjectResponse>(const transfer::Context&)>;

  // session must outlive the source.  Without a finder it asks by itself.
  ObjectSource(const Session& session, std::string bucket, std::string key, Finder find = {});
  ~ObjectSource() override;

  Result<transfer::ObjectInfo> open(const transfer::RangeRequest& range,
                                    const transfer::Context& context) override;
  const std::vector<transfer::Segment>& segments() const override { return segments_; }
  void expect(std::span<const transfer::Segment> next) override;
  uint64_t memory_per_segment() const override;
  Status fetch(const transfer::Segment& segment, transfer::Output& output,
               const transfer::Context& context) override;

 private:
  // A segment of the object as stored.
  struct Stored {
    segment::Position position;
    segment::ByteRange bytes;  // plain, within the object
  };
  struct Attempt;

  Result<pb::DownloadObjectResponse> request_object(const transfer::RangeRequest& range,
                                                    const transfer::Context& context);
  Status read_object(const pb::Object& object);
  Status add_segments(const pb::ListSegmentsResponse& list);
  Status list_rest(pb::ListSegmentsResponse list, const std::stop_token& stop);
  Status add_stored(const pb::SegmentPosition& position, int64_t plain_offset, int64_t plain_size);
  Status cut_to_range(segment::ByteRange range);
  void keep_first(Offer first);
  Result<std::vector<Offer>> ask(std::span<const OfferShelf::Wanted> wanted, const std::stop_token& stop);
  Status fetch_inline(const pb::DownloadSegmentResponse& offer, Attempt& attempt);
  Status fetch_remote(const Offer& shared_offer, Attempt& attempt);
  Result<crypto::Key> segment_key(const pb::DownloadSegmentResponse& offer) const;

  const Session& session_;
  const std::string bucket_;
  const std::string key_;
  const std::string url_;
  const Finder find_;
  std::string encrypted_key_;
  crypto::Key content_key_;
  std::string stream_id_;
  segment::BlockLayout layout_;
  uint64_t object_size_ = 0;
  int64_t fixed_segment_size_ = 0;  // of migrated objects; 0: the satellite's offsets hold
  int64_t last_segment_size_ = 0;
  int64_t number_of_segments_ = 0;
  std::map<std::string, std::string> metadata_;
  std::optional<uint64_t> crc64_;  // of the whole object, where the satellite keeps it
  std::vector<Stored> stored_;     // by index of segments_
  std::vector<transfer::Segment> segments_;
  segment::Redundancy redundancy_;

  OfferShelf shelf_;  // last: its thread uses the rest
};

}  // namespace sjcp::storj
