// A remote object in memory, and a reader to fill it from.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/transfer/object_writer.h"
#include "core/transfer/reader.h"
#include "core/transfer/upload_journal.h"

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
  std::string id;  // identity()
  std::function<std::string()> changing_id;
  bool can_anywhere = false;                            // anywhere()
  std::function<Status()> on_unchanged;                 // what unchanged() says
  std::vector<std::pair<uint64_t, uint64_t>> expected;  // offsets and sizes, in order

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
  Status skip(uint64_t bytes) override {
    if (bytes > bytes_.size() - at_) return make_error(Errc::kInternal, "beyond the end");
    at_ += bytes;
    return {};
  }
  std::string identity() const override { return changing_id ? changing_id() : id; }
  void cancel() override {
    std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
  }
  std::string name() const override { return "fake"; }
  bool anywhere() const override { return can_anywhere; }
  Status read_at(uint64_t offset, ByteSpan out) const override {
    if (offset + out.size() > bytes_.size()) return make_error(Errc::kConflict, "became shorter");
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return {};
  }
  void expect(uint64_t offset, uint64_t size) override { expected.emplace_back(offset, size); }
  Status unchanged() const override { return on_unchanged ? on_unchanged() : Status(); }

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
  std::optional<uint64_t> part_memory;                      // memory_per_part()
  std::string name;                                         // destination()
  Result<std::set<uint64_t>> there = std::set<uint64_t>();  // what resume() says
  uint64_t suspended_bytes = 0;                             // what suspend() says

  struct Stored {
    std::string bytes;
    bool last = false;
  };
  std::map<uint64_t, Stored> stored;  // by index; read it after the upload
  bool committed = false;
  bool aborted = false;
  bool suspended = false;
  std::string resumed;    // what resume() was asked for
  std::string discarded;  // what discard() was

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
  std::optional<uint64_t> memory_per_part() const override { return part_memory; }
  Result<std::unique_ptr<transfer::SegmentWriter>> begin_segment(uint64_t index,
                                                                 const transfer::ReaderPart& part) override {
    auto segment = std::make_unique<Piece>();
    segment->index = index;
    segment->part.emplace(part);
    return std::unique_ptr<transfer::SegmentWriter>(std::move(segment));
  }
  Status finish_segment(std::unique_ptr<transfer::SegmentWriter> segment, bool last,
                        const transfer::Context& context) override {
    auto& piece = static_cast<Piece&>(*segment);
    if (piece.part) {
      Status read = piece.part->each([&](ByteView bytes) { piece.bytes += bytes.text(); });
      if (!read) return read;
    }
    std::call_once(begun_, [this] {
      if (on_begun_) on_begun_("pending upload");
    });
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

  std::string destination() const override { return name; }
  void keep(const std::function<void(const std::string&)>& begun) override { on_begun_ = begun; }
  Result<std::set<uint64_t>> resume(const std::string& pending, uint64_t, const transfer::Context&) override {
    resumed = pending;
    return there;
  }
  uint64_t suspend() override {
    suspended = true;
    return suspended_bytes;
  }
  void discard(const std::string& pending) override { discarded = pending; }

 private:
  struct Piece final : transfer::SegmentWriter {
    uint64_t index = 0;
    uint64_t limit = 0;
    std::optional<Error> error;
    std::optional<transfer::ReaderPart> part;
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
  std::once_flag begun_;
  std::function<void(const std::string&)> on_begun_;
};

// Remembers in memory.
class FakeStore final : public transfer::UploadStore {
 public:
  std::optional<transfer::UploadJournal> journal;
  bool full = false;

  std::optional<transfer::UploadJournal> load() override { return journal; }
  bool save(const transfer::UploadJournal& next) override {
    if (!full) journal = next;
    return !full;
  }
  void remove() override { journal.reset(); }
};

}  // namespace sjcp::test
