// Sends requests to an S3 service until they are answered: signed, in the right region, by the service's
// clock, with keys that hold, and again after what passes.
//
// Threads: any; each request blocks its caller.
// Errors: as to_error() has them, with the s3:// URL; kNetwork once retries are used up; kCancelled.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/flow/repeats.h"
#include "core/transfer/context.h"
#include "core/transfer/reader.h"
#include "net/http/client.h"
#include "net/s3/credentials.h"
#include "net/s3/error.h"
#include "net/s3/settings.h"
#include "net/s3/sigv4.h"
#include "net/s3/success.h"
#include "net/s3/trailing_body.h"

namespace sjcp::s3 {

// Hears of each try of a request that makes something new whenever it is done.
class Tries {
 public:
  virtual ~Tries() = default;
  // Before it; now: by this machine's clock.
  virtual void asking(std::chrono::system_clock::time_point now) = 0;
  // It has made nothing for sure.  Not called: it has, or nobody knows.
  virtual void refused() = 0;
};

// One request, wherever its bucket may be.
struct Call {
  std::string method = "GET";
  std::string bucket;  // empty: the service itself
  std::string key;     // empty: the bucket itself
  Query query;
  std::vector<http::Header> headers;           // all are signed
  ByteView body;                               // outlives the request
  const transfer::ReaderPart* part = nullptr;  // instead of `body`, outlives the request
  TrailingBody* trailing = nullptr;            // instead of both; outlives the request
  http::OwnLine* own = nullptr;                // as http::Request has it
  uint64_t expects = UINT64_MAX;               // bytes of the reply at most
  unsigned followers = 0;                      // as http::Request has it
  bool whole_bucket = false;                   // makes, lists or deletes it
  Deed deed = Deed::kAsk;                      // what it is asked to do
  std::optional<uint64_t> makes;               // bytes of the object that is there then
  bool expected = false;                    // the service has agreed to the body before: it need not be asked
  std::chrono::milliseconds time_limit{0};  // 0: none; otherwise for each try, and there are no others
  flow::Question question = flow::Question::kSafe;
  Tries* tries = nullptr;  // outlives the request
};

// "s3://BUCKET/KEY"
std::string shown(const std::string& bucket, const std::string& key);

class Requester {
 public:
  // client and clock outlive it.
  Requester(Settings settings, std::unique_ptr<Credentials> credentials, http::Client& client,
            const Clock& clock, bool requester_pays = false);

  // A reply with status 2xx, body and all, to what has been done (success.h).
  Result<http::Reply> call(const Call& call, const transfer::Context& context);
  // As call(), with the body passed on.  Once the receiver has seen a head, nothing is repeated here.
  Status stream(const Call& call, http::Receiver& receiver, const transfer::Context& context);

  // A URL that works without credentials until it expires.
  Result<std::string> presign(const Call& call, std::chrono::seconds expires,
                              const transfer::Context& context);

  // Whether checksums may follow what they are of: not once somebody has found that the service does not take
  // them so.
  bool takes_trailers() const { return trailers_.load(std::memory_order_relaxed); }
  void refuse_trailers() { trailers_.store(false, std::memory_order_relaxed); }
  // Whether checksums go with what is stored: not once the service has refused one, and taken the same
  // without.
  bool sends_checksums() const { return checksums_.load(std::memory_order_relaxed); }
  void refuse_checksums() { checksums_.store(false, std::memory_order_relaxed); }
  // Whether ETags of 32 digits are the MD5 of objects: Amazon's are, others have to show it.
  bool etags_are_md5() const { return etags_are_md5_.load(std::memory_order_relaxed); }
  void etag_was_md5() { etags_are_md5_.store(true, std::memory_order_relaxed); }

  const Settings& settings() const { return settings_; }
  // For whoever repeats what is more than a call.
  flow::Repeats repeats(flow::RetryBudget& budget, const transfer::Context& context) {
    return {client_.waits(), service_, &budget, &context.counters->retries};
  }
  flow::Repeats repeats(const transfer::Context& context) { return repeats(budget_, context); }
  std::string region_of(const std::string& bucket) const;
  const Clock& clock() const { return clock_; }

 private:
  class Answer;
  struct Tried {
    bool clock = false;
    bool keys = false;
    unsigned places = 0;
  };

  Status ask(const Call& call, http::Receiver& receiver, const http::Reply* collected,
             const transfer::Context& context);
  Status try_once(const Call& call, Answer& answer, std::shared_ptr<const Keys>& keys,
                  const transfer::Context& context);
  bool remedied(const Call& call, const Answer& answer, const ServiceError& error, const Keys* keys,
                Tried& tried, const transfer::Context& context);
  bool learn_clock(const http::Head& head);
  bool learn_region(const Call& call, const ServiceError& error, const transfer::Context& context);
  std::string ask_region(const std::string& bucket, const transfer::Context& context);
  Result<std::string> payload_of(const Call& call) const;
  Clock::Wall service_time() const;

  const Settings settings_;
  const std::unique_ptr<Credentials> credentials_;
  http::Client& client_;
  const Clock& clock_;
  const bool requester_pays_;
  const std::string service_;  // by which people know it
  flow::RetryBudget budget_;
  Signer signer_;
  std::atomic<int64_t> clock_offset_{0};  // seconds that the service is ahead
  std::atomic<bool> trailers_;
  std::atomic<bool> checksums_;
  std::atomic<bool> etags_are_md5_;
  mutable std::mutex mutex_;                    // guards the rest
  std::map<std::string, std::string> regions_;  // by bucket, of those that are elsewhere
};

// Hands over bytes in memory.
class MemoryBody final : public http::RequestBody {
 public:
  explicit MemoryBody(ByteView bytes) : bytes_(bytes) {}
  std::optional<uint64_t> size() const override { return bytes_.size(); }
  Result<size_t> read(ByteSpan out) override;
  Status rewind() override {
    position_ = 0;
    return {};
  }

 private:
  const ByteView bytes_;
  size_t position_ = 0;
};

}  // namespace sjcp::s3
