// What a command has at hand: the outside world, the global options, and the way to an access and a project.
#pragma once

#include <memory>
#include <string>

#include "cli/io.h"
#include "cli/log.h"
#include "cli/options.h"
#include "core/flow/repeats.h"
#include "core/transfer/upload_journal.h"

namespace sjcp::cli {

class Session {
 public:
  // All but `retry` must outlive the session.
  Session(const Io& io, const GlobalOptions& global, const flow::RetryPolicy& retry, LogScope& log);

  const Io& io() const { return io_; }
  const GlobalOptions& global() const { return global_; }
  const Printer& out() const { return io_.out; }
  LogScope& log() const { return log_; }

  // The access named by the option, else SJCP_ACCESS, else UPLINK_ACCESS, else the default access.
  // Errors never repeat a value that could be a grant.
  Result<access::Grant> open_access(const std::string& option) const;
  // notes: of what uploads begin; outlives the project.
  Result<std::unique_ptr<storj::Project>> open_project(const std::string& access_option,
                                                       transfer::UploadNotes& notes) const;

  // How long services are waited for, of all that this run asks; a person hears of it by the log.
  flow::Waits& waits() const { return waits_; }

  // Prints the error as one line on stderr and returns its exit code; nothing where nobody reads standard
  // output any more.
  int fail(const Error& error) const;

  // kLocalIo once standard output cannot be written.
  Status check_out() const;
  // The code that the process returns for one of exit_codes.h: an interruption's says which signal it was.
  int exit(int code) const;

 private:
  const Io& io_;
  const GlobalOptions& global_;
  LogScope& log_;
  mutable flow::Waits waits_;
};

}  // namespace sjcp::cli
