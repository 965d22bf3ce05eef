// The files below a folder, one by one, in the byte order of their paths.
//
// Holds the names of one folder per level, so that memory does not depend on the number of files.  Symbolic
// links count as what they lead to, unless they are to be left out; a link to a folder that the walk is in
// already would lead in circles, and is not entered.
//
// What is no file that can be read to its end (a device, a pipe, a socket) or is an unfinished download is an
// error of its own: nothing is left out without a word.
//
// Threads: one at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace sjcp::local {

struct WalkOptions {
  bool follow_links = true;  // below the root, which may be a link itself
  // Told of each link that is left out because of that.
  std::function<void(const std::string& link)> left_out = nullptr;
};

class FolderWalk {
 public:
  struct File {
    std::string path;  // relative to the root, components joined by '/'
    uint64_t size = 0;
  };

  // kNotFound when the root does not exist, kUsage when it is empty, kLocalIo when it is not a folder that
  // can be read.
  static Result<FolderWalk> open(const std::string& root, const WalkOptions& options = {});

  // The next file; nothing at the end.  An error concerns one file or folder, which its text names: the call
  // after it goes on behind.
  Result<std::optional<File>> next();

 private:
  struct Level {
    std::string path;                // relative, "" or ending in '/'
    std::vector<std::string> names;  // in reverse order; those of folders end in '/'
    dev_t device = 0;                // the folder itself
    ino_t file = 0;
  };

  FolderWalk(std::string root, const WalkOptions& options) : root_(std::move(root)), options_(options) {}
  Status enter(const std::string& relative);
  Result<Level> open_level(const std::string& relative, int fd) const;
  Result<std::optional<File>> examine(const std::string& path) const;

  std::string root_;  // ends in '/'
  WalkOptions options_;
  std::vector<Level> levels_;
};

}  // namespace sjcp::local
