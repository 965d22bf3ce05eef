#include "core/base/clock.h"

namespace sjcp {
namespace {

class SystemClock final : public Clock {
 public:
  Steady steady_now() const override { return std::chrono::steady_clock::now(); }
  Wall wall_now() const override { return std::chrono::system_clock::now(); }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace sjcp
