// Sleeping that a stop ends.
//
// Threads: any.
#pragma once

#include <chrono>
#include <stop_token>

#include "core/base/clock.h"

namespace sjcp {

// True: the time is over.  False, at once: stop is requested.
bool wait_unless_stopped(Clock::Steady until, const std::stop_token& stop);
bool wait_unless_stopped(std::chrono::nanoseconds time, const std::stop_token& stop);

}  // namespace sjcp
