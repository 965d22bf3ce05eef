#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <utility>

#include "core/base/scope_guard.h"
#include "core/base/units.h"
#include "core/transfer/copy.h"
#include "core/transfer/crew.h"
#include "core/transfer/segment_gate.h"

namespace sjcp::transfer {
namespace {

// Less than that is read in no time.
constexpr uint64_t kWorthExpecting = kMiB;

// A reader that can be asked whether anything follows.
class LookAhead {
 public:
  explicit LookAhead(Reader& reader) : reader_(reader) {
    // One byte more than a small file holds: its end shows in the same read.
    if (auto size = reader.size()) capacity_ = static_cast<size_t>(std::min<uint64_t>(kMiB, *size + 1));
    buffer_ = std::make_unique_for_overwrite<uint8_t[]>(capacity_);
  }

  // The next bytes, not yet taken; empty only at the end.
  Result<ByteView> peek() {
    if (begin_ == end_ && !ended_) {
      auto count = reader_.read(ByteSpan(buffer_.get(), capacity_));
      if (!count) return std::move(count).error();
      begin_ = 0;
      end_ = *count;
      ended_ = *count < capacity_;
    }
    return ByteView(buffer_.get() + begin_, end_ - begin_);
  }
  void take(size_t count) { begin_ += count; }
  // Leaves out so many bytes.
  Status skip(uint64_t count) {
    const auto held = static_cast<size_t>(std::min<uint64_t>(count, end_ - begin_));
    take(held);
    return count > held ? reader_.skip(count - held) : Status();
  }

 private:
  Reader& reader_;
  size_t capacity_ = kMiB;
  std::unique_ptr<uint8_t[]> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool ended_ = false;
};

// A segment between begin and finish.  The permits go last: the writer's buffers live under the lease.
struct Filled {
  SegmentGate::Slot slot;
  MemoryBudget::Lease lease;
  std::unique_ptr<SegmentWriter> writer;
  uint64_t bytes = 0;
  bool last = false;
};

class Upload {
 public:
  // stored: segments that must not be sent again; only with a reader of known size.
  Upload(Reader& reader, ObjectWriter& writer, std::set<uint64_t> stored, const Context& context)
      : reader_(reader),
        writer_(writer),
        stored_(std::move(stored)),
        input_(reader),
        crew_(context.stop),
        context_(context.with_stop(crew_.stop())),
        by_parts_(reader.anywhere() && reader.size().value_or(0) >= kWorthExpecting &&
                  writer.memory_per_part().has_value()),
        gate_(reader.size().value_or(kPassesByGate) < kPassesByGate ? nullptr : context.gate),
        // A worker may wait for a silent stdin: a failed sibling must not wait with it.
        link_(crew_.stop(), [this] { reader_.cancel(); }) {}

  Status run(unsigned parallelism) {
    uint64_t most = parallelism > 0 ? parallelism : SIZE_MAX;
    if (auto size = reader_.size()) {
      context_.counters->bytes_total.fetch_add(*size, std::memory_order_relaxed);
      const uint64_t unit = writer_.segment_size();
      const uint64_t segments = *size / unit + (*size % unit != 0 ? 1 : 0);
      most = std::min(most, std::max<uint64_t>(segments, 1));
    }
    const auto body = [this](Crew::Turn& turn) { return work(turn); };
    // A thread would cost as much as the rest of a small file.
    if (most == 1 && reader_.size().value_or(kPassesByGate) < kPassesByGate) return crew_.alone(body);
    Status started = crew_.start(most, body);
    if (!started) return started;
    return crew_.join();
  }

  // After run(): whether what was sent is what was there all the time.
  Status check_source() const { return by_parts_ ? reader_.unchanged() : Status(); }
  CopySummary summary() const { return {bytes_, segments_, resumed_}; }

 private:
  Status work(Crew::Turn& turn) {
    bool active = false;
    ScopeGuard leave([&] {
      if (active) context_.counters->segments_active.fetch_sub(1, std::memory_order_relaxed);
    });
    Filled filled;
    {
      std::lock_guard lock(reading_);
      ScopeGuard told([this] {
        if (input_ended_) crew_.nothing_left();
      });
      if (Status skipped = skip_stored(); !skipped) return skipped;
      if (input_ended_) return {};
      if (context_.stop.stop_requested()) return make_error(Errc::kCancelled, "stopped");
      context_.counters->segments_active.fetch_add(1, std::memory_order_relaxed);
      active = true;
      Status status = by_parts_ ? take_part(filled) : fill(filled);
      // After an error the input has lost its place: nobody may go on with it.
      input_ended_ = !status || filled.last;
      if (!status) return status;
      bytes_ += filled.bytes;
      ++segments_;
    }
    turn.taken();
    return finish(std::move(filled));
  }

  // Passes over the segments that are stored and come next.
  Status skip_stored() {
    for (; !input_ended_ && stored_.erase(segments_) > 0; ++segments_) {
      const uint64_t size = reader_.size().value_or(0);
      const uint64_t bytes = std::min(writer_.segment_size(), size - bytes_);
      Status skipped = input_.skip(bytes);
      if (!skipped) {
        input_ended_ = true;
        return skipped;
      }
      bytes_ += bytes;
      resumed_ += bytes;
      context_.counters->bytes_resumed.fetch_add(bytes, std::memory_order_relaxed);
      input_ended_ = bytes_ == size;
    }
    return {};
  }

  // Only the worker whose turn it is waits for budget: an input that trickles must not make the others hold
  // memory that other files could use.
  Status await_place(Filled& filled, uint64_t memory) {
    if (gate_ != nullptr) {
      auto slot = gate_->enter(context_.stop);
      if (!slot) return std::move(slot).error();
      filled.slot = *std::move(slot);
    }
    if (bytes_left() >= kWorthExpecting) writer_.expect(segments_, context_);
    auto lease = context_.budget->acquire(memory, context_.stop);
    if (!lease) return std::move(lease).error();
    filled.lease = *std::move(lease);
    return {};
  }

  // The next segment, which is read when it is sent.
  Status take_part(Filled& filled) {
    if (Status status = await_place(filled, writer_.memory_per_part().value_or(0)); !status) return status;
    filled.bytes = std::min(writer_.segment_size(), bytes_left());
    filled.last = filled.bytes == bytes_left();
    reader_.expect(bytes_, filled.bytes);
    auto writer = writer_.begin_segment(segments_, ReaderPart(reader_, bytes_, filled.bytes));
    if (!writer) return std::move(writer).error();
    filled.writer = *std::move(writer);
    return {};
  }

  // The next segment of the input.
  Status fill(Filled& filled) {
    if (Status status = await_place(filled, writer_.memory_per_segment()); !status) return status;
    auto writer = writer_.begin_segment(segments_);
    if (!writer) return std::move(writer).error();
    filled.writer = *std::move(writer);
    const uint64_t unit = writer_.segment_size();
    for (;;) {
      // Also at a full segment: whether it is the last shows only beyond its end.
      auto data = input_.peek();
      if (!data) return std::move(data).error();
      filled.last = data->empty();
      if (filled.last || filled.bytes == unit) return {};
      const auto count = static_cast<size_t>(std::min<uint64_t>(data->size(), unit - filled.bytes));
      Status status = filled.writer->append(data->sub(0, count));
      if (!status) return status;
      input_.take(count);
      filled.bytes += count;
      if (context_.stop.stop_requested()) return make_error(Errc::kCancelled, "stopped");
    }
  }

  // Of an input that knows.
  uint64_t bytes_left() const {
    const uint64_t size = reader_.size().value_or(0);
    return size - std::min(size, bytes_);
  }

  Status finish(Filled filled) {
    Counters& counters = *context_.counters;
    if (!reader_.size()) counters.bytes_total.fetch_add(filled.bytes, std::memory_order_relaxed);
    Status status = writer_.finish_segment(std::move(filled.writer), filled.last, context_);
    if (status) counters.bytes_done.fetch_add(filled.bytes, std::memory_order_relaxed);
    return status;
  }

  Reader& reader_;
  ObjectWriter& writer_;
  std::mutex reading_;  // guards the seven below
  std::set<uint64_t> stored_;
  uint64_t resumed_ = 0;
  LookAhead input_;
  bool input_ended_ = false;
  uint64_t bytes_ = 0;
  uint64_t segments_ = 0;
  Crew crew_;
  const Context context_;  // as given, but stopped by the crew
  const bool by_parts_;    // segments stay where they are until they are sent
  SegmentGate* const gate_;
  std::stop_callback<std::function<void()>> link_;
};

// What an upload remembers for a later run, and takes up from an earlier one.
class Memory {
 public:
  // Without a store, or for a reader or writer that cannot be gone on with, all of it does nothing.
  Memory(Reader& reader, ObjectWriter& writer, const CopyOptions& options)
      : reader_(reader), writer_(writer), store_(options.store) {
    journal_.destination = writer.destination();
    journal_.source = reader.identity();
    if (!reader.size() || journal_.destination.empty() || journal_.source.empty()) store_ = nullptr;
    keep_ = store_ != nullptr && options.resume;
  }

  // The segments that are stored already.  An error: whether there are any cannot be found out now.
  Result<std::set<uint64_t>> begin(const Context& context) {
    std::set<uint64_t> stored;
    if (store_ == nullptr) return stored;
    const auto earlier = store_->load();
    if (earlier && earlier->destination == journal_.destination) {
      auto resumed = take_up(*earlier, context);
      if (resumed) {
        stored = *std::move(resumed);
        remembered_ = true;
      } else if (may_pass(resumed.error().code)) {
        return resumed;
      } else {
        writer_.discard(earlier->pending);
      }
    }
    if (!remembered_) store_->remove();
    if (keep_) writer_.keep([this](const std::string& pending) { remember(pending); });
    return stored;
  }

  // Whether the source is still what it was when the upload began.
  Status check_source() const {
    if (store_ == nullptr || reader_.identity() == journal_.source) return {};
    return make_error(Errc::kConflict, reader_.name() + ": changed while it was read; try again");
  }

  void done() {
    if (store_ != nullptr) store_->remove();
  }

  // Ends a failed upload; what the person is told.
  Error fail(Error error) {
    const uint64_t kept = remembered_ && may_pass(error.code) ? writer_.suspend() : 0;
    if (kept == 0) {
      writer_.abort();
      done();
      return error;
    }
    error.what += "; " + format_size(kept) + " are stored: the same command goes on from there";
    return error;
  }

 private:
  Result<std::set<uint64_t>> take_up(const UploadJournal& earlier, const Context& context) {
    if (!keep_ || earlier.source != journal_.source) return make_error(Errc::kConflict, "starting over");
    return writer_.resume(earlier.pending, *reader_.size(), context);
  }

  static bool may_pass(Errc code) {
    return code == Errc::kCancelled || code == Errc::kNetwork || code == Errc::kLimited ||
           code == Errc::kProtocol || code == Errc::kLocalIo;
  }

  // In one of the threads of the upload, before any other member is called again.
  void remember(const std::string& pending) {
    journal_.pending = pending;
    remembered_ = store_->save(journal_);
  }

  Reader& reader_;
  ObjectWriter& writer_;
  UploadStore* store_;
  bool keep_ = false;
  UploadJournal journal_;
  std::atomic<bool> remembered_{false};
};

}  // namespace

Result<CopySummary> upload(Reader& reader, ObjectWriter& writer, const CopyOptions& options,
                           const Context& context) {
  Memory memory(reader, writer, options);
  auto stored = memory.begin(context);
  if (!stored) return std::move(stored).error();
  Upload job(reader, writer, *std::move(stored), context);
  Status status = job.run(options.parallelism);
  if (status && context.stop.stop_requested()) status = make_error(Errc::kCancelled, "interrupted");
  // Also of a service that finds the bytes damaged.
  if (status || status.error().code == Errc::kIntegrity) {
    if (Status same = job.check_source(); !same) status = std::move(same);
  }
  if (status) status = memory.check_source();
  if (status) status = writer.commit(context);
  if (!status) return memory.fail(std::move(status).error());
  memory.done();
  return job.summary();
}

}  // namespace sjcp::transfer
