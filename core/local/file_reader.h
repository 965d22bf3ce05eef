// Local origins of an upload.
//
// Errors: kNotFound for a missing file, kLocalIo for what cannot be read (a folder, no permission), kConflict
// for a file that changed its size while it was read, kCancelled after cancel().
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/local/descriptor.h"
#include "core/transfer/reader.h"

namespace sjcp::local {

// A regular file, whose size is pinned when it is opened.
class FileReader final : public transfer::Reader {
 public:
  // kLocalIo when it is not a regular file.
  static Result<std::unique_ptr<FileReader>> open(const std::string& path);

  std::optional<uint64_t> size() const override { return size_; }
  Result<size_t> read(ByteSpan out) override;
  Status skip(uint64_t bytes) override;
  // Device, file, size, and when it was changed.
  std::string identity() const override;
  std::string name() const override { return path_; }
  bool anywhere() const override { return true; }
  Status read_at(uint64_t offset, ByteSpan out) const override;
  void expect(uint64_t offset, uint64_t size) override;
  Status unchanged() const override;

 private:
  friend Result<std::unique_ptr<transfer::Reader>> open_reader(const std::string& path);
  FileReader(Descriptor file, std::string path, const struct stat& info);

  Descriptor file_;
  const std::string path_;
  const uint64_t size_;
  const std::string opened_;  // the identity
  uint64_t offset_ = 0;
};

// Anything that is read to its end: stdin, a pipe, a device.  Of unknown size.
class StreamReader final : public transfer::Reader {
 public:
  // fd stays open and belongs to the caller.
  StreamReader(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  // Owns the descriptor.
  StreamReader(Descriptor fd, std::string name)
      : owned_(std::move(fd)), fd_(owned_.get()), name_(std::move(name)) {}

  std::optional<uint64_t> size() const override { return std::nullopt; }
  Result<size_t> read(ByteSpan out) override;
  void cancel() override { cancel_.raise(); }
  std::string name() const override { return name_; }

 private:
  Descriptor owned_;
  const int fd_;
  const std::string name_;
  CancelSignal cancel_;
};

// The reader that fits the path: "-" is stdin.
Result<std::unique_ptr<transfer::Reader>> open_reader(const std::string& path);

}  // namespace sjcp::local
