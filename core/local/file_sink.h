// A download into a file that appears under its name only when it is whole.
//
//   begin    folder/.NAME.sjcp-part      created, locked, its space reserved: of large files while bytes come
//   resume   folder/.NAME.sjcp-journal   says what of the part file an earlier run verified and made durable
//   write    positional, any thread
//   commit   flushed, renamed to folder/NAME, folder flushed; the journal is removed
//   abort    what was at folder/NAME is still there; part file and journal stay when resume() began the
//            download and there is something in them, and are removed otherwise, as are folders made for it
//   reject   as abort(), but the journal is removed, and the part file too, or renamed to NAME.sjcp-bad
//
// The lock tells a live writer from one that died: a second writer of the same target gets kConflict, a
// leftover of a dead one is resumed or replaced.  A target that is a symbolic link is followed where a person
// named it, and refused where a key did; its permission bits are kept.  What is renamed is what was written:
// a part file that somebody else has truncated, replaced or linked is none.  A target that was not there at
// the beginning is not replaced.
//
// Errors: kLocalIo with what to do (missing folder, no permission, full disk, target is a folder or a
// device, a link in the way), kConflict when another process is writing the target, has made it meanwhile or
// has touched the part file, or the object has changed since an earlier run.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "core/local/below.h"
#include "core/local/descriptor.h"
#include "core/local/disk.h"
#include "core/local/made.h"
#include "core/local/part_journal.h"
#include "core/local/reservation.h"
#include "core/transfer/sink.h"

namespace sjcp::local {

struct FileSinkOptions {
  bool create_folders = false;  // missing parents of the target
  bool flush = true;            // commit() returns only when the bytes would survive a power cut
  bool resume = true;           // false: resume() starts over, and abort() leaves nothing
  bool replace = true;          // false: a target that exists at the commit is a kConflict
  bool keep_time = false;       // the file gets the time that modified() names
  bool keep_bad = false;        // reject() puts the bytes aside, as NAME.sjcp-bad
  bool keep_dirlinks = false;   // links to folders are followed below the folder that was named, too
  Made* made = nullptr;         // what the run has made so far, outlives the sink; null: it makes one file
  const Disk* disk = &system_disk();
};

// A path whose end somebody else chose.
struct Place {
  static constexpr size_t kAll = std::string::npos;

  Place(std::string whole, size_t named_part = kAll, std::string from = "")
      : path(std::move(whole)), named(named_part), source(std::move(from)) {}
  Place(const char* whole) : path(whole) {}

  std::string path;
  size_t named;        // so many bytes of it a person named: "" or a folder, with its slash
  std::string source;  // of what goes there, for messages
};

class FileSink final : public transfer::Sink {
 public:
  // Smaller downloads start over: they cost less than a journal.
  static constexpr uint64_t kSmallestResumable = 8ull << 20;

  explicit FileSink(Place place, const FileSinkOptions& options = {});
  ~FileSink() override;

  Status begin(uint64_t size) override;
  Result<transfer::RangeSet> resume(const transfer::Content& content) override;
  Status write(uint64_t offset, ByteView data) override;
  Status read(uint64_t offset, ByteSpan out) override;
  Status rewrite(uint64_t offset, ByteView data) override;
  void modified(std::chrono::system_clock::time_point when) override { modified_ = when; }
  Status commit() override;
  void abort() override;
  std::string reject() override;
  uint64_t kept() const override { return kept_; }
  std::string name() const override { return path_; }

  // Makes the bytes durable before the commit: of a file, and so of several files together (file_group.h).
  Status flush();
  // After begin(): where the target is.
  const std::string& folder() const { return folder_; }

 private:
  Status find_target();
  Status check_target(const struct stat& info);
  Below parent() const;
  Result<Descriptor> create(const std::string& path) const;
  Status open_temporary(const transfer::Content* content);
  Status lock_temporary(const std::string& path, const transfer::Content* content);
  Result<bool> adopt(const Descriptor& file, const transfer::Content& content);
  Status remove_leftover(const std::string& path) const;
  void remove_stale_journal() const;
  Status reserve(uint64_t size);
  Status untouched() const;
  Status move_into_place() const;
  bool worth_keeping() const;
  void remove_temporary();
  void set_time() const;
  PartJournal::Paths journal_paths() const;
  Status write_all(uint64_t offset, ByteView data);
  Result<size_t> write_in_turn(ByteView data, uint64_t offset);
  Error touched(const std::string& how) const;
  Error local_error(const std::string& path, int err) const;

  const Place place_;
  const std::string& path_;  // as given
  const FileSinkOptions options_;
  Made own_made_;
  Made& made_;
  std::string folder_;  // of the target, links resolved
  std::string target_;
  std::string temporary_;  // empty: there is none
  bool begun_ = false;     // the run knows of it
  bool there_ = false;     // there was a target at the beginning
  mode_t keep_mode_ = 0;   // of the file to be replaced
  nlink_t links_ = 1;      // of the part file, when it was opened
  Descriptor file_;        // stays open until destruction: writers may still hold it during abort()
  std::optional<Reservation> reservation_;  // of large files; ends before file_
  uint64_t size_ = 0;
  std::optional<std::chrono::system_clock::time_point> modified_;
  transfer::RangeSet resumed_;          // what resume() found
  std::optional<PartJournal> journal_;  // from resume() to the commit, if the download can be resumed
  std::mutex writing_;                  // guards reached_
  uint64_t reached_ = 0;                // the part file is at least as long
  std::atomic<bool> touched_{false};    // by somebody else: nothing of it is worth anything
  std::atomic<uint64_t> written_{0};
  std::atomic<bool> aborted_{false};
  uint64_t kept_ = 0;
};

// The folder's new state survives a power cut.  One that cannot be opened for reading is no failure.
void flush_folder(const std::string& path);

// The name that a download of `name` has until it is whole, in the same folder, and that of its journal.  At
// most 255 bytes.
std::string temporary_name(const std::string& name);
std::string journal_name(const std::string& name);
// Whether `name` is of one of these forms, or of the one that a journal has while it is written.
bool is_temporary_name(const std::string& name);

}  // namespace sjcp::local
