// Caveats as the vectors write them: only the fields that are set.
#pragma once

#include <cstdio>
#include <stdexcept>

#include "core/access/caveat.h"
#include "tests/support/vectors.h"

namespace sjcp::test {

// RFC 3339 in UTC, with up to nine digits after the second.
inline access::Timestamp timestamp(const std::string& text) {
  int year = 0;
  unsigned month = 0, day = 0;
  int hour = 0, minute = 0, second = 0, end = 0;
  if (std::sscanf(text.c_str(), "%d-%u-%uT%d:%d:%d%n", &year, &month, &day, &hour, &minute, &second, &end) !=
      6) {
    throw std::runtime_error("not a time: " + text);
  }
  std::string fraction = text.substr(static_cast<size_t>(end), text.size() - 1 - static_cast<size_t>(end));
  fraction = fraction.empty() ? "0" : fraction.substr(1);
  fraction.resize(9, '0');
  using namespace std::chrono;
  return sys_days(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day)) + hours(hour) +
         minutes(minute) + seconds(second) + nanoseconds(std::stoll(fraction));
}

inline access::Caveat caveat(const nlohmann::json& v) {
  access::Caveat out;
  auto flag = [&](const char* name) { return v.value(name, false); };
  out.disallow_reads = flag("disallow_reads");
  out.disallow_writes = flag("disallow_writes");
  out.disallow_lists = flag("disallow_lists");
  out.disallow_deletes = flag("disallow_deletes");
  out.disallow_locks = flag("disallow_locks");
  out.disallow_put_retention = flag("disallow_put_retention");
  out.disallow_get_retention = flag("disallow_get_retention");
  out.disallow_put_legal_hold = flag("disallow_put_legal_hold");
  out.disallow_get_legal_hold = flag("disallow_get_legal_hold");
  out.disallow_bypass_governance_retention = flag("disallow_bypass_governance_retention");
  out.disallow_put_bucket_object_lock_configuration = flag("disallow_put_bucket_object_lock_configuration");
  out.disallow_get_bucket_object_lock_configuration = flag("disallow_get_bucket_object_lock_configuration");
  out.disallow_put_bucket_notification_configuration = flag("disallow_put_bucket_notification_configuration");
  out.disallow_get_bucket_notification_configuration = flag("disallow_get_bucket_notification_configuration");
  if (v.contains("allowed_paths")) {
    for (const auto& path : v.at("allowed_paths")) {
      out.allowed_paths.push_back(
          {path.at("bucket").get<std::string>(), unhex(path.at("encrypted_path_prefix_hex"))});
    }
  }
  if (v.contains("not_after")) out.not_after = timestamp(v.at("not_after").get<std::string>());
  if (v.contains("not_before")) out.not_before = timestamp(v.at("not_before").get<std::string>());
  if (v.contains("max_object_ttl_ns")) {
    out.max_object_ttl = std::chrono::nanoseconds(v.at("max_object_ttl_ns").get<int64_t>());
  }
  out.nonce = unhex(v.at("nonce_hex"));
  return out;
}

}  // namespace sjcp::test
