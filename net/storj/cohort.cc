#include "net/storj/cohort.h"

#include <algorithm>

namespace sjcp::storj {
namespace {

using Successes = std::vector<const NodeTags*>;

// Deep nesting would only come from a hostile satellite.
constexpr int kMaxDepth = 32;

// The least number of successes that can satisfy the requirement.
int64_t minimum(const pb::CohortRequirements& r, int depth) {
  if (depth > kMaxDepth) return 0;
  switch (r.requirement_case()) {
    case pb::CohortRequirements::kLiteral:
      return r.literal().value();
    case pb::CohortRequirements::kAnd: {
      int64_t most = 0;
      for (const auto& child : r.and_().requirements()) most = std::max(most, minimum(child, depth + 1));
      return most;
    }
    case pb::CohortRequirements::kWithhold:
      return minimum(r.withhold().child(), depth + 1) + r.withhold().amount();
    default:
      return 0;
  }
}

bool satisfied(const pb::CohortRequirements& r, const Successes& successes, int depth);

bool withhold_satisfied(const pb::CohortRequirements::Withhold& r, const Successes& successes, int depth) {
  if (static_cast<int64_t>(successes.size()) < minimum(r.child(), depth + 1) + r.amount()) return false;
  auto value_of = [&](const NodeTags* tags) {
    auto it = tags->find(r.tag_key());
    return it == tags->end() ? std::string() : it->second;
  };
  std::map<std::string, int> counts;
  for (const NodeTags* tags : successes) {
    if (auto value = value_of(tags); !value.empty()) ++counts[value];
  }
  std::vector<std::pair<int, std::string>> by_count;
  by_count.reserve(counts.size());
  for (const auto& [value, count] : counts) by_count.emplace_back(count, value);
  std::sort(by_count.rbegin(), by_count.rend());
  by_count.resize(std::min(by_count.size(), static_cast<size_t>(std::max(0, r.amount()))));
  Successes left;
  for (const NodeTags* tags : successes) {
    bool dropped = std::any_of(by_count.begin(), by_count.end(),
                               [&](const auto& entry) { return entry.second == value_of(tags); });
    if (!dropped) left.push_back(tags);
  }
  return satisfied(r.child(), left, depth + 1);
}

bool satisfied(const pb::CohortRequirements& r, const Successes& successes, int depth) {
  if (depth > kMaxDepth) return true;
  switch (r.requirement_case()) {
    case pb::CohortRequirements::kLiteral:
      return static_cast<int64_t>(successes.size()) >= r.literal().value();
    case pb::CohortRequirements::kAnd:
      return std::all_of(r.and_().requirements().begin(), r.and_().requirements().end(),
                         [&](const auto& child) { return satisfied(child, successes, depth + 1); });
    case pb::CohortRequirements::kWithhold:
      return withhold_satisfied(r.withhold(), successes, depth);
    default:
      return true;
  }
}

}  // namespace

bool cohort_satisfied(const pb::CohortRequirements& requirements,
                      const std::vector<const NodeTags*>& successes) {
  return satisfied(requirements, successes, 0);
}

}  // namespace sjcp::storj
