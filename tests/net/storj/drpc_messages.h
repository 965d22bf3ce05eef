// The messages that a client machine wants to send, taken out of its output.
#pragma once

#include <string>
#include <vector>

#include "net/drpc/client_machine.h"
#include "net/drpc/frame.h"
#include "tests/support/catch.h"

namespace sjcp::test {

template <class Message>
std::vector<Message> sent_messages(drpc::ClientMachine& machine) {
  std::vector<Message> out;
  const std::string bytes = machine.output().str();
  machine.consume_output(bytes.size());
  ByteView input(bytes);
  drpc::FrameParser parser;
  drpc::FrameParser::Part part;
  std::string body;
  for (;;) {
    const auto more = parser.next(input, part);
    REQUIRE(more);
    if (!*more) return out;
    if (part.header.kind != static_cast<uint8_t>(drpc::Kind::kMessage)) continue;
    body += part.data.text();
    if (part.ends && part.header.done) {
      REQUIRE(out.emplace_back().ParseFromString(body));
      body.clear();
    }
  }
}

// A packet of stream 1, as a node sends it.
inline void add_packet(std::string& out, drpc::Kind kind, uint64_t message, const std::string& data) {
  drpc::FrameHeader header;
  header.stream = 1;
  header.message = message;
  header.length = data.size();
  header.kind = static_cast<uint8_t>(kind);
  header.done = true;
  out += drpc::frame_header(header) + data;
}

}  // namespace sjcp::test
