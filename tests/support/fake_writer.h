// A remote object in memory, and a reader to fill it from.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "core/transfer/object_writer.h"
#include "core/transfer/reader.h"

namespace sjcp::test {

class FakeReader final : public transfer::Reader {
 public:
  explicit FakeReader(std::string bytes) : bytes_(std::move(bytes)) {}

  // Knobs; set before use.
  bool known_size = true;
  std::optional<uint64_t>
      silent_from;             // a read that reaches beyond waits until cancelled, like a silent pipe
  std::optional<Error> error;  // of the first read
  std::function<void()> on_wait;

  std::optional<uint64_t> size() const override {
    return known_size ? std::optional<uint64_t>(bytes_.size()) : std::nullopt;
  }
  Result<size_t> read(ByteSpan out) override {
    if (error) return *error;
    if (silent_from && at_ + out.size() > *silent_from) {
      if (on_wait) on_wait();
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return cancelled_; });
      return make_error(Errc::kCancelled, "stopped");
    }
    const size_t count = std::min(out.size(), bytes_.size() - at_);
    std::memcpy(out.data(), bytes_.data() + at_, count);
    at_ += count;
    return count;
  }
  void cancel() override {
    std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
  }
  std::string name() const override { return "fake"; }

 private:
  const std::string bytes_;
  size_t at_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool cancelled_ = false;
};

class FakeWriter final : public transfer::ObjectWriter {
 public:
  explicit FakeWriter(uint64_t segment_size) : segment_size_(segment_size) {}

  // Knobs; set before use.
  std::function<Status(uint64_t index, const transfer::Context&)> on_finish;
  std::optional<Error> begin_error;
  std::optional<Error> append_error;
  Status commit_result;
  uint64_t memory = 0;

  struct Stored {
    std::string bytes;
    bool last = false;
  };
  std::map<uint64_t, Stored> stored;  // by index; read it after the upload
  bool committed = false;
  bool aborted = false;

  uint64_t segment_size() const override { return segment_size_; }
  uint64_t memory_per_segment() const override { return memory; }

  Result<std::unique_ptr<transfer::SegmentWriter>> begin_segment(uint64_t index) override {
    if (begin_error) return *begin_error;
    auto segment = std::make_unique<Piece>();
    segment->index = index;
    segment->limit = segment_size_;
    segment->error = append_error;
    return std::unique_ptr<transfer::SegmentWriter>(std::move(segment));
  }
  Status finish_segment(std::unique_ptr<transfer::SegmentWriter> segment, bool last,
                        const transfer::Context& context) override {
    auto& piece = static_cast<Piece&>(*segment);
    if (on_finish) {
      Status status = on_finish(piece.index, context);
      if (!status) return status;
    }
    std::lock_guard lock(mutex_);
    stored[piece.index] = {std::move(piece.bytes), last};
    return {};
  }
  Status commit(const transfer::Context&) override {
    if (commit_result) committed = true;
    return commit_result;
  }
  void abort() override { aborted = true; }

 private:
  struct Piece final : transfer::SegmentWriter {
    uint64_t index = 0;
    uint64_t limit = 0;
    std::optional<Error> error;
    std::string bytes;
    Status append(ByteView data) override {
      if (error) return *error;
      bytes += data.text();
      if (bytes.size() > limit) return make_error(Errc::kInternal, "segment too long");
      return {};
    }
  };

  const uint64_t segment_size_;
  std::mutex mutex_;
};

}  // namespace sjcp::test
