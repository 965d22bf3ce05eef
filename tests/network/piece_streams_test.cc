#include "tests/network/piece_streams.h"

#include "tests/network/test_network.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

namespace sjcp::network {
namespace {

// Limits for pieces of 2048 bytes, and one stored piece to read.
struct Pieces {
  Pieces() {
    network.make_bucket("bucket");
    stream_id = network.begin("bucket", "k");
    for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7);
    renew();
  }
  // A limit that was not used.
  void renew() {
    segment = network.begin_segment(stream_id, 4000);
    limit = segment.addressed_limits(0).limit();
  }
  PieceNode& node() { return network.node_of(limit); }
  pb::PieceUploadRequest upload() { return network.upload_message(limit, segment.private_key(), data); }
  std::string run(const pb::PieceUploadRequest& request) {
    UploadStream stream(node());
    return end_text(stream.on_message(request.SerializeAsString()));
  }
  static std::string end_text(const std::optional<UploadStream::End>& end) {
    if (!end) return "more";
    if (const auto* failed = std::get_if<RpcFailure>(&*end)) return text_of(*failed);
    return "stored";
  }
  // A limit to read the piece that upload() stored.
  pb::PieceDownloadRequest download(int64_t offset, int64_t size, int64_t amount) {
    const LimitSet set = network.state.orders.begin(pb::PIECE_ACTION_GET, std::string(32, 'r'), 2048, {},
                                                    std::chrono::hours(0));
    get_key = set.key.private_key;
    get_limit = limit;
    get_limit.set_action(pb::PIECE_ACTION_GET);
    get_limit.set_serial_number(set.serial);
    get_limit.set_uplink_public_key(set.key.public_key);
    network.state.orders.sign(get_limit);
    pb::PieceDownloadRequest request;
    *request.mutable_limit() = get_limit;
    request.mutable_chunk()->set_offset(offset);
    request.mutable_chunk()->set_chunk_size(size);
    if (amount > 0) *request.mutable_order() = TestNetwork::order(get_limit, get_key, amount);
    return request;
  }
  static std::string read_all(DownloadStream& stream, size_t step = 1 << 20) {
    std::string out;
    while (auto message = stream.next(step)) {
      pb::PieceDownloadResponse reply;
      reply.ParseFromString(message->header + message->data.str());
      out += reply.chunk().data();
    }
    return out;
  }

  TestNetwork network;
  std::string stream_id;
  std::string data = std::string(2048, '\0');
  pb::BeginSegmentResponse segment;
  pb::OrderLimit limit;
  pb::OrderLimit get_limit;
  std::string get_key;
};

}  // namespace

TEST_CASE("Signed bytes are the network's") {
  const auto vectors = test::load_vectors("signing.json");
  for (const auto& item : vectors.at("order_limits")) {
    pb::OrderLimit limit;
    REQUIRE(limit.ParseFromString(test::unhex(item.at("order_limit_wire_hex"))));
    CHECK(to_hex(signing_bytes(limit)) == item.at("signing_bytes_hex").get<std::string>());
  }
  const PieceKeyVerifier key(test::unhex(vectors.at("piece_public_key_hex")));
  for (const auto& item : vectors.at("orders")) {
    pb::Order order;
    REQUIRE(order.ParseFromString(test::unhex(item.at("order_wire_hex"))));
    CHECK(to_hex(signing_bytes(order)) == item.at("signing_bytes_hex").get<std::string>());
    CHECK(key.verify(signing_bytes(order), order.uplink_signature()));
    CHECK(sign_with_piece_key(test::unhex(vectors.at("piece_private_key_hex")), signing_bytes(order)) ==
          order.uplink_signature());
  }
  const auto keys = test::load_vectors("keys.json");
  for (const auto& item : keys.at("piece_id_derive")) {
    const auto node = access::NodeId::from_bytes(test::unhex(item.at("node_id_hex")));
    CHECK(to_hex(derive_piece_id(test::unhex(item.at("root_piece_id_hex")), *node,
                                 item.at("piece_num").get<int>())) ==
          item.at("piece_id_hex").get<std::string>());
  }
}

TEST_CASE("An upload in one message or in many is stored and answered with the node's signature") {
  Pieces pieces;
  UploadStream stream(pieces.node());
  const pb::PieceUploadRequest all = pieces.upload();
  SECTION("one message") {
    const auto end = stream.on_message(all.SerializeAsString());
    REQUIRE(Pieces::end_text(end) == "stored");
    pb::PieceUploadResponse reply;
    REQUIRE(reply.ParseFromString(std::get<std::string>(*end)));
    CHECK(pieces.node().identity().verify(signing_bytes(reply.done()), reply.done().signature()));
    CHECK(reply.done().hash() == all.done().hash());
    CHECK_FALSE(reply.node_certchain().empty());
  }
  SECTION("limit, chunks with growing orders, hash") {
    pb::PieceUploadRequest first;
    *first.mutable_limit() = pieces.limit;
    CHECK(Pieces::end_text(stream.on_message(first.SerializeAsString())) == "more");
    for (size_t at = 0; at < pieces.data.size(); at += 512) {
      pb::PieceUploadRequest chunk;
      *chunk.mutable_order() =
          TestNetwork::order(pieces.limit, pieces.segment.private_key(), static_cast<int64_t>(at + 512));
      chunk.mutable_chunk()->set_offset(static_cast<int64_t>(at));
      chunk.mutable_chunk()->set_data(pieces.data.substr(at, 512));
      CHECK(Pieces::end_text(stream.on_message(chunk.SerializeAsString())) == "more");
    }
    pb::PieceUploadRequest last;
    *last.mutable_done() = all.done();
    CHECK(Pieces::end_text(stream.on_message(last.SerializeAsString())) == "stored");
  }
  CHECK(pieces.node().store().get(pieces.limit.piece_id())->data().str() == pieces.data);
}

TEST_CASE("A serial number is good for one stream, also after a failure") {
  Pieces pieces;
  pb::PieceUploadRequest wrong = pieces.upload();
  wrong.mutable_done()->set_hash(std::string(32, 'x'));
  CHECK(pieces.run(wrong) == "13 hashes don't match");
  CHECK(pieces.run(pieces.upload()) == "16 used serial already exists in store");
  CHECK(pieces.node().counters().serials_reused == 1);
  pieces.renew();
  CHECK(pieces.run(pieces.upload()) == "stored");
}

TEST_CASE("Uploads are checked as the network checks them") {
  Pieces pieces;
  const std::string& key = pieces.segment.private_key();
  pb::PieceUploadRequest request = pieces.upload();
  const auto resign_limit = [&] { pieces.network.state.orders.sign(*request.mutable_limit()); };
  SECTION("no limit first") {
    request.clear_limit();
    CHECK(pieces.run(request) == "3 expected order limit as the first message");
  }
  SECTION("limit for another node") {
    UploadStream stream(pieces.network.node_of(pieces.segment.addressed_limits(1).limit()));
    CHECK(Pieces::end_text(stream.on_message(request.SerializeAsString()))
              .starts_with("3 order intended for other storagenode: "));
  }
  SECTION("tampered limit") {
    request.mutable_limit()->set_limit(4096);
    CHECK(pieces.run(request) ==
          "16 untrusted: invalid order limit signature: signature verification: signature is not valid");
  }
  SECTION("limit for reading") {
    request.mutable_limit()->set_action(pb::PIECE_ACTION_GET);
    resign_limit();
    CHECK(pieces.run(request) == "3 expected put or put repair action got GET");
  }
  SECTION("order by another key") {
    *request.mutable_order() = TestNetwork::order(pieces.limit, PieceKey::generate().private_key, 2048);
    CHECK(pieces.run(request) == "16 signing: piece key: invalid signature");
  }
  SECTION("order above the limit") {
    *request.mutable_order() = TestNetwork::order(pieces.limit, key, 2049);
    CHECK(pieces.run(request) == "3 order exceeded allowed amount=2049, limit=2048");
  }
  SECTION("order with another serial number") {
    pb::OrderLimit other = pieces.limit;
    other.set_serial_number(std::string(16, 's'));
    *request.mutable_order() = TestNetwork::order(other, key, 2048);
    CHECK(pieces.run(request) == "3 order serial number changed during upload");
  }
  SECTION("data beyond the order") {
    *request.mutable_order() = TestNetwork::order(pieces.limit, key, 1000);
    CHECK(pieces.run(request) == "3 not enough allocated, allocated=1000 writing=2048");
  }
  SECTION("gap in the data") {
    request.mutable_chunk()->set_offset(5);
    CHECK(pieces.run(request) == "3 chunk out of order");
  }
  SECTION("size that is not the data's") {
    request.mutable_done()->set_piece_size(2047);
    request.mutable_done()->set_signature(sign_with_piece_key(key, signing_bytes(request.done())));
    CHECK(pieces.run(request) ==
          "3 Size of finished piece does not match size declared by uplink! 2047 != 2048");
  }
  SECTION("hash signed by nobody") {
    request.mutable_done()->set_signature(std::string(64, 's'));
    CHECK(pieces.run(request) == "13 invalid piece hash signature");
  }
  SECTION("two hash algorithms") {
    request.set_hash_algorithm(pb::PIECE_HASH_BLAKE3);
    CHECK(pieces.run(request).starts_with("13 Hash algorithm in the first and last"));
  }
  SECTION("identifier of a wrong length") {
    request.mutable_limit()->set_piece_id("short");
    CHECK(pieces.run(request) == "0 piece ID: not enough bytes to make a piece id; have 5, need 32");
  }
  SECTION("an hour late") {
    pieces.network.clock.advance(std::chrono::hours(2));
    CHECK(pieces.run(request) == "3 order created too long ago");
  }
  SECTION("after the piece's own end") {
    *request.mutable_limit()->mutable_piece_expiration() = to_timestamp(pieces.network.clock.wall_now());
    resign_limit();
    pieces.network.clock.advance(std::chrono::seconds(1));
    CHECK(pieces.run(request) == "3 piece expired");
  }
  SECTION("end of data before the hash") {
    UploadStream stream(pieces.node());
    request.clear_done();
    CHECK(Pieces::end_text(stream.on_message(request.SerializeAsString())) == "more");
    CHECK(Pieces::end_text(stream.on_close_send()) == "10 unexpected EOF");
  }
  CHECK(pieces.network.pieces_held() == 0);
}

TEST_CASE("BLAKE3 hashes are accepted as well") {
  Pieces pieces;
  pb::PieceUploadRequest request = pieces.upload();
  request.set_hash_algorithm(pb::PIECE_HASH_BLAKE3);
  const auto digest = crypto::blake3_digest(pieces.data);
  request.mutable_done()->set_hash(ByteView(digest.data(), digest.size()).str());
  request.mutable_done()->set_hash_algorithm(pb::PIECE_HASH_BLAKE3);
  request.mutable_done()->set_signature(
      sign_with_piece_key(pieces.segment.private_key(), signing_bytes(request.done())));
  CHECK(pieces.run(request) == "stored");
}

TEST_CASE("A download sends what orders allow and no more") {
  Pieces pieces;
  REQUIRE(pieces.run(pieces.upload()) == "stored");
  DownloadStream stream(pieces.node());
  REQUIRE(text_of(stream.on_message(pieces.download(100, 1500, 300).SerializeAsString())) == "ok");
  CHECK(Pieces::read_all(stream) == pieces.data.substr(100, 300));
  const auto more = [&](int64_t amount) {
    pb::PieceDownloadRequest request;
    *request.mutable_order() = TestNetwork::order(pieces.get_limit, pieces.get_key, amount);
    return text_of(stream.on_message(request.SerializeAsString()));
  };
  CHECK(more(200) == "13 order contained smaller amount=200, previous=300");
  CHECK(more(2049) == "13 order exceeded allowed amount=2049, limit=2048");
  CHECK(more(2048) == "ok");
  CHECK(Pieces::read_all(stream) == pieces.data.substr(400, 1200));
  CHECK(stream.sent() == 1500);
}

TEST_CASE("Download messages are as large as the client asks within bounds") {
  Pieces pieces;
  REQUIRE(pieces.run(pieces.upload()) == "stored");
  const auto first = [&](int32_t maximum) {
    DownloadStream stream(pieces.node());
    pb::PieceDownloadRequest request = pieces.download(0, 2048, 2048);
    request.set_maximum_chunk_size(maximum);
    REQUIRE(text_of(stream.on_message(request.SerializeAsString())) == "ok");
    return stream.next(1 << 20)->data.size();
  };
  CHECK(first(1025) == 1025);
  for (const int32_t ignored : {0, 1, 1024, 1 << 20, -5}) CHECK(first(ignored) == 2048);
}

TEST_CASE("Downloads are checked as the network checks them") {
  Pieces pieces;
  REQUIRE(pieces.run(pieces.upload()) == "stored");
  const auto run = [&](const pb::PieceDownloadRequest& request) {
    DownloadStream stream(pieces.node());
    return text_of(stream.on_message(request.SerializeAsString()));
  };
  pb::PieceDownloadRequest request = pieces.download(0, 2049, 10);
  CHECK(run(request) == "3 requested more that order limit allows, limit=2048 requested=2049");
  request.mutable_chunk()->set_chunk_size(2048);
  CHECK(run(request) == "ok");  // the refusal did not spend the serial number
  CHECK(run(request) == "16 used serial already exists in store");
  CHECK(run(pieces.download(1, 2048, 10)) ==
        "3 requested more data than available, requesting=2049 available=2048");
  CHECK(run(pieces.download(0, 0, 0)) == "3 expected order limit and chunk as the first message");
  request = pieces.download(0, 100, 10);
  request.mutable_order()->set_uplink_signature(std::string(64, 's'));
  CHECK(run(request) == "13 signing: piece key: invalid signature");
  pieces.node().store().remove(pieces.limit.piece_id());
  CHECK(run(pieces.download(0, 100, 100)) == "5 file does not exist");
}

TEST_CASE("Faults change what is sent and signed, and nothing else") {
  Pieces pieces;
  REQUIRE(pieces.run(pieces.upload()) == "stored");
  NodeFaults faults;
  const auto read = [&](int64_t offset, int64_t size) {
    pieces.node().faults().set(faults);
    DownloadStream stream(pieces.node());
    REQUIRE(text_of(stream.on_message(pieces.download(offset, size, size).SerializeAsString())) == "ok");
    std::string got = Pieces::read_all(stream, 100);
    return std::pair{got, stream.cut_short()};
  };
  SECTION("one bit") {
    faults.flip = true;
    faults.flip_offset = 700;
    std::string expected = pieces.data.substr(600, 300);
    expected[100] = static_cast<char>(expected[100] ^ 1);
    CHECK(read(600, 300).first == expected);
    CHECK(read(0, 500).first == pieces.data.substr(0, 500));
  }
  SECTION("a bit of every share") {
    faults.flip = true;
    const std::string got = read(0, 2048).first;
    for (size_t i = 0; i < got.size(); ++i) CHECK((got[i] != pieces.data[i]) == (i % 256 == 0));
  }
  SECTION("a short piece") {
    faults.short_after = 333;
    const auto [got, cut] = read(0, 2048);
    CHECK(got == pieces.data.substr(0, 333));
    CHECK(cut);
  }
  SECTION("a hash of other data, rightly signed") {
    faults.wrong_hash = true;
    pieces.node().faults().set(faults);
    pieces.renew();
    pieces.node().faults().set(faults);
    UploadStream stream(pieces.node());
    const auto end = stream.on_message(pieces.upload().SerializeAsString());
    REQUIRE(Pieces::end_text(end) == "stored");
    pb::PieceUploadResponse reply;
    reply.ParseFromString(std::get<std::string>(*end));
    CHECK(reply.done().hash() != pieces.upload().done().hash());
    CHECK(pieces.node().identity().verify(signing_bytes(reply.done()), reply.done().signature()));
  }
}

TEST_CASE("Pieces in a folder are files, one each, until the store goes") {
  const std::string folder = std::string("sjnet-test-") + to_hex(crypto::random_string(8));
  {
    auto store = make_folder_store(folder);
    REQUIRE(store);
    REQUIRE((*store)->put(std::string(32, 'a'), "piece"));
    REQUIRE((*store)->put(std::string(32, 'b'), ""));
    const auto held = (*store)->get(std::string(32, 'a'));
    REQUIRE(held != nullptr);
    CHECK((*store)->remove(std::string(32, 'a')));
    CHECK_FALSE((*store)->remove(std::string(32, 'a')));
    CHECK(held->data().str() == "piece");
    CHECK((*store)->get(std::string(32, 'a')) == nullptr);
    CHECK((*store)->get(std::string(32, 'b'))->data().empty());
    CHECK((*store)->ids().size() == 1);
  }
  CHECK(make_memory_store()->get("x") == nullptr);
}

}  // namespace sjcp::network
