#include "tests/network/satellite_calls.h"

#include "tests/network/unknown_call.h"

namespace sjcp::network {
namespace {

constexpr std::string_view kService = "/metainfo.Metainfo/";

class UnaryCall : public Call {
 public:
  UnaryCall(Metainfo& metainfo, std::string method) : metainfo_(metainfo), method_(std::move(method)) {}

  void on_message(ByteView whole, drpc::ServerMachine& out) override {
    if (std::exchange(answered_, true)) return;
    CallResult result = metainfo_.call(method_, whole);
    if (result.silent) return;
    if (result.drop) {
      drop_ = true;
    } else if (result.failed) {
      out.error(result.failed->code, result.failed->text);
    } else {
      out.message(result.reply);
      out.close_send();
    }
  }
  void on_close_send(drpc::ServerMachine& out) override {
    if (!answered_) out.error(code::kUnknown, "EOF");
  }
  bool drops_connection() const override { return drop_; }

 private:
  Metainfo& metainfo_;
  const std::string method_;
  bool answered_ = false;
  bool drop_ = false;
};

}  // namespace

std::unique_ptr<Call> SatelliteService::open(std::string_view rpc) {
  if (!rpc.starts_with(kService)) return unknown_call(rpc);
  return std::make_unique<UnaryCall>(metainfo_, std::string(rpc.substr(kService.size())));
}

}  // namespace sjcp::network
