// Handlers that write down what happens, and feeding in fragments.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "net/drpc/client_machine.h"
#include "net/drpc/server_machine.h"

namespace sjcp::test {

// Messages are joined and recorded when they end.
class ClientRecorder : public drpc::StreamHandler {
 public:
  std::vector<std::string> events;
  std::string partial;
  Status answer;  // what on_message_data returns

  Status on_message_data(ByteView data, bool last) override {
    partial.append(data.text());
    if (last) events.push_back("message " + to_hex(partial));
    if (last) partial.clear();
    return answer;
  }
  void on_end() override { events.emplace_back("end"); }
  void on_error(drpc::RpcError error) override {
    events.push_back("error " + std::to_string(error.code) + " " + error.text);
  }
};

class ServerRecorder : public drpc::ServerHandler {
 public:
  std::vector<std::string> events;
  std::string partial;

  Status on_invoke(uint64_t stream, std::string_view rpc) override {
    partial.clear();
    events.push_back("invoke " + std::to_string(stream) + " " + std::string(rpc));
    return {};
  }
  Status on_message_data(ByteView data, bool last) override {
    partial.append(data.text());
    if (last) events.push_back("message " + to_hex(partial));
    if (last) partial.clear();
    return {};
  }
  Status on_close_send() override {
    events.emplace_back("close_send");
    return {};
  }
  void on_end(drpc::StreamEnd how) override {
    constexpr const char* kNames[] = {"closed", "cancelled", "superseded"};
    events.emplace_back(kNames[static_cast<size_t>(how)]);
  }
};

// Gives `bytes` to machine.receive() in pieces of `fragment` bytes.
template <class Machine, class Handler>
Status feed(Machine& machine, Handler& handler, ByteView bytes, size_t fragment) {
  while (!bytes.empty()) {
    const size_t n = std::min(fragment, bytes.size());
    if (Status status = machine.receive(bytes.sub(0, n), handler); !status) return status;
    bytes = bytes.sub(n);
  }
  return {};
}

template <class Machine>
std::string take_output(Machine& machine) {
  std::string bytes = machine.output().str();
  machine.consume_output(bytes.size());
  return bytes;
}

// One frame from its fields.
inline std::string frame(drpc::Kind kind, uint64_t stream, uint64_t message, std::string_view data,
                         bool done = true, bool control = false) {
  return drpc::frame_header({stream, message, data.size(), static_cast<uint8_t>(kind), done, control}) +
         std::string(data);
}

}  // namespace sjcp::test
