// Small files of a copy travel together: between the search for files and the batch they are gathered into
// groups, so that a request carries many of them and the disk flushes many at once.
//
//   up to 4 KiB   lives at the satellite: a group is one job, which stores or fetches all of them
//   up to 1 MiB   downloads only: asked for together, fetched from the nodes by a job each
//
// Threads: GroupBuilder one; GroupCopier any.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "cli/copy_plan.h"
#include "cli/services.h"
#include "core/base/clock.h"
#include "core/local/file_group.h"
#include "core/transfer/batch.h"
#include "core/transfer/copy.h"
#include "core/transfer/group_size.h"

namespace sjcp::cli {

// What a group leaves to the copy it belongs to.
struct GroupHooks {
  // Copies one file by itself, and tells of it.  `source`: opened with others, or null.
  std::function<Status(const CopyItem& item, std::shared_ptr<transfer::Source> source,
                       const transfer::Context& context)>
      copy;
  // Tells what became of a file that was begun then.
  std::function<Status(const CopyItem& item, Clock::Steady begun,
                       const Result<transfer::CopySummary>& result)>
      report;
  // The error that every other file would meet, too.
  std::function<std::optional<Error>()> hopeless;
  // Whether a download need not be.
  std::function<bool(const CopyItem& item)> skip;
  local::FileSinkOptions file;                       // of downloads
  size_t open_files = local::FileGroup::kMostFiles;  // of each group of downloads
  bool group_uploads = true;
  const Clock* clock = nullptr;
};

// Copies one group of files of at most 4 KiB.
class GroupCopier {
 public:
  // All must outlive it.
  GroupCopier(const CopyRequest& request, transfer::GroupSize& sizes, GroupHooks hooks)
      : request_(request), sizes_(sizes), hooks_(std::move(hooks)) {}

  // Runs in a job's thread; `done` once for each item.  store: that all of them are in, or go to.
  void run(transfer::Store& store, const std::vector<CopyItem>& items, const transfer::Context& context,
           const transfer::OnResult& done) const;

 private:
  class Upload;
  class Download;
  Status report(const CopyItem& item, Clock::Steady begun, const Result<transfer::CopySummary>& result) const;

  const CopyRequest& request_;
  transfer::GroupSize& sizes_;
  const GroupHooks hooks_;
};

// Takes the files as they are found, submits jobs.
class GroupBuilder {
 public:
  GroupBuilder(const CopyRequest& request, Services& services, transfer::GroupSize& sizes, GroupHooks hooks,
               const transfer::Submit& submit);

  // Errors are those of submit.
  Status add(CopyItem item);
  // Submits what was gathered.
  Status finish();

 private:
  enum class Kind : uint8_t { kSmall, kMedium, kAlone };
  Kind kind_of(const CopyItem& item) const;
  // Null: it takes no groups.
  transfer::Store* grouping_store(const CopyItem& item) const;
  Status submit_small();
  Status submit_medium();
  Status submit_one(CopyItem item, std::shared_ptr<transfer::Source> source);

  const CopyRequest& request_;
  Services& services_;
  transfer::GroupSize& sizes_;
  const GroupHooks hooks_;
  const transfer::Submit& submit_;
  std::shared_ptr<const GroupCopier> copier_;
  std::vector<CopyItem> small_;
  std::vector<CopyItem> medium_;
};

}  // namespace sjcp::cli
