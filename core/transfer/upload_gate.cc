#include "core/transfer/upload_gate.h"

namespace sjcp::transfer {
namespace {

// Two fill a short line: one is sent while the other is sealed.  More cost connections and caches.  Sixty
// connections that get 64 KB/s each are enough for any line that gives no more.
constexpr SegmentWindow::Options kSegments{
    .start = 2, .most_rise = 2, .thin = 4e6, .starts_with_most = false};
// A part travels over one connection; a few of them overlap reading, hashing, sending and the service's own
// work.  What is on its way when an upload is interrupted is sent again: no more begin than get a long path
// up to speed.
constexpr SegmentWindow::Options kParts{.start = 4, .ranges = 48};

}  // namespace

std::unique_ptr<SegmentGate> make_upload_gate(bool parts, Counters& counters, unsigned most, bool in_turn) {
  SegmentWindow::Options options = parts ? kParts : kSegments;
  options.most = most;
  if (in_turn) options.least = ++options.start;
  // What is stored counts only when a whole segment is: what arrives shows the pace before.
  const auto& goodput = parts ? counters.bytes_fetched : counters.bytes_acknowledged;
  // Parts are on connections of their own, which are slow at first: not for the last ones.
  const auto* total = parts ? &counters.bytes_total : nullptr;
  return std::make_unique<SegmentGate>(options, goodput, total, nullptr, &counters.segments_allowed);
}

}  // namespace sjcp::transfer
