// An object being written: one PUT if it is one part, otherwise parts that become the object when all are
// there.
//
//   small    PUT                                                  in commit()
//   large    POST ?uploads   PUT ?partNumber ...   POST ?uploadId
//
// Threads: as transfer::ObjectWriter says.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/segment/buffer.h"
#include "core/transfer/object_writer.h"
#include "core/transfer/permits.h"
#include "core/transfer/store.h"
#include "net/s3/begun_uploads.h"
#include "net/s3/replies.h"
#include "net/s3/requester.h"

namespace sjcp::s3 {

struct UploadOptions {
  transfer::ObjectOptions object;
  bool only_new = false;                   // kConflict when the object exists already
  transfer::UploadNotes* notes = nullptr;  // null: what is begun is not noted
  std::string service;                     // whose notes they are
};

// Bytes of each part but the last, of an object of so many bytes; index: of the part, for objects of unknown
// size, whose parts grow so that 10,000 of them are enough.
uint64_t part_size(std::optional<uint64_t> size, uint64_t index, bool storj_gateway);

class ObjectUpload final : public transfer::ObjectWriter {
 public:
  // requester outlives it.  size: nothing when it is not known.
  ObjectUpload(Requester& requester, std::string bucket, std::string key, UploadOptions options,
               std::optional<uint64_t> size, std::shared_ptr<segment::BufferCache> buffers);
  ~ObjectUpload() override;

  uint64_t segment_size() const override;
  uint64_t memory_per_segment() const override;
  Result<std::unique_ptr<transfer::SegmentWriter>> begin_segment(uint64_t index) override;
  std::optional<uint64_t> memory_per_part() const override;
  Result<std::unique_ptr<transfer::SegmentWriter>> begin_segment(uint64_t index,
                                                                 const transfer::ReaderPart& part) override;
  Status finish_segment(std::unique_ptr<transfer::SegmentWriter> segment, bool last,
                        const transfer::Context& context) override;
  Status commit(const transfer::Context& context) override;
  void abort() override;

  std::string destination() const override;
  void keep(const std::function<void(const std::string& pending)>& begun) override { on_begun_ = begun; }
  Result<std::set<uint64_t>> resume(const std::string& pending, uint64_t size,
                                    const transfer::Context& context) override;
  uint64_t suspend() override;
  void discard(const std::string& pending) override;

 private:
  class Part;
  enum class Begin : uint8_t { kNot, kRunning, kDone, kFailed };

  Call object_call(const char* method) const;
  Status count_part(uint64_t index);
  Status begin_upload(const transfer::Context& context);
  Result<std::string> create_upload(const transfer::Context& context);
  Status digest(Part& part, const transfer::Context& context);
  Status add_content(Call& call, Part& part, const transfer::Context& context);
  Call part_call(const Part& part) const;
  Result<http::Reply> send(Call call, Part& part, const transfer::Context& context);
  Status send_part(Part& part, const transfer::Context& context);
  Result<bool> send_trailing(Part& part, const transfer::Context& context);
  Status stored(const Part& part, const http::Reply& reply);
  Status put(Part& part, const transfer::Context& context);
  Status complete(const transfer::Context& context);
  Status complete_all(const transfer::Context& context);
  uint64_t bytes_stored() const;
  Status list_parts(const std::string& upload_id, uint64_t size, const transfer::Context& context);
  bool remove(const std::string& upload_id);
  std::string pending_text() const;
  bool checksummed() const;
  bool trailing() const;

  Requester& requester_;
  const std::string bucket_;
  const std::string key_;
  const std::string url_;
  const UploadOptions options_;
  const std::optional<uint64_t> size_;
  const std::shared_ptr<segment::BufferCache> buffers_;

  uint64_t next_index_ = 0;  // of the segment that is begun next
  std::unique_ptr<Part> single_;
  std::function<void(const std::string& pending)> on_begun_;
  Note note_;

  transfer::Permits hashing_;  // parts at a time

  mutable std::mutex mutex_;
  std::condition_variable_any begun_;
  Begin begin_ = Begin::kNot;
  bool checksums_;         // the service takes them
  bool trailing_ = false;  // also after the bytes, as it says
  bool trailed_ = false;   // as it has shown
  std::string upload_id_;
  std::map<unsigned, StoredPart> parts_;  // by number, those that are stored
  bool complete_sent_ = false;
};

}  // namespace sjcp::s3
