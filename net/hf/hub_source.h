// A file of the hub, or of its mirror, as a source of the engine.
//
// open() asks nothing when a listing told of the file.  The first fetch asks the hub for the bytes and is
// sent on to where they are; the others go there directly.  A large file is looked for in the mirror first;
// what the mirror does not have, or fails to bring, comes from the hub.  The engine verifies either by the
// digest that the hub gives.
//
// Threads: as transfer::Source says.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/transfer/source.h"
#include "net/hf/hub.h"
#include "net/hf/snapshot.h"

namespace sjcp::hf {

class HubSource final : public transfer::Source {
 public:
  // snapshot: an error of it is that of open().  All references must outlive it.
  HubSource(http::Client& client, HubApi& api, Result<std::shared_ptr<Snapshot>> snapshot, std::string path,
            const HubOptions& options);

  Result<transfer::ObjectInfo> open(const transfer::RangeRequest& range,
                                    const transfer::Context& context) override;
  const std::vector<transfer::Segment>& segments() const override;
  bool divisible() const override;
  bool seekable() const override { return mirror_ ? mirror_->seekable() : file_.large(); }
  void expect(std::span<const transfer::Segment> next) override;
  uint64_t memory_per_segment() const override;
  Status fetch(const transfer::Segment& segment, transfer::Output& output,
               const transfer::Context& context) override;

 private:
  Status find(const transfer::Context& context);
  Status open_mirror(const transfer::RangeRequest& range, const transfer::Context& context);
  // False: the mirror does not have the file there.
  Result<bool> try_mirror(const std::string& repo_oid, const transfer::RangeRequest& range,
                          const transfer::Context& context);
  Status open_hub(const transfer::ByteRange& first, const transfer::Context& context);
  Status fetch_from_hub(const transfer::Segment& segment, transfer::Output& output,
                        const transfer::Context& context);
  std::string name() const { return HubApi::name((*snapshot_)->repo(), path_); }

  http::Client& client_;
  HubApi& api_;
  const Result<std::shared_ptr<Snapshot>> snapshot_;
  const std::string path_;
  const HubOptions& options_;

  // Set by open().
  std::string commit_;
  HubFile file_;
  std::vector<transfer::Segment> segments_;
  std::unique_ptr<transfer::Source> mirror_;  // null: the hub serves
  std::atomic<bool> mirror_fails_{false};

  std::mutex opening_;  // guards the rest until hub_ is open
  std::unique_ptr<transfer::Source> hub_;
  std::optional<Error> hub_error_;
  bool hub_open_ = false;
};

}  // namespace sjcp::hf
