// An object in memory whose segments can fail, wait and be watched.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/transfer/source.h"

namespace sjcp::test {

// Bytes that differ at every offset, so that a piece in a wrong place shows.
inline std::string pattern(uint64_t begin, uint64_t end) {
  std::string out;
  out.reserve(end - begin);
  for (uint64_t i = begin; i < end; ++i) {
    out.push_back(static_cast<char>((i * 0x9e3779b97f4a7c15ull) >> 56));
  }
  return out;
}

class FakeSource final : public transfer::Source {
 public:
  FakeSource(uint64_t size, uint64_t segment_size) : size_(size), segment_size_(segment_size) {}

  // Knobs; set before use.
  std::function<Status(const transfer::Segment&, const transfer::Context&)> before_fetch;
  std::function<Status(const transfer::Segment&, const transfer::Context&)> after_fetch;
  std::optional<Error> open_error;
  std::string version;
  uint64_t memory = 0;
  size_t write_size = 7;
  bool drop_last_byte = false;

  // What was seen.
  std::atomic<int> fetching{0};
  std::atomic<int> most_fetching{0};
  std::atomic<int> fetches{0};
  std::vector<size_t> expected() const {
    std::lock_guard lock(mutex_);
    return expected_;
  }
  std::atomic<uint64_t> bytes_written{0};

  Result<transfer::ObjectInfo> open(const transfer::RangeRequest& range, const transfer::Context&) override {
    if (open_error) return *open_error;
    auto resolved = range.resolve(size_);
    if (!resolved) return std::move(resolved).error();
    transfer::ObjectInfo info;
    info.name = "sj://bucket/key";
    info.size = size_;
    info.range = *resolved;
    info.version = version;
    for (uint64_t at = resolved->begin; at < resolved->end;) {
      const uint64_t end = std::min((at / segment_size_ + 1) * segment_size_, resolved->end);
      segments_.push_back({segments_.size(), {at, end}});
      at = end;
    }
    return info;
  }

  const std::vector<transfer::Segment>& segments() const override { return segments_; }
  uint64_t memory_per_segment() const override { return memory; }
  void expect(std::span<const transfer::Segment> next) override {
    std::lock_guard lock(mutex_);
    for (const auto& segment : next) expected_.push_back(segment.index);
  }

  Status fetch(const transfer::Segment& segment, transfer::Output& output,
               const transfer::Context& context) override {
    ++fetches;
    const int now = ++fetching;
    int most = most_fetching;
    while (now > most && !most_fetching.compare_exchange_weak(most, now)) {
    }
    Status status = run(segment, output, context);
    --fetching;
    return status;
  }

 private:
  Status run(const transfer::Segment& segment, transfer::Output& output, const transfer::Context& context) {
    if (before_fetch) {
      Status status = before_fetch(segment, context);
      if (!status) return status;
    }
    const uint64_t end = segment.bytes.end - (drop_last_byte ? 1 : 0);
    for (uint64_t at = segment.bytes.begin; at < end;) {
      const uint64_t to = std::min(at + write_size, end);
      Status status = output.write(at, pattern(at, to));
      if (!status) return status;
      bytes_written += to - at;
      at = to;
    }
    return after_fetch ? after_fetch(segment, context) : Status();
  }

  const uint64_t size_;
  const uint64_t segment_size_;
  std::vector<transfer::Segment> segments_;
  mutable std::mutex mutex_;
  std::vector<size_t> expected_;
};

}  // namespace sjcp::test
