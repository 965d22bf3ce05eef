// DRPC frames (protocol notes 4.2).
//
//   control(1) | uvarint stream id | uvarint message id | uvarint length | data
//   control: bit 0 = last frame of the packet, bits 1-6 = kind, bit 7 = "control" flag
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "net/drpc/output_buffer.h"

namespace sjcp::drpc {

inline constexpr std::string_view kPreamble = "DRPC!!!1";
inline constexpr std::string_view kNoisePreamble = "DRPC!N!1";  // over Noise
inline constexpr size_t kMaxPacketSize = 4 << 20;
// Body bytes per frame in what is sent.  Any size is legal; this is the network's usual one, and keeps the
// read buffers of peers that reassemble whole frames small.
inline constexpr size_t kFrameSize = 7936;

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

// What stands before a frame's `length` bytes of data.
std::string frame_header(const FrameHeader& header);
// Appends one packet whose body is `parts` concatenated, in frames of at most frame_size bytes (at least one
// frame).
void append_packet(OutputBuffer& out, uint64_t stream, uint64_t message, Kind kind, bool control,
                   std::initializer_list<ByteView> parts, size_t frame_size = kFrameSize);

// Cuts a byte stream into frames without collecting their data.  Works on input cut anywhere.
class FrameParser {
 public:
  struct Part {
    FrameHeader header;   // of the frame that `data` belongs to
    ByteView data;        // next bytes of its body; may be empty
    bool begins = false;  // first part of the frame
    bool ends = false;    // last part of the frame
  };
  // Takes bytes off the front of `input`.  True: `part` is filled (its data points into the old input).
  // False: all input is used and no part is ready.  kProtocol: a varint over 64 bits, or a length above
  // kMaxPacketSize.
  Result<bool> next(ByteView& input, Part& part);
  // True when the input so far ends inside a frame.
  bool mid_frame() const { return stage_ != Stage::kControl; }

 private:
  enum class Stage : uint8_t { kControl, kStream, kMessage, kLength, kBody };

  Status header_byte(uint8_t byte);
  Status varint_byte(uint64_t& field, uint8_t byte, Stage then);

  FrameHeader header_;
  uint64_t left_ = 0;  // body bytes still to come
  Stage stage_ = Stage::kControl;
  unsigned shift_ = 0;
  bool fresh_ = false;  // no part of the current frame has been handed out
};

// Joins frames into packets, still without collecting data, and holds the peer to the rules for ids: they
// never go down, the kind does not change inside a packet, a packet has at most kMaxPacketSize bytes.  A
// frame with a larger id silently ends an unfinished packet.
class PacketParser {
 public:
  struct Part {
    uint64_t stream = 0;
    uint8_t kind = 0;      // may be none of Kind
    bool control = false;  // some frame of the packet so far had the flag
    bool begins = false;   // first part of the packet
    bool ends = false;     // last part of the packet; never comes for one that was left unfinished
    ByteView data;         // next bytes of the body; may be empty
  };
  // As FrameParser::next.
  Result<bool> next(ByteView& input, Part& part);
  bool mid_frame() const { return frames_.mid_frame(); }

 private:
  Status begin_frame(const FrameHeader& header);

  FrameParser frames_;
  uint64_t stream_ = 1;  // least id that the next frame may have
  uint64_t message_ = 1;
  uint64_t size_ = 0;  // of the packet in progress
  uint8_t kind_ = 0;
  bool control_ = false;
  bool in_packet_ = false;
  bool begins_ = false;
};

}  // namespace sjcp::drpc
