// One user of a network: a home folder, an environment, and files with known content.
//
// Files are made and compared piece by piece: a child's peak memory includes what its parent held when it
// began.
#pragma once

#include <string>
#include <vector>

#include "tests/e2e/child.h"
#include "tests/e2e/local_network.h"
#include "tests/support/temp_folder.h"

namespace sjcp::e2e {

class User {
 public:
  explicit User(const LocalNetwork& network);

  // The command with this user's environment, for those that need more than run().
  Command command(std::vector<std::string> args) const;
  Exit run(std::vector<std::string> args) const { return Child(command(std::move(args))).finish(); }
  // run() that must succeed in silence; its stdout.
  std::string must(std::vector<std::string> args) const;
  // Objects of a listing, one JSON object each.
  std::vector<Json> list(std::vector<std::string> args) const;

  std::string path(const std::string& name) const { return folder / name; }
  // A file of so many reproducible bytes below the folder; its path.
  std::string make_file(const std::string& name, uint64_t size, uint64_t seed = 1) const;

  test::TempFolder folder;
  std::map<std::string, std::string> env;
};

// Byte for byte, without holding either.
bool same_content(const std::string& a, const std::string& b);
// Whether `part` holds `size` bytes of `whole` from `offset` on.
bool is_part(const std::string& part, const std::string& whole, uint64_t offset, uint64_t size);
uint64_t file_size(const std::string& path);
bool exists(const std::string& path);
// Names of unfinished downloads in a folder and below it.
std::vector<std::string> temporary_files(const std::string& folder);

// A failure as it has to look: this exit code, one line on stderr that holds `names`, no secret anywhere.
void check_failure(const Exit& exit, int code, const std::string& names);
// No piece of a grant or API key that could help anybody.
bool leaks(const std::string& text, const std::string& secret);
// Nothing that a node has to answer twice for, and nothing refused unless faults were asked for.
void check_limits_were_fresh(LocalNetwork& network);

}  // namespace sjcp::e2e
