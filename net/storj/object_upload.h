// A stored object being written as a transfer::ObjectWriter.
//
//   small     [BeginObject, MakeInlineSegment, CommitObject]                  one request
//   remote    [BeginObject, BeginSegment 0]  pieces  [CommitSegment.., BeginSegment i]  ... [CommitSegment..,
//   CommitObject]
// Commits of finished segments travel with the next request (protocol notes 9.1).  What the satellite was
// asked is repeated as flow/retry.h has it; what became of a begin or a commit whose answer was lost is found
// out by the nonces of our metadata, which nobody else has: the upload is never begun or committed twice
// unseen.  Where segments are announced with expect(), a thread asks for their offers, so that none waits for
// the satellite.
//
// Threads: as transfer::ObjectWriter says.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/crypto/key.h"
#include "core/segment/buffer.h"
#include "core/segment/segment_encoder.h"
#include "core/transfer/object_writer.h"
#include "net/storj/pending_uploads.h"
#include "net/storj/session.h"

namespace sjcp::storj {

class ObjectUpload final : public transfer::ObjectWriter {
 public:
  // kDenied when the grant has no key for it.  session must outlive the upload.
  static Result<std::unique_ptr<ObjectUpload>> create(const Session& session, const std::string& bucket,
                                                      const std::string& key, const ObjectOptions& options);
  ~ObjectUpload() override;

  uint64_t segment_size() const override { return segment_size_; }
  uint64_t memory_per_segment() const override;
  void expect(uint64_t index, const transfer::Context& context) override;
  Result<std::unique_ptr<transfer::SegmentWriter>> begin_segment(uint64_t index) override;
  Status finish_segment(std::unique_ptr<transfer::SegmentWriter> segment, bool last,
                        const transfer::Context& context) override;
  Status commit(const transfer::Context& context) override;
  void abort() override;

  std::string destination() const override;
  void keep(const std::function<void(const std::string& pending)>& begun) override;
  Result<std::set<uint64_t>> resume(const std::string& pending, uint64_t size,
                                    const transfer::Context& context) override;
  uint64_t suspend() override;
  void discard(const std::string& pending) override;

 private:
  class Segment;
  // A commit of a segment on its way to the satellite.
  struct SentCommit {
    int pieces = 0;
    uint64_t plain_bytes = 0;
  };

  ObjectUpload(const Session& session, std::string bucket, std::string key, ObjectOptions options);
  static bool wants_fresh_offer(const Segment& segment, const Error& error);
  Status store(Segment& segment, pb::BeginSegmentResponse offer, const transfer::Context& context);
  Result<pb::BeginSegmentResponse> begin_remote(uint64_t index, const transfer::Context& context);
  struct Offer {
    pb::BeginSegmentResponse terms;
    std::chrono::steady_clock::time_point since;
  };
  void ask_ahead(const std::stop_token& stop);
  bool has_question() const;
  Status ask(const std::vector<uint64_t>& indexes, const std::stop_token& stop);
  std::optional<Result<pb::BeginSegmentResponse>> take_offer(uint64_t index, const std::stop_token& stop);
  void end_asking();
  void begun(const std::string& stream_id);
  Result<std::vector<pb::BeginSegmentResponse>> begin_object(const std::vector<uint64_t>& indexes,
                                                             const std::stop_token& stop);
  Result<std::vector<pb::BeginSegmentResponse>> begin_segments(const std::vector<uint64_t>& indexes,
                                                               const std::stop_token& stop);
  static void add_begin_segment(pb::BatchRequest& request, const std::string& stream_id, uint64_t index);
  Trace find_begun(std::string& stream_id, const std::stop_token& stop) const;
  Trace find_committed(const std::string& nonce, const std::stop_token& stop) const;
  Trace find_uncommitted(const std::string& nonce, const std::stop_token& stop) const;
  Result<std::optional<pb::BatchResponse>> begin_batch(const pb::BatchRequest& request, std::string& found,
                                                       const std::stop_token& stop);
  std::optional<uint64_t> whole_check() const;
  Status check_size(const pb::BatchResponse& response, uint64_t size) const;
  void note_begin();
  void end_note();
  std::vector<SentCommit> add_commits(pb::BatchRequest& request);
  std::string pending_text(const std::string& stream_id) const;
  uint64_t segments_of(uint64_t size) const;
  uint64_t segment_bytes(uint64_t index, uint64_t size) const;
  Status add_stored(const pb::ListSegmentsResponse& list, uint64_t size, std::set<uint64_t>& stored) const;
  bool remove_pending(const std::string& stream_id);
  void check_commits(const pb::BatchResponse& response, const std::vector<SentCommit>& sent);
  pb::CommitSegmentRequest commit_request(Segment& segment) const;
  pb::MakeInlineSegmentRequest inline_request(Segment& segment) const;

  const Session& session_;
  const std::string bucket_;
  const std::string key_;
  const std::string url_;
  const ObjectOptions options_;
  const uint64_t segment_size_;
  PendingPlace place_;
  crypto::Key content_key_;
  pb::BeginObjectRequest begin_request_;
  std::string mark_;  // of the pending upload

  const std::shared_ptr<segment::BufferCache> buffers_;

  std::mutex mutex_;
  std::condition_variable_any begun_;
  enum class Begin : uint8_t { kNot, kRunning, kDone, kFailed } begin_ = Begin::kNot;
  std::string stream_id_;
  uint64_t note_ = 0;  // of what was begun; 0: none
  std::vector<pb::CommitSegmentRequest> pending_commits_;
  std::optional<pb::MakeInlineSegmentRequest> inline_;
  uint64_t last_size_ = 0;
  bool commit_sent_ = false;
  std::function<void(const std::string& pending)> on_begun_;
  struct Check {
    uint64_t crc64 = 0;
    uint64_t bytes = 0;
  };
  std::map<uint64_t, Check>
      checks_;                 // of the segments that this run has read, where the satellite may take them
  uint64_t stored_bytes_ = 0;  // plain bytes that the satellite has on record

  // Guarded by mutex_, too.
  std::set<uint64_t> announced_;  // segments whose offers are or will be asked for, until they are taken
  std::deque<uint64_t> wanted_;   // not asked for yet
  std::map<uint64_t, Offer> offers_;
  std::optional<Error> ask_error_;  // why the upload cannot go on
  size_t in_work_ = 0;              // segments that will have a commit
  bool asked_enough_ = false;
  transfer::SegmentGate* gate_ = nullptr;
  std::jthread asker_;  // the last member: it uses all the others
};

}  // namespace sjcp::storj
