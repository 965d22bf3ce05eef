#include "core/flow/outages.h"

#include <ctime>

namespace sjcp::flow {

bool Outages::begins(const std::string& service, Clock::Steady now, Clock::Steady until) {
  const std::lock_guard lock(mutex_);
  const auto [told, fresh] = told_.try_emplace(service, until);
  if (fresh) return true;
  if (told->second > now) return false;
  told->second = until;
  return true;
}

void Outages::ends(const std::string& service) {
  const std::lock_guard lock(mutex_);
  told_.erase(service);
}

std::string clock_text(Clock::Wall moment) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(moment);
  std::tm fields{};
  char text[16] = "";
  if (localtime_r(&seconds, &fields) != nullptr) std::strftime(text, sizeof text, "%H:%M:%S", &fields);
  return text;
}

std::string waiting_text(const std::string& why, Clock::Wall until) {
  return why + "; trying again until " + clock_text(until);
}

std::string period_text(std::chrono::seconds period) {
  const auto total = period.count();
  const auto two = [](int64_t whole, const char* unit, int64_t rest, const char* smaller) {
    std::string text = std::to_string(whole) + " " + unit;
    if (rest > 0) text += " " + std::to_string(rest) + " " + smaller;
    return text;
  };
  if (total >= 86'400) return two(total / 86'400, "d", total % 86'400 / 3'600, "h");
  if (total >= 3'600) return two(total / 3'600, "h", total % 3'600 / 60, "min");
  if (total >= 120) return two(total / 60, "min", total % 60, "s");
  return std::to_string(total) + " s";
}

}  // namespace sjcp::flow
