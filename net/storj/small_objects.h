// Small objects, several in one request: [BeginObject, MakeInlineSegment, CommitObject] x n to store them,
// DownloadObject x n to find (and, being small, to get) them.  Failures are taken apart by
// transfer::run_group, whose repeats are harmless here: a download changes nothing, and an upload stores the
// same bytes again (a bucket with versions may then hold one more of them, which is why only the part that
// failed is repeated).
//
// Threads: put_small_objects from any; an OpenGroup from any.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "core/transfer/group.h"
#include "net/storj/session.h"

namespace sjcp::storj {

// As Project::put_small_objects.
void put_small_objects(const Session& session, const std::string& bucket,
                       const std::vector<SmallObject>& objects, const ObjectOptions& options,
                       transfer::GroupSize& sizes, const std::function<void(size_t, const Status&)>& result,
                       const transfer::Context& context);

// Objects of one bucket that are opened together by whoever comes first.
class OpenGroup {
 public:
  // session and sizes must outlive the group.
  OpenGroup(const Session& session, std::string bucket, std::vector<std::string> keys,
            transfer::GroupSize& sizes);

  // The satellite's answer for keys[index], once.  Blocks while another thread asks.
  Result<pb::DownloadObjectResponse> take(size_t index, const transfer::Context& context);

 private:
  void ask(const transfer::Context& context);
  transfer::GroupReply attempt(size_t begin, size_t end, const std::stop_token& stop);

  const Session& session_;
  const std::string bucket_;
  const std::vector<std::string> keys_;
  transfer::GroupSize& sizes_;
  std::mutex mutex_;
  bool asked_ = false;
  std::vector<size_t> order_;                              // indices of the keys that can be asked for
  std::vector<std::string> encrypted_;                     // by index
  std::vector<Result<pb::DownloadObjectResponse>> found_;  // by index
};

}  // namespace sjcp::storj
