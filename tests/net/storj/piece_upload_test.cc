#include "net/storj/piece_upload.h"

#include <algorithm>
#include <numeric>

#include "net/storj/order_signing.h"
#include "tests/net/storj/drpc_messages.h"
#include "tests/support/catch.h"

using namespace sjcp;
using test::add_packet;
using test::sent_messages;

namespace {

// A node's answer over the wire.
std::string answer(const pb::PieceUploadResponse& response) {
  std::string out;
  add_packet(out, drpc::Kind::kMessage, 1, response.SerializeAsString());
  return out;
}

struct Node {
  std::shared_ptr<const io::Identity> identity = std::move(*io::Identity::generate());
  std::shared_ptr<const io::PeerIdentity> peer =
      std::move(*io::PeerIdentity::from_chain_der(identity->chain_der()));
};

struct Upload {
  explicit Upload(const Node& node) {
    limit.set_serial_number(std::string(16, 's'));
    limit.set_piece_id(std::string(32, 'p'));
    limit.set_storage_node_id(node.identity->id().view().str());
    limit.set_limit(4096);
    limit.mutable_order_creation()->set_seconds(
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
  }
  pb::PieceUploadResponse receipt(const Node& node, const pb::PieceHash& from) const {
    pb::PieceUploadResponse response;
    *response.mutable_done() = from;
    response.mutable_done()->set_signature(node.identity->sign(storj::signing_bytes(from)));
    return response;
  }
  Clock::Wall now = system_clock().wall_now();
  pb::OrderLimit limit;
  crypto::Ed25519Key key = std::move(*crypto::Ed25519Key::from_private(std::string(32, 'k')));
};

void send(storj::PieceUpload& upload, drpc::ClientMachine& machine, std::string_view data) {
  upload.send(machine, data.size(), [&](ByteSpan out) { std::ranges::copy(data, out.begin()); });
}

}  // namespace

TEST_CASE("an upload sends limit, one order, all chunks and the signed hash") {
  Node node;
  Upload u(node);
  bool separate = GENERATE(false, true);
  drpc::ClientMachine machine;
  storj::PieceUpload upload(u.limit, u.key, 2500, separate);
  upload.start(machine);
  std::string data(2500, 'd');
  std::iota(data.begin(), data.end(), '\0');
  send(upload, machine, std::string_view(data).substr(0, 1000));
  send(upload, machine, std::string_view(data).substr(1000));
  auto requests = sent_messages<pb::PieceUploadRequest>(machine);
  REQUIRE(requests.size() == (separate ? 4 : 3));
  CHECK(requests[0].limit().serial_number() == u.limit.serial_number());
  CHECK(requests[0].has_chunk() == !separate);
  CHECK(requests[0].hash_algorithm() == pb::PIECE_HASH_BLAKE3);
  size_t first = separate ? 1 : 0;
  CHECK(requests[first].order().amount() == 2500);
  CHECK(requests[first].chunk().offset() == 0);
  CHECK(requests[first].chunk().data().size() == 1000);
  CHECK(requests[first + 1].chunk().offset() == 1000);
  CHECK(requests[first + 1].chunk().data().size() == 1500);
  CHECK(requests[first].chunk().data() + requests[first + 1].chunk().data() == data);
  const auto& done = requests[first + 2].done();
  CHECK(done.piece_size() == 2500);
  CHECK(equal(done.hash(), ByteView(crypto::blake3_digest(data))));
  CHECK(done.hash_algorithm() == pb::PIECE_HASH_BLAKE3);
  CHECK(crypto::ed25519_verify(u.key.public_key(), storj::signing_bytes(done), done.signature()));
}

TEST_CASE("a receipt counts only when every field and the signature are right") {
  Node node;
  Node stranger;
  Upload u(node);
  drpc::ClientMachine machine;
  storj::PieceUpload upload(u.limit, u.key, 3, false);
  upload.start(machine);
  send(upload, machine, "abc");
  auto good = sent_messages<pb::PieceUploadRequest>(machine).at(1).done();
  io::PeerChains chains;
  // Over Noise the connection does not know who the node is.
  const bool noise = GENERATE(false, true);
  const auto peer = noise ? nullptr : node.peer;
  auto check = [&](const pb::PieceUploadResponse& response) {
    drpc::ClientMachine fresh;
    storj::PieceUpload again(u.limit, u.key, 3, false);
    again.start(fresh);
    send(again, fresh, "abc");
    REQUIRE(again.receive(fresh, answer(response)));
    REQUIRE(again.answered());
    return again.verify(chains, peer, u.now);
  };
  auto with_chain = [&](const Node& signer, const pb::PieceHash& from) {
    auto response = u.receipt(signer, from);
    response.set_node_certchain(signer.identity->chain_der());
    return response;
  };
  CHECK(bool(check(u.receipt(node, good))) == !noise);
  CHECK(check(with_chain(node, good)));
  CHECK(check(with_chain(node, good)));  // now that the chain is known

  auto refused = [&](const pb::PieceUploadResponse& response) {
    auto status = check(response);
    return !status && status.error().code == Errc::kIntegrity;
  };
  auto other_hash = good;
  other_hash.set_hash(std::string(32, 'x'));
  CHECK(refused(with_chain(node, other_hash)));
  auto other_algorithm = good;
  other_algorithm.set_hash_algorithm(pb::PIECE_HASH_SHA256);
  CHECK(refused(with_chain(node, other_algorithm)));
  auto other_size = good;
  other_size.set_piece_size(4);
  CHECK(refused(with_chain(node, other_size)));
  auto other_piece = good;
  other_piece.set_piece_id(std::string(32, 'q'));
  CHECK(refused(with_chain(node, other_piece)));
  auto old = good;
  old.mutable_timestamp()->set_seconds(good.timestamp().seconds() - 90'000);
  CHECK(refused(with_chain(node, old)));
  CHECK(refused(u.receipt(stranger, good)));
  CHECK(refused(with_chain(stranger, good)));
}
