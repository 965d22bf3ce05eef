// A copy in progress: takes items as they are found, copies each, and tells of it.
//
// Threads: run() and report() from any; the rest from one.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "cli/copy_groups.h"
#include "cli/copy_names.h"
#include "cli/copy_plan.h"
#include "cli/progress/reporter.h"
#include "cli/sameness.h"
#include "cli/services.h"
#include "core/local/file_sink.h"
#include "core/transfer/copy.h"
#include "net/hf/cache_writer.h"

namespace sjcp::cli {

class Copier {
 public:
  // stream_buffer: bytes that standard output may keep.  cache: where downloads go instead; or null.  All
  // references must outlive it.
  Copier(const CopyRequest& request, const CpOptions& options, uint64_t stream_buffer, Services& services,
         const Io& io, Reporter& reporter, hf::CacheWriter* cache, CopyNames& names);

  // Copies one file and tells of it, except that nobody reads standard output any more.  `source`: the
  // object, if it was asked for with others.
  Status run(const CopyItem& item, const std::shared_ptr<transfer::Source>& source,
             const transfer::Context& context);
  // Tells what became of a file that was begun then.
  Status report(const CopyItem& item, Clock::Steady begin, const Result<transfer::CopySummary>& result);
  // Must not outlive the copier.
  GroupHooks hooks();

  // The error that every other file would meet, too: the rest need not be tried.
  std::optional<Error> hopeless_error();
  // Whether a file that was not finished has left something to go on from.
  bool resumable() const { return resumable_; }

 private:
  using Summary = Result<transfer::CopySummary>;

  // The item with its mirrors.
  Result<std::unique_ptr<transfer::Source>> open_source(const CopyItem& item);
  // Both may give the item the name that its server suggests.
  Summary copy(CopyItem& item, const std::shared_ptr<transfer::Source>& source,
               const transfer::Context& context);
  Summary download(CopyItem& item, std::shared_ptr<transfer::Source> source,
                   const transfer::Context& context);
  Summary upload(const CopyItem& item, const transfer::Context& context);
  Summary upload(transfer::Reader& reader, transfer::ObjectWriter& writer, const CopyItem& item,
                 const transfer::Context& context);
  Summary relay(const CopyItem& item, const transfer::Context& context);
  transfer::ObjectOptions object_for(const Location& to, const transfer::ObjectInfo& info);
  Error explained(const CopyItem& item, Error error, const transfer::Context& context);

  // Sets copy.skip where the sink can tell that it has the bytes.
  Result<std::unique_ptr<transfer::Sink>> open_sink(const CopyItem& item, const transfer::Context& context,
                                                    transfer::CopyOptions& copy);
  std::optional<Known> target_of(const CopyItem& item) const;
  bool skip_download(const CopyItem& item, const std::optional<Known>& there, LocalDigests& digests) const;
  Result<bool> skip_remote(const CopyItem& item, const transfer::Context& context);
  Known opened_as(const CopyItem& item, const transfer::ObjectInfo& info, const Known& there,
                  const transfer::Context& context);
  // What is known of a remote source: what finding it told, else what its service does.
  Result<Known> ask(const CopyItem& item, const transfer::Context& context);
  void judge(const CopyItem& item, const Error& error);

  const CopyRequest& request_;
  const CpOptions& options_;
  const uint64_t stream_buffer_;
  Services& services_;
  const Io& io_;
  Reporter& reporter_;
  hf::CacheWriter* const cache_;
  CopyNames& names_;
  transfer::CopyOptions copy_;
  local::Made made_;
  local::FileSinkOptions file_;
  std::atomic<bool> resumable_{false};
  std::atomic<bool> told_lost_metadata_{false};
  std::mutex mutex_;
  std::optional<Error> hopeless_;
};

}  // namespace sjcp::cli
