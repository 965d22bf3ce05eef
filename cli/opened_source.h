// A source that has been opened before the engine asks for it, because the destination depends on what it is.
#pragma once

#include <memory>
#include <utility>

#include "core/transfer/source.h"

namespace sjcp::cli {

class OpenedSource final : public transfer::Source {
 public:
  static Result<std::unique_ptr<OpenedSource>> open(std::shared_ptr<transfer::Source> source,
                                                    const transfer::RangeRequest& range,
                                                    const transfer::Context& context) {
    auto info = source->open(range, context);
    if (!info) return std::move(info).error();
    return std::unique_ptr<OpenedSource>(new OpenedSource(std::move(source), *std::move(info)));
  }

  const transfer::ObjectInfo& info() const { return info_; }

  // What open() above found.
  Result<transfer::ObjectInfo> open(const transfer::RangeRequest&, const transfer::Context&) override {
    return info_;
  }
  const std::vector<transfer::Segment>& segments() const override { return source_->segments(); }
  bool divisible() const override { return source_->divisible(); }
  bool one_at_a_time() const override { return source_->one_at_a_time(); }
  bool seekable() const override { return source_->seekable(); }
  void expect(std::span<const transfer::Segment> next) override { source_->expect(next); }
  uint64_t memory_per_segment() const override { return source_->memory_per_segment(); }
  Status fetch(const transfer::Segment& segment, transfer::Output& output,
               const transfer::Context& context) override {
    return source_->fetch(segment, output, context);
  }
  Result<bool> repair(transfer::Output& output, const transfer::Context& context) override {
    return source_->repair(output, context);
  }
  void repaired() override { source_->repaired(); }
  Result<bool> refetch(const transfer::ByteRange& wrong, transfer::Output& output,
                       const transfer::Context& context) override {
    return source_->refetch(wrong, output, context);
  }
  void refetched(const transfer::ByteRange& right, const transfer::RangeSet& changed) override {
    source_->refetched(right, changed);
  }

 private:
  OpenedSource(std::shared_ptr<transfer::Source> source, transfer::ObjectInfo info)
      : source_(std::move(source)), info_(std::move(info)) {}

  const std::shared_ptr<transfer::Source> source_;
  const transfer::ObjectInfo info_;
};

}  // namespace sjcp::cli
