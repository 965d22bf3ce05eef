#include "core/transfer/group.h"
#include "tests/support/catch.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>
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

namespace {

// Workers in virtual time: one runs at a time, the one whose time comes first.
class Stage {
 public:
  explicit Stage(size_t workers) : running_(workers) {}

  GroupSize::Time now() const { return now_; }

  void sleep_until(GroupSize::Time until) {
    std::unique_lock lock(mutex_);
    const uint64_t mine = next_++;
    waiting_.insert({std::max(until, now_), mine});
    give_turn();
    turned_.wait(lock, [&] { return turn_ == mine; });
  }
  void leave() {
    std::lock_guard lock(mutex_);
    give_turn();
  }

 private:
  void give_turn() {
    if (--running_ > 0 || waiting_.empty()) return;
    const auto first = *waiting_.begin();
    waiting_.erase(waiting_.begin());
    now_ = first.first;
    turn_ = first.second;
    running_ = 1;
    turned_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable turned_;
  GroupSize::Time now_{std::chrono::hours(1)};
  std::set<std::pair<GroupSize::Time, uint64_t>> waiting_;
  uint64_t next_ = 1;
  uint64_t turn_ = 0;
  size_t running_;
};

// A satellite that lets so many requests a second through, as many at once after a second of rest, and
// workers that store files there.
struct Satellite {
  unsigned cost = 3;
  double rate = 100;
  size_t workers = 1;
  Clock::Steady::duration trip = 40ms;  // each way

  // The seconds that it takes, as a multiple of what the limit allows.
  double run(size_t count) {
    GroupSize sizes(cost);
    Stage stage(workers);
    const auto begun = stage.now();
    size_t done = 0;
    double bucket = rate;
    auto filled = begun;
    const auto serve = [&](size_t files) -> GroupReply {
      for (size_t request = 0; request < cost * files; ++request) {
        bucket = std::min(rate, bucket + std::chrono::duration<double>(stage.now() - filled).count() * rate);
        filled = stage.now();
        if (bucket < 1) return refusal("Too Many Requests", GroupVerdict::kTooOften);
        bucket -= 1;
      }
      return {};
    };
    size_t left = count;
    const auto work = [&] {
      GroupCalls calls;
      calls.now = [&] { return stage.now(); };
      calls.wait_until = [&](GroupSize::Time until) { return stage.sleep_until(until), true; };
      calls.attempt = [&](size_t begin, size_t end) {
        stage.sleep_until(stage.now() + trip);
        auto reply = serve(end - begin);
        stage.sleep_until(stage.now() + trip);
        return reply;
      };
      calls.result = [&](size_t, const Status& status) { done += status ? 1 : 0; };
      stage.sleep_until(begun);
      while (left > 0) {
        const size_t mine = std::min(left, sizes.files());
        left -= mine;
        run_group(mine, sizes, calls);
      }
      stage.leave();
    };
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < workers; ++i) threads.emplace_back(work);
    threads.clear();
    CHECK(done == count);
    const double least = static_cast<double>(count * cost) / rate - 1;
    return std::chrono::duration<double>(stage.now() - begun).count() / least;
  }
};

}  // namespace

TEST_CASE("Files that a satellite limits go about as fast as it allows, whatever the number of workers") {
  for (const size_t workers : {1u, 4u, 16u}) {
    for (const unsigned cost : {3u, 1u}) {
      for (const double rate : {100.0, 60.0, 20.0}) {
        for (const size_t count : {1000u, 6000u}) {
          CAPTURE(workers, cost, rate, count);
          CHECK(Satellite{.cost = cost, .rate = rate, .workers = workers}.run(count) < 1.15);
        }
      }
    }
  }
}

TEST_CASE("A satellite of a higher limit is found out before long") {
  for (const size_t workers : {1u, 4u, 16u}) {
    for (const double rate : {150.0, 500.0}) {
      CAPTURE(workers, rate);
      CHECK(Satellite{.cost = 1, .rate = rate, .workers = workers}.run(20000) < 1.2);
      CHECK(Satellite{.cost = 3, .rate = rate, .workers = workers}.run(20000) < 1.2);
    }
  }
}

TEST_CASE("A rate limit that stays is reported after seven refusals and some twenty seconds") {
  Server server;
  server.answer = [](size_t, size_t) { return refusal("Too Many Requests", GroupVerdict::kTooOften); };
  const auto begun = server.now;
  server.run(40);
  CHECK(server.asked.size() == 7);
  CHECK(server.number_of("Too Many Requests") == 40);
  CHECK(server.now - begun > 16s);
  CHECK(server.now - begun < 20s);
}

TEST_CASE("A stop while a group waits for its pace cancels what is left") {
  Server server;
  server.answer = [](size_t, size_t) { return refusal("Too Many Requests", GroupVerdict::kTooOften); };
  server.stop_at = server.now + 500ms;
  server.run(40);
  CHECK(server.asked.size() == 1);
  CHECK(server.number_of("interrupted") == 40);
}
