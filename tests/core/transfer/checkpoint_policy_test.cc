#include "core/transfer/checkpoint_policy.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace std::chrono_literals;
using transfer::CheckpointPolicy;

namespace {

constexpr Clock::Steady kStart{1000s};

}  // namespace

TEST_CASE("A checkpoint is due a second after the last while anything is new") {
  CheckpointPolicy policy(kGiB, kStart);
  CHECK_FALSE(policy.due(0));
  CHECK(policy.due(1) == kStart + 1s);
  policy.done(kStart + 5s, kStart + 5010ms);
  CHECK_FALSE(policy.due(0));
  CHECK(policy.due(1) == kStart + 6010ms);
}

TEST_CASE("A checkpoint is due at once after a thirty-second of the object, but not for less than 8 MiB") {
  const CheckpointPolicy large(kGiB, kStart);
  CHECK(large.due(32 * kMiB - 1) == kStart + 1s);
  CHECK(large.due(32 * kMiB) == kStart);
  const CheckpointPolicy small(16 * kMiB, kStart);
  CHECK(small.due(8 * kMiB - 1) == kStart + 1s);
  CHECK(small.due(8 * kMiB) == kStart);
}

TEST_CASE("Between checkpoints passes three times the time that the last one took") {
  CheckpointPolicy policy(kGiB, kStart);
  policy.done(kStart, kStart + 200ms);
  CHECK(policy.due(40 * kMiB) == kStart + 800ms);
  CHECK(policy.due(1) == kStart + 1200ms);
  policy.done(kStart + 1s, kStart + 3s);
  CHECK(policy.due(40 * kMiB) == kStart + 9s);
  CHECK(policy.due(1) == kStart + 9s);
}

TEST_CASE("A twentieth of the object does not wait for that time, if it is 48 MiB") {
  CheckpointPolicy large(4 * kGiB, kStart);
  large.done(kStart, kStart + 1s);
  CHECK(large.due(4 * kGiB / 20 - 1) == kStart + 4s);
  CHECK(large.due(4 * kGiB / 20) == kStart + 1s);
  CheckpointPolicy small(512 * kMiB, kStart);
  small.done(kStart, kStart + 1s);
  CHECK(small.due(48 * kMiB - 1) == kStart + 4s);
  CHECK(small.due(48 * kMiB) == kStart + 1s);
}
