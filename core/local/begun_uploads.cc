#include "core/local/begun_uploads.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <random>
#include <sstream>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/private_file.h"

namespace sjcp::local {
namespace {

constexpr std::string_view kSuffix = ".begun";
// From here on lines of what has ended are left out.
constexpr size_t kLong = 1 << 20;
constexpr time_t kForgotten = 7 * 24 * 3600;

struct Note {
  std::string service;
  std::string pending;
};
using Notes = std::map<uint64_t, Note>;

std::string line_of(uint64_t number, const Note& note) {
  return "begun " + std::to_string(number) + " " + to_hex(note.service) + " " + to_hex(note.pending) + "\n";
}

// Lines that are not exactly ours are passed over.
Notes parse_notes(const std::string& text) {
  Notes notes;
  size_t begin = 0;
  for (size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    std::istringstream line(text.substr(begin, end - begin));
    std::string what;
    std::string service;
    std::string pending;
    uint64_t number = 0;
    if (!(line >> what >> number)) continue;
    if (what == "ended") notes.erase(number);
    if (what != "begun" || !(line >> service >> pending)) continue;
    auto plain_service = from_hex(service);
    auto plain_pending = from_hex(pending);
    if (plain_service && plain_pending)
      notes[number] = {std::move(*plain_service), std::move(*plain_pending)};
  }
  return notes;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// The file of a run that is dead, locked; not valid: it lives, or somebody else is at it.
Descriptor dead_run(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  const bool ours =
      file.valid() && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 && names_open_file(path, file.get());
  return ours ? std::move(file) : Descriptor();
}

bool forgotten(int fd) {
  struct stat info{};
  return ::fstat(fd, &info) == 0 && ::time(nullptr) - info.st_mtime > kForgotten;
}

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error)) {
    paths.push_back(each->path().native());
  }
  std::ranges::sort(paths);
  return paths;
}

std::vector<std::string> runs_in(const std::string& folder) {
  std::vector<std::string> paths = files_in(folder);
  std::erase_if(paths, [](const std::string& path) { return !path.ends_with(kSuffix); });
  return paths;
}

// held: the file of a dead run whose lock is ours, with what is left of its notes.
std::vector<transfer::RememberedUpload> remembered_in(const std::string& folder, const std::string& service,
                                                      const std::string& held, const Notes& left) {
  std::vector<transfer::RememberedUpload> out;
  for (const std::string& path : files_in(folder)) {
    const auto text = path == held ? std::nullopt : read_private_file(path);
    if (path != held && !text) continue;
    if (!path.ends_with(kSuffix)) {
      auto journal = transfer::UploadJournal::parse(*text);
      if (journal) out.push_back({std::move(journal->pending), false});
      continue;
    }
    const bool running = path != held && !dead_run(path).valid();
    const Notes notes = path == held ? left : parse_notes(*text);
    for (const auto& [number, note] : notes) {
      if (note.service == service) out.push_back({note.pending, running});
    }
  }
  return out;
}

}  // namespace

BegunUploads::~BegunUploads() {
  // Unless something is left at a service: then a later run wants it.
  if (file_.valid() && open_.empty()) ::unlink(path_.c_str());
}

uint64_t BegunUploads::begun(std::string_view service, std::string_view pending) {
  const std::lock_guard lock(mutex_);
  if (folder_.empty() || service.empty() || !make_file()) return 0;
  const uint64_t number = ++last_;
  std::string line = line_of(number, {std::string(service), std::string(pending)});
  if (!append(line)) return 0;
  open_[number] = std::move(line);
  return number;
}

void BegunUploads::ended(uint64_t note) {
  const std::lock_guard lock(mutex_);
  if (open_.erase(note) == 0) return;
  append("ended " + std::to_string(note) + "\n");
  if (bytes_ > kLong) shorten();
}

bool BegunUploads::make_file() {
  if (file_.valid()) return true;
  if (!make_private_folder(folder_)) return false;
  std::random_device random;
  path_ =
      folder_ + "/run-" + std::to_string(::getpid()) + "-" + std::to_string(random()) + std::string(kSuffix);
  Descriptor file(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return false;
  // Whoever looks between the two takes an empty file away: then there is no note.
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0 || !names_open_file(path_, file.get())) return false;
  file_ = std::move(file);
  return true;
}

bool BegunUploads::append(const std::string& line) {
  bytes_ += line.size();
  return write_all(file_.get(), line);
}

// Only what is open stays.
void BegunUploads::shorten() {
  bytes_ = 0;
  if (::ftruncate(file_.get(), 0) != 0) return;
  std::string text;
  for (const auto& [number, line] : open_) text += line;
  append(text);
}

void remove_left_uploads(const std::string& folder, const std::string& service, const RemoveLeft& remove) {
  if (folder.empty() || service.empty()) return;
  for (const std::string& path : runs_in(folder)) {
    const Descriptor file = dead_run(path);
    const auto text = file.valid() ? read_private_file(path) : std::nullopt;
    if (!text) continue;
    Notes notes = parse_notes(*text);
    const size_t before = notes.size();
    if (forgotten(file.get())) notes.clear();
    const auto remembered = [&] { return remembered_in(folder, service, path, notes); };
    for (auto each = notes.begin(); each != notes.end();) {
      const bool gone = each->second.service == service && remove(each->second.pending, remembered);
      each = gone ? notes.erase(each) : std::next(each);
    }
    if (notes.empty()) {
      ::unlink(path.c_str());
    } else if (notes.size() != before) {
      // Its time stays: a week is counted from the run itself.
      struct stat info{};
      const bool known = ::fstat(file.get(), &info) == 0;
      std::string left;
      for (const auto& [number, note] : notes) left += line_of(number, note);
      if (::ftruncate(file.get(), 0) == 0 && ::lseek(file.get(), 0, SEEK_SET) == 0)
        write_all(file.get(), left);
      const timespec times[2] = {info.st_atim, info.st_mtim};
      if (known) ::futimens(file.get(), times);
    }
  }
}

}  // namespace sjcp::local
