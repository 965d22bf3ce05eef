// What an unfinished upload has begun, so that a later run finds it again.
//
// A record (core/base/byte_record.h) of kind "sjcpupld":  destination | source | pending
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

// What this run has begun at services and not ended.  It is noted before the service is asked, so that a
// later run can remove it if this one dies at any moment (local::BegunUploads).
//
// An upload that has an UploadStore ends its note once its journal is saved: the same command goes on with
// it.
//
// Threads: any.
class UploadNotes {
 public:
  virtual ~UploadNotes() = default;
  // service: Store::service().  pending: opaque, for Store::remove_begun(), and what it needs to find the
  // upload whether or not the service has heard of it.  Returns what ended() wants.
  virtual uint64_t begun(std::string_view service, std::string_view pending) = 0;
  // It was committed or removed; or nothing was begun.
  virtual void ended(uint64_t note) = 0;
};

// An upload that some run remembers: what begun() or ObjectWriter::keep() was told.
struct RememberedUpload {
  std::string pending;
  bool running = false;  // that run lives
};
// All of them, as they are now.
using RememberedUploads = std::function<std::vector<RememberedUpload>()>;

}  // namespace sjcp::transfer
