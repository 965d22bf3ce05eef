// Hands over what stays in a file until it is sent, as often as somebody wants it.
#pragma once

#include <algorithm>

#include "core/transfer/reader.h"
#include "net/http/client.h"

namespace sjcp::http {

class PartBody final : public RequestBody {
 public:
  // part outlives it.
  explicit PartBody(const transfer::ReaderPart& part) : part_(part) {}
  std::optional<uint64_t> size() const override { return part_.size(); }
  // What was said of the bytes in the request holds for those that were there at first only.
  Result<size_t> read(ByteSpan out) override {
    const auto count = static_cast<size_t>(std::min<uint64_t>(out.size(), part_.size() - position_));
    Status status = position_ == 0 ? part_.unchanged() : Status();
    if (status) status = part_.read(position_, ByteSpan(out.data(), count));
    if (!status) return std::move(status).error();
    position_ += count;
    return count;
  }
  Status rewind() override {
    position_ = 0;
    return {};
  }

 private:
  const transfer::ReaderPart& part_;
  uint64_t position_ = 0;
};

}  // namespace sjcp::http
