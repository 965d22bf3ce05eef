#include "net/storj/codes.h"

#include <map>
#include <mutex>

namespace sjcp::storj {

std::shared_ptr<const erasure::Code> shared_code(unsigned k, unsigned n) {
  static std::mutex mutex;
  static std::map<std::pair<unsigned, unsigned>, std::shared_ptr<const erasure::Code>> codes;
  std::lock_guard lock(mutex);
  auto& code = codes[{k, n}];
  if (!code) code = std::make_shared<const erasure::Code>(k, n);
  return code;
}

Result<segment::Redundancy> redundancy_of(const pb::RedundancyScheme& scheme) {
  auto unusable = [] {
    return make_error(Errc::kProtocol, "the satellite names an unusable redundancy scheme");
  };
  constexpr int32_t kReedSolomon = 1;
  if (scheme.type() != kReedSolomon || scheme.min_req() <= 0 || scheme.total() <= 0 ||
      scheme.erasure_share_size() <= 0 || scheme.repair_threshold() < 0 || scheme.success_threshold() < 0) {
    return unusable();
  }
  segment::Redundancy rs;
  rs.required = static_cast<uint32_t>(scheme.min_req());
  rs.total = static_cast<uint32_t>(scheme.total());
  rs.repair = scheme.repair_threshold() == 0 ? rs.total : static_cast<uint32_t>(scheme.repair_threshold());
  rs.optimal = scheme.success_threshold() == 0 ? rs.total : static_cast<uint32_t>(scheme.success_threshold());
  rs.share_size = static_cast<uint32_t>(scheme.erasure_share_size());
  if (!rs.valid()) return unusable();
  return rs;
}

}  // namespace sjcp::storj
