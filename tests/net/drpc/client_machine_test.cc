#include "net/drpc/client_machine.h"

#include <algorithm>

#include "tests/net/drpc/recorders.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace sjcp;
using namespace sjcp::drpc;
using sjcp::test::ClientRecorder;
using sjcp::test::feed;
using sjcp::test::frame;
using sjcp::test::take_output;
using sjcp::test::unhex;
using Events = std::vector<std::string>;

namespace {

constexpr const char* kRpc = "/metainfo.Metainfo/ProjectInfo";

}  // namespace

TEST_CASE("a unary call writes what the network's own client wrote") {
  const auto vectors = test::load_vectors("drpc.json");
  const std::string captured = unhex(vectors["captured_unary_client_bytes_hex"]);
  const std::string request = unhex("7a090a034b455912027561");
  const size_t fragment = GENERATE(size_t{1}, size_t{3}, size_t{1000});
  ClientMachine machine;
  ClientRecorder recorder;
  machine.invoke(kRpc);
  machine.message(request);
  machine.close_send();
  std::string written = take_output(machine);
  REQUIRE(feed(machine, recorder, frame(Kind::kMessage, 1, 1, "\x08\x01"), fragment));
  machine.close();
  written += take_output(machine);
  CHECK(to_hex(written) == to_hex(captured));
  CHECK(recorder.events == Events{"message 0801"});
  CHECK_FALSE(machine.open());
}

TEST_CASE("a message of 9 KB and a cancel have the frames of the network's own client") {
  const auto frames = test::load_vectors(
      "drpc.json")["captured_second_call_with_metadata_9000_byte_user_agent_then_cancel_frames"];
  ClientMachine machine;
  machine.invoke("first");
  machine.close();
  machine.invoke(kRpc);
  const size_t first = frames[2]["len"];
  const size_t second = frames[3]["len"];
  machine.message(std::string(first + second, 'x'));
  machine.close_send();
  machine.cancel();
  const std::string written = take_output(machine);
  ByteView input(written);
  FrameParser parser;
  FrameParser::Part part;
  for (int skipped = 0; skipped < 2; ++skipped) REQUIRE(*parser.next(input, part));  // the first call
  for (size_t i = 1; i < frames.size(); ++i) {  // the captured call began with metadata, which is optional
    INFO(i);
    REQUIRE(*parser.next(input, part));
    CHECK(part.header.stream == frames[i]["stream"].get<uint64_t>());
    CHECK(part.header.message == frames[i]["message"].get<uint64_t>() - 1);
    CHECK(part.header.kind == frames[i]["kind"].get<int>());
    CHECK(part.header.length == frames[i]["len"].get<uint64_t>());
    CHECK(part.header.done == frames[i]["done"].get<bool>());
    CHECK(part.header.control == frames[i]["control"].get<bool>());
  }
  CHECK(input.empty());
}

TEST_CASE("both sides' CloseSend end the stream, and nothing more is written") {
  ClientMachine machine;
  ClientRecorder recorder;
  machine.invoke(kRpc);
  machine.message(std::string("m"));
  machine.close_send();
  take_output(machine);
  REQUIRE(machine.receive(frame(Kind::kMessage, 1, 1, "r") + frame(Kind::kCloseSend, 1, 2, ""), recorder));
  CHECK(recorder.events == Events{"message 72", "end"});
  CHECK_FALSE(machine.open());
  machine.close();
  machine.cancel();
  machine.close_send();
  CHECK(machine.output().empty());
}

TEST_CASE("errors carry code and text, with fewer than 8 bytes only text") {
  const auto vectors = test::load_vectors("drpc.json");
  REQUIRE(vectors["errors"].size() == 3);
  for (const auto& expected : vectors["errors"]) {
    for (const size_t fragment : {size_t{1}, size_t{1000}}) {
      ClientMachine machine;
      ClientRecorder recorder;
      machine.invoke(kRpc);
      const std::string payload = unhex(expected["payload_hex"]);
      REQUIRE(feed(machine, recorder, frame(Kind::kError, 1, 1, payload), fragment));
      CHECK(recorder.events == Events{"error " + std::to_string(expected["code"].get<uint64_t>()) + " " +
                                      expected["error"].get<std::string>()});
      CHECK_FALSE(machine.open());
    }
  }
  ClientMachine machine;
  ClientRecorder recorder;
  machine.invoke(kRpc);
  REQUIRE(machine.receive(frame(Kind::kError, 1, 1, "oops"), recorder));
  CHECK(recorder.events == Events{"error 0 oops"});
}

TEST_CASE("a message whose data is put in its place is one frame, however large") {
  ClientMachine machine;
  machine.invoke("a");
  const std::string data(50'000, 'd');
  const ByteSpan room = machine.message(ByteView(std::string_view("head")), data.size());
  std::ranges::copy(data, room.begin());
  machine.close_send();
  CHECK(take_output(machine) == frame(Kind::kInvoke, 1, 1, "a") + frame(Kind::kMessage, 1, 2, "head" + data) +
                                    frame(Kind::kCloseSend, 1, 3, ""));
}

TEST_CASE("after an error reply the next call works on the same connection") {
  ClientMachine machine;
  ClientRecorder recorder;
  machine.invoke("a");
  REQUIRE(machine.receive(frame(Kind::kError, 1, 1, "12345678no"), recorder));
  take_output(machine);
  machine.invoke("b");
  CHECK(to_hex(take_output(machine)) == to_hex(frame(Kind::kInvoke, 2, 1, "b")));
  REQUIRE(machine.receive(frame(Kind::kMessage, 2, 1, "ok"), recorder));
  CHECK(recorder.events.back() == "message 6f6b");
}

TEST_CASE("a soft cancel in the middle of a message leaves the connection usable") {
  // What the node sends: half a message of stream 1, cut anywhere, whole messages that it had queued, then
  // stream 2.
  const std::string old = frame(Kind::kMessage, 1, 1, std::string(500, 'o'), false) +
                          frame(Kind::kMessage, 1, 1, std::string(500, 'o'), true) +
                          frame(Kind::kMessage, 1, 2, std::string(300, 'o'), false);
  const std::string fresh = frame(Kind::kMessage, 2, 1, "new") + frame(Kind::kClose, 2, 2, "");
  const size_t cut =
      GENERATE(size_t{0}, size_t{2}, size_t{5}, size_t{300}, size_t{505}, size_t{510}, size_t{1200});
  const size_t fragment = GENERATE(size_t{1}, size_t{64}, size_t{10000});
  ClientMachine machine;
  ClientRecorder recorder;
  machine.invoke("a");
  REQUIRE(feed(machine, recorder, ByteView(old).sub(0, cut), fragment));
  take_output(machine);
  machine.cancel();
  CHECK(to_hex(take_output(machine)) == "89010200");
  CHECK_FALSE(machine.open());
  machine.invoke("b");
  recorder.events.clear();
  recorder.partial.clear();
  REQUIRE(feed(machine, recorder, ByteView(old).sub(cut), fragment));
  CHECK(recorder.events.empty());
  REQUIRE(feed(machine, recorder, fresh, fragment));
  CHECK(recorder.events == Events{"message 6e6577", "end"});
  take_output(machine);
  CHECK_FALSE(machine.mid_frame());
}

TEST_CASE("an abandoned stream's packets are dropped when the next call begins without a cancel") {
  ClientMachine machine;
  ClientRecorder recorder;
  machine.invoke("a");
  machine.invoke("b");
  CHECK(to_hex(take_output(machine)) ==
        to_hex(frame(Kind::kInvoke, 1, 1, "a") + frame(Kind::kInvoke, 2, 1, "b")));
  REQUIRE(
      machine.receive(frame(Kind::kError, 1, 1, "12345678x") + frame(Kind::kMessage, 2, 1, "y"), recorder));
  CHECK(recorder.events == Events{"message 79"});
}

TEST_CASE("an error in the middle of a message ends the stream with the error") {
  ClientMachine machine;
  ClientRecorder recorder;
  machine.invoke("a");
  REQUIRE(machine.receive(frame(Kind::kMessage, 1, 1, "half", false) +
                              frame(Kind::kError, 1, 2, std::string("\0\0\0\0\0\0\0\x05gone", 12)),
                          recorder));
  CHECK(recorder.events == Events{"error 5 gone"});
  CHECK(recorder.partial == "half");
}

TEST_CASE("a message that begins inside another one ends the connection") {
  ClientMachine machine;
  ClientRecorder recorder;
  machine.invoke("a");
  const Status status = machine.receive(
      frame(Kind::kMessage, 1, 1, "half", false) + frame(Kind::kMessage, 1, 2, "x"), recorder);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::kProtocol);
  CHECK(machine.failed());
}

TEST_CASE("an unknown kind is ignored with the control flag and ends the connection without it") {
  for (const bool control : {true, false}) {
    ClientMachine machine;
    ClientRecorder recorder;
    machine.invoke("a");
    const Status status = machine.receive(frame(static_cast<Kind>(42), 1, 1, "what", false) +
                                              frame(static_cast<Kind>(42), 1, 1, "", true, control) +
                                              frame(Kind::kMessage, 1, 2, "x"),
                                          recorder);
    CHECK(status.has_value() == control);
    CHECK(machine.failed() == !control);
    CHECK(recorder.events == (control ? Events{"message 78"} : Events{}));
  }
}

TEST_CASE("packets of a stream that was never opened end the connection") {
  ClientMachine machine;
  ClientRecorder recorder;
  machine.invoke("a");
  const Status status = machine.receive(frame(Kind::kMessage, 2, 1, "x"), recorder);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::kProtocol);
  CHECK(machine.failed());
}

TEST_CASE("a cancel of the peer is an error with the code for cancelled") {
  ClientMachine machine;
  ClientRecorder recorder;
  machine.invoke("a");
  REQUIRE(machine.receive(frame(Kind::kCancel, 1, 1, "", true, true), recorder));
  CHECK(recorder.events == Events{"error 2 cancelled by the peer"});
}

TEST_CASE("an error of the handler cancels the stream and keeps the connection in step") {
  ClientMachine machine;
  ClientRecorder recorder;
  machine.invoke("a");
  take_output(machine);
  recorder.answer = make_error(Errc::kIntegrity, "bad piece");
  const Status status =
      machine.receive(frame(Kind::kMessage, 1, 1, "one") + frame(Kind::kMessage, 1, 2, "two"), recorder);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::kIntegrity);
  CHECK_FALSE(machine.failed());
  CHECK(recorder.events == Events{"message 6f6e65"});
  CHECK(to_hex(take_output(machine)) == "89010200");
  recorder.answer = {};
  machine.invoke("b");
  REQUIRE(machine.receive(frame(Kind::kMessage, 1, 3, "late") + frame(Kind::kMessage, 2, 1, "y"), recorder));
  CHECK(recorder.events.back() == "message 79");
}

TEST_CASE("output that is written in part goes on where it stopped") {
  ClientMachine machine;
  machine.invoke("a");
  machine.message(std::string(1000000, 'm'));
  const std::string whole = machine.output().str();
  std::string written;
  while (!machine.output().empty()) {
    const size_t n = std::min<size_t>(70000, machine.output().size());
    written.append(machine.output().sub(0, n).text());
    machine.consume_output(n);
    if (written.size() == 140000) machine.close_send();
  }
  CHECK(written == whole + frame(Kind::kCloseSend, 1, 3, ""));
  CHECK_FALSE(machine.mid_frame());
}
