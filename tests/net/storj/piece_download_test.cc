#include "net/storj/piece_download.h"

#include "net/storj/wire/piecestore.pb.h"
#include "tests/net/storj/drpc_messages.h"
#include "tests/support/catch.h"

using namespace sjcp;
using test::add_packet;
using test::sent_messages;

namespace {

struct Collected : storj::PieceDownload::Payload {
  void on_payload(ByteView data) override { bytes += data.text(); }
  std::string bytes;
};

crypto::Ed25519Key some_key() {
  return std::move(*crypto::Ed25519Key::from_private(std::string(32, 'k')));
}

std::string chunk_message(int64_t offset, const std::string& data) {
  pb::PieceDownloadResponse response;
  response.mutable_chunk()->set_offset(offset);
  response.mutable_chunk()->set_data(data);
  return response.SerializeAsString();
}

pb::OrderLimit some_limit() {
  pb::OrderLimit limit;
  limit.set_serial_number(std::string(16, 's'));
  limit.set_limit(1 << 20);
  return limit;
}

}  // namespace

TEST_CASE("piece payload survives any cut of the stream") {
  std::string payload(1000, 'a');
  for (size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(i * 7);
  std::string wire;
  // A field that clients ignore comes along with the second chunk.
  add_packet(wire, drpc::Kind::kMessage, 1, chunk_message(0, payload.substr(0, 300)));
  pb::PieceDownloadResponse extra;
  extra.mutable_hash()->set_hash("whatever");
  extra.set_restored_from_trash(true);
  add_packet(wire, drpc::Kind::kMessage, 2,
             extra.SerializeAsString() + chunk_message(300, payload.substr(300)));
  for (size_t cut : {size_t{1}, size_t{2}, size_t{7}, wire.size()}) {
    INFO("cut " << cut);
    auto key = some_key();
    auto limit = some_limit();
    drpc::ClientMachine machine;
    storj::PieceDownload download(limit, key, {0, 1000}, 1000);
    download.start(machine);
    Collected collected;
    for (size_t i = 0; i < wire.size(); i += cut) {
      REQUIRE(download.receive(machine, ByteView(std::string_view(wire).substr(i, cut)), collected));
    }
    CHECK(collected.bytes == payload);
    CHECK(download.complete());
  }
}

TEST_CASE("a piece is paid for in two orders when the first covers only a part") {
  auto key = some_key();
  auto limit = some_limit();
  drpc::ClientMachine machine;
  storj::PieceDownload download(limit, key, {512, 512 + 5000}, 1000);
  download.start(machine);
  auto first = sent_messages<pb::PieceDownloadRequest>(machine);
  REQUIRE(first.size() == 1);
  CHECK(first[0].limit().serial_number() == limit.serial_number());
  CHECK(first[0].chunk().offset() == 512);
  CHECK(first[0].chunk().chunk_size() == 5000);
  CHECK(first[0].order().amount() == 1000);
  download.order_rest(machine);
  auto second = sent_messages<pb::PieceDownloadRequest>(machine);
  REQUIRE(second.size() == 1);
  CHECK(second[0].order().amount() == 5000);
  CHECK_FALSE(second[0].has_limit());
  download.order_rest(machine);
  CHECK(sent_messages<pb::PieceDownloadRequest>(machine).empty());
}

TEST_CASE("a node that sends more than was asked for is refused") {
  auto key = some_key();
  auto limit = some_limit();
  drpc::ClientMachine machine;
  storj::PieceDownload download(limit, key, {0, 10}, 10);
  download.start(machine);
  std::string wire;
  add_packet(wire, drpc::Kind::kMessage, 1, chunk_message(0, "0123456789A"));
  Collected collected;
  auto status = download.receive(machine, wire, collected);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::kProtocol);
  CHECK(collected.bytes.empty());
}

TEST_CASE("malformed download replies are protocol errors, not crashes") {
  for (const std::string& body :
       {std::string("\x0a\x05\x12\x09zzzzz", 9), std::string("\x0a\x02\x08", 3), std::string("\x0b", 1),
        std::string("\x0a\x0c\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 14),
        std::string("\x0a\x05\x12\x03z", 5)}) {
    INFO(to_hex(body));
    auto key = some_key();
    auto limit = some_limit();
    drpc::ClientMachine machine;
    storj::PieceDownload download(limit, key, {0, 100}, 100);
    download.start(machine);
    std::string wire;
    add_packet(wire, drpc::Kind::kMessage, 1, body);
    Collected collected;
    auto status = download.receive(machine, wire, collected);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Errc::kProtocol);
  }
}

TEST_CASE("an error reply and an early end fail the piece") {
  auto key = some_key();
  auto limit = some_limit();
  for (bool error_reply : {true, false}) {
    drpc::ClientMachine machine;
    storj::PieceDownload download(limit, key, {0, 100}, 100);
    download.start(machine);
    std::string wire;
    if (error_reply) {
      add_packet(wire, drpc::Kind::kError, 1, std::string("\0\0\0\0\0\0\0\x05gone", 12));
    } else {
      add_packet(wire, drpc::Kind::kClose, 1, "");
    }
    Collected collected;
    auto status = download.receive(machine, wire, collected);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Errc::kNetwork);
    CHECK((status.error().what == "gone") == error_reply);
  }
}
