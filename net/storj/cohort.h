// When an upload has enough successes: the satellite's cohort requirements over the tags of the nodes that
// succeeded (protocol notes 8.3).  Without requirements a plain count decides.
//
// Threads: pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "net/storj/wire/metainfo.pb.h"

namespace sjcp::storj {

using NodeTags = std::map<std::string, std::string>;

// `successes`: the tags of each node that stored its piece.
bool cohort_satisfied(const pb::CohortRequirements& requirements,
                      const std::vector<const NodeTags*>& successes);

}  // namespace sjcp::storj
