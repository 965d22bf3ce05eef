#include "core/transfer/group.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <utility>
#include <vector>

using namespace sjcp;
using namespace sjcp::transfer;
using namespace std::chrono_literals;

namespace {

using Range = std::pair<size_t, size_t>;

// A server in virtual time: files that it refuses, and what it was asked.
struct Server {
  GroupSize sizes{3};
  GroupSize::Time now{std::chrono::hours(1)};
  GroupSize::Time stop_at = GroupSize::Time::max();
  std::function<GroupReply(size_t, size_t)> answer;
  std::vector<Range> asked;
  std::map<size_t, std::string> results;
  std::set<size_t> stored;

  // Stores files until one of `bad`, whose error fails the request.
  GroupReply store(size_t begin, size_t end, const std::map<size_t, GroupReply>& bad) {
    for (size_t file = begin; file < end; ++file) {
      if (auto found = bad.find(file); found != bad.end()) return found->second;
      stored.insert(file);
    }
    return {};
  }

  void run(size_t count) {
    GroupCalls calls;
    calls.now = [this] { return now; };
    calls.wait_until = [this](GroupSize::Time until) {
      now = std::max(now, std::min(until, stop_at));
      return now < stop_at;
    };
    calls.attempt = [this](size_t begin, size_t end) {
      asked.push_back({begin, end});
      return answer(begin, end);
    };
    calls.result = [this](size_t file, const Status& status) {
      CHECK(results.count(file) == 0);
      results[file] = status ? "ok" : status.error().what;
    };
    run_group(count, sizes, calls);
    CHECK(results.size() == count);
  }

  size_t number_of(const std::string& result) const {
    size_t count = 0;
    for (const auto& [file, got] : results) count += got == result ? 1 : 0;
    return count;
  }
};

GroupReply refusal(const std::string& what, GroupVerdict verdict) {
  return {make_error(Errc::kUsage, what), verdict};
}

}  // namespace

TEST_CASE("A group that succeeds is one request") {
  Server server;
  server.answer = [](size_t, size_t) { return GroupReply(); };
  server.run(32);
  CHECK(server.asked == std::vector<Range>{{0, 32}});
  CHECK(server.number_of("ok") == 32);
  CHECK(server.sizes.files() == 64);
}

TEST_CASE("No files are no request") {
  Server server;
  server.run(0);
  CHECK(server.asked.empty());
}

TEST_CASE("More files than fit travel in parts that grow") {
  Server server;
  server.answer = [](size_t, size_t) { return GroupReply(); };
  server.run(100);
  CHECK(server.asked == std::vector<Range>{{0, 32}, {32, 96}, {96, 100}});
}

TEST_CASE("A file that is refused is found by halving, and the others are done") {
  Server server;
  server.answer = [&](size_t begin, size_t end) {
    return server.store(begin, end, {{5, refusal("bad", GroupVerdict::kOne)}});
  };
  server.run(8);
  CHECK(server.results[5] == "bad");
  CHECK(server.number_of("ok") == 7);
  CHECK(server.stored.size() == 7);
  CHECK(server.asked == std::vector<Range>{{0, 8}, {0, 4}, {4, 8}, {4, 6}, {4, 5}, {5, 6}, {6, 8}});
}

TEST_CASE("Every refused file gets its own error") {
  Server server;
  std::map<size_t, GroupReply> bad;
  for (size_t file = 0; file < 32; file += 3) {
    bad[file] = refusal(std::to_string(file), GroupVerdict::kOne);
  }
  server.answer = [&](size_t begin, size_t end) { return server.store(begin, end, bad); };
  server.run(32);
  for (size_t file = 0; file < 32; ++file) {
    CHECK(server.results[file] == (file % 3 == 0 ? std::to_string(file) : "ok"));
  }
}

TEST_CASE("An error that each file would meet costs few requests, and what was done before it counts") {
  Server server;
  server.answer = [&](size_t begin, size_t end) {
    std::map<size_t, GroupReply> bad;
    for (size_t file = 20; file < 32; ++file) bad[file] = refusal("full", GroupVerdict::kEach);
    return server.store(begin, end, bad);
  };
  server.run(32);
  CHECK(server.number_of("ok") == 20);
  CHECK(server.number_of("full") == 12);
  CHECK(server.asked.size() <= 10);
}

TEST_CASE("An error of all files is not asked for again") {
  Server server;
  server.answer = [](size_t, size_t) { return refusal("no bucket", GroupVerdict::kAll); };
  server.run(100);
  CHECK(server.asked == std::vector<Range>{{0, 32}});
  CHECK(server.number_of("no bucket") == 100);
}

TEST_CASE("A request whose outcome is unknown is repeated once") {
  Server server;
  int broken = 1;
  server.answer = [&](size_t, size_t) {
    return broken-- > 0 ? refusal("lost", GroupVerdict::kBroken) : GroupReply();
  };
  server.run(10);
  CHECK(server.asked == std::vector<Range>{{0, 10}, {0, 10}});
  CHECK(server.number_of("ok") == 10);

  Server dead;
  dead.answer = [&](size_t, size_t) { return refusal("lost", GroupVerdict::kBroken); };
  dead.run(100);
  CHECK(dead.asked == std::vector<Range>{{0, 32}, {0, 32}});
  CHECK(dead.number_of("lost") == 100);
}

TEST_CASE("A satellite of the usual limit takes all files, at its pace and in smaller groups") {
  Server server;
  double bucket = 100;
  auto filled = server.now;
  uint64_t passed = 0;
  server.answer = [&](size_t begin, size_t end) -> GroupReply {
    for (size_t request = 0; request < 3 * (end - begin); ++request) {
      bucket = std::min(100.0, bucket + std::chrono::duration<double>(server.now - filled).count() * 100);
      filled = server.now;
      if (bucket < 1) return refusal("Too Many Requests", GroupVerdict::kTooOften);
      bucket -= 1;
      ++passed;
    }
    return {};
  };
  const auto begun = server.now;
  server.run(1000);
  CHECK(server.number_of("ok") == 1000);
  const double seconds = std::chrono::duration<double>(server.now - begun).count();
  // 3000 requests at 100 a second are 30 s; rests and repeats may cost a third more.
  CHECK(seconds > 28);
  CHECK(seconds < 42);
  CHECK(passed < 4000);
}

TEST_CASE("A rate limit that stays is reported after six refusals and some thirty seconds") {
  Server server;
  server.answer = [](size_t, size_t) { return refusal("Too Many Requests", GroupVerdict::kTooOften); };
  const auto begun = server.now;
  server.run(40);
  CHECK(server.asked.size() == 6);
  CHECK(server.number_of("Too Many Requests") == 40);
  CHECK(server.now - begun == 1s + 2s + 4s + 8s + 8s);
}

TEST_CASE("A stop while a group waits for its pace cancels what is left") {
  Server server;
  server.answer = [](size_t, size_t) { return refusal("Too Many Requests", GroupVerdict::kTooOften); };
  server.stop_at = server.now + 500ms;
  server.run(40);
  CHECK(server.asked.size() == 1);
  CHECK(server.number_of("interrupted") == 40);
}
