#include "cli/copy_groups.h"

#include <algorithm>
#include <utility>

#include "core/base/scope_guard.h"
#include "core/base/wait.h"
#include "core/local/file_group.h"
#include "core/local/file_reader.h"
#include "core/local/open_sink.h"
#include "core/segment/layout.h"
#include "core/transfer/fetch_whole.h"

namespace sjcp::cli {

using transfer::Context;
using transfer::CopySummary;

namespace {

constexpr uint64_t kSmall = segment::kMaxInlineSize;
constexpr uint64_t kMedium = 1 << 20;
// Answers for objects on nodes are paid for when they are given, and grow old: no more than are read soon.
constexpr size_t kMostMedium = 16;
// A small file in flight: its bytes, sealed and in the request or the reply, and what names it.
constexpr uint64_t kMemoryPerFile = 16 << 10;

std::string name_of(const CopyItem& item) {
  return item.destination.text();
}

// Nothing: it is no small file any more, or never was a file.
Result<std::optional<Bytes>> read_small(const std::string& path) {
  auto reader = local::open_reader(path);
  if (!reader) return reader.error();
  const auto size = (*reader)->size();
  if (!size || *size > kSmall) return std::optional<Bytes>();
  // One byte more than there is: the end shows in the same read.
  Bytes bytes(*size + 1);
  auto count = (*reader)->read(bytes);
  if (!count) return count.error();
  bytes.resize(*count);
  return std::optional<Bytes>(std::move(bytes));
}

// Waits until so many bytes may move.  A group moves at once: its bytes are bought before.
Status pace(uint64_t bytes, const Context& context) {
  if (context.throttle == nullptr) return {};
  const Clock& clock = system_clock();
  for (;;) {
    bytes -= context.throttle->allow(bytes, clock.steady_now());
    if (bytes == 0) return {};
    if (!wait_unless_stopped(context.throttle->next(clock.steady_now()), context.stop)) {
      return make_error(Errc::kCancelled, "interrupted");
    }
  }
}

}  // namespace

// A group on its way up.
class GroupCopier::Upload {
 public:
  Upload(const GroupCopier& self, transfer::Store& store, const std::vector<CopyItem>& items,
         const Context& context, const transfer::OnResult& done)
      : self_(self),
        store_(store),
        items_(items),
        context_(context),
        done_(done),
        begun_(self.hooks_.clock->steady_now()) {}

  void run() {
    for (size_t i = 0; i < items_.size(); ++i) read(i);
    std::vector<transfer::SmallObject> objects;
    std::vector<size_t> index;
    uint64_t bytes = 0;
    for (size_t i = 0; i < items_.size(); ++i) {
      if (!bytes_[i]) continue;
      bytes += bytes_[i]->size();
      objects.push_back({items_[i].destination.path, *std::exchange(bytes_[i], std::nullopt)});
      index.push_back(i);
    }
    if (Status paced = pace(bytes, context_); !paced) {
      for (const size_t i : index) finish(items_[i], paced.error());
      return;
    }
    auto result = [&](size_t object, const Status& status) {
      const CopyItem& item = items_[index[object]];
      if (!status) return finish(item, status.error());
      const uint64_t size = objects[object].bytes.size();
      context_.counters->bytes_done.fetch_add(size, std::memory_order_relaxed);
      finish(item, CopySummary{size, 1});
    };
    store_.put_small_objects(self_.request_.destination.bucket, objects, self_.request_.object, self_.sizes_,
                             result, context_);
    for (const size_t i : alone_) done_(name_of(items_[i]), self_.hooks_.copy(items_[i], nullptr, context_));
  }

 private:
  void read(size_t i) {
    auto bytes = read_small(items_[i].source.path);
    bytes_.emplace_back();
    if (!bytes) {
      finish(items_[i], bytes.error());
    } else if (!*bytes) {
      alone_.push_back(i);
    } else {
      context_.counters->bytes_total.fetch_add((*bytes)->size(), std::memory_order_relaxed);
      bytes_.back() = std::move(**bytes);
    }
  }

  void finish(const CopyItem& item, const Result<CopySummary>& result) {
    done_(name_of(item), self_.report(item, begun_, result));
  }

  const GroupCopier& self_;
  transfer::Store& store_;
  const std::vector<CopyItem>& items_;
  const Context& context_;
  const transfer::OnResult& done_;
  const Clock::Steady begun_;
  std::vector<std::optional<Bytes>> bytes_;  // by item
  std::vector<size_t> alone_;
};

// A group on its way down.
class GroupCopier::Download {
 public:
  Download(const GroupCopier& self, transfer::Store& store, const std::vector<CopyItem>& items,
           const Context& context, const transfer::OnResult& done)
      : self_(self),
        store_(store),
        items_(items),
        context_(context),
        done_(done),
        begun_(self.hooks_.clock->steady_now()),
        files_(self.hooks_.file) {}

  void run() {
    std::vector<std::string> keys;
    std::vector<const CopyItem*> wanted;
    uint64_t bytes = 0;
    for (const CopyItem& item : items_) {
      if (self_.hooks_.skip(item)) {
        CopySummary skipped;
        skipped.skipped = true;
        finish(item, skipped);
        continue;
      }
      bytes += *item.size;
      keys.push_back(item.source.path);
      wanted.push_back(&item);
    }
    if (Status paced = pace(bytes, context_); !paced) {
      for (const CopyItem* item : wanted) finish(*item, paced.error());
      return;
    }
    auto sources = store_.open_objects(items_.front().source.bucket, std::move(keys), self_.sizes_);
    for (size_t i = 0; i < wanted.size(); ++i) {
      fetch(*wanted[i], *sources[i]);
      sources[i].reset();
      if (files_.size() >= self_.hooks_.open_files) commit();
    }
    commit();
  }

 private:
  struct Fetched {
    const CopyItem* item;
    CopySummary summary;
  };

  void fetch(const CopyItem& item, transfer::Source& source) {
    if (context_.stop.stop_requested()) return finish(item, make_error(Errc::kCancelled, "interrupted"));
    auto info = source.open({}, context_);
    if (!info) return finish(item, info.error());
    // It was small when it was listed.
    if (info->size > kSmall) return done_(name_of(item), self_.hooks_.copy(item, nullptr, context_));
    auto file = files_.open(place_of(item));
    if (Status begun = file->begin(info->size); !begun) return finish(item, begun.error());
    auto summary = transfer::fetch_whole(source, *info, *file, context_);
    if (!summary) return finish(item, summary.error());
    files_.add(std::move(file));
    fetched_.push_back({&item, *summary});
  }

  void commit() {
    files_.commit([&](size_t file, const Status& status) {
      const Fetched& one = fetched_[file];
      finish(*one.item, status ? Result<CopySummary>(one.summary) : status.error());
    });
    fetched_.clear();
  }

  void finish(const CopyItem& item, const Result<CopySummary>& result) {
    done_(name_of(item), self_.report(item, begun_, result));
  }

  const GroupCopier& self_;
  transfer::Store& store_;
  const std::vector<CopyItem>& items_;
  const Context& context_;
  const transfer::OnResult& done_;
  const Clock::Steady begun_;
  local::FileGroup files_;
  std::vector<Fetched> fetched_;  // by file
};

// Of an error that ends the whole copy, the first file tells.
Status GroupCopier::report(const CopyItem& item, Clock::Steady begun,
                           const Result<CopySummary>& result) const {
  if (!result) {
    if (auto hopeless = hooks_.hopeless()) return *hopeless;
  }
  return hooks_.report(item, begun, result);
}

void GroupCopier::run(transfer::Store& store, const std::vector<CopyItem>& items, const Context& context,
                      const transfer::OnResult& done) const {
  auto all = [&](const Error& error) {
    for (const CopyItem& item : items) done(name_of(item), error);
  };
  if (auto hopeless = hooks_.hopeless()) return all(*hopeless);
  auto lease = context.budget->acquire(items.size() * kMemoryPerFile, context.stop);
  if (!lease) return all(lease.error());
  context.counters->segments_active.fetch_add(1, std::memory_order_relaxed);
  ScopeGuard leave([&] { context.counters->segments_active.fetch_sub(1, std::memory_order_relaxed); });
  if (request_.upload()) {
    Upload(*this, store, items, context, done).run();
  } else {
    Download(*this, store, items, context, done).run();
  }
}

GroupBuilder::GroupBuilder(const CopyRequest& request, Services& services, transfer::GroupSize& sizes,
                           GroupHooks hooks, const transfer::Submit& submit)
    : request_(request),
      services_(services),
      sizes_(sizes),
      hooks_(std::move(hooks)),
      submit_(submit),
      copier_(std::make_shared<GroupCopier>(request, sizes, hooks_)) {}

GroupBuilder::Kind GroupBuilder::kind_of(const CopyItem& item) const {
  if (!request_.batch() || item.refused || item.make_folder || !item.size) return Kind::kAlone;
  if (item.source.is_local()) {
    const bool small = hooks_.group_uploads && *item.size <= kSmall && grouping_store(item) != nullptr;
    return small ? Kind::kSmall : Kind::kAlone;
  }
  if (!item.destination.is_local() || *item.size > kMedium || grouping_store(item) == nullptr)
    return Kind::kAlone;
  if (*item.size > kSmall) return Kind::kMedium;
  return local::is_stream(item.destination.path) ? Kind::kAlone : Kind::kSmall;
}

transfer::Store* GroupBuilder::grouping_store(const CopyItem& item) const {
  const Location& at = item.source.is_local() ? item.destination : item.source;
  if (!at.is_in_store()) return nullptr;
  auto store = services_.store(at);
  return store && (*store)->group_costs() != nullptr ? *store : nullptr;
}

Status GroupBuilder::add(CopyItem item) {
  // A group is of one bucket.
  const auto elsewhere = [&](const std::vector<CopyItem>& group) {
    const Location& from = item.source;
    return !group.empty() &&
           (group.front().source.bucket != from.bucket || group.front().source.kind != from.kind);
  };
  switch (kind_of(item)) {
    case Kind::kAlone:
      return submit_one(std::move(item), nullptr);
    case Kind::kSmall:
      if (elsewhere(small_)) {
        if (auto status = submit_small(); !status) return status;
      }
      small_.push_back(std::move(item));
      return small_.size() >= sizes_.files() ? submit_small() : Status();
    case Kind::kMedium:
      if (elsewhere(medium_)) {
        if (auto status = submit_medium(); !status) return status;
      }
      medium_.push_back(std::move(item));
      return medium_.size() >= std::min(sizes_.files(), kMostMedium) ? submit_medium() : Status();
  }
  return {};
}

Status GroupBuilder::finish() {
  if (auto status = submit_small(); !status) return status;
  return submit_medium();
}

Status GroupBuilder::submit_small() {
  if (small_.empty()) return {};
  transfer::Job job;
  transfer::Store* store = grouping_store(small_.front());
  job.run_files = [copier = copier_, store, items = std::exchange(small_, {})](
                      const Context& context, const transfer::OnResult& done) {
    copier->run(*store, items, context, done);
  };
  return submit_(std::move(job));
}

Status GroupBuilder::submit_medium() {
  if (medium_.empty()) return {};
  std::vector<CopyItem> items = std::exchange(medium_, {});
  std::vector<std::string> keys;
  keys.reserve(items.size());
  for (const CopyItem& item : items) keys.push_back(item.source.path);
  transfer::Store& store = *grouping_store(items.front());
  auto sources = store.open_objects(items.front().source.bucket, std::move(keys), sizes_);
  for (size_t i = 0; i < items.size(); ++i) {
    if (auto status = submit_one(std::move(items[i]), std::move(sources[i])); !status) return status;
  }
  return {};
}

Status GroupBuilder::submit_one(CopyItem item, std::shared_ptr<transfer::Source> source) {
  std::string name = name_of(item);
  return submit_({std::move(name), [copy = hooks_.copy, item = std::move(item), source = std::move(source)](
                                       const Context& context) { return copy(item, source, context); }});
}

}  // namespace sjcp::cli
