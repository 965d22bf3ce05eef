// Typed calls to a satellite's Metainfo service: header, batches with zstd, retries, error mapping.
//
// Retry rule (protocol notes 9.4): a call is repeated after a socket error only when repeating is harmless,
// never after an EOF in the middle of a reply, never after a status - except for the rate limit, which the
// satellite applies before doing anything.  Back-off doubles from 100 ms to 3 s.
//
// Threads: any.
#pragma once

#include <stop_token>
#include <string>

#include "core/access/macaroon.h"
#include "core/base/result.h"
#include "net/drpc/connection.h"
#include "net/storj/status.h"
#include "net/storj/wire/metainfo.pb.h"

namespace sjcp::storj {

enum class Repeat : uint8_t {
  kSafe,      // reads, and what the satellite does the same way twice
  kNever,     // begin, commit, delete: the outcome of a broken call is unknown
  kByCaller,  // as kNever, and not after a refusal for the rate of requests either: the caller sees to both
};

class MetainfoClient {
 public:
  // pool must outlive the client.
  MetainfoClient(drpc::Pool& pool, drpc::Peer satellite, access::Macaroon key, std::string user_agent);

  // All items in one CompressedBatch, answered in order.  The first failing item's error is the batch's;
  // `object` names what it is about.
  Result<pb::BatchResponse> batch(pb::BatchRequest request, Repeat repeat, const std::string& object,
                                  const std::stop_token& stop, const drpc::CallOptions& limits = {});

  // A direct call of "/metainfo.Metainfo/<method>".
  template <class Response, class Request>
  Result<Response> call(std::string_view method, Request request, Repeat repeat, const std::string& object,
                        const std::stop_token& stop, const drpc::CallOptions& limits = {}) {
    fill_header(*request.mutable_header());
    auto reply = roundtrip(method, request.SerializeAsString(), repeat, object, stop, limits);
    if (!reply) return std::move(reply).error();
    Response response;
    if (!response.ParseFromString(*reply)) return malformed(object);
    return response;
  }

  const drpc::Peer& satellite() const { return satellite_; }

 private:
  void fill_header(pb::RequestHeader& header) const;
  Result<std::string> roundtrip(std::string_view method, const std::string& request, Repeat repeat,
                                const std::string& object, const std::stop_token& stop,
                                const drpc::CallOptions& limits);
  static Error malformed(const std::string& object);
  Error explain(const drpc::RpcError& error, const std::string& object) const;

  drpc::Pool& pool_;
  drpc::Peer satellite_;
  access::Macaroon key_;
  std::string api_key_;  // key_ as it goes into every header
  std::string user_agent_;
};

}  // namespace sjcp::storj
