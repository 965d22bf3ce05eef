// For how many segments one question asks the satellite for offers.
//
// One at first: an answer with more of them takes a round trip longer on a fresh connection.  Then twice as
// many each time, as far as an answer stays well below a megabyte.
//
// Pure.  Threads: one at a time.
#pragma once

#include <algorithm>
#include <cstddef>

namespace sjcp::storj {

class QuestionSize {
 public:
  static constexpr size_t kMost = 16;

  // Of the next question; never 0.
  size_t next() {
    const size_t size = size_;
    size_ = std::min(2 * size_, kMost);
    return size;
  }

 private:
  size_t size_ = 1;
};

}  // namespace sjcp::storj
