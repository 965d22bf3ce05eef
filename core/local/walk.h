// The files below a folder, one by one, in the byte order of their paths.
//
// Holds the names of one folder per level, so that memory does not depend on the number of files.  Symbolic
// links to files count as the files; links to folders are not followed (they may lead in circles or out of
// the folder). Devices, pipes and unfinished downloads are left out.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace sjcp::local {

class FolderWalk {
 public:
  struct File {
    std::string path;  // relative to the root, components joined by '/'
    uint64_t size = 0;
  };

  // kNotFound when the root does not exist, kUsage when it is empty, kLocalIo when it is not a folder that
  // can be read.
  static Result<FolderWalk> open(const std::string& root);

  // The next file; nothing at the end.  An error concerns one file or folder, which its text names: the call
  // after it goes on behind.
  Result<std::optional<File>> next();

  // Things left out so far.
  uint64_t skipped() const { return skipped_; }

 private:
  struct Level {
    std::string path;                // relative, "" or ending in '/'
    std::vector<std::string> names;  // in reverse order; those of folders end in '/'
  };

  explicit FolderWalk(std::string root) : root_(std::move(root)) {}
  Status enter(const std::string& relative);

  std::string root_;  // ends in '/'
  std::vector<Level> levels_;
  uint64_t skipped_ = 0;
};

}  // namespace sjcp::local
