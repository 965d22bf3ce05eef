#include "net/drpc/server_machine.h"

#include "net/drpc/client_machine.h"
#include "tests/net/drpc/recorders.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace sjcp;
using namespace sjcp::drpc;
using sjcp::test::ClientRecorder;
using sjcp::test::feed;
using sjcp::test::frame;
using sjcp::test::ServerRecorder;
using sjcp::test::take_output;
using sjcp::test::unhex;
using Events = std::vector<std::string>;

TEST_CASE("the bytes of the network's own client are understood, however they are cut") {
  const std::string captured = unhex(test::load_vectors("drpc.json")["captured_unary_client_bytes_hex"]);
  const size_t fragment = GENERATE(size_t{1}, size_t{2}, size_t{1000});
  ServerMachine machine;
  ServerRecorder recorder;
  REQUIRE(feed(machine, recorder, captured, fragment));
  CHECK(recorder.events == Events{"invoke 1 /metainfo.Metainfo/ProjectInfo", "message 7a090a034b455912027561",
                                  "close_send", "closed"});
  CHECK_FALSE(machine.open());
}

TEST_CASE("a Close after both sides' CloseSend is no event") {
  ServerMachine machine;
  ServerRecorder recorder;
  REQUIRE(machine.receive(
      frame(Kind::kInvoke, 1, 1, "a") + frame(Kind::kMessage, 1, 2, "m") + frame(Kind::kCloseSend, 1, 3, ""),
      recorder));
  machine.message(std::string("r"));
  machine.close_send();
  CHECK(to_hex(take_output(machine)) ==
        "0501010172"
        "0d010200");
  CHECK_FALSE(machine.open());
  REQUIRE(machine.receive(frame(Kind::kClose, 1, 4, ""), recorder));
  CHECK(recorder.events == Events{"invoke 1 a", "message 6d", "close_send"});
}

TEST_CASE("a newer stream ends the current one, even inside a message") {
  ServerMachine machine;
  ServerRecorder recorder;
  REQUIRE(machine.receive(frame(Kind::kInvoke, 1, 1, "a") + frame(Kind::kMessage, 1, 2, "half", false) +
                              frame(Kind::kInvoke, 2, 1, "b") + frame(Kind::kMessage, 2, 2, "x"),
                          recorder));
  CHECK(recorder.events == Events{"invoke 1 a", "superseded", "invoke 2 b", "message 78"});
  machine.message(std::string("r"));
  CHECK(to_hex(take_output(machine)) == "0502010172");
}

TEST_CASE("a soft cancel ends the stream and replies to it are not written any more") {
  ServerMachine machine;
  ServerRecorder recorder;
  REQUIRE(machine.receive(frame(Kind::kInvoke, 1, 1, "a") + frame(Kind::kCancel, 1, 2, "", true, true),
                          recorder));
  machine.message(std::string("r"));
  machine.close_send();
  machine.error(5, "gone");
  CHECK(machine.output().empty());
  CHECK(recorder.events == Events{"invoke 1 a", "cancelled"});
}

TEST_CASE("what the client sends after the server's error is dropped") {
  ServerMachine machine;
  ServerRecorder recorder;
  REQUIRE(machine.receive(frame(Kind::kInvoke, 1, 1, "a"), recorder));
  machine.error(5, "object not found: x");
  const auto vectors = test::load_vectors("drpc.json");
  CHECK(take_output(machine) == frame(Kind::kError, 1, 1, unhex(vectors["errors"][0]["payload_hex"])));
  REQUIRE(machine.receive(frame(Kind::kMessage, 1, 2, "late") + frame(Kind::kInvoke, 2, 1, "b"), recorder));
  CHECK(recorder.events == Events{"invoke 1 a", "invoke 2 b"});
}

TEST_CASE("metadata before Invoke is skipped") {
  const std::string metadata = unhex(test::load_vectors("drpc.json")["metadata"]["payload_hex"]);
  ServerMachine machine;
  ServerRecorder recorder;
  REQUIRE(machine.receive(frame(Kind::kInvokeMetadata, 1, 1, metadata) + frame(Kind::kInvoke, 1, 2, "a"),
                          recorder));
  CHECK(recorder.events == Events{"invoke 1 a"});
}

TEST_CASE("a client that breaks the protocol is refused") {
  const auto refused = [](const std::string& bytes) {
    ServerMachine machine;
    ServerRecorder recorder;
    const Status status = machine.receive(bytes, recorder);
    return !status && status.error().code == Errc::kProtocol;
  };
  CHECK(refused(frame(Kind::kMessage, 1, 1, "no invoke")));
  CHECK(refused(frame(Kind::kInvoke, 1, 1, "a") + frame(Kind::kInvoke, 1, 2, "a")));
  CHECK(refused(frame(Kind::kInvoke, 1, 1, "a") + frame(static_cast<Kind>(9), 1, 2, "")));
  CHECK(refused(frame(Kind::kInvoke, 1, 1, std::string(5000, 'a'))));
  CHECK(refused(frame(Kind::kInvoke, 1, 1, "a") + frame(Kind::kCloseSend, 1, 2, "") +
                frame(Kind::kMessage, 1, 3, "")));
  CHECK_FALSE(refused(frame(Kind::kInvoke, 1, 1, "a") + frame(static_cast<Kind>(9), 1, 2, "", true, true)));
  CHECK_FALSE(refused(frame(Kind::kCancel, 1, 1, "", true, true) + frame(Kind::kInvoke, 1, 2, "a")));
}

TEST_CASE("both machines understand each other for every frame size and fragment") {
  const size_t frame_size = GENERATE(size_t{1}, size_t{7}, size_t{100}, kFrameSize);
  const size_t fragment = GENERATE(size_t{1}, size_t{13}, size_t{100000});
  ClientMachine client;
  ServerMachine server(frame_size);
  ClientRecorder replies;
  ServerRecorder requests;
  client.invoke("a");
  client.message(ByteView(std::string_view("hello")));
  client.close_send();
  REQUIRE(feed(server, requests, take_output(client), fragment));
  server.message({ByteView(std::string_view("wo")), ByteView(std::string_view("rld"))});
  server.message_header(4);
  server.append_raw(ByteView(std::string_view("tail")));
  server.message(ByteView());
  server.close_send();
  REQUIRE(feed(client, replies, take_output(server), fragment));
  CHECK(requests.events == Events{"invoke 1 a", "message 68656c6c6f", "close_send"});
  CHECK(replies.events == Events{"message 776f726c64", "message 7461696c", "message ", "end"});
  CHECK_FALSE(client.open());
  CHECK_FALSE(server.open());
}
