// What the network's placements say of a bucket's new segments: the redundancy scheme, and which nodes must
// hold their pieces.  Segments that are stored keep theirs.
//
// Threads: any.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "net/storj/wire/metainfo.pb.h"
#include "tests/network/types.h"

namespace sjcp::network {

// Without the nodes that have the `withheld` most frequent values of a tag, so many must still have stored
// their piece.
struct Cohort {
  std::string tag;
  int32_t withheld = 1;
  int32_t needed = 0;
};

struct Placement {
  // Segment i has the scheme i modulo their number, so that one object can have several.  Never empty.
  std::vector<Redundancy> schemes;
  std::optional<Cohort> cohort;

  const Redundancy& scheme(uint32_t segment) const { return schemes[segment % schemes.size()]; }
};

// "k/m/o/n" or several with commas; false when it is not.
bool parse_schemes(const std::string& text, std::vector<Redundancy>& out);

// Whether nodes with these values of the cohort's tag are enough; an empty value is never withheld.
bool satisfied(const Cohort& cohort, const std::vector<std::string>& values);

// As clients read it: as many pieces as the scheme wants, and the cohort.
pb::CohortRequirements requirements_of(const Placement& placement, uint32_t segment);

class Placements {
 public:
  explicit Placements(const Redundancy& usual) : usual_{{usual}, std::nullopt} {}

  Placement of(const std::string& bucket) const;
  void set(const std::string& bucket, Placement placement);
  // The usual one again.
  void reset(const std::string& bucket);
  void reset_all();

 private:
  const Placement usual_;
  mutable std::mutex mutex_;
  std::map<std::string, Placement> own_;
};

}  // namespace sjcp::network
