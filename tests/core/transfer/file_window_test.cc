#include "core/transfer/file_window.h"
#include "tests/support/catch.h"

#include <functional>
#include <queue>
#include <vector>

using namespace sjcp::transfer;
using namespace std::chrono_literals;
using Time = FileWindow::Time;

namespace {

constexpr Time kStart{std::chrono::hours(1)};

// A service that answers after the path's delay, and a limit of files a second that all share.  The first
// file of each place in the window connects before.
struct Service {
  std::chrono::nanoseconds round_trip{80ms};
  double most_a_second = 1e9;
};

class Copy {
 public:
  Copy(Service service, FileWindow::Options options, unsigned files)
      : service_(service), window_(options), waiting_(files) {}

  FileWindow& window() { return window_; }
  void run() {
    start();
    while (!running_.empty()) {
      now_ = running_.top();
      running_.pop();
      window_.ended(now_, waiting_ > 0);
      sizes_.push_back(window_.size());
      start();
    }
  }
  double seconds() const { return std::chrono::duration<double>(now_ - kStart).count(); }
  const std::vector<unsigned>& sizes() const { return sizes_; }
  void set_most_a_second(double rate) { service_.most_a_second = rate; }

 private:
  void start() {
    while (waiting_ > 0 && running_.size() < window_.size()) {
      --waiting_;
      const bool connects = running_.size() >= connected_;
      if (connects) ++connected_;
      const auto path = service_.round_trip * (connects ? 2 : 1);
      const auto gap = std::chrono::duration_cast<Time::duration>(
          std::chrono::duration<double>(1 / service_.most_a_second));
      free_ = std::max(free_ + gap, now_);
      running_.push(std::max(now_ + path, free_));
    }
  }

  Service service_;
  FileWindow window_;
  unsigned waiting_;
  size_t connected_ = 0;
  Time now_ = kStart;
  Time free_ = kStart;
  std::priority_queue<Time, std::vector<Time>, std::greater<>> running_;
  std::vector<unsigned> sizes_;
};

}  // namespace

TEST_CASE("Where round trips are what files cost, the window doubles to the most") {
  Copy copy({80ms}, {16, 256}, 20'000);
  copy.run();
  CHECK(copy.window().size() == 256);
  // 20,000 files at 256 / 80 ms are 6.25 s.
  CHECK(copy.seconds() < 7.5);
}

TEST_CASE("A long path lets more begin at once") {
  Copy copy({80ms}, {16, 256}, 2000);
  copy.window().answered(200ms);
  CHECK(copy.window().size() == 256);
  copy.run();
  CHECK(copy.seconds() < 1.5);

  Copy near({1ms}, {16, 256}, 2000);
  near.window().answered(5ms);
  CHECK(near.window().size() == 16);
}

TEST_CASE("Once files end no tells of the path count any more") {
  FileWindow window({16, 256});
  window.ended(kStart, true);
  window.answered(200ms);
  CHECK(window.size() == 16);
}

TEST_CASE("Where more files end no faster, the window stays as it was") {
  Copy copy({1ms, 500}, {16, 256}, 3000);
  copy.run();
  CHECK(copy.window().size() == 16);
  // One trial of a window twice as large, and another after each rest.
  unsigned trials = 0;
  for (size_t i = 1; i < copy.sizes().size(); ++i) trials += copy.sizes()[i] > copy.sizes()[i - 1] ? 1 : 0;
  CHECK(trials <= 2);
  for (const unsigned size : copy.sizes()) CHECK(size <= 32);
}

TEST_CASE("The window stops growing where the service can do no more") {
  // 40 in flight are all that a service of 500 files a second at 80 ms can have.
  Copy copy({80ms, 500}, {16, 256}, 4000);
  copy.run();
  for (const unsigned size : copy.sizes()) CHECK(size <= 128);
  CHECK(copy.window().size() >= 32);
  CHECK(copy.window().size() <= 64);
  CHECK(copy.seconds() < 9);
}

TEST_CASE("Fewer files than the window allows teach it nothing") {
  FileWindow window({4, 64});
  for (int i = 0; i < 1000; ++i) window.ended(kStart + i * 10ms, false);
  CHECK(window.size() == 4);
}

TEST_CASE("The most is kept, whatever the start and the path") {
  FileWindow window({16, 10});
  CHECK(window.size() == 10);
  window.answered(1s);
  CHECK(window.size() == 10);
  Copy copy({80ms}, {16, 40}, 5000);
  copy.run();
  for (const unsigned size : copy.sizes()) CHECK(size <= 40);
  CHECK(copy.window().size() == 40);
}
