#include "cli/parser.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <optional>

#include "cli/definition.h"
#include "cli/nearest.h"
#include "cli/redact.h"
#include "core/base/units.h"

namespace sjcp::cli {
namespace {

std::string overview() {
  std::string text =
      "sjcp copies files to and from Storj, S3, Hugging Face and web servers.\n\nUsage: sjcp COMMAND "
      "[OPTIONS] ...\n\nCommands:\n";
  for (const auto& command : commands()) {
    std::string name = command.name;
    name.resize(16, ' ');
    text += "  " + name + command.summary + "\n";
  }
  return text +
         "\n  help COMMAND, --help, --version, -V\n\nThe access is --access NAME|GRANT|FILE, else "
         "SJCP_ACCESS, else "
         "UPLINK_ACCESS, else "
         "the default access.\n`sjcp COMMAND --help` lists a command's options; `man sjcp` explains them.\n";
}

std::string command_help(const CommandEntry& entry, const Definition& d) {
  std::string text = std::string(entry.summary) + ".\n\nUsage: sjcp " + entry.name + " [OPTIONS] " +
                     d.operands.synopsis + "\n";
  CLI::Formatter formatter;
  formatter.column_width(34);
  return text + formatter.make_groups(d.app, CLI::AppFormatMode::Normal);
}

bool takes_value(const CLI::Option* option) {
  return option != nullptr && option->get_items_expected_max() > 0;
}

// An option with its value in one word, and as it was typed.
struct OptionWord {
  std::string word;   // "--transfers=lots", "-r"
  std::string typed;  // "-t"
};

// Separates operands from options and writes every option with its value in one word, so that values may
// begin with '-' and operands may look like anything.
class Normalizer {
 public:
  explicit Normalizer(const CLI::App& app) : app_(app) {}

  // kUsage: an option without its value.
  Status run(std::span<const std::string> args) {
    for (size_t i = 0; i < args.size(); ++i) {
      const std::string& arg = args[i];
      if (arg == "--") {
        operands.insert(operands.end(), args.begin() + static_cast<ptrdiff_t>(i) + 1, args.end());
        return {};
      }
      Status ok;
      if (arg.size() > 2 && arg.starts_with("--")) {
        ok = long_option(args, i);
      } else if (arg.size() > 1 && arg[0] == '-') {
        ok = short_options(args, i);
      } else {
        operands.push_back(arg);
      }
      if (!ok) return ok;
    }
    return {};
  }

  std::vector<OptionWord> options;
  std::vector<std::string> operands;

 private:
  Status long_option(std::span<const std::string> args, size_t& i) {
    const std::string& arg = args[i];
    if (const size_t equal = arg.find('='); equal != std::string::npos) {
      options.push_back({arg, arg.substr(0, equal)});
      return {};
    }
    if (arg == "--progress") return progress(args, i);
    if (!takes_value(app_.get_option_no_throw(arg))) {
      options.push_back({arg, arg});
      return {};
    }
    if (i + 1 == args.size()) return missing(arg);
    options.push_back({arg + "=" + args[++i], arg});
    return {};
  }

  // uplink's form is a switch, so the next word is a mode only if it is one.
  Status progress(std::span<const std::string> args, size_t& i) {
    const std::string next = i + 1 < args.size() ? args[i + 1] : "";
    const auto& modes = progress_words();
    const bool mode = std::find(modes.begin(), modes.end(), next) != modes.end();
    if (const std::string meant = mode ? "" : nearest(next, modes); !meant.empty()) {
      return make_error(Errc::kUsage, "--progress " + shown(next) + ": not a mode; did you mean " + meant +
                                          "? A file of that name is ./" + next);
    }
    options.push_back({"--progress=" + (mode ? args[++i] : "auto"), "--progress"});
    return {};
  }

  Status short_options(std::span<const std::string> args, size_t& i) {
    const std::string& arg = args[i];
    for (size_t n = 1; n < arg.size(); ++n) {
      std::string name = {'-', arg[n]};
      const CLI::Option* option = app_.get_option_no_throw(name);
      const bool given = n + 1 < arg.size() && arg[n + 1] == '=';  // "-r=false", "-t=4"
      if (!takes_value(option) && !(given && option != nullptr)) {
        options.push_back({name, name});
        continue;
      }
      std::string value = arg.substr(n + (given ? 2 : 1));
      if (n + 1 == arg.size()) {
        if (i + 1 == args.size()) return missing(name);
        value = args[++i];
      }
      options.push_back({"--" + option->get_lnames().at(0) + "=" + value, name});
      return {};
    }
    return {};
  }

  static Status missing(const std::string& option) {
    return make_error(Errc::kUsage, option + " needs a value");
  }

  const CLI::App& app_;
};

// One command with its options, ready to parse.
struct CommandParser {
  explicit CommandParser(const CommandEntry& entry) {
    app.set_help_flag("-h,--help", "Print this help");
    entry.define(d);
    add_global(d);
  }

  std::vector<std::string> long_options() const {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    }
    return names;
  }
  // The words as the library takes them.
  void parse(std::span<const OptionWord> words) {
    std::vector<std::string> reversed;
    for (size_t i = words.size(); i > 0; --i) reversed.push_back(words[i - 1].word);
    app.parse(reversed);
  }

  Invocation invocation;
  CLI::App app;
  Definition d{&app, &invocation, {}};
};

Error usage(const CommandEntry& entry, const std::string& text) {
  return make_error(Errc::kUsage, text + "; see sjcp " + entry.name + " --help");
}

// What is wrong with an option that the library does not take, without its name for it.
std::string reason(const CLI::ParseError& error) {
  const auto* wrong = dynamic_cast<const CLI::ValidationError*>(&error);
  if (wrong == nullptr) return "not a value that it takes";
  const std::string text = wrong->what();
  const size_t colon = text.find(": ");
  return colon == std::string::npos ? text : text.substr(colon + 2);
}

// The first of the options that cannot be taken.
Error wrong_option(const CommandEntry& entry, std::span<const OptionWord> words) {
  for (const OptionWord& word : words) {
    CommandParser alone(entry);
    try {
      alone.parse({&word, 1});
    } catch (const CLI::ParseError& error) {
      const size_t equal = word.word.find('=');
      const std::string value = equal == std::string::npos ? "" : " " + shown(word.word.substr(equal + 1));
      return usage(entry, word.typed + value + ": " + reason(error));
    } catch (const std::exception&) {
      // The library lets number conversion errors of flags through.
      return usage(entry, word.typed + ": not a value that it takes");
    }
  }
  return usage(entry, "the options do not go together");
}

Status check_names(const CommandEntry& entry, const CommandParser& parser,
                   const std::vector<OptionWord>& words) {
  for (const auto& option : words) {
    const std::string name = option.word.substr(0, option.word.find('='));
    if (parser.app.get_option_no_throw(name) == nullptr) {
      const std::string meant = name.starts_with("--") ? suggestion(name, parser.long_options()) : "";
      return usage(entry, "unknown option " + shown(name) + meant);
    }
    if (option.word == name + "=") return usage(entry, option.typed + " needs a value");
  }
  return {};
}

Result<std::variant<Invocation, HelpText>> parse_command(const CommandEntry& entry,
                                                         std::span<const std::string> args) {
  CommandParser parser(entry);
  Normalizer words(parser.app);
  if (auto ok = words.run(args); !ok) return usage(entry, ok.error().what);
  if (auto ok = check_names(entry, parser, words.options); !ok) return ok.error();
  try {
    parser.parse(words.options);
  } catch (const CLI::CallForHelp&) {
    return std::variant<Invocation, HelpText>(HelpText{command_help(entry, parser.d)});
  } catch (const std::exception&) {
    return wrong_option(entry, words.options);
  }
  const Operands& operands = parser.d.operands;
  const bool fewer_will_do = operands.fewer && operands.fewer();
  if (words.operands.size() < operands.least && !fewer_will_do)
    return usage(entry, "expected " + operands.synopsis);
  if (words.operands.size() > operands.most) {
    return usage(entry, "unexpected argument " + shown(words.operands[operands.most]));
  }
  operands.take(std::move(words.operands));
  return std::variant<Invocation, HelpText>(std::move(parser.invocation));
}

// Whether an option takes a value, before it is known whose it is: none does in one command and not in
// another.
bool takes_value_somewhere(const std::string& name) {
  return std::ranges::any_of(commands(), [&name](const CommandEntry& entry) {
    const CommandParser parser(entry);
    return takes_value(parser.app.get_option_no_throw(name));
  });
}

// How many words an option before the command has.
size_t words_of_option(std::span<const std::string> args) {
  const std::string& arg = args.front();
  bool next = false;
  if (arg == "--progress") {
    const auto& modes = progress_words();
    next = args.size() > 1 && std::find(modes.begin(), modes.end(), args[1]) != modes.end();
  } else if (arg.starts_with("--")) {
    next = arg.find('=') == std::string::npos && takes_value_somewhere(arg);
  } else {
    size_t n = 1;
    while (n + 1 < arg.size() && !takes_value_somewhere({'-', arg[n]})) ++n;
    next = n + 1 == arg.size() && takes_value_somewhere({'-', arg[n]});
  }
  return next && args.size() > 1 ? 2 : 1;
}

const CommandEntry* find_command(const std::string& name) {
  for (const auto& entry : commands()) {
    if (name == entry.name) return &entry;
  }
  return nullptr;
}

// How others call it.
struct OtherName {
  const char* word;
  const char* command;
};
constexpr OtherName kOtherNames[] = {
    {"copy", "cp"},
    {"upload", "cp"},
    {"download", "cp"},
    {"get", "cp"},
    {"put", "cp"},
    {"list", "ls"},
    {"dir", "ls"},
    {"del", "rm"},
    {"delete", "rm"},
    {"remove", "rm"},
    {"mkdir", "mb"},
    {"make-bucket", "mb"},
    {"remove-bucket", "rb"},
    {"info", "stat"},
    {"head", "stat"},
    {"import", "access import"},
    {"inspect", "access inspect"},
    {"register", "access register"},
    {"use", "access use"},
};

Error unknown_command(const std::string& command) {
  std::string meant;
  for (const auto& other : kOtherNames) {
    if (command == other.word) meant = std::string("; did you mean ") + other.command + "?";
  }
  std::vector<std::string> names = {"help"};
  for (const auto& entry : commands()) names.emplace_back(entry.name);
  if (meant.empty()) meant = suggestion(command, names);
  return make_error(Errc::kUsage, "unknown command " + shown(command) + meant + "; see sjcp --help");
}

// `sjcp help [COMMAND]`.
Result<std::variant<Invocation, HelpText>> help_of(std::span<const std::string> words) {
  if (words.empty() || (words.size() == 1 && words[0] == "access")) {
    return std::variant<Invocation, HelpText>(HelpText{overview()});
  }
  std::string name = words[0];
  if (name == "access") name += " " + words[1];
  const CommandEntry* entry = find_command(name);
  if (entry == nullptr) return unknown_command(name);
  const CommandParser parser(*entry);
  return std::variant<Invocation, HelpText>(HelpText{command_help(*entry, parser.d)});
}

std::optional<uint64_t> parse_rate(std::string_view text) {
  if (text == "off") return 0;
  return parse_size(text);
}

}  // namespace

std::optional<Rates> parse_rates(std::string_view text) {
  const size_t slash = std::min(text.find('/'), text.size());
  const auto down = parse_rate(text.substr(0, slash));
  const auto up = slash == text.size() ? down : parse_rate(text.substr(slash + 1));
  if (!down || !up) return std::nullopt;
  return Rates{*down, *up};
}

Result<std::variant<Invocation, HelpText>> parse_arguments(std::span<const std::string> args) {
  using Parsed = std::variant<Invocation, HelpText>;
  const auto is_help = [](const std::string& arg) { return arg == "--help" || arg == "-h"; };
  size_t i = 0;
  while (i < args.size() && args[i].size() > 1 && args[i][0] == '-') {
    if (args[i] == "--version" || args[i] == "-V")
      return Parsed(Invocation{GlobalOptions(), VersionOptions()});
    if (is_help(args[i])) return Parsed(HelpText{overview()});
    i += words_of_option(args.subspan(i));
  }
  if (i >= args.size()) return make_error(Errc::kUsage, "no command given; see sjcp --help");
  std::vector<std::string> rest(args.begin(), args.begin() + static_cast<ptrdiff_t>(i));
  std::string command = args[i++];
  if (command == "help") return help_of(args.subspan(i));
  if (command == "access") {
    if (i < args.size() && is_help(args[i])) return Parsed(HelpText{overview()});
    if (i == args.size()) {
      return make_error(Errc::kUsage,
                        "access needs one of import, inspect, list, register, remove, use; see sjcp --help");
    }
    command += " " + args[i++];
  }
  const CommandEntry* entry = find_command(command);
  if (entry == nullptr) return unknown_command(command);
  rest.insert(rest.end(), args.begin() + static_cast<ptrdiff_t>(i), args.end());
  return parse_command(*entry, rest);
}

std::vector<CommandDoc> documented_options() {
  std::vector<CommandDoc> docs;
  docs.push_back({"", {"--help", "--version", "-V"}, {}});
  for (const auto& entry : commands()) {
    const CommandParser parser(entry);
    CommandDoc doc{entry.name, {}, {}};
    for (const CLI::Option* option : parser.app.get_options()) {
      std::vector<std::string> names;
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
      for (const auto& name : option->get_snames()) names.push_back("-" + name);
      auto& valued = doc.valued;
      if (takes_value(option)) valued.insert(valued.end(), names.begin(), names.end());
      doc.options.insert(doc.options.end(), names.begin(), names.end());
    }
    docs.push_back(std::move(doc));
  }
  return docs;
}

}  // namespace sjcp::cli
