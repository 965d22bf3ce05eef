#include "net/hf/blob_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/base/wait.h"

namespace sjcp::hf {
namespace {

namespace fs = std::filesystem;

// Size, blocks and time of what is being written for the blob: ".NAME.sjcp-part", "NAME.1a2b3c4d.incomplete".
uint64_t state_of_parts(const std::string& blob) {
  const size_t slash = blob.rfind('/');
  const std::string name = blob.substr(slash + 1) + ".";
  uint64_t state = 0;
  const auto mix = [&state](auto value) {
    state = state * 1'099'511'628'211u ^ static_cast<uint64_t>(value);
  };
  std::error_code failed;
  for (fs::directory_iterator entry(blob.substr(0, slash), failed), end; !failed && entry != end;
       entry.increment(failed)) {
    const std::string other = entry->path().filename();
    std::string_view plain = other;
    if (plain.starts_with('.')) plain.remove_prefix(1);
    struct stat info{};
    if (!plain.starts_with(name) || ::lstat(entry->path().c_str(), &info) != 0) continue;
    mix(info.st_ino);
    mix(info.st_size);
    mix(info.st_blocks);
    mix(info.st_mtim.tv_sec);
    mix(info.st_mtim.tv_nsec);
  }
  return state;
}

}  // namespace

bool ProgressWatch::waits(uint64_t state, Clock::Steady now) {
  if (state_ != state) {
    state_ = state;
    changed_ = now;
  }
  return now - changed_ < patience_;
}

Status BlobLock::acquire(const std::string& path, const std::string& blob,
                         const std::function<void()>& waiting, const std::stop_token& stop) {
  // Others of the group may share the cache, as the hub's client has it.
  local::Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0664));
  if (!file.valid()) return {};
  const Clock& clock = system_clock();
  ProgressWatch watch(kPatience, 0, clock.steady_now());
  bool told = false;
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return {};
    if (!std::exchange(told, true)) waiting();
    if (!watch.waits(state_of_parts(blob), clock.steady_now())) return {};
    if (!wait_unless_stopped(kPause, stop)) return make_error(Errc::kCancelled, "interrupted");
  }
  file_ = std::move(file);
  return {};
}

}  // namespace sjcp::hf
