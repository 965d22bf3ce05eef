// What a command line of one command may hold, while it is being read: options write straight into the
// invocation.
//
// Threads: one at a time.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cli/parser.h"

namespace sjcp::cli {

// The operands of a command, by what they are called in messages.
struct Operands {
  std::string synopsis;  // "SRC... DST"
  size_t least = 0;
  size_t most = 0;
  std::function<void(std::vector<std::string>)> take;
  std::function<bool()> fewer =
      {};  // after the options are read: whether fewer than `least` will do; may be empty
};

// What a value must be; the text says what it is not, after the option as it was typed and the value.
using Check = std::function<std::string(const std::string&)>;

std::optional<uint64_t> whole_number(std::string_view text);
Check number_between(uint64_t least, uint64_t most);
Check one_of(std::vector<std::string> words);

// As parse_size(), but 0 is none.
std::optional<uint64_t> positive_size(const std::string& text);

// One command while it is being parsed: its options write straight into the invocation.
struct Definition {
  CLI::App* app;
  Invocation* invocation;
  Operands operands;

  template <class T>
  T& command() {
    invocation->command = T();
    return *std::get_if<T>(&invocation->command);
  }
  CLI::Option* flag(const char* names, bool& target, const char* help) {
    return app->add_flag(names, target, help)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  CLI::Option* flag(const char* names, std::optional<bool>& target, const char* help) {
    return app->add_flag_function(
                  names, [&target](int64_t count) { target = count > 0; }, help)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  template <class T>
  CLI::Option* value(const char* names, T& target, const char* type, const char* help) {
    return app->add_option(names, target, help)
        ->type_name(type)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  CLI::Option* count(const char* names, unsigned& target, const char* help) {
    return value(names, target, "N", help)->check(number_between(1, 100'000));
  }
  // A value that is understood by `read`, which says what it is not.
  template <class T>
  CLI::Option* understood(const char* names, T& target, std::optional<T> (*read)(const std::string&),
                          const char* wrong, const char* type, const char* help) {
    return app
        ->add_option_function<std::string>(
            names, [&target, read](const std::string& text) { target = read(text).value_or(T()); }, help)
        ->check([read, wrong](const std::string& text) { return std::string(read(text) ? "" : wrong); })
        ->type_name(type)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  // A count, or "auto", which is 0.
  CLI::Option* count_or_auto(const char* names, unsigned& target, const char* help) {
    const auto read = [](const std::string& text) -> std::optional<unsigned> {
      if (text == "auto") return 0U;
      const auto count = whole_number(text);
      return count && *count >= 1 && *count <= 100'000 ? std::optional<unsigned>(*count) : std::nullopt;
    };
    return understood<unsigned>(names, target, read, "not auto or a number from 1 to 100000", "N|auto", help);
  }
  CLI::Option* size(const char* names, uint64_t& target, const char* help) {
    return understood<uint64_t>(names, target, positive_size, "not a size; write 256MiB", "SIZE", help);
  }
  CLI::Option* rates(const char* names, Rates& target, const char* help) {
    const auto read = [](const std::string& text) { return parse_rates(text); };
    return understood<Rates>(names, target, read, "not a rate; write 10M, or 10M/2M for down/up",
                             "RATE[/RATE]", help);
  }
  // Accepted because uplink takes it; changes nothing here.
  void ignored_value(const char* names, const char* help) {
    app->add_option_function<std::string>(names, [](const std::string&) {}, help)->group("Without effect");
  }
  void ignored_flag(const char* names, const char* help) {
    app->add_flag_function(names, [](int64_t) {}, help)->group("Without effect");
  }
};

struct CommandEntry {
  const char* name;
  const char* summary;
  void (*define)(Definition&);
};

// The options that every command has.
void add_global(Definition& d);
// What --progress may be.
const std::vector<std::string>& progress_words();

// All of them, in the order of the overview.
std::span<const CommandEntry> commands();

}  // namespace sjcp::cli
