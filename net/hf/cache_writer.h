// The cache of huggingface_hub, written so that it finds there what it would have downloaded itself.
//
//   ROOT/models--OWNER--NAME/blobs/<etag>                the bytes, once for all revisions
//   ROOT/models--OWNER--NAME/snapshots/<commit>/PATH     relative link to the blob
//   ROOT/models--OWNER--NAME/refs/<revision>             the commit, without a newline; written last
//   ROOT/.locks/models--OWNER--NAME/<etag>.lock          held while a blob is written, as the hub's client
//   does
//
// A blob appears under its name only when it is whole (local::FileSink), an interrupted one is resumed, and
// one that exists is not fetched again.
//
// Threads: of the writer, any; each sink as transfer::Sink says.  Errors: kLocalIo, kUnsupported for names
// that could leave the snapshot.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>

#include "core/local/descriptor.h"
#include "core/local/file_sink.h"
#include "core/transfer/sink.h"
#include "core/transfer/source.h"
#include "net/hf/repo.h"

namespace sjcp::hf {

class CacheWriter;

// One file of the snapshot on its way.  Requires: the writer outlives it.
class CacheSink final : public transfer::Sink {
 public:
  CacheSink(CacheWriter& writer, std::string path);
  ~CacheSink() override;

  // For CopyOptions::skip: true when the blob is there, or another download of this writer, which is waited
  // for, has just brought it; the snapshot links to it then.  An error is that of resume().
  bool there(const transfer::ObjectInfo& info, const std::stop_token& stop);

  Status begin(uint64_t size) override;
  // The version names the blob.  The range is all of the object.
  Result<transfer::RangeSet> resume(const transfer::Content& content) override;
  Status write(uint64_t offset, ByteView data) override;
  Status read(uint64_t offset, ByteSpan out) override;
  Status rewrite(uint64_t offset, ByteView data) override;
  std::string reject() override;
  Status commit() override;
  void abort() override;
  uint64_t kept() const override;
  std::string name() const override;

 private:
  Status claim(const std::string& etag, const std::stop_token& stop);
  void lock();

  CacheWriter& writer_;
  const std::string path_;
  std::string etag_;  // of the blob that is this sink's to write; empty: none yet
  std::optional<Error> refused_;
  local::Descriptor lock_;
  std::optional<local::FileSink> file_;
};

class CacheWriter {
 public:
  // root: Settings::cache.  Creates nothing yet.
  CacheWriter(std::string root, Repo repo, std::string commit, const local::FileSinkOptions& options = {});
  CacheWriter(const CacheWriter&) = delete;
  CacheWriter& operator=(const CacheWriter&) = delete;

  // Whether a path of the repository may be a path of the snapshot.
  static Status check_path(const std::string& path);

  std::unique_ptr<CacheSink> open(std::string path) {
    return std::make_unique<CacheSink>(*this, std::move(path));
  }

  // After all files: the revision now means this commit.
  Status finish();

  // Where the files are to be found: ROOT/models--OWNER--NAME/snapshots/<commit>.
  std::string snapshot() const;

 private:
  friend class CacheSink;

  // Waits until the blob is nobody's; then it is the caller's.
  Status claim(const std::string& etag, const std::stop_token& stop);
  void release(const std::string& etag);
  Status prepare();
  bool has_blob(const std::string& etag, uint64_t size) const;
  Status link(const std::string& path, const std::string& etag) const;
  std::string blob(const std::string& etag) const { return folder_ + "/blobs/" + etag; }

  const std::string root_;
  const Repo repo_;
  const std::string commit_;
  const std::string folder_;
  const local::FileSinkOptions options_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable_any released_;
  bool prepared_ = false;
  std::set<std::string> busy_;  // blobs being written
};

}  // namespace sjcp::hf
