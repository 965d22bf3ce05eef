#include "net/storj/cohort.h"
#include "tests/support/catch.h"

using namespace sjcp;
using storj::NodeTags;

namespace {

bool holds(const pb::CohortRequirements& requirements, const std::vector<NodeTags>& successes) {
  std::vector<const NodeTags*> pointers;
  pointers.reserve(successes.size());
  for (const auto& tags : successes) pointers.push_back(&tags);
  return storj::cohort_satisfied(requirements, pointers);
}

std::vector<NodeTags> nodes(std::initializer_list<const char*> owners) {
  std::vector<NodeTags> out;
  for (const char* owner : owners) out.push_back(*owner == '\0' ? NodeTags{} : NodeTags{{"owner", owner}});
  return out;
}

}  // namespace

TEST_CASE("a literal requirement counts successes and an unset one always holds") {
  pb::CohortRequirements r;
  CHECK(holds(r, {}));
  r.mutable_literal()->set_value(2);
  CHECK_FALSE(holds(r, nodes({"a"})));
  CHECK(holds(r, nodes({"a", "a"})));
}

TEST_CASE("an and requirement needs every child") {
  pb::CohortRequirements r;
  r.mutable_and_()->add_requirements()->mutable_literal()->set_value(1);
  r.mutable_and_()->add_requirements()->mutable_literal()->set_value(3);
  CHECK_FALSE(holds(r, nodes({"a", "b"})));
  CHECK(holds(r, nodes({"a", "b", "c"})));
}

TEST_CASE("a withhold requirement must hold without the most frequent owners") {
  pb::CohortRequirements r;
  r.mutable_withhold()->set_tag_key("owner");
  r.mutable_withhold()->set_amount(1);
  r.mutable_withhold()->mutable_child()->mutable_literal()->set_value(2);
  CHECK_FALSE(holds(r, nodes({"a", "a", "b"})));
  CHECK(holds(r, nodes({"a", "a", "b", "c"})));
  // Nodes without the tag are never withheld.
  CHECK(holds(r, nodes({"a", "", ""})));
  // At least child + amount successes, whatever the tags.
  CHECK_FALSE(holds(r, nodes({"", ""})));
}
