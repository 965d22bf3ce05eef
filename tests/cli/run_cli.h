// Runs the program in this process against a fake cloud.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "cli/app.h"
#include "tests/support/fake_project.h"
#include "tests/support/temp_folder.h"
#include "tests/support/vectors.h"

namespace sjcp::test {

// A clock that stands still at a date of its own, 2024-05-01T12:00:00Z.
class StillClock : public Clock {
 public:
  Steady steady_now() const override { return Steady(std::chrono::seconds(1000)); }
  Wall wall_now() const override { return Wall(std::chrono::seconds(1'714'564'800)); }
};

// A real grant with all permissions, and the secrets in it that must never be printed.
inline const std::string& test_grant() {
  static const std::string kGrant = load_vectors("grants.json")["cases"][0]["grant"]["serialized"];
  return kGrant;
}

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;

  std::vector<nlohmann::json> out_json() const { return parse_lines(out); }
  std::vector<nlohmann::json> err_json() const { return parse_lines(err); }

  static std::vector<nlohmann::json> parse_lines(const std::string& text) {
    std::vector<nlohmann::json> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }
};

// One user: a home folder, an environment, a cloud.
class World {
 public:
  World() {
    env["HOME"] = folder / "home";
    env["SJCP_ACCESS"] = test_grant();
  }

  TempFolder folder;
  FakeCloud cloud;
  std::map<std::string, std::string> env;
  std::string in;     // what stdin holds
  std::string piped;  // what went to stdout's descriptor by `cp ... -`
  bool terminal = false;
  std::stop_source stop;
  StillClock clock;

  Outcome run(const std::vector<std::string>& args) {
    std::ostringstream out;
    std::ostringstream err;
    int in_fd = ::memfd_create("in", 0);
    int out_fd = ::memfd_create("out", 0);
    if (::write(in_fd, in.data(), in.size()) < 0 || ::lseek(in_fd, 0, SEEK_SET) < 0) std::abort();
    cli::Io io;
    io.out = &out;
    io.err = &err;
    io.in_fd = in_fd;
    io.out_fd = out_fd;
    io.err_is_terminal = terminal;
    io.env = [this](const std::string& name) {
      auto found = env.find(name);
      return found == env.end() ? std::nullopt : std::optional<std::string>(found->second);
    };
    io.open_project = [this](
                          const access::Grant& grant,
                          const storj::ProjectOptions& options) -> Result<std::unique_ptr<storj::Project>> {
      cloud.satellite = grant.satellite_url;
      cloud.options = options;
      cloud.patience = options.waits->policy.patience;
      return std::unique_ptr<storj::Project>(std::make_unique<FakeProject>(cloud));
    };
    io.stop = stop.get_token();
    io.clock = &clock;
    Outcome outcome;
    outcome.code = cli::run(args, io);
    outcome.out = out.str();
    outcome.err = err.str();
    piped.assign(static_cast<size_t>(::lseek(out_fd, 0, SEEK_END)), '\0');
    if (::pread(out_fd, piped.data(), piped.size(), 0) < 0) std::abort();
    ::close(in_fd);
    ::close(out_fd);
    return outcome;
  }
};

}  // namespace sjcp::test
