// A Storj project seen through one access grant: buckets, listings, objects.
//
// Threads and errors: as transfer::Store; texts name the bucket or sj:// URL.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/access/grant.h"
#include "core/base/result.h"
#include "core/flow/repeats.h"
#include "core/transfer/store.h"
#include "core/transfer/upload_journal.h"

namespace sjcp::storj {

using transfer::BucketItem;
using transfer::ListOptions;
using transfer::ObjectItem;
using transfer::ObjectOptions;
using transfer::SmallObject;
using transfer::Time;

struct ProjectOptions {
  std::string user_agent;  // product list, e.g. "sjcp/0.1.0"
  std::string nodes_file;  // where nodes are remembered between runs (node_file.h); empty: they are not
  std::string
      satellites_file;  // what was found out about satellites (satellite_memory.h); empty: nothing is kept
  bool noise = true;    // speak Noise with nodes that do, instead of TLS
  flow::Waits* waits = nullptr;            // how long the satellite is waited for; null: as usual, silently
  transfer::UploadNotes* notes = nullptr;  // of what uploads begin; null: none
  // What the process may hold of uploads; where a segment of the usual size does not fit, they are smaller.
  uint64_t upload_memory = UINT64_MAX;
};

class Project : public transfer::Store {
 public:
  // Does not talk to the satellite yet.  kUsage when the grant's satellite URL is malformed.
  static Result<std::unique_ptr<Project>> open(const access::Grant& grant, const ProjectOptions& options);
};

// Bucket name rules of the network, checked before any request.  kUsage with the reason.
Status check_bucket_name(std::string_view bucket);

}  // namespace sjcp::storj
