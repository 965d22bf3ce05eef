#include "core/local/part_journal.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "core/base/private_file.h"

namespace sjcp::local {

PartJournal::PartJournal(Paths paths, transfer::Journal journal, int data_fd)
    : paths_(std::move(paths)),
      data_fd_(data_fd),
      journal_(std::move(journal)),
      policy_(journal_.content.range.size(), system_clock().steady_now()),
      saved_(journal_.done.bytes()) {
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    // No thread to be had: finish() still saves what there is.
  }
}

PartJournal::~PartJournal() {
  static_cast<void>(stop().has_value());
}

void PartJournal::record(transfer::ByteRange range) {
  std::lock_guard lock(mutex_);
  const auto due = policy_.due(new_bytes_);
  journal_.done.add(range);
  new_bytes_ += range.size();
  if (policy_.due(new_bytes_) != due) changed_.notify_all();
}

void PartJournal::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto due = policy_.due(new_bytes_);
    if (!due) {
      changed_.wait(lock);
    } else if (const auto now = system_clock().steady_now(); now < *due) {
      changed_.wait_until(lock, *due);
    } else {
      lock.unlock();
      checkpoint();
      lock.lock();
      policy_.done(now, system_clock().steady_now());
    }
  }
}

void PartJournal::checkpoint() {
  std::string bytes;
  uint64_t named = 0;
  uint64_t taken = 0;
  {
    std::lock_guard lock(mutex_);
    if (sync_error_ != 0 || new_bytes_ == 0) return;
    bytes = journal_.serialize();
    named = journal_.done.bytes();
    taken = std::exchange(new_bytes_, 0);
  }
  int error = 0;
  // The kernel reports a lost write once only: it must not be forgotten.
  if (::fdatasync(data_fd_) != 0) error = errno;
  const bool replaced = error == 0 && replace_private_file(paths_.journal, bytes, paths_.fresh).has_value();
  std::lock_guard lock(mutex_);
  sync_error_ = error;
  if (replaced) {
    saved_ = named;
  } else {
    new_bytes_ += taken;
  }
}

Status PartJournal::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  std::lock_guard lock(mutex_);
  if (sync_error_ != 0) return errno_error(paths_.journal, sync_error_);
  return {};
}

void PartJournal::finish() {
  if (stop()) checkpoint();
}

uint64_t PartJournal::saved() const {
  std::lock_guard lock(mutex_);
  return saved_;
}

std::optional<transfer::Journal> PartJournal::load(const std::string& path) {
  const auto bytes = read_private_file(path);
  return bytes ? transfer::Journal::parse(*bytes) : std::nullopt;
}

void PartJournal::remove(const Paths& paths) {
  ::unlink(paths.fresh.c_str());
  ::unlink(paths.journal.c_str());
}

}  // namespace sjcp::local
