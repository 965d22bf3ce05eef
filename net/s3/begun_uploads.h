// Multipart uploads that a run has begun, as it notes them for a later run (transfer::UploadNotes): services
// bill what is stored of them until somebody removes them.
//
// A note is made when the service has named the upload.  Record of kind "sjcps3bg":  bucket | key | upload id
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/transfer/upload_journal.h"

namespace sjcp::s3 {

struct BegunUpload {
  std::string bucket;
  std::string key;
  std::string upload_id;

  std::string text() const;
  // Nothing: it is none.
  static std::optional<BegunUpload> parse(std::string_view text);
};

// One note, which goes with this; none where nothing is noted.  Threads: one at a time.
class Note {
 public:
  // service: as Store::service() has it.  notes outlives this; null: nothing is noted.
  Note(transfer::UploadNotes* notes, std::string service) : notes_(notes), service_(std::move(service)) {}
  Note(const Note&) = delete;
  Note& operator=(const Note&) = delete;

  void begun(const BegunUpload& upload);
  // It was put together or removed, or somebody else remembers it.  Not called: a later run removes it.
  void ended();

 private:
  transfer::UploadNotes* const notes_;
  const std::string service_;
  uint64_t number_ = 0;
};

}  // namespace sjcp::s3
