#include "net/storj/question_size.h"
#include "tests/support/catch.h"

#include <vector>

using sjcp::storj::QuestionSize;

TEST_CASE("Questions grow from one offer to sixteen, and stay there however long an upload is") {
  QuestionSize size;
  std::vector<size_t> sizes;
  for (int i = 0; i < 6; ++i) sizes.push_back(size.next());
  CHECK(sizes == std::vector<size_t>{1, 2, 4, 8, 16, 16});
  for (int i = 0; i < 10'000; ++i) REQUIRE(size.next() == 16);
}
