#include "core/local/upload_state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/private_file.h"

namespace sjcp::local {
namespace {

std::string lock_path(const std::string& path) {
  return path + ".lock";
}

}  // namespace

Result<std::unique_ptr<UploadState>> UploadState::open(const std::string& folder, const std::string& name) {
  if (Status made = make_private_folder(folder); !made) return std::move(made).error();
  std::unique_ptr<UploadState> state(new UploadState(folder + "/" + name));
  const std::string lock = lock_path(state->path_);
  // The name of the lock may change hands between open and lock: whoever ends removes it.
  for (int turn = 0; turn < 16; ++turn) {
    Descriptor file(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.valid()) return errno_error(lock, errno);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return make_error(Errc::kConflict, "another upload to it is running");
      return errno_error(lock, errno);
    }
    if (!names_open_file(lock, file.get())) continue;
    state->lock_ = std::move(file);
    return state;
  }
  return make_error(Errc::kConflict, "another upload to it is running");
}

UploadState::~UploadState() {
  if (lock_.valid()) ::unlink(lock_path(path_).c_str());
}

std::optional<transfer::UploadJournal> UploadState::load() {
  const auto bytes = read_private_file(path_);
  return bytes ? transfer::UploadJournal::parse(*bytes) : std::nullopt;
}

bool UploadState::save(const transfer::UploadJournal& journal) {
  return replace_private_file(path_, journal.serialize(), path_ + ".new").has_value();
}

void UploadState::remove() {
  ::unlink(path_.c_str());
}

}  // namespace sjcp::local
