// Journals of downloads and uploads, and the file of storage nodes: damaged or from another version.  The
// input is also tried as the body of a record whose checksum holds; what is read is written back as it was.
#include "core/base/crc32c.h"
#include "core/transfer/journal.h"
#include "core/transfer/upload_journal.h"
#include "net/storj/node_history.h"
#include "tests/fuzz/require.h"

using namespace sjcp;
using fuzz::require;

namespace {

std::string little_endian(uint32_t value) {
  std::string out;
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

// The input under the header of a record that was written by this version.
std::string sealed(const std::string& record, std::string_view body) {
  std::string out =
      record.substr(0, 12) + little_endian(static_cast<uint32_t>(body.size())) + std::string(body);
  return out + little_endian(crc32c(out));
}

template <class Record>
void check(std::string_view bytes) {
  for (const std::string& text : {std::string(bytes), sealed(Record().serialize(), bytes)}) {
    if (const auto record = Record::parse(text)) require(record->serialize() == text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes = ByteView(data, size).text();
  check<transfer::Journal>(bytes);
  check<transfer::UploadJournal>(bytes);
  check<storj::NodeHistory>(bytes);
  return 0;
}
