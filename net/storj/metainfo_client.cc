#include "net/storj/metainfo_client.h"

#include <zstd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "core/access/caveat.h"
#include "core/base/clock.h"

namespace sjcp::storj {
namespace {

constexpr std::string_view kService = "/metainfo.Metainfo/";
constexpr int32_t kZstd = 1;
// What the reference client allows a reply to unpack to.
constexpr size_t kMaxUnpacked = 64 << 20;

Result<std::string> unpack(const pb::CompressedBatchResponse& response, const std::string& object) {
  if (response.selected() == 0) return response.data();
  auto bad = [&] {
    return make_error(Errc::kProtocol, object + ": the satellite's reply does not decompress");
  };
  if (response.selected() != kZstd) return bad();
  const std::string& packed = response.data();
  std::string out;
  std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  size_t left = 1;
  while (left != 0) {
    size_t used = out.size();
    out.resize(used + std::max<size_t>(ZSTD_DStreamOutSize(), packed.size() * 2));
    ZSTD_outBuffer to{out.data() + used, out.size() - used, 0};
    left = ZSTD_decompressStream(stream.get(), &to, &in);
    if (ZSTD_isError(left) != 0) return bad();
    out.resize(used + to.pos);
    if (out.size() > kMaxUnpacked || (to.pos == 0 && in.pos == in.size && left != 0)) return bad();
  }
  return out;
}

}  // namespace

MetainfoClient::MetainfoClient(drpc::Pool& pool, flow::Waits& waits, drpc::Peer satellite,
                               access::Macaroon key, std::string user_agent)
    : pool_(pool),
      waits_(waits),
      satellite_(std::move(satellite)),
      key_(std::move(key)),
      api_key_(key_.serialize()),
      user_agent_(std::move(user_agent)) {}

void MetainfoClient::fill_header(pb::RequestHeader& header) const {
  header.set_api_key(api_key_);
  header.set_user_agent(user_agent_);
}

Error MetainfoClient::malformed(const std::string& object) {
  return make_error(Errc::kProtocol, object + ": the satellite's reply is malformed");
}

// The satellite's refusal does not say that a grant's time is over, or has not come; the grant itself does.
Error MetainfoClient::explain(const drpc::RpcError& error) const {
  Error explained = satellite_error(error);
  if (explained.code != Errc::kDenied) return explained;
  auto dates = access::check(key_, {access::Op::kProjectInfo, {}, {}, system_clock().wall_now()});
  if (!dates && dates.error().code == Errc::kDenied) explained.what = dates.error().what;
  return explained;
}

Result<pb::BatchResponse> MetainfoClient::batch(pb::BatchRequest request, const Asking& asking,
                                                const std::string& object, const std::stop_token& stop) {
  auto response = traced_batch(std::move(request), asking, object, nullptr, stop);
  if (!response) return std::move(response).error();
  return *std::move(*response);
}

Result<std::optional<pb::BatchResponse>> MetainfoClient::traced_batch(pb::BatchRequest request,
                                                                      const Asking& asking,
                                                                      const std::string& object,
                                                                      const Look& look,
                                                                      const std::stop_token& stop) {
  fill_header(*request.mutable_header());
  pb::CompressedBatchRequest packed;
  packed.add_supported(kZstd);
  packed.set_data(request.SerializeAsString());
  auto reply = ask("CompressedBatch", packed.SerializeAsString(), asking, object, look, stop);
  if (!reply) return std::move(reply).error();
  if (!*reply) return std::optional<pb::BatchResponse>();
  pb::CompressedBatchResponse compressed;
  if (!compressed.ParseFromString(**reply)) return malformed(object);
  auto data = unpack(compressed, object);
  if (!data) return std::move(data).error();
  pb::BatchResponse response;
  if (!response.ParseFromString(*data) || response.responses_size() != request.requests_size()) {
    return malformed(object);
  }
  for (int i = 0; i < response.responses_size(); ++i) {
    // Both oneofs use the same numbers; a reply of another kind would read as empty.
    if (static_cast<int>(response.responses(i).response_case()) !=
        static_cast<int>(request.requests(i).request_case())) {
      return malformed(object);
    }
  }
  return std::optional<pb::BatchResponse>(std::move(response));
}

Result<std::string> MetainfoClient::ask_once(const std::string& rpc, const std::string& request,
                                             const Asking& asking, const std::stop_token& stop) {
  drpc::CallOptions limits;
  limits.silence_limit = asking.silence;
  limits.repeatable = asking.question == flow::Question::kSafe;
  if (asking.at_most) limits.dial_limit = limits.call_limit = *asking.at_most;
  auto reply = drpc::call(pool_, satellite_, rpc, request, limits, stop);
  if (!reply) return std::move(reply).error();
  if (!reply->ok) return explain(reply->error);
  return std::move(reply->message);
}

// Nothing: done, as the look found.
Result<std::optional<std::string>> MetainfoClient::ask(std::string_view method, const std::string& request,
                                                       const Asking& asking, const std::string& object,
                                                       const Look& look, const std::stop_token& stop) {
  const std::string rpc = std::string(kService) + std::string(method);
  flow::Repeats repeats(waits_, satellite_.address);
  bool lost = false;  // the answer to an earlier try
  for (;;) {
    auto reply = ask_once(rpc, request, asking, stop);
    if (reply) {
      repeats.progress();
      return std::optional<std::string>(std::move(*reply));
    }
    Error error = std::move(reply).error();
    const bool by_caller = error.fault == Fault::kBusy && !asking.waits_for_rate;
    if (asking.at_most || by_caller) return with_context(std::move(error), object);
    auto next = repeats.after(error, asking.question, stop);
    if (!next && next.error().code == Errc::kCancelled) return with_context(next.error(), object);
    lost = lost || flow::next_of(error.fault, asking.question) == flow::Next::kLook;
    const bool must_know = !next || *next == flow::Next::kLook;
    const Trace found = look && lost && must_know ? look(stop) : Trace::kNotDone;
    if (found == Trace::kDone) return std::optional<std::string>();
    if (!next) return with_context(next.error(), object);
    if (found == Trace::kUnknown) {
      error.what += "; whether it was done cannot be seen";
      return with_context(std::move(error), object);
    }
  }
}

}  // namespace sjcp::storj
