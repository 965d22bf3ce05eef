// Calls that end with a status, whatever the client sends.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tests/network/rpc.h"
#include "tests/network/service.h"

namespace sjcp::network {

class FailedCall : public Call {
 public:
  explicit FailedCall(RpcFailure status) : status_(std::move(status)) {}

  void on_message(ByteView, drpc::ServerMachine& out) override { out.error(status_.code, status_.text); }
  void on_close_send(drpc::ServerMachine& out) override { out.error(status_.code, status_.text); }
  bool pump(drpc::ServerMachine& out, uint64_t) override {
    out.error(status_.code, status_.text);
    return false;
  }

 private:
  const RpcFailure status_;
};

inline std::unique_ptr<Call> unknown_call(std::string_view rpc) {
  return std::make_unique<FailedCall>(
      failure(code::kUnknown, "protocol error: unknown rpc: \"" + std::string(rpc) + "\""));
}

}  // namespace sjcp::network
