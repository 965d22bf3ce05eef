// The running network over loopback: listeners, TLS, calls, and what the control socket can do to them.
#include <nlohmann/json.hpp>

#include "core/access/grant.h"
#include "net/drpc/connection.h"
#include "net/storj/wire/metainfo.pb.h"
#include "tests/network/control_commands.h"
#include "tests/network/network.h"
#include "tests/support/catch.h"

namespace sjcp::network {
namespace {

using nlohmann::json;

class Running {
 public:
  Running() {
    NetworkOptions options;
    options.nodes = 5;
    options.redundancy = {2, 3, 4, 5, 256};
    options.threads = 2;
    network_ = std::move(*Network::create(options));
    auto identity = io::Identity::generate();
    context_ = *io::TlsContext::client(*identity);
    grant_ = *access::Grant::parse(network_->access_grant());
    forget_connections();
  }

  // The next call dials.
  void forget_connections() { pool_ = std::make_unique<drpc::Pool>(context_, drpc::Pool::Options()); }

  static drpc::Peer peer(const std::string& url) {
    const auto parsed = access::NodeUrl::parse(url);
    return {parsed->id, parsed->address};
  }

  Result<drpc::Reply> call(const std::string& url, std::string_view rpc, ByteView request) {
    return drpc::call(*pool_, peer(url), rpc, request, {}, {});
  }

  Result<drpc::Reply> project_info() {
    pb::ProjectInfoRequest request;
    request.mutable_header()->set_api_key(grant_.api_key.serialize());
    return call(network_->satellite_url(), "/metainfo.Metainfo/ProjectInfo", request.SerializeAsString());
  }

  json control(const json& command) {
    return json::parse(run_control_command(*network_, command.dump()).line);
  }

  // An empty Upload: the node's answer tells how it is.
  Result<drpc::Reply> probe(size_t node) {
    return call(network_->node_urls()[node], "/piecestore.Piecestore/Upload", std::string_view());
  }

  Network& network() { return *network_; }

 private:
  std::unique_ptr<Network> network_;
  std::shared_ptr<const io::TlsContext> context_;
  access::Grant grant_;
  std::unique_ptr<drpc::Pool> pool_;
};

}  // namespace

TEST_CASE("The printed grant opens the satellite over TLS") {
  Running running;
  const auto reply = running.project_info();
  REQUIRE(reply);
  REQUIRE(reply->ok);
  pb::ProjectInfoResponse info;
  REQUIRE(info.ParseFromString(reply->message));
  CHECK(info.project_salt().size() == 32);
  const json line = json::parse(ready_line(running.network(), "/x.sock"));
  CHECK(line.at("satellite") == running.network().satellite_url());
  CHECK(line.at("nodes").size() == 5);
  CHECK(line.at("control") == "/x.sock");
}

TEST_CASE("Calls that do not exist fail and leave the connection usable") {
  Running running;
  const std::string url = running.network().satellite_url();
  const auto reply = running.call(url, "/metainfo.Metainfo/Nope", std::string_view());
  REQUIRE(reply);
  CHECK(reply->error.code == 0);
  CHECK(reply->error.text == "protocol error: unknown rpc: \"/metainfo.Metainfo/Nope\"");
  const auto other = running.call(url, "/Other/Service", std::string_view());
  REQUIRE(other);
  CHECK(other->error.text == "protocol error: unknown rpc: \"/Other/Service\"");
  REQUIRE(running.project_info()->ok);
  CHECK(running.network().satellite_connections() == 1);
}

TEST_CASE("Nodes answer until a fault says otherwise, and again when it is cleared") {
  Running running;
  const auto answer = running.probe(0);
  REQUIRE(answer);
  CHECK(answer->error.code == 3);
  CHECK(answer->error.text == "expected order limit as the first message");

  const auto node_fault = [&](const json& faults) {
    REQUIRE(running.control({{"op", "node"}, {"nodes", 0}, {"faults", faults}}).at("ok") == true);
  };
  SECTION("status") {
    node_fault({{"status", {{"code", 14}, {"text", "overloaded"}}}});
    const auto reply = running.probe(0);
    REQUIRE(reply);
    CHECK(reply->error.code == 14);
    CHECK(reply->error.text == "overloaded");
    CHECK(running.probe(1)->error.code == 3);
  }
  SECTION("wrong identity, on new connections") {
    node_fault({{"wrong_identity", true}});
    running.forget_connections();
    const auto reply = running.probe(0);
    REQUIRE(!reply);
    CHECK(reply.error().code == Errc::kIntegrity);
  }
  SECTION("refused, on new connections") {
    node_fault({{"refuse", true}});
    running.forget_connections();
    const auto reply = running.probe(0);
    REQUIRE(!reply);
    CHECK(reply.error().code == Errc::kNetwork);
  }
  SECTION("down") {
    // Open connections are closed, but by other threads: a call of now may still find one.
    node_fault({{"down", true}});
    running.forget_connections();
    const auto reply = running.probe(0);
    REQUIRE(!reply);
    CHECK(reply.error().code == Errc::kNetwork);
  }
  REQUIRE(running.control({{"op", "clear"}}).at("ok") == true);
  CHECK(running.probe(0)->error.code == 3);
}

TEST_CASE("The satellite drops connections on request") {
  Running running;
  REQUIRE(running.control({{"op", "satellite"}, {"method", "ProjectInfo"}, {"drop", "before"}, {"count", 2}})
              .at("ok") == true);
  CHECK(!running.project_info());
  REQUIRE(running.control({{"op", "satellite"}, {"clear", true}}).at("ok") == true);
  REQUIRE(running.project_info()->ok);
}

TEST_CASE("Control commands that make no sense are refused") {
  Running running;
  for (const char* bad : {"", "{", "[]", "{\"op\":\"nope\"}", "{\"op\":\"node\",\"nodes\":5,\"faults\":{}}",
                          "{\"op\":\"node\",\"faults\":{\"typo\":true}}",
                          "{\"op\":\"satellite\",\"method\":\"X\",\"drop\":\"never\"}",
                          "{\"op\":\"satellite\",\"method\":\"X\"}",
                          "{\"op\":\"satellite\",\"method\":\"X\",\"drop\":\"before\",\"count\":0}"}) {
    INFO(bad);
    const json reply = json::parse(run_control_command(running.network(), bad).line);
    CHECK(reply.at("ok") == false);
    CHECK(!reply.at("error").get<std::string>().empty());
  }
  CHECK(run_control_command(running.network(), "{\"op\":\"stop\"}").stop);
  const json stats = running.control({{"op", "stats"}});
  CHECK(stats.at("nodes").size() == 5);
  CHECK(stats.at("total").at("serials_reused") == 0);
}

TEST_CASE("A network needs as many nodes as pieces") {
  NetworkOptions options;
  options.nodes = 4;
  options.redundancy = {2, 3, 4, 5, 256};
  const auto network = Network::create(options);
  REQUIRE(!network);
  CHECK(network.error().code == Errc::kUsage);
}

}  // namespace sjcp::network
