// Arguments to options structs.  The only file pair that knows the option library, whose exceptions end here.
#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "cli/options.h"
#include "core/base/result.h"

namespace sjcp::cli {

struct HelpText {
  std::string text;
};

// args: without the program's name.  kUsage in one line; never repeats what could be a grant.
Result<std::variant<Invocation, HelpText>> parse_arguments(std::span<const std::string> args);

// Every option of every command, for the check of the man page.
struct CommandDoc {
  std::string name;                  // "cp", "access import"; "" for what the bare program takes
  std::vector<std::string> options;  // "--recursive", "-r"
  std::vector<std::string> valued;   // of these, those that take a value
};
std::vector<CommandDoc> documented_options();

}  // namespace sjcp::cli
