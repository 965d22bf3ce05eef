#include "core/transfer/connection_budget.h"

#include <string>
#include <utility>

namespace sjcp::transfer {

bool ConnectionBudget::Share::take() {
  if (taken_ == lease_.count() && !lease_.grow()) return false;
  ++taken_;
  return true;
}

void ConnectionBudget::Share::put_back() {
  if (taken_ == 0) return;
  --taken_;
  // The ones that it needs stay its own until it has finished: a piece may have to be fetched again.
  if (lease_.count() > needed_) lease_.shrink();
}

void ConnectionBudget::Share::release() {
  lease_.release();
  needed_ = taken_ = 0;
}

Result<ConnectionBudget::Share> ConnectionBudget::open(size_t needed, const std::stop_token& stop) {
  if (needed > most_) {
    return make_error(Errc::kLocalIo, "needs " + std::to_string(needed) +
                                          " connections at once, and ulimit -n has room for " +
                                          std::to_string(most_) + ": raise it");
  }
  auto lease = permits_.acquire(needed, stop);
  if (!lease) return std::move(lease).error();
  return Share(*std::move(lease), needed);
}

}  // namespace sjcp::transfer
