#include "core/access/access_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "core/access/grant.h"
#include "core/base/private_file.h"
#include "core/base/scope_guard.h"

namespace sjcp::access {
namespace {

using nlohmann::json;

constexpr size_t kMaxFileSize = 16 << 20;

Result<std::string> read_all(int fd, const std::string& name) {
  std::string text;
  char buffer[16 * 1024];
  for (;;) {
    ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n == 0) return text;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error(name, errno);
    text.append(buffer, static_cast<size_t>(n));
    if (text.size() > kMaxFileSize)
      return make_error(Errc::kUsage, name + ": is too large for saved access grants");
  }
}

Status make_folders(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (folder.empty() || std::filesystem::is_directory(folder, ignored)) return {};
  if (auto status = make_folders(folder.parent_path()); !status) return status;
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return errno_error(folder.string(), errno);
  return {};
}

// Makes the rename itself durable; a file system that cannot is no reason to fail.
void sync_folder(const std::filesystem::path& folder) {
  int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  (void)::fsync(fd);
  ::close(fd);
}

// A text that could not be a name is not repeated: it may be a grant in the wrong place.
Error no_such_access(std::string_view name) {
  std::string quoted = valid_access_name(name) ? "named \"" + std::string(name) + "\"" : "of that name";
  return make_error(Errc::kNotFound, "no saved access " + quoted);
}

}  // namespace

bool valid_access_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name[0] == '.' || name[0] == '-') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

Result<AccessFile> AccessFile::load(const std::filesystem::path& path) {
  AccessFile file;
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return file;
    return errno_error(path.string(), errno);
  }
  ScopeGuard close_file([fd] { ::close(fd); });
  auto text = read_all(fd, path.string());
  if (!text) return text.error();

  auto malformed = [&] {
    return make_error(Errc::kUsage, path.string() + ": is not a file of saved access grants");
  };
  json root = json::parse(*text, nullptr, false);
  if (!root.is_object()) return malformed();
  if (auto name = root.find("Default"); name != root.end() && !name->is_null()) {
    if (!name->is_string()) return malformed();
    file.default_name_ = name->get<std::string>();
  }
  if (auto accesses = root.find("Accesses"); accesses != root.end() && !accesses->is_null()) {
    if (!accesses->is_object()) return malformed();
    for (const auto& [name, grant] : accesses->items()) {
      if (!grant.is_string()) return malformed();
      file.accesses_[name] = grant.get<std::string>();
    }
  }
  return file;
}

Result<std::string> AccessFile::find(std::string_view name) const {
  if (name.empty() && default_name_.empty()) return make_error(Errc::kNotFound, "no default access is set");
  std::string wanted = name.empty() ? default_name_ : std::string(name);
  auto found = accesses_.find(wanted);
  if (found == accesses_.end()) return no_such_access(wanted);
  return found->second;
}

Status AccessFile::add(const std::string& name, const std::string& grant, bool overwrite) {
  if (!valid_access_name(name)) {
    return make_error(Errc::kUsage,
                      "an access name has 1 to 64 letters, digits, '.', '_' or '-', not '.' or '-' first");
  }
  if (accesses_.contains(name) && !overwrite) {
    return make_error(Errc::kConflict, "an access named \"" + name + "\" is saved already");
  }
  if (auto parsed = Grant::parse(grant); !parsed) return parsed.error();
  accesses_[name] = grant;
  if (default_name_.empty()) default_name_ = name;
  return {};
}

Status AccessFile::remove(const std::string& name) {
  if (accesses_.erase(name) == 0) return no_such_access(name);
  if (default_name_ == name) default_name_.clear();
  return {};
}

Status AccessFile::use(const std::string& name) {
  if (!accesses_.contains(name)) return no_such_access(name);
  default_name_ = name;
  return {};
}

Status AccessFile::save(const std::filesystem::path& path) const {
  json root = {{"Default", default_name_}, {"Accesses", json::object()}};
  for (const auto& [name, grant] : accesses_) root["Accesses"][name] = grant;
  std::string text = root.dump(2, ' ', false, json::error_handler_t::replace) + "\n";

  if (auto status = make_folders(path.parent_path()); !status) return status;
  if (auto status = replace_private_file(path.string(), text); !status) return status;
  sync_folder(path.parent_path());
  return {};
}

}  // namespace sjcp::access
