#include "core/transfer/request_window.h"

#include <algorithm>

namespace sjcp::transfer {

bool RequestWindow::refused(Time sent, Time now, unsigned on_their_way) {
  if (limit_ && sent < changed_) return false;
  if (!limit_) before_ = on_their_way;
  // What is on its way may be less than what was allowed: the service refuses even that.
  const unsigned allowed = limit_ ? std::min(*limit_, on_their_way) : on_their_way;
  limit_ = std::max(allowed / 2, 1U);
  changed_ = now;
  successes_ = 0;
  return true;
}

bool RequestWindow::succeeded(Time now) {
  if (!limit_ || ++successes_ < *limit_) return false;
  successes_ = 0;
  if (*limit_ < before_) {
    ++*limit_;
    return true;
  }
  if (now - changed_ < kQuiet) return false;
  limit_.reset();
  return true;
}

}  // namespace sjcp::transfer
