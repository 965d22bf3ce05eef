#include "core/transfer/pipe.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <stop_token>
#include <thread>
#include <utility>

#include "core/base/units.h"
#include "core/transfer/upload_gate.h"
#include "core/transfer/worker_group.h"

namespace sjcp::transfer {
namespace {

// Between the two halves, and for what the source holds: at most, and of the memory there is.
constexpr uint64_t kPipeBytes = 16 * kMiB;
constexpr uint64_t kSourceBytes = 32 * kMiB;
constexpr uint64_t kPipeShare = 8;
constexpr uint64_t kSourceShare = 4;
// On their way to the other end at a time: two overlap reading and sending; a long path wants more.
constexpr uint64_t kFewestSegments = 2;
constexpr uint64_t kMostSegments = 64;

uint64_t pipe_bytes(const MemoryBudget& budget) {
  return std::clamp(budget.limit() / kPipeShare, kMiB, kPipeBytes);
}

uint64_t source_bytes(const MemoryBudget& budget) {
  return std::clamp(budget.limit() / kSourceShare, kMiB, kSourceBytes);
}

// With fewer connections the upload has a share for itself; beyond, it takes what it has use for.
constexpr size_t kManyConnections = 256;
constexpr size_t kUploadShare = 4;

}  // namespace

Pipe::Pipe(std::string name, uint64_t capacity, std::function<Status(uint64_t size)> begun)
    : name_(std::move(name)), capacity_(capacity), begun_(std::move(begun)) {}

bool Pipe::wait_for_begin() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return begun_well_ || over_; });
  return begun_well_ && !over_;
}

Status Pipe::begin(uint64_t size) {
  if (begun_) {
    if (Status status = begun_(size); !status) return status;
  }
  const std::lock_guard lock(mutex_);
  if (over_) return given_up();
  buffer_.resize(static_cast<size_t>(std::clamp<uint64_t>(size, 1, capacity_)));
  if (size != kUnknownSize) size_ = size;
  begun_well_ = true;
  changed_.notify_all();
  return {};
}

ByteSpan Pipe::place(uint64_t offset, uint64_t count) {
  const uint64_t at = offset % buffer_.size();
  count = std::min(count, buffer_.size() - at);
  return ByteSpan(buffer_).subspan(static_cast<size_t>(at), static_cast<size_t>(count));
}

Status Pipe::write(uint64_t offset, ByteView data) {
  std::unique_lock lock(mutex_);
  if (size_ && (offset > *size_ || data.size() > *size_ - offset)) {
    return make_error(Errc::kInternal, name_ + ": a write beyond the announced size");
  }
  while (!data.empty()) {
    const auto room_end = [this] { return read_ + buffer_.size(); };
    changed_.wait(lock, [&] { return over_ || offset < room_end(); });
    if (over_) return given_up();
    // Nobody else writes or reads there until it is entered.
    const ByteSpan out = place(offset, std::min<uint64_t>(data.size(), room_end() - offset));
    lock.unlock();
    std::memcpy(out.data(), data.data(), out.size());
    lock.lock();
    there_.add({offset, offset + out.size()});
    offset += out.size();
    data = data.sub(out.size());
    pass(lock);
  }
  return {};
}

// Makes what follows without a gap known to the reader, after whoever watches has seen it.
void Pipe::pass(std::unique_lock<std::mutex>& lock) {
  if (passing_) return;
  passing_ = true;
  while (ready_ < there_.front() && !over_) {
    const ByteSpan next = place(ready_, there_.front() - ready_);
    if (passed_) {
      lock.unlock();
      passed_(next);
      lock.lock();
    }
    ready_ += next.size();
    changed_.notify_all();
  }
  passing_ = false;
}

Status Pipe::commit() {
  const std::lock_guard lock(mutex_);
  if (over_) return given_up();
  if (size_ && ready_ != *size_) {
    return make_error(Errc::kInternal, name_ + ": committed before all bytes were written");
  }
  complete_ = true;
  changed_.notify_all();
  return {};
}

void Pipe::abort() {
  const std::lock_guard lock(mutex_);
  if (complete_ && ready_ == read_) return;
  over_ = true;
  changed_.notify_all();
}

std::optional<uint64_t> Pipe::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

Result<size_t> Pipe::read(ByteSpan out) {
  size_t count = 0;
  std::unique_lock lock(mutex_);
  while (count < out.size()) {
    changed_.wait(lock, [this] { return over_ || ready_ > read_ || complete_; });
    if (over_) return given_up();
    if (ready_ == read_) break;
    const ByteSpan next = place(read_, std::min<uint64_t>(ready_ - read_, out.size() - count));
    lock.unlock();
    std::memcpy(out.data() + count, next.data(), next.size());
    lock.lock();
    count += next.size();
    read_ += next.size();
    changed_.notify_all();
  }
  return count;
}

Error Pipe::given_up() const {
  return make_error(Errc::kCancelled, name_ + ": the other end has given up");
}

namespace {

class Relay {
 public:
  Relay(Source& source, ObjectWriter& writer, const CopyOptions& options, const Context& context)
      : source_(source),
        writer_(writer),
        options_(options),
        context_(context),
        link_(context.stop, [this] { stop_.request_stop(); }),
        pipe_bytes_(pipe_bytes(*context.budget)),
        source_bytes_(source_bytes(*context.budget)),
        pipe_("the relay", pipe_bytes_, [this](uint64_t size) { return take_memory(size); }) {
    const size_t limit = context.connections != nullptr ? context.connections->limit() : kManyConnections;
    if (limit < kManyConnections) upload_connections_.emplace(std::max<size_t>(limit / kUploadShare, 1));
  }

  Result<CopySummary> run() {
    WorkerGroup uploading(stop_.get_token());
    Status started = uploading.start(1, [this] {
      upload_half();
      return Status();
    });
    if (!started) return std::move(started).error();
    Context context = context_.with_stop(stop_.get_token());
    context.budget = &download_budget_;
    if (context.source_throttle != nullptr) context.throttle = context.source_throttle;
    auto summary = download(source_, pipe_, options_, context);
    const bool untouched = summary && summary->skipped;
    if (!summary || untouched) pipe_.abort();
    if (!summary) stop_.request_stop();
    static_cast<void>(uploading.join().has_value());
    merge_counters();
    if (untouched) return summary;
    if (context_.stop.stop_requested() && !(summary && stored_)) {
      return make_error(Errc::kCancelled, "interrupted");
    }
    WorstError worst;
    if (!summary) worst.add(summary.error());
    if (!stored_) worst.add(stored_.error());
    if (worst.get()) return *worst.get();
    return summary;
  }

 private:
  void upload_half() {
    if (!pipe_.wait_for_begin()) {
      writer_.abort();
      stored_ = make_error(Errc::kCancelled, "nothing came");
      return;
    }
    Context context = context_.with_stop(stop_.get_token());
    context.budget = &*upload_budget_;
    context.counters = &upload_counters_;
    // Fetches that wait for this half hold places and connections; so it has a gate of its own.
    std::unique_ptr<SegmentGate> gate;
    if (options_.parallelism == 0) {
      gate = make_upload_gate(writer_.memory_per_part().has_value(), upload_counters_,
                              static_cast<unsigned>(segments_), true);
    }
    context.gate = gate.get();
    context.connections = upload_connections_ ? &*upload_connections_ : nullptr;
    CopyOptions options;
    options.parallelism = static_cast<unsigned>(segments_);
    auto done = upload(pipe_, writer_, options, context);
    if (done) {
      stored_ = Status();
      return;
    }
    stored_ = std::move(done).error();
    pipe_.cancel();
    stop_.request_stop();
  }

  uint64_t segments_in_flight(uint64_t size) const {
    const uint64_t each = std::max<uint64_t>(writer_.memory_per_segment(), 1);
    const uint64_t limit = context_.budget->limit();
    const uint64_t fit = std::max<uint64_t>((limit - std::min(limit, pipe_bytes_ + source_bytes_)) / each, 1);
    if (options_.parallelism > 0) return std::min<uint64_t>(options_.parallelism, fit);
    const uint64_t most = std::clamp(limit / 2 / each, kFewestSegments, kMostSegments);
    const uint64_t unit = std::max<uint64_t>(writer_.segment_size(), 1);
    return std::min(std::clamp(size / unit, kFewestSegments, most), fit);
  }

  // For both halves.  Before anything else is held.
  Status take_memory(uint64_t size) {
    const uint64_t for_source = std::min(size, source_bytes_);
    segments_ = segments_in_flight(size);
    const uint64_t for_writer = segments_ * writer_.memory_per_segment();
    upload_budget_.emplace(for_writer);
    auto lease = context_.budget->acquire(
        std::min(context_.budget->limit(), std::min(size, pipe_bytes_) + for_source + for_writer),
        stop_.get_token());
    if (!lease) return std::move(lease).error();
    lease_ = *std::move(lease);
    return {};
  }

  // What views show counts for both halves; the bytes are those of the download.
  void merge_counters() {
    Counters& all = *context_.counters;
    all.bytes_fetched += upload_counters_.bytes_fetched;
    all.retries += upload_counters_.retries;
  }

  Source& source_;
  ObjectWriter& writer_;
  const CopyOptions& options_;
  const Context& context_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> link_;
  const uint64_t pipe_bytes_;
  const uint64_t source_bytes_;
  MemoryBudget::Lease lease_;
  MemoryBudget download_budget_{source_bytes_};
  uint64_t segments_ = kFewestSegments;        // known with the size
  std::optional<MemoryBudget> upload_budget_;  // the same
  std::optional<ConnectionBudget> upload_connections_;
  Counters upload_counters_;
  Status stored_ = make_error(Errc::kCancelled, "nothing came");
  Pipe pipe_;
};

}  // namespace

Result<CopySummary> relay(Source& source, ObjectWriter& writer, const CopyOptions& options,
                          const Context& context) {
  return Relay(source, writer, options, context).run();
}

}  // namespace sjcp::transfer
