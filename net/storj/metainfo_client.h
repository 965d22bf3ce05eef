// Typed calls to a satellite's Metainfo service: header, batches with zstd, what is asked again, error
// mapping.
//
// Whether a question is asked again is flow::retry.h's to say, from the fault of its error and the kind of
// the question:
//
//   kSafe       reads; what the satellite does the same way twice: segments of a stream, removing
//   kTraceable  what begins or makes something: after a lost answer its Look asks whether it was done
//   kOnce       nobody's
//
// A question that gets a byte at least every `silence` goes on; each try is bounded by CallLimits.
//
// Threads: any.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "core/access/macaroon.h"
#include "core/base/result.h"
#include "core/flow/repeats.h"
#include "net/drpc/connection.h"
#include "net/storj/status.h"
#include "net/storj/wire/metainfo.pb.h"

namespace sjcp::storj {

// What a look at the satellite shows of a request whose answer was lost.
enum class Trace : uint8_t {
  kDone,     // it was done, and by us
  kNotDone,  // it was not, or is not there any more: it may be sent again
  kUnknown,  // that cannot be seen
};
using Look = std::function<Trace(const std::stop_token&)>;

// How a question is asked.
struct Asking {
  // What it takes the satellite to answer most questions, by far; and those that work on many things.
  static constexpr std::chrono::seconds kSmall{30};
  static constexpr std::chrono::seconds kLarge{60};
  // Emptying a bucket has no measure.
  static constexpr std::chrono::seconds kEndless{600};

  flow::Question question = flow::Question::kSafe;
  std::chrono::milliseconds silence = kSmall;
  bool waits_for_rate = true;  // false: the caller keeps the pace, and sees every refusal for it
  // Set: asked once, and given up after that long, dialling included: what is said when all is over.
  std::optional<std::chrono::milliseconds> at_most = std::nullopt;

  static Asking large(flow::Question question = flow::Question::kSafe) { return {question, kLarge}; }
};

class MetainfoClient {
 public:
  // pool and waits must outlive the client.
  MetainfoClient(drpc::Pool& pool, flow::Waits& waits, drpc::Peer satellite, access::Macaroon key,
                 std::string user_agent);

  // All items in one CompressedBatch, answered in order.  The first failing item's error is the batch's;
  // `object` names what it is about.
  Result<pb::BatchResponse> batch(pb::BatchRequest request, const Asking& asking, const std::string& object,
                                  const std::stop_token& stop);
  // The same of a batch that must not be done twice unseen.  Nothing: the answer was lost, and the look found
  // that it was done.  After a lost answer a refusal is looked into, too: it may be that of the second try.
  Result<std::optional<pb::BatchResponse>> traced_batch(pb::BatchRequest request, const Asking& asking,
                                                        const std::string& object, const Look& look,
                                                        const std::stop_token& stop);

  // A direct call of "/metainfo.Metainfo/<method>".
  template <class Response, class Request>
  Result<Response> call(std::string_view method, Request request, const Asking& asking,
                        const std::string& object, const std::stop_token& stop) {
    auto reply = traced_call<Response>(method, std::move(request), asking, object, nullptr, stop);
    if (!reply) return std::move(reply).error();
    return *std::move(*reply);
  }
  // As traced_batch().
  template <class Response, class Request>
  Result<std::optional<Response>> traced_call(std::string_view method, Request request, const Asking& asking,
                                              const std::string& object, const Look& look,
                                              const std::stop_token& stop) {
    fill_header(*request.mutable_header());
    auto reply = ask(method, request.SerializeAsString(), asking, object, look, stop);
    if (!reply) return std::move(reply).error();
    if (!*reply) return std::optional<Response>();
    Response response;
    if (!response.ParseFromString(**reply)) return malformed(object);
    return std::optional<Response>(std::move(response));
  }

  const drpc::Peer& satellite() const { return satellite_; }

 private:
  void fill_header(pb::RequestHeader& header) const;
  Result<std::optional<std::string>> ask(std::string_view method, const std::string& request,
                                         const Asking& asking, const std::string& object, const Look& look,
                                         const std::stop_token& stop);
  Result<std::string> ask_once(const std::string& rpc, const std::string& request, const Asking& asking,
                               const std::stop_token& stop);
  static Error malformed(const std::string& object);
  Error explain(const drpc::RpcError& error) const;

  drpc::Pool& pool_;
  flow::Waits& waits_;
  drpc::Peer satellite_;
  access::Macaroon key_;
  std::string api_key_;  // key_ as it goes into every header
  std::string user_agent_;
};

}  // namespace sjcp::storj
