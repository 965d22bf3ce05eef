// Small downloads that become durable together.
//
// Each flush of a file waits for the disk to empty its cache, some milliseconds, but flushes that wait at the
// same time wait for the same emptying.  So all bytes are written first, then all files flushed side by side,
// then all renamed, then each folder flushed once.  No name appears before its bytes are durable, just as
// with a single FileSink.  (One syncfs would do, too, and would wait for whatever anybody else has written.)
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
  std::unique_ptr<FileSink> open(Place place) const;
  void add(std::unique_ptr<FileSink> written) { files_.push_back(std::move(written)); }
  size_t size() const { return files_.size(); }

  // Commits all; `result` is called once for each, in the order of add().  The group is empty then.
  void commit(const std::function<void(size_t file, const Status& status)>& result);

 private:
  std::vector<Status> flush();

  FileSinkOptions options_;  // of each file
  bool flush_;
  std::vector<std::unique_ptr<FileSink>> files_;
};

}  // namespace sjcp::local
