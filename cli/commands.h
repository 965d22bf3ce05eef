// The commands.  Each returns the exit code, having printed its results and errors.
#pragma once

#include "cli/options.h"
#include "cli/session.h"

namespace sjcp::cli {

int run_command(const CpOptions& options, const Session& session);
int run_command(const LsOptions& options, const Session& session);
int run_command(const MbOptions& options, const Session& session);
int run_command(const RbOptions& options, const Session& session);
int run_command(const RmOptions& options, const Session& session);
int run_command(const StatOptions& options, const Session& session);
int run_command(const PresignOptions& options, const Session& session);
int run_command(const ShareOptions& options, const Session& session);
int run_command(const AccessImportOptions& options, const Session& session);
int run_command(const AccessListOptions& options, const Session& session);
int run_command(const AccessInspectOptions& options, const Session& session);
int run_command(const AccessUseOptions& options, const Session& session);
int run_command(const AccessRegisterOptions& options, const Session& session);
int run_command(const AccessRemoveOptions& options, const Session& session);
int run_command(const VersionOptions& options, const Session& session);

}  // namespace sjcp::cli
