#include "core/transfer/file_gate.h"

namespace sjcp::transfer {

FileGate::FileGate(FileWindow::Options options, const Clock& clock)
    : most_(options.most), clock_(clock), window_(options), places_(window_.size(), "its turn") {}

void FileGate::answered(std::chrono::nanoseconds took) {
  const std::lock_guard lock(mutex_);
  window_.answered(took);
  places_.set_limit(window_.size());
}

void FileGate::ended() {
  const std::lock_guard lock(mutex_);
  const unsigned before = window_.size();
  window_.ended(clock_.steady_now(), places_.waiting() > 0);
  if (window_.size() != before) places_.set_limit(window_.size());
}

}  // namespace sjcp::transfer
