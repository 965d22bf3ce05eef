// What all operations of one project share: grant, satellite client, connections, names in messages.
//
// Threads: immutable after creation; const methods from any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "core/access/grant.h"
#include "core/segment/buffer.h"
#include "net/drpc/connection.h"
#include "net/storj/metainfo_client.h"
#include "net/storj/node_memory.h"
#include "net/storj/project.h"
#include "net/storj/satellite_memory.h"

namespace sjcp::storj {

struct Session {
  access::Grant grant;
  ProjectOptions options;
  std::unique_ptr<drpc::Pool> pool;
  std::unique_ptr<flow::Waits> own_waits = nullptr;  // where the options have none
  std::unique_ptr<MetainfoClient> metainfo;
  std::unique_ptr<NodeMemory> nodes = nullptr;
  std::unique_ptr<SatelliteMemory> satellite = nullptr;
  // Of all uploads: were each to keep those of its own, files side by side would hold more than the budget.
  std::shared_ptr<segment::BufferCache> buffers = std::make_shared<segment::BufferCache>();
  // A person hears once that segments are smaller than usual.
  std::unique_ptr<std::once_flag> small_segments = std::make_unique<std::once_flag>();
};

// "sj://bucket/key", as users write it.
std::string object_url(const std::string& bucket, const std::string& key);

Time time_of(const pb::Timestamp& time);
pb::Timestamp timestamp_of(Time time);

}  // namespace sjcp::storj
