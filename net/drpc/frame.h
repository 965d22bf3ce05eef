// DRPC frames (protocol notes 4.2).
//
//   control(1) | uvarint stream id | uvarint message id | uvarint length | data
//   control: bit 0 = last frame of the packet, bits 1-6 = kind, bit 7 = "control" flag
#pragma once

#include <cstdint>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace sjcp::drpc {

inline constexpr std::string_view kPreamble = "DRPC!!!1";
inline constexpr size_t kMaxPacketSize = 4 << 20;

enum class Kind : uint8_t {
  kInvoke = 1,
  kMessage = 2,
  kError = 3,
  kCancel = 4,
  kClose = 5,
  kCloseSend = 6,
  kInvokeMetadata = 7,
};

struct FrameHeader {
  uint64_t stream = 0;
  uint64_t message = 0;
  uint64_t length = 0;
  uint8_t kind = 0;  // may be none of Kind
  bool done = false;
  bool control = false;
};

// Appends one frame.
void append_frame(std::string& out, const FrameHeader& header, ByteView data);
// Appends only the header: `length` bytes of data must follow.
void append_frame_header(std::string& out, const FrameHeader& header);

// Cuts a byte stream into frames without collecting their data.  Works on input cut anywhere.
class FrameParser {
 public:
  struct Part {
    FrameHeader header;   // of the frame that `data` belongs to
    ByteView data;        // next bytes of its body; may be empty
    bool begins = false;  // first part of the frame
    bool ends = false;    // last part of the frame
  };
  // Takes bytes off the front of `input`.  True: `part` is filled (its data points into the old input).  False:
  // all input is used and no part is ready.  kProtocol: a varint over 64 bits, or a length above kMaxPacketSize.
  Result<bool> next(ByteView& input, Part& part);

 private:
  FrameHeader header_;
  uint64_t left_ = 0;     // body bytes still to come
  uint8_t stage_ = 0;
  unsigned shift_ = 0;
  bool fresh_ = false;
};

}  // namespace sjcp::drpc
