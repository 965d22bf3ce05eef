// Bytes that wait to be written to a connection: appended at the end, taken from the front.
//
// Threads: one at a time.
#pragma once

#include <string>

#include "core/base/bytes.h"

namespace sjcp::drpc {

class OutputBuffer {
 public:
  bool empty() const { return begin_ == data_.size(); }
  size_t size() const { return data_.size() - begin_; }
  ByteView view() const { return ByteView(data_).sub(begin_); }
  // Append here.
  std::string& tail() { return data_; }
  // Requires: n <= size().
  void consume(size_t n);

 private:
  std::string data_;
  size_t begin_ = 0;
};

}  // namespace sjcp::drpc
