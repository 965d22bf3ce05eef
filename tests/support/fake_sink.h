// A destination in memory that can fail at any step and remembers what was done to it.
#pragma once

#include <algorithm>
#include <functional>
#include <mutex>
#include <string>

#include "core/transfer/sink.h"

namespace sjcp::test {

class FakeSink final : public transfer::Sink {
 public:
  // Knobs; set before use.
  std::function<Status(uint64_t offset, ByteView data)> on_write;
  std::function<void()> on_abort;
  Status begin_result;
  transfer::RangeSet there;  // from an earlier run: `bytes` holds them
  uint64_t keep = 0;         // what kept() says
  Status commit_result;
  bool readable = true;
  std::string put_aside;  // what reject() says
  bool in_order = false;  // what ordered() says

  bool begun = false;
  bool sized = true;
  bool committed = false;
  bool aborted = false;
  bool rejected = false;
  std::chrono::system_clock::time_point time;  // of modified()
  std::string bytes;
  transfer::Content content;  // of resume()

  Status begin(uint64_t size) override {
    begun = true;
    sized = size != transfer::kUnknownSize;
    bytes.resize(sized ? size : 0);
    return begin_result;
  }
  Result<transfer::RangeSet> resume(const transfer::Content& what) override {
    content = what;
    if (Status begun_well = begin(what.range.size()); !begun_well) return std::move(begun_well).error();
    return there;
  }
  Status write(uint64_t offset, ByteView data) override {
    if (on_write) {
      Status status = on_write(offset, data);
      if (!status) return status;
    }
    std::lock_guard lock(mutex_);
    if (!sized && offset == bytes.size()) bytes.resize(offset + data.size());
    if (offset + data.size() > bytes.size()) return make_error(Errc::kInternal, "beyond the end");
    bytes.replace(offset, data.size(), data.text());
    if (passed_) passed_(data);
    return {};
  }
  Status read(uint64_t offset, ByteSpan out) override {
    std::lock_guard lock(mutex_);
    if (!readable) return make_error(Errc::kUnsupported, "fake: cannot be read back");
    if (offset + out.size() > bytes.size()) return make_error(Errc::kInternal, "read beyond the end");
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  }
  Status rewrite(uint64_t offset, ByteView data) override {
    std::lock_guard lock(mutex_);
    if (offset + data.size() > bytes.size()) return make_error(Errc::kInternal, "beyond the end");
    bytes.replace(offset, data.size(), data.text());
    return {};
  }
  void modified(std::chrono::system_clock::time_point when) override { time = when; }
  std::string reject() override {
    rejected = true;
    abort();
    return put_aside;
  }
  Status commit() override {
    if (commit_result) committed = true;
    return commit_result;
  }
  void abort() override {
    aborted = true;
    if (on_abort) on_abort();
  }
  bool ordered() const override { return in_order; }
  void watch(std::function<void(ByteView)> passed) override { passed_ = std::move(passed); }
  uint64_t kept() const override { return keep; }
  std::string name() const override { return "fake"; }

 private:
  std::function<void(ByteView)> passed_;
  std::mutex mutex_;
};

}  // namespace sjcp::test
