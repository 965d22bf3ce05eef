// The journal of one unfinished upload, in a folder of the user's.
//
//   FOLDER/NAME          the journal, mode 0600
//   FOLDER/NAME.lock     held with flock() while the upload lives
#pragma once

#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/local/descriptor.h"
#include "core/transfer/upload_journal.h"

namespace sjcp::local {

class UploadState final : public transfer::UploadStore {
 public:
  // name: of the destination, a plain file name.  Creates the folder.  kConflict: another process has it.
  // kLocalIo: nothing can be kept there.
  static Result<std::unique_ptr<UploadState>> open(const std::string& folder, const std::string& name);
  ~UploadState() override;

  std::optional<transfer::UploadJournal> load() override;
  bool save(const transfer::UploadJournal& journal) override;
  void remove() override;

 private:
  explicit UploadState(std::string path) : path_(std::move(path)) {}

  const std::string path_;
  Descriptor lock_;
};

}  // namespace sjcp::local
