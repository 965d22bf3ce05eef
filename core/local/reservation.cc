#include "core/local/reservation.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace sjcp::local {
namespace {

// Whether the disk has what the file does not have yet.  Where it cannot tell, it has.
bool room_for(int fd, uint64_t size) {
  constexpr uint64_t kBlock = 512;  // of st_blocks
  struct stat file{};
  struct statvfs disk{};
  if (::fstat(fd, &file) != 0 || ::fstatvfs(fd, &disk) != 0 || disk.f_blocks == 0) return true;
  const uint64_t there = std::min(size, static_cast<uint64_t>(file.st_blocks) * kBlock);
  const uint64_t free = ::geteuid() == 0 ? disk.f_bfree : disk.f_bavail;
  return (size - there) / disk.f_frsize <= free;
}

}  // namespace

Reservation::Reservation(uint64_t size, const Reserve& reserve) {
  const uint64_t first = size <= kStep ? size : kFirstStep;
  error_ = reserve(0, first);
  if (first == size || error() != 0) return;
  try {
    thread_ = std::thread([this, first, size, reserve] { reserve_rest(first, size, reserve); });
  } catch (const std::system_error&) {
    // No thread to be had.
    reserve_rest(first, size, reserve);
  }
}

void Reservation::reserve_rest(uint64_t offset, uint64_t size, const Reserve& reserve) {
  for (; offset < size && error() == 0 && !stopped_; offset += kStep) {
    error_.store(reserve(offset, std::min(kStep, size - offset)), std::memory_order_release);
  }
}

Reservation::Reserve Reservation::of_file(int fd, uint64_t size, const Disk& disk) {
  return [fd, size, &disk](uint64_t offset, uint64_t part) {
    const bool first = offset == 0;
    if (first && ::ftruncate(fd, static_cast<off_t>(size)) != 0) return errno;
    // Not the C library's posix_fallocate: where the file system cannot reserve, it writes into every block.
    const int failed = disk.allocate(fd, offset, part);
    if (failed != 0) return failed == EOPNOTSUPP || failed == ENOSYS ? 0 : failed;
    return first && !room_for(fd, size) ? ENOSPC : 0;
  };
}

int Reservation::wait() {
  if (thread_.joinable()) thread_.join();
  return error();
}

void Reservation::stop() {
  stopped_ = true;
  wait();
}

}  // namespace sjcp::local
