#include "net/drpc/frame.h"

#include "tests/net/drpc/recorders.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace sjcp;
using namespace sjcp::drpc;
using sjcp::test::frame;
using sjcp::test::unhex;

namespace {

// All packets in bytes fed in fragments, as "stream.kind[!] data"; or the error.
std::vector<std::string> packets(ByteView bytes, size_t fragment, std::string* error = nullptr) {
  PacketParser parser;
  std::vector<std::string> found;
  std::string body;
  while (!bytes.empty()) {
    ByteView input = bytes.sub(0, std::min(fragment, bytes.size()));
    bytes = bytes.sub(input.size());
    PacketParser::Part part;
    while (true) {
      Result<bool> ready = parser.next(input, part);
      if (!ready) {
        if (error != nullptr) *error = ready.error().what;
        return found;
      }
      if (!*ready) break;
      if (part.begins) body.clear();
      body.append(part.data.text());
      if (part.ends) {
        found.push_back(std::to_string(part.stream) + "." + std::to_string(part.kind) +
                        (part.control ? "! " : " ") + body);
      }
    }
  }
  return found;
}

std::string parse_failure(ByteView bytes) {
  std::string error;
  packets(bytes, bytes.size(), &error);
  return error;
}

}  // namespace

TEST_CASE("frames of the network's own library are written and read to the bit") {
  const auto vectors = test::load_vectors("drpc.json");
  REQUIRE(vectors["frames"].size() > 3);
  for (const auto& expected : vectors["frames"]) {
    const std::string bytes = unhex(expected["frame_hex"]);
    const std::string data = unhex(expected["data_hex"]);
    const std::string header = frame_header({expected["stream"], expected["message"], data.size(),
                                             expected["kind"], expected["done"], expected["control"]});
    CHECK(to_hex(header + data) == to_hex(bytes));

    for (const size_t fragment : {bytes.size(), size_t{1}, size_t{3}}) {
      FrameParser parser;
      FrameParser::Part part;
      std::string body;
      int begins = 0;
      int ends = 0;
      for (size_t at = 0; at < bytes.size(); at += fragment) {
        ByteView input = ByteView(bytes).sub(at, std::min(fragment, bytes.size() - at));
        while (true) {
          auto ready = parser.next(input, part);
          REQUIRE(ready);
          if (!*ready) break;
          begins += part.begins;
          ends += part.ends;
          body.append(part.data.text());
          CHECK(part.header.stream == expected["stream"].get<uint64_t>());
          CHECK(part.header.message == expected["message"].get<uint64_t>());
          CHECK(part.header.kind == expected["kind"].get<int>());
          CHECK(part.header.done == expected["done"].get<bool>());
          CHECK(part.header.control == expected["control"].get<bool>());
        }
        CHECK(parser.mid_frame() == (at + fragment < bytes.size()));
      }
      CHECK(begins == 1);
      CHECK(ends == 1);
      CHECK(body == data);
    }
  }
}

TEST_CASE("the preamble is the network's") {
  CHECK(to_hex(kPreamble) == test::load_vectors("drpc.json")["mux_header_hex"].get<std::string>());
}

TEST_CASE("a packet is cut into frames of the given size and joined again") {
  std::string body;
  for (int i = 0; i < 1000; ++i) body.push_back(static_cast<char>(i * 7));
  for (const size_t size : std::initializer_list<size_t>{1, 99, 100, 999, 1000, 1001}) {
    OutputBuffer buffer;
    append_packet(
        buffer, 5, 9, Kind::kMessage, false,
        {ByteView(body).sub(0, 10), ByteView(), ByteView(body).sub(10, 300), ByteView(body).sub(310)}, size);
    const std::string out = buffer.view().str();
    const size_t frames = (body.size() + size - 1) / size;
    CHECK(out.size() > body.size() + 4 * frames - 1);
    for (const size_t fragment : {size_t{1}, size_t{7}, out.size()}) {
      CHECK(packets(out, fragment) == std::vector<std::string>{"5.2 " + body});
    }
  }
}

TEST_CASE("an empty packet is one empty frame") {
  OutputBuffer out;
  append_packet(out, 1, 3, Kind::kCloseSend, false, {});
  CHECK(to_hex(out.view()) == "0d010300");
  out.consume(out.size());
  append_packet(out, 1, 3, Kind::kMessage, false, {ByteView(), ByteView()});
  CHECK(to_hex(out.view()) == "05010300");
}

TEST_CASE("a frame with a larger id discards an unfinished packet") {
  const std::string same_stream =
      frame(Kind::kMessage, 1, 1, "half", false) + frame(Kind::kError, 1, 2, "whole");
  CHECK(packets(same_stream, 1) == std::vector<std::string>{"1.3 whole"});
  const std::string next_stream =
      frame(Kind::kMessage, 1, 1, "half", false) + frame(Kind::kMessage, 2, 1, "whole");
  CHECK(packets(next_stream, 1) == std::vector<std::string>{"2.2 whole"});
}

TEST_CASE("ids that go down end the connection") {
  CHECK(parse_failure(frame(Kind::kMessage, 2, 1, "a") + frame(Kind::kMessage, 1, 9, "b")) ==
        "DRPC frame 1.9 after a later one");
  CHECK(parse_failure(frame(Kind::kMessage, 1, 2, "a") + frame(Kind::kMessage, 1, 1, "b")) != "");
  // The id of a finished packet does not come again.
  CHECK(parse_failure(frame(Kind::kMessage, 1, 2, "a") + frame(Kind::kMessage, 1, 2, "b")) != "");
  CHECK(parse_failure(frame(Kind::kMessage, 0, 1, "a")) != "");
  CHECK(parse_failure(frame(Kind::kMessage, 1, 0, "a")) != "");
  CHECK(parse_failure(frame(Kind::kMessage, 1, 1, "a") + frame(Kind::kMessage, 1, 5, "b")).empty());
}

TEST_CASE("a kind that changes inside a packet ends the connection") {
  CHECK(parse_failure(frame(Kind::kMessage, 1, 1, "a", false) + frame(Kind::kError, 1, 1, "b")) ==
        "DRPC packet 1.1 changes its kind");
}

TEST_CASE("one control frame makes the whole packet a control packet") {
  const std::string bytes = frame(Kind::kMessage, 1, 1, "a", false, true) + frame(Kind::kMessage, 1, 1, "b");
  CHECK(packets(bytes, 1) == std::vector<std::string>{"1.2! ab"});
}

TEST_CASE("a packet may have 4 MiB and not a byte more") {
  const std::string half(kMaxPacketSize / 2, 'x');
  const std::string two = frame(Kind::kMessage, 1, 1, half, false) + frame(Kind::kMessage, 1, 1, half, false);
  CHECK(packets(two + frame(Kind::kMessage, 1, 1, ""), 5000).size() == 1);
  CHECK(parse_failure(two + frame(Kind::kMessage, 1, 1, "y")) == "DRPC packet of more than 4194304 bytes");
  CHECK(parse_failure(frame_header({1, 1, kMaxPacketSize + 1, 2, true, false})) ==
        "DRPC frame of 4194305 bytes");
}

TEST_CASE("an integer over 64 bits ends the connection, one of 64 bits does not") {
  const std::string ones(9, '\xff');
  CHECK(parse_failure("\x05" + ones + "\x01" + std::string("\x01\x00", 2)).empty());
  CHECK(parse_failure("\x05" + ones + "\x02") == "DRPC frame with an integer over 64 bits");
  CHECK(parse_failure("\x05" + ones + "\x81\x01") == "DRPC frame with an integer over 64 bits");
}
