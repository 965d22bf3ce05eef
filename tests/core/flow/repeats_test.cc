#include "core/flow/repeats.h"

#include <vector>

#include "tests/support/catch.h"
#include "tests/support/hand_clock.h"

using namespace sjcp;
using namespace sjcp::flow;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// Repetitions follow at once, while the clock stands where a test puts it.
struct Setting {
  test::HandClock clock;
  std::vector<std::string> lines;
  Waits waits;
  Setting() {
    waits.clock = &clock;
    waits.tell = [this](const std::string& line) { lines.push_back(line); };
    waits.random = [] { return 0.0; };
    waits.policy.first_wait = waits.policy.longest_wait = milliseconds(0);
  }
};

const Error kRefused = make_error(Errc::kNetwork, "host:1: refused", 111, Fault::kUnreached);

}  // namespace

TEST_CASE("Repeats counts repetitions, tells once, and ends with how long it was tried") {
  Setting s;
  std::atomic<uint64_t> counter{0};
  Repeats repeats(s.waits, "host:1", nullptr, &counter);
  CHECK(*repeats.after(kRefused, Question::kOnce, {}) == Next::kAgain);
  CHECK(s.lines.empty());
  s.clock.advance(seconds(4));
  CHECK(*repeats.after(kRefused, Question::kOnce, {}) == Next::kAgain);
  s.clock.advance(seconds(1));
  CHECK(*repeats.after(kRefused, Question::kOnce, {}) == Next::kAgain);
  REQUIRE(s.lines.size() == 1);
  CHECK(s.lines[0].starts_with("host:1: refused; trying again until "));
  CHECK(counter == 3);
  s.clock.advance(seconds(55));
  const auto last = repeats.after(kRefused, Question::kOnce, {});
  REQUIRE_FALSE(last);
  CHECK(last.error().code == Errc::kNetwork);
  CHECK(last.error().what == "host:1: refused (tried for 60 s)");
}

TEST_CASE("what cannot pass is the error as it was") {
  Setting s;
  Repeats repeats(s.waits, "host:1");
  const auto next = repeats.after(make_error(Errc::kDenied, "x: denied"), Question::kSafe, {});
  REQUIRE_FALSE(next);
  CHECK(next.error().code == Errc::kDenied);
  CHECK(next.error().what == "x: denied");
}

TEST_CASE("a wait that nobody waits for is a limit, told with its length") {
  Setting s;
  Repeats repeats(s.waits, "host:1");
  const auto next = repeats.after(make_error(Errc::kNetwork, "x: 503", 503, Fault::kUnavailable),
                                  Question::kSafe, {}, seconds(3600));
  REQUIRE_FALSE(next);
  CHECK(next.error().code == Errc::kLimited);
  CHECK(next.error().what == "x: 503; it asks to be left alone for 1 h");
}

TEST_CASE("a stop ends the wait") {
  Setting s;
  s.waits.policy.first_wait = s.waits.policy.longest_wait = seconds(100);
  std::stop_source stop;
  stop.request_stop();
  Repeats repeats(s.waits, "host:1");
  const auto next = repeats.after(kRefused, Question::kSafe, stop.get_token());
  REQUIRE_FALSE(next);
  CHECK(next.error().code == Errc::kCancelled);
}

TEST_CASE("two that wait for one service are one line, until it answered") {
  Setting s;
  Repeats a(s.waits, "host:1");
  Repeats b(s.waits, "host:1");
  const auto fail_for_long = [&](Repeats& repeats) {
    (void)repeats.after(kRefused, Question::kSafe, {});
    s.clock.advance(seconds(3));
    (void)repeats.after(kRefused, Question::kSafe, {});
  };
  fail_for_long(a);
  fail_for_long(b);
  CHECK(s.lines.size() == 1);
  a.progress();
  b.progress();
  fail_for_long(a);
  CHECK(s.lines.size() == 2);
}

TEST_CASE("an error whose repetitions are used up is not repeated by whoever is around") {
  Setting s;
  s.waits.policy.patience = seconds(0);
  Repeats inner(s.waits, "host:1");
  const auto last = inner.after(kRefused, Question::kSafe, {});
  REQUIRE_FALSE(last);
  CHECK(last.error().fault == Fault::kNone);
  // What this question alone does not allow may be looked at by its asker.
  const Error broken = make_error(Errc::kNetwork, "x", 0, Fault::kBroken);
  Repeats once(s.waits, "host:1");
  CHECK(once.after(broken, Question::kOnce, {}).error().fault == Fault::kBroken);
}

TEST_CASE("a wait ends early once nobody wants what it is for") {
  Setting s;
  s.waits.policy.first_wait = s.waits.policy.longest_wait = seconds(3600);
  Repeats repeats(s.waits, "host:1");
  unsigned looks = 0;
  CHECK(repeats.after(kRefused, Question::kSafe, {}, std::nullopt, [&] { return ++looks > 1; }));
  CHECK(looks == 2);
}

TEST_CASE("Each repetition has a note that says what happened and what comes next") {
  Setting setting;
  std::vector<std::string> notes;
  setting.waits.note = [&](const std::string& line) { notes.push_back(line); };
  Repeats repeats(setting.waits, "host:1");
  REQUIRE(repeats.after(kRefused, Question::kSafe, {}));
  const Error broken = make_error(Errc::kNetwork, "host:1: closed", 0, Fault::kBroken);
  REQUIRE(repeats.after(broken, Question::kTraceable, {}));
  CHECK(notes == std::vector<std::string>{"host:1: refused (unreached); again in 0 ms",
                                          "host:1: closed (broken); asking what became of it in 0 ms"});
}
