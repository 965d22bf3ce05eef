#include "net/hf/cache_writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

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

// A name beside `path` that nobody else uses.
std::string fresh_name(const std::string& path) {
  static std::atomic<unsigned> next{0};
  return parent_of(path) + "/.sjcp-" + std::to_string(::getpid()) + "-" + std::to_string(next.fetch_add(1));
}

Status replace_link(const std::string& path, const std::string& target) {
  std::error_code ignored;
  if (fs::read_symlink(path, ignored) == target) return {};
  const std::string fresh = fresh_name(path);
  if (::symlink(target.c_str(), fresh.c_str()) != 0) {
    return errno_error(path + ": cannot create a symbolic link", errno);
  }
  if (::rename(fresh.c_str(), path.c_str()) == 0) return {};
  const int failed = errno;
  ::unlink(fresh.c_str());
  return errno_error(path, failed);
}

// As the user's mask has it, like all of the cache: it may be shared.
Status replace_text(const std::string& path, std::string_view text) {
  local::FileSink file(path);
  Status status = file.begin(text.size());
  if (status) status = file.write(0, text);
  if (status) status = file.commit();
  return status;
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
  const bool found = status && writer_.has_blob(etag_, info.size);
  if (found) status = writer_.link(path_, etag_);
  if (!status) refused_ = std::move(status).error();
  return found && !refused_;
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
  lock();
  file_.emplace(writer_.blob(etag_), writer_.options_);
  return file_->resume(content);
}

// Best effort: two who write the same blob write the same bytes, and the last rename wins.
void CacheSink::lock() {
  const std::string folder = writer_.root_ + "/.locks/" + writer_.repo_.folder_name();
  if (!create_folders(folder)) return;
  const std::string path = folder + "/" + etag_ + ".lock";
  lock_ = local::Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (lock_.valid()) static_cast<void>(::flock(lock_.get(), LOCK_EX | LOCK_NB));
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
  return writer_.link(path_, etag_);
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

CacheWriter::CacheWriter(std::string root, Repo repo, std::string commit,
                         const local::FileSinkOptions& options)
    : root_(std::move(root)),
      repo_(std::move(repo)),
      commit_(std::move(commit)),
      folder_(root_ + "/" + repo_.folder_name()),
      options_(options) {}

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

// Follows links: blobs may be links into a store that several repositories share.  That store is not ours to
// write, so a link that leads to anything else goes.
bool CacheWriter::has_blob(const std::string& etag, uint64_t size) const {
  const std::string path = blob(etag);
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
      static_cast<uint64_t>(info.st_size) == size) {
    return true;
  }
  if (::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode)) ::unlink(path.c_str());
  return false;
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
  return replace_text(tag, kCacheTag);
}

// One "../" for each folder of the path, and two for snapshots/<commit>.
Status CacheWriter::link(const std::string& path, const std::string& etag) const {
  std::string target = "../../";
  for (const char c : path) {
    if (c == '/') target += "../";
  }
  const std::string name = snapshot() + "/" + path;
  if (Status created = create_folders(parent_of(name)); !created) return created;
  return replace_link(name, target + "blobs/" + etag);
}

Status CacheWriter::finish() {
  if (repo_.pinned()) return {};
  const std::string name = folder_ + "/refs/" + repo_.revision;
  if (Status created = create_folders(parent_of(name)); !created) return created;
  return replace_text(name, commit_);
}

std::string CacheWriter::snapshot() const {
  return folder_ + "/snapshots/" + commit_;
}

}  // namespace sjcp::hf
