// Objects and segments as the satellite's answers show them.
#pragma once

#include <string>

#include "net/storj/wire/metainfo.pb.h"
#include "tests/network/satellite_state.h"

namespace sjcp::network {

// The record of a committed or just deleted object, with the stream metadata filled in for readers.
pb::Object object_reply(const SatelliteState& state, const Object& object, const Credentials& credentials);

// What a listing shows of each object.
struct ListIncludes {
  bool system = true;
  bool custom = true;
  bool etag = true;
  bool etag_or_custom = false;
  bool checksum = true;
  bool legacy_stream_meta = true;
  bool object_version = false;
};
pb::ObjectListItem list_item(const SatelliteState& state, const ListEntry& entry,
                             const ListIncludes& includes);

// 16 bytes that name a version of an object.
std::string object_version(const StreamKey& stream);

UserData user_data_of(const std::string& metadata, const std::string& nonce, const std::string& key,
                      const std::string& etag, int32_t checksum_algorithm, bool composite,
                      const std::string& checksum);
// Sizes of metadata and key.
Check check_metadata_size(const SatelliteState& state, const UserData& data);
// whole: the object ends with this, so that an algorithm needs its value.
Check check_checksum(const SatelliteState& state, const UserData& data, bool whole);

// A nonce as the network always sends it: zero when there is none.
std::string nonce_or_zero(const std::string& nonce);

void set_redundancy(pb::RedundancyScheme& out, const Redundancy& redundancy);
Redundancy redundancy_of(const pb::RedundancyScheme& scheme);
void set_position(pb::SegmentPosition& out, const SegmentPosition& position);
SegmentPosition position_of(const pb::SegmentPosition& position);
pb::SegmentListItem segment_list_item(const Segment& segment);

// Plain bytes [begin, limit) of an object; nullopt for the whole.
struct PlainRange {
  int64_t begin = 0;
  int64_t limit = 0;
};

// The answer that lets a client read one segment, or the part of it inside `range`.
Outcome<pb::DownloadSegmentResponse> segment_download(SatelliteState& state, const Segment& segment,
                                                      const Encryption& encryption,
                                                      const std::optional<PlainRange>& range, bool trim_limit,
                                                      int32_t desired_nodes);

// Most bytes that a client needs of each piece to read `range` of the segment.
int64_t piece_bytes_for_range(const Segment& segment, const Encryption& encryption,
                              const std::optional<PlainRange>& range);

}  // namespace sjcp::network
