#include "tests/network/placements.h"

#include <algorithm>

namespace sjcp::network {

bool parse_schemes(const std::string& text, std::vector<Redundancy>& out) {
  out.clear();
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    if (!parse_redundancy(text.substr(begin, end - begin), out.emplace_back())) return false;
    begin = end + 1;
  }
  return true;
}

bool satisfied(const Cohort& cohort, const std::vector<std::string>& values) {
  std::map<std::string, int32_t> counts;
  for (const std::string& value : values) {
    if (!value.empty()) ++counts[value];
  }
  std::vector<int32_t> sizes;
  for (const auto& [value, count] : counts) sizes.push_back(count);
  std::sort(sizes.rbegin(), sizes.rend());
  auto left = static_cast<int32_t>(values.size());
  for (size_t i = 0; i < sizes.size() && i < static_cast<size_t>(cohort.withheld); ++i) left -= sizes[i];
  // Also in number, whatever the values are.
  return left >= cohort.needed && static_cast<int32_t>(values.size()) >= cohort.needed + cohort.withheld;
}

pb::CohortRequirements requirements_of(const Placement& placement, uint32_t segment) {
  pb::CohortRequirements out;
  auto& all = *out.mutable_and_();
  all.add_requirements()->mutable_literal()->set_value(placement.scheme(segment).optimal);
  if (placement.cohort) {
    auto& withhold = *all.add_requirements()->mutable_withhold();
    withhold.set_tag_key(placement.cohort->tag);
    withhold.set_amount(placement.cohort->withheld);
    withhold.mutable_child()->mutable_literal()->set_value(placement.cohort->needed);
  }
  return out;
}

Placement Placements::of(const std::string& bucket) const {
  const std::lock_guard lock(mutex_);
  const auto found = own_.find(bucket);
  return found == own_.end() ? usual_ : found->second;
}

void Placements::set(const std::string& bucket, Placement placement) {
  const std::lock_guard lock(mutex_);
  own_[bucket] = std::move(placement);
}

void Placements::reset(const std::string& bucket) {
  const std::lock_guard lock(mutex_);
  own_.erase(bucket);
}

void Placements::reset_all() {
  const std::lock_guard lock(mutex_);
  own_.clear();
}

}  // namespace sjcp::network
