// Disk space for a file that is already being written.
//
// Most file systems reserve any amount in moments.  Some, those in memory for instance, take a second for
// five gigabytes and keep writers out meanwhile; so a large file is reserved in steps by a thread of its own,
// between which others get their turn.  The first step is made at once.
//
// Threads: error() any; the rest one.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

#include "core/local/disk.h"

namespace sjcp::local {

class Reservation {
 public:
  static constexpr uint64_t kFirstStep = 1ull << 20;
  static constexpr uint64_t kStep = 64ull << 20;

  // Reserves [offset, offset + size): 0 or errno.
  using Reserve = std::function<int(uint64_t offset, uint64_t size)>;

  // The first step is over when this returns: all of a file of up to kStep bytes, or kFirstStep.
  Reservation(uint64_t size, const Reserve& reserve);
  // Of an open file, which must stay open until stop() or destruction.  The first step gives it its size, and
  // fails with ENOSPC when the disk has no room for the rest.  Where the file system cannot reserve, size is
  // all that it gets.
  static Reserve of_file(int fd, uint64_t size, const Disk& disk = system_disk());
  ~Reservation() { stop(); }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  // errno if a step failed; 0 if none did so far.
  int error() const { return error_.load(std::memory_order_acquire); }
  // error() when all is reserved or a step has failed.
  int wait();
  // Reserves no more than the step that it is at.
  void stop();

 private:
  void reserve_rest(uint64_t offset, uint64_t size, const Reserve& reserve);

  std::atomic<int> error_{0};
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

}  // namespace sjcp::local
