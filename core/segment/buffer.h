// A page-aligned buffer that is not cleared: pages cost memory only once they are touched.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace sjcp::segment {

inline constexpr size_t kBufferAlignment = 4096;

struct FreeBuffer {
  void operator()(uint8_t* p) const { std::free(p); }
};
using Buffer = std::unique_ptr<uint8_t[], FreeBuffer>;

inline constexpr uint64_t buffer_size(uint64_t bytes) {
  return (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
}

inline Buffer make_buffer(uint64_t bytes) {
  Buffer buffer(static_cast<uint8_t*>(std::aligned_alloc(kBufferAlignment, buffer_size(bytes))));
  if (!buffer && bytes != 0) throw std::bad_alloc();
  return buffer;
}

}  // namespace sjcp::segment
