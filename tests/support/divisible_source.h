// An object in memory of which any part can be fetched, by fetches that can be watched, held up and broken.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "core/transfer/source.h"
#include "tests/support/fake_source.h"

namespace sjcp::test {

class DivisibleSource final : public transfer::Source {
 public:
  // One that is asked about every block, with the number of the fetch.
  using OnBlock = std::function<Status(size_t fetch, uint64_t offset, const transfer::Output& output,
                                       const transfer::Context& context)>;

  explicit DivisibleSource(std::string bytes) : bytes_(std::move(bytes)) {}

  // Knobs; set before use.
  std::string name = "http://host/file";
  std::string version = "v1";
  uint64_t block = 4096;
  uint64_t memory = 0;
  bool sized = true;
  bool ranges = true;       // false: fetches send what is before their part, too
  bool ends_early = false;  // one byte is left out at the end of each fetch
  std::optional<Error> open_error;
  std::vector<transfer::Digest> digests;
  OnBlock on_block;

  std::atomic<size_t> fetches{0};
  std::atomic<uint64_t> bytes_written{0};
  std::vector<transfer::ByteRange> asked() const {
    std::lock_guard lock(mutex_);
    return asked_;
  }

  Result<transfer::ObjectInfo> open(const transfer::RangeRequest& range, const transfer::Context&) override {
    if (open_error) return *open_error;
    transfer::ObjectInfo info;
    info.name = name;
    info.version = version;
    info.digests = digests;
    if (sized) {
      auto resolved = range.resolve(bytes_.size());
      if (!resolved) return std::move(resolved).error();
      info.size = bytes_.size();
      info.range = *resolved;
    } else {
      info.size = transfer::kUnknownSize;
      info.range = {0, transfer::kUnknownSize};
    }
    if (info.range.size() > 0) segments_.push_back({0, info.range});
    return info;
  }

  const std::vector<transfer::Segment>& segments() const override { return segments_; }
  bool divisible() const override { return ranges; }
  bool seekable() const override { return ranges; }
  uint64_t memory_per_segment() const override { return memory; }

  Status fetch(const transfer::Segment& segment, transfer::Output& output,
               const transfer::Context& context) override {
    const size_t number = fetches++;
    {
      std::lock_guard lock(mutex_);
      asked_.push_back(segment.bytes);
    }
    uint64_t end = std::min<uint64_t>(segment.bytes.end, bytes_.size());
    if (ends_early) --end;
    for (uint64_t at = segment.bytes.begin; at < std::min(end, output.end());) {
      if (on_block) {
        if (Status status = on_block(number, at, output, context); !status) return status;
      }
      if (context.stop.stop_requested()) return make_error(Errc::kCancelled, "stopped");
      const uint64_t next = std::min(at + block, end);
      output.arrived(at + (next - at) / 2);
      output.arrived(next);
      Status status = output.write(at, std::string_view(bytes_).substr(at, next - at));
      if (!status) return status;
      bytes_written += next - at;
      at = next;
    }
    return {};
  }

 private:
  const std::string bytes_;
  std::vector<transfer::Segment> segments_;
  mutable std::mutex mutex_;
  std::vector<transfer::ByteRange> asked_;
};

}  // namespace sjcp::test
