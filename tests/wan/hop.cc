#include "tests/wan/hop.h"

namespace sjcp::wan {

std::optional<Time> Hop::pass(Time at, uint64_t bytes) {
  if (settings_.bits_per_second == 0) return at;
  const Time waits = wait(at);
  if (waits > settings_.queue) return std::nullopt;
  free_at_ = at + waits + transmission(bytes, settings_.bits_per_second);
  return free_at_;
}

void Hop::change(Time at, const HopSettings& settings) {
  const double backlog_bits =
      static_cast<double>(wait(at).count()) * static_cast<double>(settings_.bits_per_second);
  const auto rate = static_cast<double>(settings.bits_per_second);
  free_at_ = at + Time(rate > 0 ? static_cast<int64_t>(backlog_bits / rate) : 0);
  settings_ = settings;
}

}  // namespace sjcp::wan
