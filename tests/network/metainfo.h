// The satellite's Metainfo service: from method name and request bytes to reply bytes or a failure.
//
// Threads: call() from any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "tests/network/bucket_service.h"
#include "tests/network/copy_service.h"
#include "tests/network/object_service.h"
#include "tests/network/satellite_state.h"
#include "tests/network/segment_service.h"

namespace sjcp::network {

// What becomes of a call.
struct CallResult {
  bool drop = false;    // cut the connection instead of answering
  bool silent = false;  // never answer
  std::string reply;    // when none of these, nor failed
  Check failed;
};

class Metainfo {
 public:
  explicit Metainfo(SatelliteState& state)
      : state_(state), buckets_(state), objects_(state), segments_(state), copies_(state) {}

  // method: "BeginObject", or any other name; unknown ones fail as the network's router lets them.
  CallResult call(const std::string& method, ByteView request);

  // Calls by method, items of batches included.
  std::map<std::string, uint64_t> counts() const;

 private:
  struct Method;
  struct BatchRun;
  struct BatchMethod;
  static const std::map<std::string, Method, std::less<>>& methods();
  static const std::map<int, BatchMethod>& batch_methods();  // by oneof number

  // `course`: whether it is dropped or not answered.
  Outcome<std::string> dispatch(const std::string& method, ByteView request, CallResult& course);
  Outcome<std::string> compressed_batch(ByteView request, CallResult& course);
  Outcome<pb::BatchResponse> batch(ByteView request, CallResult& course);
  Check batch_item(BatchRun& run, pb::BatchRequestItem& item, pb::BatchResponseItem& out);
  void count(const std::string& method);

  SatelliteState& state_;
  BucketService buckets_;
  ObjectService objects_;
  SegmentService segments_;
  CopyService copies_;
  mutable std::mutex mutex_;
  std::map<std::string, uint64_t> counts_;
};

}  // namespace sjcp::network
