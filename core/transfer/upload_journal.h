// What an unfinished upload has begun, so that a later run finds it again.
//
// A record (core/base/byte_record.h) of kind "sjcpupld":  destination | source | pending
#pragma once

#include <optional>
#include <string>

#include "core/base/bytes.h"

namespace sjcp::transfer {

struct UploadJournal {
  std::string destination;  // ObjectWriter::destination()
  std::string source;       // Reader::identity()
  std::string pending;      // what ObjectWriter::keep() was told

  std::string serialize() const;
  // Nothing when the bytes are not exactly what serialize() wrote.
  static std::optional<UploadJournal> parse(ByteView bytes);

  friend bool operator==(const UploadJournal&, const UploadJournal&) = default;
};

// Where the journal of one upload is kept between runs.  While it lives, no other process has it.
// Threads: one at a time.
class UploadStore {
 public:
  virtual ~UploadStore() = default;
  // Nothing when there is none, or it is damaged.
  virtual std::optional<UploadJournal> load() = 0;
  // False: it could not be stored.
  virtual bool save(const UploadJournal& journal) = 0;
  virtual void remove() = 0;
};

}  // namespace sjcp::transfer
