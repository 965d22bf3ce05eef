// Small downloads that become durable together.
//
// A flush waits for the disk, whose journal takes many files at the price of one: all bytes are written,
// then all files flushed in turn (the first flush carries the others along), then all renamed, then each
// folder flushed once.  No name appears before its bytes are durable, just as with a single FileSink.
//
// Threads: one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/local/file_sink.h"

namespace sjcp::local {

class FileGroup {
 public:
  // Each file holds a descriptor until the commit.
  static constexpr size_t kMostFiles = 64;

  explicit FileGroup(const FileSinkOptions& options);

  // A file that is written and joins the group, or not: then the temporary file goes with the sink.
  std::unique_ptr<FileSink> open(std::string path) const;
  void add(std::unique_ptr<FileSink> written) { files_.push_back(std::move(written)); }
  size_t size() const { return files_.size(); }

  // Commits all; `result` is called once for each, in the order of add().  The group is empty then.
  void commit(const std::function<void(size_t file, const Status& status)>& result);

 private:
  FileSinkOptions options_;  // of each file
  bool flush_;
  std::vector<std::unique_ptr<FileSink>> files_;
};

}  // namespace sjcp::local
