// How many requests may be on their way to a service that has asked for fewer.
//
//   unlimited --refused--> limited (half of what was on its way) --successes--> one more per round
//
// Until the first refusal there is no limit.  Refusals of requests that were sent before the last change say
// nothing new.  A round is as many successes as the limit says.  Once so many are allowed as were on their
// way when the service first refused, and a good while has passed without refusal, there is no limit any
// more.
//
// Pure: time is an argument.  Threads: one at a time.
#pragma once

#include <optional>

#include "core/base/clock.h"

namespace sjcp::transfer {

class RequestWindow {
 public:
  using Time = Clock::Steady;
  static constexpr auto kQuiet = std::chrono::seconds(30);

  // A request that was sent then was refused for the rate; so many, itself included, were on their way.
  // True: the limit has changed.
  bool refused(Time sent, Time now, unsigned on_their_way);
  // A request was answered.  True: the limit has changed.
  bool succeeded(Time now);

  // Nothing: there is none.
  std::optional<unsigned> limit() const { return limit_; }

 private:
  std::optional<unsigned> limit_;
  unsigned before_ = 0;     // on their way when there was no limit yet
  unsigned successes_ = 0;  // since the limit changed
  Time changed_{};          // by a refusal, last
};

}  // namespace sjcp::transfer
