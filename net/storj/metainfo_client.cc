#include "net/storj/metainfo_client.h"

#include <zstd.h>

#include <algorithm>
#include <cerrno>

#include "core/access/caveat.h"
#include "core/base/clock.h"
#include "core/base/wait.h"

namespace sjcp::storj {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kService = "/metainfo.Metainfo/";
constexpr int32_t kZstd = 1;
// What the reference client allows a reply to unpack to.
constexpr size_t kMaxUnpacked = 64 << 20;
constexpr auto kFirstDelay = 100ms;
constexpr auto kLastDelay = 3000ms;

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

MetainfoClient::MetainfoClient(drpc::Pool& pool, drpc::Peer satellite, access::Macaroon key,
                               std::string user_agent)
    : pool_(pool),
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
Error MetainfoClient::explain(const drpc::RpcError& error, const std::string& object) const {
  Error explained = satellite_error(error, object);
  if (explained.code != Errc::kDenied) return explained;
  auto dates = access::check(key_, {access::Op::kProjectInfo, {}, {}, system_clock().wall_now()});
  if (!dates && dates.error().code == Errc::kDenied) explained.what = object + ": " + dates.error().what;
  return explained;
}

Result<pb::BatchResponse> MetainfoClient::batch(pb::BatchRequest request, Repeat repeat,
                                                const std::string& object, const std::stop_token& stop,
                                                const drpc::CallOptions& limits) {
  fill_header(*request.mutable_header());
  pb::CompressedBatchRequest packed;
  packed.add_supported(kZstd);
  packed.set_data(request.SerializeAsString());
  auto reply = roundtrip("CompressedBatch", packed.SerializeAsString(), repeat, object, stop, limits);
  if (!reply) return std::move(reply).error();
  pb::CompressedBatchResponse compressed;
  if (!compressed.ParseFromString(*reply)) return malformed(object);
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
  return response;
}

Result<std::string> MetainfoClient::roundtrip(std::string_view method, const std::string& request,
                                              Repeat repeat, const std::string& object,
                                              const std::stop_token& stop, const drpc::CallOptions& limits) {
  std::string rpc = std::string(kService) + std::string(method);
  drpc::CallOptions call_options = limits;
  call_options.repeatable = repeat == Repeat::kSafe;
  auto delay = std::chrono::milliseconds(kFirstDelay);
  // Attempts that time out must not add up to many times the limit.
  auto last_begin = std::chrono::steady_clock::now() + limits.call_limit;
  for (;;) {
    auto reply = drpc::call(pool_, satellite_, rpc, request, call_options, stop);
    bool again = false;
    Error error;
    if (reply && reply->ok) return std::move(reply->message);
    if (reply) {
      again = is_rate_limit(reply->error) && repeat != Repeat::kByCaller;
      error = explain(reply->error, object);
    } else {
      error = with_context(reply.error(), object);
      // cause is an errno; without one the connection ended in the middle of the reply.
      bool refused = error.cause == ECONNREFUSED;
      again = error.code == Errc::kNetwork && error.cause != 0 && (refused || repeat == Repeat::kSafe);
    }
    if (!again || delay > kLastDelay || std::chrono::steady_clock::now() >= last_begin) return error;
    if (!wait_unless_stopped(delay, stop)) return make_error(Errc::kCancelled, object + ": interrupted");
    delay *= 2;
  }
}

}  // namespace sjcp::storj
