// What is asked of nodes and paid for, by their own books.
#include <csignal>

#include "tests/e2e/user.h"
#include "tests/support/catch.h"

using namespace sjcp::e2e;

namespace {

constexpr uint64_t kSegment = 64 << 20;
constexpr uint64_t kFirstOrder = 32 << 10;

// Bytes of pieces that a plain segment needs: blocks of 7424 bytes hold 7408, with padding and a length.
uint64_t stored_bytes(uint64_t plain) {
  return ((plain + 4 + 7407) / 7408 + 1) * 7424;
}

}  // namespace

TEST_CASE("Pieces that are not needed are paid up to the first order only", "[orders]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  const uint64_t size = 2 * kSegment;
  const std::string file = user.make_file("file", size);
  user.must({"cp", file, "sj://bucket/object"});
  user.must({"cp", "sj://bucket/object", user.path("back")});
  const Json total = network.stats()["total"];
  const uint64_t spares = total["downloads_begun"].get<uint64_t>() - 2 * 4;
  CHECK(spares >= 2);
  CHECK(total["get_ordered"].get<uint64_t>() <= 2 * stored_bytes(kSegment) + spares * kFirstOrder);
  CHECK(total["bytes_sent"].get<uint64_t>() <= total["get_ordered"].get<uint64_t>());
  CHECK(total["rejected"] == 0);
  check_limits_were_fresh(network);
}

TEST_CASE("An upload stores no more pieces than the scheme asks for", "[orders]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", kSegment + 100'000), "sj://bucket/object"});
  const Json total = network.stats()["total"];
  // A piece whose node is reached only when enough others are stored is not begun.
  CHECK(total["uploads_begun"].get<uint64_t>() <= 2 * 10);
  CHECK(total["pieces_held"].get<uint64_t>() >= 2 * 8);
  // Orders name the size of the piece, not that of the largest segment.
  CHECK(total["put_ordered"].get<uint64_t>() <=
        10 * (stored_bytes(kSegment) + stored_bytes(100'000)) / 4 + (1 << 20));
  CHECK(total["rejected"] == 0);
  check_limits_were_fresh(network);
}

TEST_CASE("The satellite is asked in few batches", "[orders]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  // The first upload to a satellite finds out that it takes no checksums.
  user.must({"cp", user.make_file("first", 1), "sj://bucket/first"});
  const uint64_t at_first = network.calls("CompressedBatch");
  user.must({"cp", user.make_file("small", 4000), "sj://bucket/small"});
  CHECK(network.calls("CompressedBatch") - at_first == 1);
  user.must({"cp", "sj://bucket/small", user.path("back")});
  CHECK(network.calls("CompressedBatch") - at_first == 2);
  user.must({"cp", user.make_file("large", 100'000), "sj://bucket/large"});
  CHECK(network.calls("CompressedBatch") - at_first == 4);
  user.must({"cp", "sj://bucket/large", user.path("back")});
  CHECK(network.calls("CompressedBatch") - at_first == 5);
}

TEST_CASE("Connections to nodes serve one segment after the other", "[orders]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("file", 4 * kSegment), "sj://bucket/object"});
  const uint64_t before = network.total("connections");
  user.must({"cp", "-p", "1", "sj://bucket/object", user.path("back")});
  // Four segments at five pieces each; the first one dials all ten nodes.
  CHECK(network.total("connections") - before <= 14);
}

TEST_CASE("Segments and files are in flight from the first byte, as many as asked for", "[orders]") {
  LocalNetwork network;
  const User user(network);
  user.must({"mb", "sj://bucket"});
  user.must({"cp", user.make_file("large", 3 * kSegment), "sj://bucket/large"});
  for (int i = 0; i < 6; ++i) user.make_file("tree/" + std::to_string(i), 100'000, static_cast<uint64_t>(i));
  user.must({"cp", "-r", user.path("tree"), "sj://bucket/tree/"});
  struct Case {
    std::vector<std::string> args;
    uint64_t segments;
  };
  // No byte comes, so only what does not wait for others shows up at the nodes.
  network.fault_all({{"stall_after", 0}});
  for (const auto& [args, segments] : std::vector<Case>{
           {{"cp", "-p", "1", "sj://bucket/large", user.path("back")}, 1},
           {{"cp", "-p", "3", "sj://bucket/large", user.path("back")}, 3},
           {{"cp", "-t", "1", "-r", "sj://bucket/tree/", user.path("into")}, 1},
           {{"cp", "-t", "4", "-r", "sj://bucket/tree/", user.path("into")}, 4},
       }) {
    CAPTURE(args);
    const uint64_t begun = network.total("downloads_begun");
    Child child(user.command(args));
    CHECK(child.wait_until([&] { return network.total("downloads_begun") >= begun + 5 * segments; }));
    child.signal(SIGINT);
    CHECK(child.finish().code == 130);
    CHECK(network.total("downloads_begun") == begun + 5 * segments);
  }
}
