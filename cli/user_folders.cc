#include "cli/user_folders.h"

namespace sjcp::cli {
namespace {

std::string env(const Io& io, const char* name) {
  return (io.env ? io.env(name) : std::nullopt).value_or("");
}

// Our folder below the one that the variable names, else below one of the home folder's.  Relative paths do
// not count.
std::string folder(const Io& io, const char* variable, const char* usual) {
  if (const auto named = env(io, variable); named.starts_with('/')) return named + "/sjcp/";
  const auto home = env(io, "HOME");
  return home.starts_with('/') ? home + usual + "/sjcp/" : "";
}

}  // namespace

std::string uploads_folder(const Io& io) {
  const std::string state = folder(io, "XDG_STATE_HOME", "/.local/state");
  return state.empty() ? "" : state + "uploads";
}

std::string nodes_file(const Io& io) {
  const std::string cache = folder(io, "XDG_CACHE_HOME", "/.cache");
  return cache.empty() || env(io, "SJCP_NODE_MEMORY") == "off" ? "" : cache + "nodes";
}

std::string satellites_file(const Io& io) {
  const std::string cache = folder(io, "XDG_CACHE_HOME", "/.cache");
  return cache.empty() ? "" : cache + "satellites";
}

}  // namespace sjcp::cli
