#include "core/local/file_sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "core/base/scope_guard.h"
#include "core/base/units.h"

namespace sjcp::local {
namespace {

constexpr std::string_view kPartSuffix = ".sjcp-part";
constexpr std::string_view kJournalSuffix = ".sjcp-journal";
constexpr std::string_view kFreshJournalSuffix = ".sjcp-journal-new";
constexpr std::string_view kBadSuffix = ".sjcp-bad";
constexpr size_t kLongestName = 255;
// Less is there with one write or two, which say themselves that the disk is full.
constexpr uint64_t kReserved = 256 * kKiB;
constexpr size_t kMaxTurn = 1 << 20;  // bytes that one writer writes while others wait

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::string join(const std::string& folder, const std::string& name) {
  return folder.ends_with('/') ? folder + name : folder + "/" + name;
}

// FNV-1a: tells apart long names that share their first bytes.
uint64_t fingerprint(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ull;
  return hash;
}

// At most 255 bytes.
std::string hidden_name(const std::string& name, std::string_view suffix) {
  std::string result(1, '.');
  if (result.size() + name.size() + suffix.size() <= kLongestName) {
    result += name;
  } else {
    char digits[18];
    std::snprintf(digits, sizeof digits, "-%016llx", static_cast<unsigned long long>(fingerprint(name)));
    result += name.substr(0, kLongestName - 1 - 17 - suffix.size());
    result += digits;
  }
  result += suffix;
  return result;
}

}  // namespace

std::string temporary_name(const std::string& name) {
  return hidden_name(name, kPartSuffix);
}

std::string journal_name(const std::string& name) {
  return hidden_name(name, kJournalSuffix);
}

bool is_temporary_name(const std::string& name) {
  for (const std::string_view suffix : {kPartSuffix, kJournalSuffix, kFreshJournalSuffix}) {
    if (name.size() > suffix.size() + 1 && name.front() == '.' && name.ends_with(suffix)) return true;
  }
  return false;
}

void flush_folder(const std::string& path) {
  const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.valid()) ::fsync(folder.get());
}

FileSink::FileSink(Place place, const FileSinkOptions& options)
    : place_(std::move(place)),
      path_(place_.path),
      options_(options),
      made_(options.made != nullptr ? *options.made : own_made_) {}

FileSink::~FileSink() {
  abort();
}

Status FileSink::begin(uint64_t size) {
  size_ = size;
  Status status = find_target();
  if (status) status = open_temporary(nullptr);
  if (status) status = reserve(size);
  return status;
}

Result<transfer::RangeSet> FileSink::resume(const transfer::Content& content) {
  size_ = content.range.size();
  Status status = find_target();
  if (status) status = open_temporary(&content);
  if (!status) return std::move(status).error();
  struct stat info{};
  const bool resumable = options_.resume && !content.version.empty() && size_ >= kSmallestResumable;
  if (resumable && ::fstat(file_.get(), &info) == 0) {
    journal_.emplace(journal_paths(), transfer::Journal{content, info.st_ino, resumed_}, file_.get());
  }
  status = reserve(size_);
  if (!status) return std::move(status).error();
  written_ = resumed_.bytes();
  return resumed_;
}

// Resolves links that a person named, so that a rename replaces the file they point to and not the link.
Status FileSink::find_target() {
  target_ = path_;
  if (Status straight = check_no_links(parent()); !straight) return straight;
  struct stat info{};
  there_ = ::lstat(path_.c_str(), &info) == 0;
  int why = errno;
  if (there_ && S_ISLNK(info.st_mode) && place_.named != Place::kAll) return link_in_the_way(path_);
  if (there_ && S_ISLNK(info.st_mode)) {
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path_.c_str(), nullptr), &std::free);
    if (real == nullptr) return errno_error(path_ + ": cannot follow this symbolic link", errno);
    target_ = real.get();
    there_ = ::stat(target_.c_str(), &info) == 0;
    why = errno;
  }
  folder_ = folder_of(target_);
  if (target_.empty() || target_.ends_with('/')) return errno_error(path_, EISDIR);
  if (there_) return check_target(info);
  return why == ENOENT ? Status() : local_error(path_, why);
}

Status FileSink::check_target(const struct stat& info) {
  if (S_ISDIR(info.st_mode)) {
    return make_error(Errc::kLocalIo, path_ + ": is a folder; name a file in it", EISDIR);
  }
  if (!S_ISREG(info.st_mode)) {
    return make_error(Errc::kLocalIo, path_ + ": is not a regular file and cannot be replaced", EINVAL);
  }
  // A rename would get around this permission; the owner of the file did not mean it to.
  if (::faccessat(AT_FDCWD, target_.c_str(), W_OK, AT_EACCESS) != 0) {
    return make_error(Errc::kLocalIo, path_ + ": no permission to write; remove it or make it writable",
                      errno);
  }
  keep_mode_ = info.st_mode & 0777;
  return {};
}

// The folder, told apart into what a person named and what a key did.
Below FileSink::parent() const {
  const size_t slash = target_.rfind('/');
  const size_t end = slash == std::string::npos ? 0 : slash;
  if (place_.named == Place::kAll || place_.named > end) return {target_.substr(0, end), "", false};
  return {target_.substr(0, place_.named), target_.substr(place_.named, end - place_.named),
          options_.keep_dirlinks};
}

// The new file with this name, exclusively; invalid: errno says why.  Folders are made when they turn out to
// be missing: to ask before would cost more than it saves.
Result<Descriptor> FileSink::create(const std::string& path) const {
  constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
  // A folder that is made here may be removed by another download of the run that comes to nothing.
  for (int turn = 0; turn < 16; ++turn) {
    Descriptor file(::open(path.c_str(), kFlags, 0666));
    if (file.valid() || errno != ENOENT || !options_.create_folders) return file;
    if (Status folders = made_.make(parent()); !folders) return std::move(folders).error();
  }
  return Descriptor(::open(path.c_str(), kFlags, 0666));
}

Status FileSink::open_temporary(const transfer::Content* content) {
  const std::string path = join(folder_, temporary_name(name_of(target_)));
  begun_ = true;
  return made_.begin({target_, path, place_.source},
                     [this, &path, content] { return lock_temporary(path, content); });
}

Status FileSink::lock_temporary(const std::string& path, const transfer::Content* content) {
  const Error busy = make_error(Errc::kConflict, path_ + ": another download is writing it (" + path + ")");
  // Each turn ends with a lock on the file that has the name, or finds that the name changed hands meanwhile.
  // Two turns are the rule; more than a few mean that somebody keeps creating and removing it.
  for (int turn = 0; turn < 16; ++turn) {
    bool fresh = true;
    auto created = create(path);
    if (!created) return std::move(created).error();
    Descriptor file = *std::move(created);
    if (!file.valid() && errno == EEXIST) {
      fresh = false;
      // Non-blocking, in case it is a pipe.
      file = Descriptor(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
      if (!file.valid() && errno == ENOENT) continue;
      if (!file.valid()) {
        return make_error(Errc::kConflict, path + ": is in the way and cannot be opened; remove it", errno);
      }
    }
    if (!file.valid()) return local_error(folder_, errno);
    if (const int failed = options_.disk->lock(file.get()); failed != 0) {
      if (failed == EWOULDBLOCK) return busy;
      // A file system without locks: a file just created is ours, one that was there may be anybody's.
      if (!fresh) return make_error(Errc::kConflict, path + ": is in the way; remove it if no download runs");
    }
    // Whoever had it may have renamed or removed it between open and lock.
    if (!names_open_file(path, file.get())) continue;
    bool adopted = false;
    if (!fresh && content != nullptr && options_.resume) {
      auto result = adopt(file, *content);
      if (!result) return std::move(result).error();
      adopted = *result;
    }
    if (!fresh && !adopted) {
      if (Status removed = remove_leftover(path); !removed) return removed;
      continue;
    }
    temporary_ = path;
    file_ = std::move(file);
    // Fails only where permission bits mean nothing.
    if (keep_mode_ != 0) [[maybe_unused]]
      const int ignored = ::fchmod(file_.get(), keep_mode_);
    if (!adopted) remove_stale_journal();
    struct stat info{};
    if (::fstat(file_.get(), &info) != 0) return local_error(path_, errno);
    links_ = info.st_nlink;
    reached_ = static_cast<uint64_t>(info.st_size);
    // Another download of the same name may have ended between the look at the target and the lock; from here
    // on none does.
    there_ = there_ || ::lstat(target_.c_str(), &info) == 0;
    return {};
  }
  return busy;
}

// Whether the leftover, now locked, holds a part of these contents, verified and durable.
Result<bool> FileSink::adopt(const Descriptor& file, const transfer::Content& content) {
  struct stat info{};
  if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  // In a shared folder somebody else may have created it, and may change it at any time.
  if (info.st_uid != ::geteuid() || info.st_nlink != 1) return false;
  auto journal = PartJournal::load(journal_paths().journal);
  if (!journal || journal->file_id != info.st_ino) return false;
  if (journal->content.source != content.source || content.version.empty()) return false;
  if (journal->content.version != content.version || journal->content.object_size != content.object_size) {
    return make_error(Errc::kConflict, path_ + ": " + content.source +
                                           " has changed since this download was interrupted; --no-resume "
                                           "starts over and discards what there is");
  }
  if (journal->content != content || static_cast<uint64_t>(info.st_size) != content.range.size())
    return false;
  resumed_ = std::move(journal->done);
  return true;
}

Status FileSink::remove_leftover(const std::string& path) const {
  // The journal first: it must never speak of a file that came later.
  PartJournal::remove(journal_paths());
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return make_error(Errc::kConflict, path + ": is in the way and cannot be removed", errno);
  }
  flush_folder(folder_);
  return {};
}

// One without its part file is gone for good before the new part file has any bytes.
void FileSink::remove_stale_journal() const {
  struct stat info{};
  const PartJournal::Paths paths = journal_paths();
  if (::lstat(paths.journal.c_str(), &info) != 0) return;
  PartJournal::remove(paths);
  flush_folder(folder_);
}

PartJournal::Paths FileSink::journal_paths() const {
  const std::string name = name_of(target_);
  return {join(folder_, hidden_name(name, kJournalSuffix)),
          join(folder_, hidden_name(name, kFreshJournalSuffix))};
}

// A full disk shows here, before anything is asked for.
Status FileSink::reserve(uint64_t size) {
  if (size < kReserved || size == transfer::kUnknownSize) return {};
  reservation_.emplace(size, Reservation::of_file(file_.get(), size, *options_.disk));
  if (const int failed = reservation_->error(); failed != 0) return local_error(path_, failed);
  reached_ = size;
  return {};
}

// The kernel lets one writer at a time into a file, and the others spin while it runs, which takes the cores
// from the segments that still decode.  Those that wait here sleep.
//
// A file that became shorter is looked for before each write that could make it as long as before, with zeros
// in between; after all others it still is shorter when it is looked at next, at the latest before it is
// renamed.
Result<size_t> FileSink::write_in_turn(ByteView data, uint64_t offset) {
  const std::lock_guard turn(writing_);
  const size_t most = std::min(data.size(), kMaxTurn);
  if (struct stat info{}; offset + most >= reached_) {
    if (::fstat(file_.get(), &info) != 0) return local_error(path_, errno);
    if (static_cast<uint64_t>(info.st_size) < reached_) {
      touched_ = true;
      return touched("became shorter");
    }
  }
  for (;;) {
    const ssize_t count = ::pwrite(file_.get(), data.data(), most, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return local_error(path_, count < 0 ? errno : EIO);
    reached_ = std::max(reached_, offset + static_cast<uint64_t>(count));
    return static_cast<size_t>(count);
  }
}

Error FileSink::touched(const std::string& how) const {
  return make_error(Errc::kConflict,
                    path_ + ": its part file " + temporary_ + " " + how +
                        " while it was written, by another program; start the command again");
}

// Whether the name still is that of the bytes that were written, and nobody else has a name for them.
Status FileSink::untouched() const {
  struct stat info{};
  if (::fstat(file_.get(), &info) != 0) return local_error(path_, errno);
  if (touched_ || static_cast<uint64_t>(info.st_size) < reached_) return touched("became shorter");
  if (!names_open_file(temporary_, file_.get())) return touched("was removed or replaced");
  if (info.st_nlink > links_) return touched("got another name");
  if (static_cast<uint64_t>(info.st_size) != size_) return touched("changed its size");
  return {};
}

Status FileSink::write(uint64_t offset, ByteView data) {
  if (Status status = write_all(offset, data); !status) return status;
  written_ += data.size();
  if (journal_) journal_->record({offset, offset + data.size()});
  return {};
}

Status FileSink::rewrite(uint64_t offset, ByteView data) {
  return write_all(offset, data);
}

Status FileSink::write_all(uint64_t offset, ByteView data) {
  if (offset > size_ || data.size() > size_ - offset) {
    return make_error(Errc::kInternal, path_ + ": a write beyond the announced size");
  }
  while (!data.empty()) {
    if (aborted_) return make_error(Errc::kCancelled, path_ + ": aborted");
    if (reservation_ && reservation_->error() != 0) return local_error(path_, reservation_->error());
    auto count = write_in_turn(data, offset);
    if (!count) return std::move(count).error();
    offset += *count;
    data = data.sub(*count);
  }
  return {};
}

Status FileSink::read(uint64_t offset, ByteSpan out) {
  while (!out.empty()) {
    const ssize_t count = ::pread(file_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return local_error(path_, count < 0 ? errno : EIO);
    offset += static_cast<uint64_t>(count);
    out = out.subspan(static_cast<size_t>(count));
  }
  return {};
}

// A file system that knows no such times is no failure.
void FileSink::set_time() const {
  if (!options_.keep_time || !modified_) return;
  const auto since = modified_->time_since_epoch();
  const auto whole = std::chrono::floor<std::chrono::seconds>(since);
  const timespec when{whole.count(), std::chrono::nanoseconds(since - whole).count()};
  const timespec times[2] = {{0, UTIME_OMIT}, when};
  static_cast<void>(::futimens(file_.get(), times));
}

Status FileSink::commit() {
  if (temporary_.empty() || aborted_) return make_error(Errc::kInternal, path_ + ": nothing to commit");
  if (size_ == transfer::kUnknownSize) size_ = written_;
  if (written_ != size_)
    return make_error(Errc::kInternal, path_ + ": committed before all bytes were written");
  if (reservation_) {
    if (const int failed = reservation_->wait(); failed != 0) return local_error(path_, failed);
  }
  if (journal_) {
    if (Status stopped = journal_->stop(); !stopped) return local_error(path_, stopped.error().cause);
  }
  set_time();
  if (options_.flush) {
    if (Status flushed = flush(); !flushed) return flushed;
  }
  if (Status own = untouched(); !own) {
    touched_ = true;
    return own;
  }
  if (Status straight = check_no_links(parent()); !straight) return straight;
  if (Status moved = move_into_place(); !moved) return moved;
  temporary_.clear();
  begun_ = false;
  made_.finished(target_);
  if (journal_) PartJournal::remove(journal_paths());
  journal_.reset();
  file_.reset();
  if (options_.flush) flush_folder(folder_);
  return {};
}

Status FileSink::flush() {
  if (::fdatasync(file_.get()) != 0) return local_error(path_, errno);
  return {};
}

Status FileSink::move_into_place() const {
  const int failed = options_.replace && there_ ? options_.disk->rename(temporary_, target_)
                                                : options_.disk->rename_new(temporary_, target_);
  if (failed == 0) return {};
  if (failed == EEXIST) {
    return make_error(Errc::kConflict, path_ + ": appeared while it was being downloaded; it was left alone",
                      failed);
  }
  return errno_error(path_, failed);
}

// Whether there is a part file with a journal that another run can go on with.
bool FileSink::worth_keeping() const {
  struct stat info{};
  return kept_ > 0 && untouched() && ::lstat(journal_paths().journal.c_str(), &info) == 0;
}

void FileSink::abort() {
  aborted_ = true;
  ScopeGuard dropped([this] {
    if (std::exchange(begun_, false)) made_.dropped(target_);
  });
  if (temporary_.empty()) return;
  if (reservation_) reservation_->stop();
  if (journal_) {
    journal_->finish();
    kept_ = journal_->saved();
    if (worth_keeping()) return;
    kept_ = 0;
    PartJournal::remove(journal_paths());
  }
  remove_temporary();
}

// Only what is ours: the name may have become somebody else's.
void FileSink::remove_temporary() {
  if (names_open_file(temporary_, file_.get())) ::unlink(temporary_.c_str());
  temporary_.clear();
}

std::string FileSink::reject() {
  aborted_ = true;
  if (temporary_.empty()) return "";
  if (reservation_) reservation_->stop();
  if (journal_) {
    static_cast<void>(journal_->stop().has_value());
    PartJournal::remove(journal_paths());
    journal_.reset();
  }
  const std::string aside =
      options_.keep_bad ? join(folder_, name_of(target_) + std::string(kBadSuffix)) : "";
  const bool kept = !aside.empty() && untouched() && options_.disk->rename(temporary_, aside) == 0;
  if (kept) temporary_.clear();
  if (kept) made_.finished(target_);
  if (!kept) remove_temporary();
  if (std::exchange(begun_, false)) made_.dropped(target_);
  return kept ? aside : "";
}

Error FileSink::local_error(const std::string& path, int err) const {
  std::error_code ignored;
  switch (err) {
    case ENOTDIR:
      return make_error(Errc::kLocalIo, path_ + ": a part of this path is a file, not a folder", err);
    case EILSEQ:
    case ENOENT:
      // Some file systems say that there is no such file for a name that they do not take.
      if (err == ENOENT && !std::filesystem::is_directory(folder_, ignored)) {
        return make_error(Errc::kLocalIo,
                          path_ + ": the folder " + folder_ + " does not exist; create it first", err);
      }
      return make_error(Errc::kLocalIo,
                        path_ + ": the file system of " + folder_ + " takes no file of this name (" +
                            std::generic_category().message(err) + ")",
                        err);
    case ENOSPC:
    case EDQUOT:
      return make_error(
          Errc::kLocalIo,
          path_ + ": " + std::generic_category().message(err) +
              (size_ == transfer::kUnknownSize ? " in " : "; " + format_size(size_) + " are needed in ") +
              folder_,
          err);
    case EFBIG:
      return make_error(Errc::kLocalIo,
                        path_ + ": " + format_size(size_) + " are more than a file may hold there", err);
    case EACCES:
    case EPERM:
    case EROFS:
      return make_error(Errc::kLocalIo,
                        path_ + ": cannot write in " + folder_ + ": " + std::generic_category().message(err),
                        err);
    default:
      return errno_error(path, err);
  }
}

}  // namespace sjcp::local
