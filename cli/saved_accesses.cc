#include "cli/saved_accesses.h"

#include <algorithm>
#include <fstream>

#include "cli/nearest.h"
#include "cli/redact.h"
#include "core/base/text.h"

namespace sjcp::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxGrantFile = 1 << 20;

std::string env(const Io& io, const char* name) {
  auto value = io.env ? io.env(name) : std::nullopt;
  return value.value_or("");
}

fs::path config_home(const Io& io) {
  if (auto xdg = env(io, "XDG_CONFIG_HOME"); !xdg.empty()) return xdg;
  if (auto home = env(io, "HOME"); !home.empty()) return fs::path(home) / ".config";
  return {};
}

bool is_file(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored) && !fs::is_directory(path, ignored);
}

Result<access::Grant> grant_in_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text;
  if (in) {
    text.resize(kMaxGrantFile + 1);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(in.gcount()));
  }
  if (!in.is_open() || in.bad()) return make_error(Errc::kLocalIo, shown(path) + ": cannot be read");
  if (text.size() > kMaxGrantFile)
    return make_error(Errc::kUsage, shown(path) + ": too large for an access grant");
  auto grant = access::Grant::parse(trimmed(text));
  if (!grant) return with_context(grant.error(), shown(path));
  return grant;
}

}  // namespace

AccessPaths access_paths(const Io& io, const GlobalOptions& global) {
  AccessPaths paths;
  if (!global.config_dir.empty()) {
    paths.own = fs::path(global.config_dir) / "access.json";
    return paths;
  }
  fs::path home = config_home(io);
  if (!home.empty()) {
    paths.own = home / "sjcp" / "access.json";
    paths.uplink = home / "storj" / "uplink" / "access.json";
  }
  if (auto dir = env(io, "SJCP_CONFIG_DIR"); !dir.empty()) paths.own = fs::path(dir) / "access.json";
  if (auto dir = env(io, "UPLINK_CONFIG_DIR"); !dir.empty()) paths.uplink = fs::path(dir) / "access.json";
  return paths;
}

Result<SavedAccesses> SavedAccesses::load(const Io& io, const GlobalOptions& global) {
  SavedAccesses saved;
  saved.paths = access_paths(io, global);
  if (!saved.paths.own.empty()) {
    auto own = access::AccessFile::load(saved.paths.own);
    if (!own) return own.error();
    saved.own = std::move(*own);
  }
  if (!saved.paths.uplink.empty()) {
    auto uplink = access::AccessFile::load(saved.paths.uplink);
    if (!uplink) return uplink.error();
    saved.uplink = std::move(*uplink);
  }
  return saved;
}

std::string SavedAccesses::default_name() const {
  return own.default_name().empty() ? uplink.default_name() : own.default_name();
}

std::optional<std::string> SavedAccesses::find(const std::string& name) const {
  std::string wanted = name.empty() ? default_name() : name;
  for (const auto* file : {&own, &uplink}) {
    auto found = file->accesses().find(wanted);
    if (found != file->accesses().end()) return found->second;
  }
  return std::nullopt;
}

std::string SavedAccesses::near(const std::string& name) const {
  std::vector<std::string> names;
  for (const auto* file : {&own, &uplink}) {
    for (const auto& [saved, grant] : file->accesses()) {
      if (std::find(names.begin(), names.end(), saved) == names.end()) names.push_back(saved);
    }
  }
  return suggestion(name, names);
}

Status SavedAccesses::save_own() const {
  if (paths.own.empty()) {
    return make_error(Errc::kLocalIo,
                      "no folder for saved accesses: set HOME, XDG_CONFIG_HOME or --config-dir");
  }
  return own.save(paths.own);
}

Result<access::Grant> read_grant(const std::string& value) {
  auto grant = access::Grant::parse(trimmed(value));
  if (grant) return grant;
  if (is_file(value)) return grant_in_file(value);
  if (may_hold_secret(value)) return grant;
  return make_error(Errc::kUsage, shown(value) + " is neither an access grant nor a file that holds one");
}

Result<access::Grant> find_grant(const std::string& value, const std::string& origin,
                                 const SavedAccesses& saved) {
  if (value.empty()) {
    auto text = saved.find("");
    if (!text) {
      return make_error(
          Errc::kUsage,
          "no access given; use --access, set SJCP_ACCESS, or save one with sjcp access import");
    }
    auto grant = access::Grant::parse(*text);
    return grant ? std::move(grant)
                 : with_context(grant.error(), "default access " + shown(saved.default_name()));
  }
  auto direct = access::Grant::parse(trimmed(value));
  if (direct) return direct;
  if (auto text = saved.find(value)) {
    auto grant = access::Grant::parse(*text);
    return grant ? std::move(grant) : with_context(grant.error(), "saved access " + shown(value));
  }
  if (is_file(value)) return grant_in_file(value);
  // What can be neither a name nor a path was meant to be a grant.
  bool nameable = access::valid_access_name(value) || value.find('/') != std::string::npos;
  if (!nameable || may_hold_secret(value)) return with_context(direct.error(), origin);
  return make_error(Errc::kNotFound, origin + ": no saved access and no file is called " + shown(value) +
                                         saved.near(value) + "; see sjcp access list");
}

}  // namespace sjcp::cli
