#include "net/http/pipe.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sjcp::http {

bool Pipe::write(ByteView bytes) {
  std::unique_lock lock(mutex_);
  if (!ring_) ring_ = std::make_unique_for_overwrite<uint8_t[]>(kCapacity);
  while (!bytes.empty()) {
    changed_.wait(lock, [this] { return closed_ || written_ - read_ < kCapacity; });
    if (closed_) return false;
    const auto at = static_cast<size_t>(written_ % kCapacity);
    const size_t room = std::min(kCapacity - static_cast<size_t>(written_ - read_), kCapacity - at);
    const size_t count = std::min(room, bytes.size());
    // The reader does not look at this part: the lock is not needed for the copy.
    over_ = over_ || written_ + count > kCapacity;
    lock.unlock();
    std::memcpy(ring_.get() + at, bytes.data(), count);
    lock.lock();
    written_ += count;
    bytes = bytes.sub(count);
    changed_.notify_all();
  }
  return !closed_;
}

void Pipe::finish() {
  const std::lock_guard lock(mutex_);
  finished_ = true;
  changed_.notify_all();
}

void Pipe::fail(Error error) {
  const std::lock_guard lock(mutex_);
  error_ = std::move(error);
  changed_.notify_all();
}

void Pipe::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

Result<size_t> Pipe::read(ByteSpan out) {
  std::unique_lock lock(mutex_);
  size_t done = 0;
  while (done < out.size()) {
    // Part of what fits is better than waiting, as long as it is not the end by mistake.
    if (done > 0 && written_ == read_ && !finished_) break;
    changed_.wait(lock, [this] { return error_ || finished_ || written_ > read_; });
    if (error_) return *error_;
    if (written_ == read_) break;
    const auto at = static_cast<size_t>(read_ % kCapacity);
    const size_t there = std::min(static_cast<size_t>(written_ - read_), kCapacity - at);
    const size_t count = std::min(there, out.size() - done);
    lock.unlock();
    std::memcpy(out.data() + done, ring_.get() + at, count);
    lock.lock();
    read_ += count;
    done += count;
    changed_.notify_all();
  }
  return done;
}

Status Pipe::rewind() {
  const std::lock_guard lock(mutex_);
  if (!over_ || read_ == 0) {
    read_ = 0;
    return {};
  }
  return make_error(Errc::kNetwork, "the server wants the data again, which has gone by; start again");
}

}  // namespace sjcp::http
