// Seals what the satellite hands out as stream ids and segment ids, so that it can trust them when they come
// back.
//
//   token = HMAC-SHA256(key, kind || message) || message
//
// Threads: const methods from any thread.
#pragma once

#include <string>

#include "tests/network/metabase.h"
#include "tests/network/rpc.h"
#include "tests/network/wire/tokens.pb.h"

namespace sjcp::network {

class Tokens {
 public:
  Tokens();

  std::string seal(const pb::StreamToken& token) const;
  std::string seal(const pb::SegmentToken& token) const;
  // kInvalidArgument for anything but what seal() gave.
  Outcome<pb::StreamToken> open_stream(const std::string& sealed) const;
  Outcome<pb::SegmentToken> open_segment(const std::string& sealed) const;

 private:
  std::string mac(char kind, ByteView message) const;
  std::string seal(char kind, const std::string& message) const;
  bool open(char kind, ByteView sealed, ByteView& message) const;

  std::string key_;
};

pb::StreamToken stream_token(const Object& object);
StreamKey stream_key(const pb::StreamToken& token);

}  // namespace sjcp::network
