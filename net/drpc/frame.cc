#include "net/drpc/frame.h"

#include <algorithm>

namespace sjcp::drpc {

namespace {

// More than a header takes.
constexpr size_t kHeaderRoom = 24;
constexpr uint8_t kDoneBit = 0x01;
constexpr uint8_t kControlBit = 0x80;

void append_varint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

}  // namespace

std::string frame_header(const FrameHeader& header) {
  unsigned control = static_cast<unsigned>(header.kind) << 1;
  if (header.done) control |= kDoneBit;
  if (header.control) control |= kControlBit;
  std::string out(1, static_cast<char>(control));
  append_varint(out, header.stream);
  append_varint(out, header.message);
  append_varint(out, header.length);
  return out;
}

void append_packet(OutputBuffer& out, uint64_t stream, uint64_t message, Kind kind, bool control,
                   std::initializer_list<ByteView> parts, size_t frame_size) {
  size_t left = 0;
  for (const ByteView& part : parts) left += part.size();
  out.reserve(left + (left / frame_size + 1) * kHeaderRoom);
  const ByteView* part = parts.begin();
  size_t used = 0;  // bytes of *part already sent
  do {
    const size_t length = std::min(left, frame_size);
    left -= length;
    out.append(frame_header({stream, message, length, static_cast<uint8_t>(kind), left == 0, control}));
    for (size_t missing = length; missing > 0;) {
      const size_t n = std::min(missing, part->size() - used);
      out.append(part->sub(used, n));
      missing -= n;
      used += n;
      if (used == part->size()) {
        ++part;
        used = 0;
      }
    }
  } while (left > 0);
}

Result<bool> FrameParser::next(ByteView& input, Part& part) {
  while (stage_ != Stage::kBody) {
    if (input.empty()) return false;
    const uint8_t byte = input[0];
    input = input.sub(1);
    if (Status status = header_byte(byte); !status) return status.error();
  }
  // A header that came without any of its body is reported together with the first bytes of it.
  if (left_ > 0 && input.empty()) return false;
  const size_t n = std::min<size_t>(left_, input.size());
  part.header = header_;
  part.data = input.sub(0, n);
  part.begins = fresh_;
  input = input.sub(n);
  left_ -= n;
  fresh_ = false;
  part.ends = left_ == 0;
  if (part.ends) stage_ = Stage::kControl;
  return true;
}

Status FrameParser::header_byte(uint8_t byte) {
  switch (stage_) {
    case Stage::kControl:
      header_ = FrameHeader{};
      header_.done = (byte & kDoneBit) != 0;
      header_.control = (byte & kControlBit) != 0;
      header_.kind = (byte & 0x7e) >> 1;
      stage_ = Stage::kStream;
      return {};
    case Stage::kStream:
      return varint_byte(header_.stream, byte, Stage::kMessage);
    case Stage::kMessage:
      return varint_byte(header_.message, byte, Stage::kLength);
    case Stage::kLength: {
      if (Status status = varint_byte(header_.length, byte, Stage::kBody); !status) return status;
      if (stage_ != Stage::kBody) return {};
      if (header_.length > kMaxPacketSize) {
        return make_error(Errc::kProtocol, "DRPC frame of " + std::to_string(header_.length) + " bytes");
      }
      left_ = header_.length;
      fresh_ = true;
      return {};
    }
    case Stage::kBody:
      break;
  }
  return make_error(Errc::kInternal, "DRPC frame parser asked for a header inside a body");
}

Status FrameParser::varint_byte(uint64_t& field, uint8_t byte, Stage then) {
  const uint64_t bits = byte & 0x7f;
  // The tenth byte has room for one bit only.
  if (shift_ > 63 || (shift_ == 63 && bits > 1)) {
    return make_error(Errc::kProtocol, "DRPC frame with an integer over 64 bits");
  }
  field |= bits << shift_;
  if ((byte & 0x80) != 0) {
    shift_ += 7;
    return {};
  }
  shift_ = 0;
  stage_ = then;
  return {};
}

Result<bool> PacketParser::next(ByteView& input, Part& part) {
  FrameParser::Part frame;
  Result<bool> ready = frames_.next(input, frame);
  if (!ready || !*ready) return ready;
  if (frame.begins) {
    if (Status status = begin_frame(frame.header); !status) return status.error();
  }
  part.stream = stream_;
  part.kind = kind_;
  part.control = control_;
  part.begins = begins_;
  part.data = frame.data;
  part.ends = frame.ends && frame.header.done;
  begins_ = false;
  if (part.ends) {
    in_packet_ = false;
    ++message_;  // the finished packet's id must not come again
  }
  return true;
}

Status PacketParser::begin_frame(const FrameHeader& header) {
  const auto id = [&header] { return std::to_string(header.stream) + "." + std::to_string(header.message); };
  if (header.stream < stream_ || (header.stream == stream_ && header.message < message_)) {
    return make_error(Errc::kProtocol, "DRPC frame " + id() + " after a later one");
  }
  if (!in_packet_ || header.stream != stream_ || header.message != message_) {
    stream_ = header.stream;
    message_ = header.message;
    kind_ = header.kind;
    control_ = header.control;
    size_ = 0;
    in_packet_ = true;
    begins_ = true;
  } else if (header.kind != kind_) {
    return make_error(Errc::kProtocol, "DRPC packet " + id() + " changes its kind");
  }
  control_ = control_ || header.control;
  size_ += header.length;
  if (size_ > kMaxPacketSize) {
    return make_error(Errc::kProtocol,
                      "DRPC packet of more than " + std::to_string(kMaxPacketSize) + " bytes");
  }
  return {};
}

}  // namespace sjcp::drpc
