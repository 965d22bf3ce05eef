// The journal file of an unfinished download, and the thread that keeps it.
//
// A checkpoint makes the data durable (fdatasync), then replaces the journal (new file, fsync, rename): what
// the journal names is there whatever happens.  Writers only add to a list and never wait for the disk.
//
// Ownership: the descriptor of the data stays the caller's and open until destruction.
// Threads: record() from any; the rest from one.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/base/result.h"
#include "core/transfer/checkpoint_policy.h"
#include "core/transfer/journal.h"

namespace sjcp::local {

class PartJournal {
 public:
  struct Paths {
    std::string journal;
    std::string fresh;  // of the journal that is about to replace it; same folder
  };

  // journal.done: what is there already.
  PartJournal(Paths paths, transfer::Journal journal, int data_fd);
  ~PartJournal();
  PartJournal(const PartJournal&) = delete;
  PartJournal& operator=(const PartJournal&) = delete;

  // These bytes were written to the data file.
  void record(transfer::ByteRange range);

  // Ends the thread.  An error: the disk refused data, and may not say so again.
  Status stop();
  // stop(), and one last checkpoint.  May be called again after more was recorded.
  void finish();
  // Bytes that the journal on disk names.
  uint64_t saved() const;

  // Nothing: there is none, it is damaged, or somebody else may have made or changed it.
  static std::optional<transfer::Journal> load(const std::string& path);
  static void remove(const Paths& paths);

 private:
  void run();
  void checkpoint();

  const Paths paths_;
  const int data_fd_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  transfer::Journal journal_;
  transfer::CheckpointPolicy policy_;
  uint64_t new_bytes_ = 0;
  uint64_t saved_ = 0;
  int sync_error_ = 0;  // errno
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sjcp::local
