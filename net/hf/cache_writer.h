// The cache of huggingface_hub, written so that it finds there what it would have downloaded itself.
//
//   ROOT/models--OWNER--NAME/blobs/<etag>                the bytes, once for all revisions
//   ROOT/models--OWNER--NAME/snapshots/<commit>/PATH     relative link to the blob
//   ROOT/models--OWNER--NAME/refs/<revision>             the commit, without a newline; written last
//   ROOT/.locks/models--OWNER--NAME/<etag>.lock          held while a blob is written (blob_lock.h)
//
// A blob appears under its name only when it is whole (local::FileSink), an interrupted one is resumed, and
// one that exists is not fetched again, be it another process that brings it just now.
//
// Where the file system has no symbolic links, or HF_HUB_DISABLE_SYMLINKS is set, files stand in the snapshot
// themselves, as the hub's client has it: a new blob is moved there, one that was there is copied.
//
// Threads: of the writer, any; each sink as transfer::Sink says.  Errors: kLocalIo, kUnsupported for names
// that could leave the snapshot.
#pragma once

#include <unistd.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>

#include "core/local/file_sink.h"
#include "core/transfer/sink.h"
#include "core/transfer/source.h"
#include "net/hf/blob_lock.h"
#include "net/hf/repo.h"

namespace sjcp::hf {

class CacheWriter;

struct CacheOptions {
  local::FileSinkOptions file;
  bool links = true;  // false: none are made
  bool warn = true;   // a line when links cannot be made
  std::function<int(const char* target, const char* path)> symlink = ::symlink;  // for tests
};

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
  Result<bool> find(uint64_t size, const std::stop_token& stop);

  CacheWriter& writer_;
  const std::string path_;
  std::string etag_;  // of the blob that is this sink's to write; empty: none yet
  std::optional<Error> refused_;
  BlobLock lock_;
  std::optional<local::FileSink> file_;
};

class CacheWriter {
 public:
  // root: Settings::cache.  Creates nothing yet.
  CacheWriter(std::string root, Repo repo, std::string commit, CacheOptions options = {});
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
  // Whether the snapshot has the file, with this blob if it is a link.
  bool has_file(const std::string& path, const std::string& etag, uint64_t size) const;
  bool has_blob(const std::string& etag, uint64_t size) const;
  // Waits for another process that is writing the blob.
  Status lock(const std::string& etag, BlobLock& lock, const std::stop_token& stop) const;
  // Puts a blob that was there, or one that has just been written, into the snapshot.
  Status place(const std::string& path, const std::string& etag, bool fresh);
  Status link(const std::string& name, const std::string& target);
  bool links() const;
  // Where the bytes of a blob are: its own name, or that of the file it has become.
  std::string bytes_of(const std::string& etag) const;
  std::string blob(const std::string& etag) const { return folder_ + "/blobs/" + etag; }

  const std::string root_;
  const Repo repo_;
  const std::string commit_;
  const std::string folder_;
  const CacheOptions options_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any released_;
  bool prepared_ = false;
  bool links_;                                // they can be made, as far as is known
  std::map<std::string, std::string> moved_;  // blobs that stand in the snapshot instead
  std::set<std::string> busy_;                // blobs being written
};

}  // namespace sjcp::hf
