#include "net/storj/satellite_memory.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/base/byte_record.h"
#include "core/base/private_file.h"

namespace sjcp::storj {
namespace {

using std::chrono::seconds;

constexpr RecordKind kKind{"sjcpsats", 1};
constexpr seconds kRemembered = std::chrono::hours(7 * 24);
// Nobody has so many projects on so many satellites.
constexpr size_t kMost = 64;

// By node id: until when a satellite is taken to refuse checksums, in seconds of the epoch.
using Refusals = std::map<std::string, uint64_t>;

// Those of the future; empty when there is no file of this version.
Refusals load(const std::string& file, Clock::Wall now) {
  Refusals refusals;
  const auto bytes = file.empty() ? std::nullopt : read_private_file(file);
  if (!bytes) return refusals;
  RecordReader in(kKind, *bytes);
  const uint64_t count = in.number();
  for (uint64_t i = 0; i < count && in.good(); ++i) {
    std::string id = in.text();
    refusals[std::move(id)] = in.number();
  }
  if (!in.complete()) return {};
  const auto today = std::chrono::duration_cast<seconds>(now.time_since_epoch()).count();
  std::erase_if(refusals, [&](const auto& refusal) {
    // Farther away than we ever say: of a clock that was wrong.
    const auto until = static_cast<int64_t>(refusal.second);
    return until <= today || until > today + kRemembered.count();
  });
  return refusals;
}

}  // namespace

SatelliteMemory::SatelliteMemory(std::string file, access::NodeId satellite, const Clock& clock)
    : file_(std::move(file)), satellite_(satellite), clock_(clock) {
  checksums_ = !load(file_, clock_.wall_now()).contains(satellite_.view().str());
}

void SatelliteMemory::refuses_checksums() {
  if (!checksums_.exchange(false) || file_.empty()) return;
  const Clock::Wall now = clock_.wall_now();
  Refusals refusals = load(file_, now);
  if (refusals.size() >= kMost) refusals.clear();
  const auto until = std::chrono::duration_cast<seconds>(now.time_since_epoch()) + kRemembered;
  refusals[satellite_.view().str()] = static_cast<uint64_t>(until.count());
  RecordWriter out(kKind);
  out.number(refusals.size());
  for (const auto& [id, last] : refusals) {
    out.text(id);
    out.number(last);
  }
  const size_t slash = file_.rfind('/');
  // Only a memory: without it the satellite is asked once more.
  if (slash != std::string::npos && !make_private_folder(file_.substr(0, slash))) return;
  (void)replace_private_file(file_, std::move(out).finish(), "", OnDisk::kLater);
}

}  // namespace sjcp::storj
