// A page-aligned buffer that is not cleared: pages cost memory only once they are touched.  Large ones ask
// for huge pages, since first touching 64 MiB in small pages costs more time than encrypting them.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

namespace sjcp::segment {

inline constexpr size_t kBufferAlignment = 4096;

struct FreeBuffer {
  void operator()(uint8_t* p) const { std::free(p); }
};
using Buffer = std::unique_ptr<uint8_t[], FreeBuffer>;

inline constexpr uint64_t kHugePage = 2u << 20;

// Memory that make_buffer(bytes) takes when all of it is in use.
inline constexpr uint64_t buffer_size(uint64_t bytes) {
  return (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
}

inline Buffer make_buffer(uint64_t bytes) {
  const bool huge = bytes >= kHugePage;
  const uint64_t size = buffer_size(bytes);
  // Not aligned_alloc(): the size need not be a multiple of the alignment.
  void* memory = nullptr;
  const size_t alignment = huge ? kHugePage : kBufferAlignment;
  if (::posix_memalign(&memory, alignment, size) != 0 && bytes != 0) throw std::bad_alloc();
  Buffer buffer(static_cast<uint8_t*>(memory));
#ifdef MADV_HUGEPAGE
  // A hint: failing costs only time.  What does not fill a huge page at the end takes no more than it needs.
  if (huge) madvise(buffer.get(), size / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return buffer;
}

// Buffers of finished segments, kept for the segments that follow: clearing fresh pages for each segment
// costs as much as a quarter of hashing its pieces.  Holds no more than were in use at the same time.
//
// Threads: any.
class BufferCache {
 public:
  Buffer take(uint64_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      auto kept = kept_.extract(buffer_size(bytes));
      if (!kept.empty()) return std::move(kept.mapped());
    }
    return make_buffer(bytes);
  }

  // `bytes`: what it was taken for.
  void give_back(uint64_t bytes, Buffer buffer) {
    const std::lock_guard lock(mutex_);
    kept_.emplace(buffer_size(bytes), std::move(buffer));
  }

 private:
  std::mutex mutex_;
  std::multimap<uint64_t, Buffer> kept_;
};

}  // namespace sjcp::segment
