#include "core/transfer/digest_sink.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "core/base/units.h"

namespace sjcp::transfer {
namespace {

constexpr uint64_t kChunk = 1 * kMiB;

}  // namespace

DigestSink::DigestSink(Sink& sink, const std::set<DigestKind>& kinds, uint64_t size,
                       const PieceDigests* pieces)
    : sink_(sink), kinds_(kinds), size_(size), pieces_(pieces) {
  make_hashers();
}

void DigestSink::make_hashers() {
  hashers_.clear();
  for (const DigestKind kind : kinds_) hashers_.push_back(Hasher::create(kind, size_));
  if (pieces_ != nullptr) check_.emplace(*pieces_, size_);
}

DigestSink::~DigestSink() {
  end();
}

Status DigestSink::begin(uint64_t size) {
  if (sink_.ordered()) sink_.watch([this](ByteView bytes) { hash(bytes); });
  Status status = sink_.begin(size);
  if (status) start({});
  return status;
}

Result<RangeSet> DigestSink::resume(const Content& content) {
  if (sink_.ordered()) sink_.watch([this](ByteView bytes) { hash(bytes); });
  auto there = sink_.resume(content);
  if (there) start(*there);
  return there;
}

Status DigestSink::write(uint64_t offset, ByteView data) {
  Status status = sink_.write(offset, data);
  if (!status || sink_.ordered()) return status;
  const std::lock_guard lock(mutex_);
  const uint64_t front = there_.front();
  there_.add({offset, offset + data.size()});
  if (there_.front() > front) changed_.notify_all();
  return status;
}

void DigestSink::start(RangeSet there) {
  if (sink_.ordered()) return;
  there_ = std::move(there);
  try {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  } catch (const std::system_error&) {
    // No thread to be had: finish() does all of it.
  }
}

void DigestSink::run(const std::stop_token& stop) {
  Bytes chunk(kChunk);
  uint64_t at = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, stop, [&] { return there_.front() >= at + kChunk || whole_; });
    const uint64_t count = std::min(there_.front() - at, kChunk);
    if (stop.stop_requested() || count == 0) return;
    lock.unlock();
    const ByteSpan out(chunk.data(), static_cast<size_t>(count));
    Status status = sink_.read(at, out);
    if (status) hash(out);
    at += count;
    lock.lock();
    if (!status) {
      error_ = std::move(status).error();
      return;
    }
  }
}

void DigestSink::hash(ByteView bytes) {
  for (const auto& hasher : hashers_) hasher->update(bytes);
  if (check_) check_->update(bytes);
}

Result<std::vector<Digest>> DigestSink::finish(const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    whole_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) {
    const std::stop_callback link(stop, [this] { thread_.request_stop(); });
    thread_.join();
  } else if (!sink_.ordered()) {
    run(stop);
  }
  return digests(stop);
}

Result<std::vector<Digest>> DigestSink::again(const std::stop_token& stop) {
  make_hashers();
  run(stop);
  return digests(stop);
}

Result<std::vector<Digest>> DigestSink::digests(const std::stop_token& stop) {
  if (stop.stop_requested()) return make_error(Errc::kCancelled, "interrupted");
  if (error_) return *error_;
  std::vector<Digest> found;
  for (const auto& hasher : hashers_) found.push_back(hasher->finish());
  return found;
}

void DigestSink::end() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void DigestSink::abort() {
  sink_.abort();
  thread_.request_stop();
}

std::string DigestSink::reject() {
  end();
  return sink_.reject();
}

}  // namespace sjcp::transfer
