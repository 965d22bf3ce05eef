#include "net/hf/cache_writer.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <random>
#include <system_error>
#include <utility>
#include <vector>

#include "core/local/below.h"
#include "core/local/descriptor.h"
#include "core/local/key_path.h"

namespace sjcp::hf {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCacheTag =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder holds files that can be downloaded again; backups may leave it out.\n";

bool is_etag(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Status create_folders(const std::string& path) {
  std::error_code failed;
  fs::create_directories(path, failed);
  if (failed) return errno_error(path + ": cannot create the folder", failed.value());
  return {};
}

std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

// The folders of `path` below `folder`.  They are named by the repository: a link there could lead anywhere.
Status create_folders_below(const std::string& folder, const std::string& path) {
  const size_t end = path.rfind('/');
  std::vector<std::string> made;
  return local::make_folders({folder + "/", end == std::string::npos ? std::string() : path.substr(0, end)},
                             made);
}

// A name beside `path` that nobody else uses, on no other machine either: caches are shared.
std::string fresh_name(const std::string& path) {
  static std::atomic<unsigned> next{0};
  static const unsigned chance = std::random_device{}();
  return parent_of(path) + "/.sjcp-" + std::to_string(::getpid()) + "-" + std::to_string(chance) + "-" +
         std::to_string(next.fetch_add(1));
}

// Of a file system, or of what serves it, that has no symbolic links: exFAT and SMB, FUSE.
bool lacks_links(int error) {
  return error == EPERM || error == ENOSYS || error == EOPNOTSUPP || error == EINVAL || error == EACCES;
}

Status move_into_place(const std::string& fresh, const std::string& path) {
  if (::rename(fresh.c_str(), path.c_str()) == 0) return {};
  const int failed = errno;
  ::unlink(fresh.c_str());
  return errno_error(path, failed);
}

Status write_whole(int fd, const std::string& path, std::string_view text) {
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  return written && ::fsync(fd) == 0 ? Status() : errno_error(path, errno);
}

// Whole, and under a name only then, so that whoever is killed meanwhile leaves nothing behind.  False: this
// file system has no files without a name, or something has the name.
Result<bool> make_text(const std::string& path, std::string_view text) {
  const local::Descriptor file(::open(parent_of(path).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666));
  if (!file.valid()) return false;
  if (Status written = write_whole(file.get(), path, text); !written) return std::move(written).error();
  const std::string nameless = "/proc/self/fd/" + std::to_string(file.get());
  return ::linkat(AT_FDCWD, nameless.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

// Several processes write the same.  As the user's mask has it, like all of the cache: it may be shared.
Status replace_text(const std::string& path, std::string_view text) {
  auto made = make_text(path, text);
  if (!made) return std::move(made).error();
  if (*made) return {};
  const std::string fresh = fresh_name(path);
  const local::Descriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!file.valid()) return errno_error(path, errno);
  if (Status written = write_whole(file.get(), path, text); !written) {
    ::unlink(fresh.c_str());
    return written;
  }
  return move_into_place(fresh, path);
}

// The same bytes once more, under the name only when they are all there.
Status copy_file(const std::string& from, const std::string& to) {
  const std::string fresh = fresh_name(to);
  std::error_code failed;
  fs::copy_file(from, fresh, failed);
  if (failed) {
    ::unlink(fresh.c_str());
    return errno_error(to + ": cannot copy " + from, failed.value());
  }
  return move_into_place(fresh, to);
}

bool is_file_of(const struct stat& info, uint64_t size) {
  return S_ISREG(info.st_mode) && static_cast<uint64_t>(info.st_size) == size;
}

// One "../" for each folder of the path, and two for snapshots/<commit>.
std::string link_target(const std::string& path, const std::string& etag) {
  std::string target = "../../";
  for (const char c : path) {
    if (c == '/') target += "../";
  }
  return target + "blobs/" + etag;
}

}  // namespace

CacheSink::CacheSink(CacheWriter& writer, std::string path) : writer_(writer), path_(std::move(path)) {}

CacheSink::~CacheSink() {
  file_.reset();
  if (!etag_.empty()) writer_.release(etag_);
}

Status CacheSink::claim(const std::string& etag, const std::stop_token& stop) {
  if (etag_ == etag) return {};
  if (Status checked = CacheWriter::check_path(path_); !checked) return checked;
  if (!is_etag(etag)) return make_error(Errc::kInternal, path_ + ": has no digest that names a blob");
  if (Status claimed = writer_.claim(etag, stop); !claimed) return claimed;
  etag_ = etag;
  return {};
}

bool CacheSink::there(const transfer::ObjectInfo& info, const std::stop_token& stop) {
  Status status = claim(info.version, stop);
  auto found = status ? find(info.size, stop) : Result<bool>(std::move(status).error());
  if (!found) refused_ = std::move(found).error();
  return found && *found;
}

// What is there is not locked; what is not is worth waiting for its writer.
Result<bool> CacheSink::find(uint64_t size, const std::stop_token& stop) {
  if (writer_.has_file(path_, etag_, size)) return true;
  if (!writer_.has_blob(etag_, size)) {
    if (Status locked = writer_.lock(etag_, lock_, stop); !locked) return std::move(locked).error();
    // Without links it does not stay under its own name.
    if (writer_.has_file(path_, etag_, size)) return true;
    if (!writer_.has_blob(etag_, size)) return false;
  }
  if (Status placed = writer_.place(path_, etag_, false); !placed) return std::move(placed).error();
  return true;
}

Status CacheSink::begin(uint64_t) {
  return make_error(Errc::kInternal, path_ + ": a blob needs a name");
}

Result<transfer::RangeSet> CacheSink::resume(const transfer::Content& content) {
  if (refused_) return *refused_;
  if (Status claimed = claim(content.version, {}); !claimed) return std::move(claimed).error();
  if (content.range.size() != content.object_size) {
    return make_error(Errc::kUsage, path_ + ": the hub's cache has whole files only");
  }
  file_.emplace(writer_.blob(etag_), writer_.options_.file);
  return file_->resume(content);
}

Status CacheSink::write(uint64_t offset, ByteView data) {
  return file_->write(offset, data);
}

Status CacheSink::read(uint64_t offset, ByteSpan out) {
  return file_->read(offset, out);
}

Status CacheSink::rewrite(uint64_t offset, ByteView data) {
  return file_->rewrite(offset, data);
}

std::string CacheSink::reject() {
  return file_ ? file_->reject() : "";
}

Status CacheSink::commit() {
  if (Status committed = file_->commit(); !committed) return committed;
  return writer_.place(path_, etag_, true);
}

void CacheSink::abort() {
  if (file_) file_->abort();
}

uint64_t CacheSink::kept() const {
  return file_ ? file_->kept() : 0;
}

std::string CacheSink::name() const {
  return writer_.snapshot() + "/" + path_;
}

CacheWriter::CacheWriter(std::string root, Repo repo, std::string commit, CacheOptions options)
    : root_(std::move(root)),
      repo_(std::move(repo)),
      commit_(std::move(commit)),
      folder_(root_ + "/" + repo_.folder_name()),
      options_(std::move(options)),
      links_(options_.links) {}

Status CacheWriter::check_path(const std::string& path) {
  auto checked = local::path_for_key(path, "");
  if (!checked) return std::move(checked).error();
  if (path.find('\\') != std::string::npos) {
    return make_error(Errc::kUnsupported, "\"" + local::printable(path) +
                                              "\": a name with a backslash has no place in the hub's cache");
  }
  return {};
}

Status CacheWriter::claim(const std::string& etag, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!released_.wait(lock, stop, [&] { return !busy_.contains(etag); })) {
    return make_error(Errc::kCancelled, "interrupted");
  }
  if (!prepared_) {
    if (Status prepared = prepare(); !prepared) return prepared;
    prepared_ = true;
  }
  busy_.insert(etag);
  return {};
}

void CacheWriter::release(const std::string& etag) {
  {
    const std::lock_guard lock(mutex_);
    busy_.erase(etag);
  }
  released_.notify_all();
}

bool CacheWriter::has_file(const std::string& path, const std::string& etag, uint64_t size) const {
  const std::string name = snapshot() + "/" + path;
  struct stat info{};
  if (::lstat(name.c_str(), &info) != 0) return false;
  if (is_file_of(info, size)) return true;
  std::error_code ignored;
  return S_ISLNK(info.st_mode) && fs::read_symlink(name, ignored) == link_target(path, etag) &&
         has_blob(etag, size);
}

// Follows links: blobs may be links into a store that several repositories share.  That store is not ours to
// write, so a link that leads to anything else goes.
bool CacheWriter::has_blob(const std::string& etag, uint64_t size) const {
  const std::string path = bytes_of(etag);
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && is_file_of(info, size)) return true;
  if (::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode)) ::unlink(path.c_str());
  return false;
}

Status CacheWriter::lock(const std::string& etag, BlobLock& lock, const std::stop_token& stop) const {
  const std::string folder = root_ + "/.locks/" + repo_.folder_name();
  if (!create_folders(folder)) return {};
  const auto waiting = [&] {
    spdlog::warn("{}: another process is writing it; waiting as long as it gets on", blob(etag));
  };
  return lock.acquire(folder + "/" + etag + ".lock", blob(etag), waiting, stop);
}

Status CacheWriter::prepare() {
  if (root_.empty()) {
    return make_error(Errc::kUsage, "there is no folder for the hub's cache; set HF_HOME or HF_HUB_CACHE");
  }
  for (const std::string& folder : {folder_ + "/blobs", folder_ + "/refs", snapshot()}) {
    if (Status created = create_folders(folder); !created) return created;
  }
  const std::string tag = root_ + "/CACHEDIR.TAG";
  std::error_code ignored;
  if (fs::exists(tag, ignored)) return {};
  // Nobody who reads the cache needs it.
  static_cast<void>(replace_text(tag, kCacheTag));
  return {};
}

Status CacheWriter::place(const std::string& path, const std::string& etag, bool fresh) {
  const std::string name = snapshot() + "/" + path;
  if (Status created = create_folders_below(snapshot(), path); !created) return created;
  if (links()) {
    Status linked = link(name, link_target(path, etag));
    if (linked || links()) return linked;
  }
  if (!fresh) return copy_file(bytes_of(etag), name);
  // Nobody else has it yet, and two copies of everything would be dear.
  if (Status moved = move_into_place(blob(etag), name); !moved) return moved;
  const std::lock_guard lock(mutex_);
  moved_[etag] = name;
  return {};
}

std::string CacheWriter::bytes_of(const std::string& etag) const {
  const std::lock_guard lock(mutex_);
  const auto moved = moved_.find(etag);
  return moved == moved_.end() ? blob(etag) : moved->second;
}

// Of an error that shows that there are no links here, links() tells.
Status CacheWriter::link(const std::string& name, const std::string& target) {
  std::error_code ignored;
  if (fs::read_symlink(name, ignored) == target) return {};
  if (options_.symlink(target.c_str(), name.c_str()) == 0) return {};
  if (errno == EEXIST) {
    const std::string fresh = fresh_name(name);
    if (options_.symlink(target.c_str(), fresh.c_str()) == 0) return move_into_place(fresh, name);
  }
  const int failed = errno;
  if (lacks_links(failed)) {
    const std::lock_guard lock(mutex_);
    if (std::exchange(links_, false) && options_.warn) {
      spdlog::warn(
          "{}: no symbolic links can be made here ({}); the snapshot gets the files themselves, and "
          "revisions do not share them",
          root_, std::generic_category().message(failed));
    }
  }
  return errno_error(name + ": cannot create a symbolic link", failed);
}

bool CacheWriter::links() const {
  const std::lock_guard lock(mutex_);
  return links_;
}

Status CacheWriter::finish() {
  if (repo_.pinned()) return {};
  const std::string name = folder_ + "/refs/" + repo_.revision;
  if (Status created = create_folders_below(folder_ + "/refs", repo_.revision); !created) return created;
  return replace_text(name, commit_);
}

std::string CacheWriter::snapshot() const {
  return folder_ + "/snapshots/" + commit_;
}

}  // namespace sjcp::hf
