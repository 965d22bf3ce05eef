// A download into a file that appears under its name only when it is whole.
//
//   begin    folder/.NAME.sjcp-part   created, locked, all space reserved
//   write    positional, any thread
//   commit   flushed, renamed to folder/NAME, folder flushed
//   abort    the temporary file is removed; what was at folder/NAME is still there
//
// The lock tells a live writer from one that died: a second writer of the same target gets kConflict, a
// leftover of a dead one is replaced.  A target that is a symbolic link is followed; its permission bits are
// kept.
//
// Errors: kLocalIo with what to do (missing folder, no permission, full disk, target is a folder or a
// device), kConflict when another process is writing the target.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "core/local/descriptor.h"
#include "core/transfer/sink.h"

namespace sjcp::local {

struct FileSinkOptions {
  bool create_folders = false;  // missing parents of the target; they stay after an abort
  bool flush = true;            // commit() returns only when the bytes would survive a power cut
};

class FileSink final : public transfer::Sink {
 public:
  explicit FileSink(std::string path, const FileSinkOptions& options = {});
  ~FileSink() override;

  Status begin(uint64_t size) override;
  Status write(uint64_t offset, ByteView data) override;
  Status commit() override;
  void abort() override;
  std::string name() const override { return path_; }

  // Makes the bytes durable before the commit: of a file, and so of several files together (file_group.h).
  Status flush();
  // After begin(): where the target is.
  const std::string& folder() const { return folder_; }

 private:
  Status find_target();
  Status create_temporary();
  Status reserve(uint64_t size);
  Error local_error(const std::string& path, int err) const;

  const std::string path_;  // as given
  const FileSinkOptions options_;
  std::string folder_;  // of the target, links resolved
  std::string target_;
  std::string temporary_;  // empty: there is none
  mode_t keep_mode_ = 0;   // of the file to be replaced; 0: there is none
  Descriptor file_;        // stays open until destruction: writers may still hold it during abort()
  uint64_t size_ = 0;
  std::atomic<uint64_t> written_{0};
  std::atomic<bool> aborted_{false};
};

// Makes the names in a folder durable.  One that cannot be opened for reading stays as it is.
void flush_folder(const std::string& folder);

// The name that a download of `name` has until it is whole, in the same folder.  At most 255 bytes.
std::string temporary_name(const std::string& name);
// Whether `name` is of that form.
bool is_temporary_name(const std::string& name);

}  // namespace sjcp::local
