#include "net/http/reply_turns.h"

#include "tests/support/catch.h"

using namespace sjcp;
using http::ReplyTurns;

TEST_CASE("The next reader is whoever goes on where the last one has stopped, or begins next behind") {
  const Clock::Steady begin{std::chrono::seconds(1)};
  const Clock::Steady later = begin + ReplyTurns::kGrace;
  ReplyTurns turns;
  turns.wait(100);
  turns.wait(300);
  CHECK(turns.begin());
  CHECK_FALSE(turns.begin());
  CHECK_FALSE(turns.may_read(100, later));
  turns.end(300, begin);
  CHECK(turns.may_read(300, begin));
  CHECK_FALSE(turns.may_read(100, later));
  CHECK(turns.begin());
  turns.end(200, begin);
  CHECK_FALSE(turns.may_read(300, begin));
  CHECK(turns.may_read(300, later));
  // Nobody begins behind: the first in the object, with a reply of its own.
  CHECK(turns.begin());
  turns.end(400, begin);
  CHECK_FALSE(turns.may_read(100, begin));
  CHECK(turns.may_read(100, later));
  CHECK_FALSE(turns.may_read(300, later));
  turns.leave(100);
  CHECK(turns.may_read(300, later));
}
