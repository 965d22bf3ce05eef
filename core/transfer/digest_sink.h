// A sink that computes digests of what is written into another one, while it is written.
//
// Of a file: a thread reads back what lies behind the contiguous front, so that hashing needs no order of
// arrival, no memory, and no second pass; resumed bytes are read as well.  Of an ordered sink: what passes,
// in the thread that writes it.
//
// Threads: as Sink; finish() from the thread that commits.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/transfer/digest.h"
#include "core/transfer/pieces.h"
#include "core/transfer/sink.h"

namespace sjcp::transfer {

class DigestSink final : public Sink {
 public:
  // sink: must outlive it.  size: of the object, or kUnknownSize.  pieces: null, or those to be compared, of
  // which an object of this size has as many; outlive it.
  DigestSink(Sink& sink, const std::set<DigestKind>& kinds, uint64_t size,
             const PieceDigests* pieces = nullptr);
  ~DigestSink() override;
  DigestSink(const DigestSink&) = delete;
  DigestSink& operator=(const DigestSink&) = delete;

  // After the last write: one digest of each kind, in order of kinds.  Waits for the thread; kCancelled when
  // stop is requested meanwhile.  kUnsupported: the sink is neither ordered nor can be read back.
  Result<std::vector<Digest>> finish(const std::stop_token& stop);
  // After finish(), and some rewrite(): once more, from the first byte.
  Result<std::vector<Digest>> again(const std::stop_token& stop);
  // After these: pieces that are wrong.
  std::vector<size_t> wrong_pieces() const { return check_ ? check_->wrong() : std::vector<size_t>(); }

  Status begin(uint64_t size) override;
  Result<RangeSet> resume(const Content& content) override;
  Status write(uint64_t offset, ByteView data) override;
  bool ordered() const override { return sink_.ordered(); }
  Status read(uint64_t offset, ByteSpan out) override { return sink_.read(offset, out); }
  Status rewrite(uint64_t offset, ByteView data) override { return sink_.rewrite(offset, data); }
  void modified(std::chrono::system_clock::time_point when) override { sink_.modified(when); }
  Status commit() override { return sink_.commit(); }
  void abort() override;
  std::string reject() override;
  uint64_t kept() const override { return sink_.kept(); }
  std::string name() const override { return sink_.name(); }

 private:
  void start(RangeSet there);
  void end();
  void run(const std::stop_token& stop);
  Result<std::vector<Digest>> digests(const std::stop_token& stop);
  void make_hashers();
  void hash(ByteView bytes);

  Sink& sink_;
  const std::set<DigestKind> kinds_;
  const uint64_t size_;
  const PieceDigests* const pieces_;
  std::vector<std::unique_ptr<Hasher>> hashers_;  // the thread's while it runs, as the next
  std::optional<PieceCheck> check_;
  std::mutex mutex_;  // guards the four below
  std::condition_variable_any changed_;
  RangeSet there_;
  bool whole_ = false;  // nothing more will be written
  std::optional<Error> error_;
  std::jthread thread_;
};

}  // namespace sjcp::transfer
