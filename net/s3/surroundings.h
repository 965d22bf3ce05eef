// What finding credentials asks of the machine, so that tests can be the machine.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "net/http/client.h"
#include "net/s3/profiles.h"
#include "net/s3/settings.h"

namespace sjcp::s3 {

struct Surroundings {
  Environment env;
  // Nothing: it cannot be read.
  std::function<std::optional<std::string>(const std::string& path)> read_file;
  // What a program prints, when it ends well.  The error names the program, not its arguments.
  std::function<Result<std::string>(const std::vector<std::string>& words, const std::stop_token& stop)> run;
  http::Client* client = nullptr;
  const Clock* clock = &system_clock();
};

// The machine's own files and programs.
Surroundings real_surroundings(Environment env, http::Client* client);

// What a program prints, when it ends well within the limit; it does not see what only this program is to
// know.
Result<std::string> run_program(const std::vector<std::string>& words, std::chrono::milliseconds limit,
                                const std::stop_token& stop);

// The shared files, where environment or custom says; those that are missing are empty.
Result<Profiles> read_profiles(const Surroundings& surroundings);
// "~/rest" in the home folder of the environment.
std::string in_home(const Surroundings& surroundings, const std::string& rest);

// A command line's words: blanks between them, quotes and backslashes as in a shell, nothing else special.
std::vector<std::string> command_words(std::string_view line);

}  // namespace sjcp::s3
