#include "cli/session.h"

#include <spdlog/spdlog.h>

#include <cerrno>

#include "cli/exit_codes.h"
#include "cli/limits.h"
#include "cli/saved_accesses.h"
#include "cli/user_folders.h"
#include "cli/version.h"

namespace sjcp::cli {

Session::Session(const Io& io, const GlobalOptions& global, const flow::RetryPolicy& retry, LogScope& log)
    : io_(io), global_(global), log_(log) {
  waits_.policy = retry;
  waits_.tell = [](const std::string& line) { spdlog::warn("{}", line); };
  waits_.note = [](const std::string& line) { spdlog::debug("{}", line); };
}

Result<access::Grant> Session::open_access(const std::string& option) const {
  std::string value = option;
  std::string origin = "--access";
  for (const char* name : {"SJCP_ACCESS", "UPLINK_ACCESS"}) {
    if (!value.empty()) break;
    value = (io_.env ? io_.env(name) : std::nullopt).value_or("");
    origin = name;
  }
  spdlog::debug("the access is from {}", value.empty() ? "the default saved one" : origin);
  // A grant in full needs no saved accesses: a damaged file of them must not stand in its way.
  if (!value.empty()) {
    if (auto grant = access::Grant::parse(value)) return grant;
  }
  auto saved = SavedAccesses::load(io_, global_);
  if (!saved) return saved.error();
  return find_grant(value, origin, *saved);
}

Result<std::unique_ptr<storj::Project>> Session::open_project(const std::string& access_option,
                                                              transfer::UploadNotes& notes) const {
  auto grant = open_access(access_option);
  if (!grant) return grant.error();
  storj::ProjectOptions options;
  options.user_agent = user_agent();
  options.nodes_file = nodes_file(io_);
  options.satellites_file = satellites_file(io_);
  options.noise = !io_.env || io_.env("SJCP_NOISE") != "off";
  options.waits = &waits_;
  options.notes = &notes;
  options.upload_memory = upload_memory(io_.machine);
  return io_.open_project(*grant, options);
}

Status Session::check_out() const {
  if (out().good()) return {};
  return make_error(Errc::kLocalIo, "standard output: cannot be written",
                    is_reader_gone(io_.out_fd) ? EPIPE : 0);
}

int Session::exit(int code) const {
  return code == kExitInterrupted ? io_.interrupted_exit() : code;
}

int Session::fail(const Error& error) const {
  if (is_reader_gone(error)) return kExitReaderGone;
  io_.err.message(error.what);
  return exit_code(error.code);
}

}  // namespace sjcp::cli
