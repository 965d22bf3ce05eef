#include "cli/formats/input_file.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "cli/redact.h"

namespace sjcp::cli {
namespace {

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

// They ask for what happens anyway, or for what has no meaning for one file here.
bool changes_nothing(std::string_view name) {
  static const std::set<std::string_view> kNames = {"continue",           "gid",           "allow-overwrite",
                                                    "auto-file-renaming", "always-resume", "file-allocation",
                                                    "check-integrity"};
  return kNames.contains(name);
}

class Parser {
 public:
  explicit Parser(const std::string& source) : source_(source) {}

  Status line(std::string_view text, uint64_t number);
  WantedList take() { return std::move(list_); }

 private:
  Status urls(std::string_view text);
  Status option(std::string_view text);
  Status header(std::string_view value, Wanted& file);
  Status connections(std::string_view name, std::string_view value, Wanted& file);
  std::string where() const { return source_ + ":" + std::to_string(number_); }
  Error fault(const std::string& why) const { return make_error(Errc::kUsage, where() + ": " + why); }

  const std::string& source_;
  uint64_t number_ = 0;
  WantedList list_;
};

Status Parser::line(std::string_view text, uint64_t number) {
  number_ = number;
  if (text.starts_with('#') || trimmed(text).empty()) return {};
  const bool indented = text.front() == ' ' || text.front() == '\t';
  return indented ? option(trimmed(text)) : urls(text);
}

Status Parser::urls(std::string_view text) {
  Wanted file;
  file.line = number_;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\t', begin), text.size());
    const std::string_view url = trimmed(text.substr(begin, end - begin));
    begin = end + 1;
    if (url.empty()) continue;
    if (!is_source_url(url)) {
      return fault(shown(url) + " is no URL that can be downloaded; https, http, s3, sj and hf are known");
    }
    file.urls.emplace_back(url);
  }
  list_.files.push_back(std::move(file));
  return {};
}

Status Parser::option(std::string_view text) {
  if (list_.files.empty()) return fault("an option before the first URL");
  if (text.starts_with('#')) return {};
  Wanted& file = list_.files.back();
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return fault(shown(text) + " is not of the form name=value");
  const std::string_view name = trimmed(text.substr(0, equals));
  const std::string_view value = trimmed(text.substr(equals + 1));
  if (name == "out") {
    if (Status checked = check_wanted_name(value, where()); !checked) return checked;
    file.name = value;
  } else if (name == "dir") {
    if (value.empty()) return fault("dir is empty");
    file.folder = value;
  } else if (name == "checksum") {
    auto digest = transfer::Digest::parse(value);
    if (!digest) return with_context(std::move(digest).error(), where());
    file.digests.push_back(*digest);
  } else if (name == "header") {
    return header(value, file);
  } else if (name == "referer") {
    file.headers.push_back({"Referer", std::string(value), false});
  } else if (name == "user-agent") {
    file.headers.push_back({"User-Agent", std::string(value), false});
  } else if (name == "split" || name == "max-connection-per-server") {
    return connections(name, value, file);
  } else if (!changes_nothing(name)) {
    list_.warnings.push_back(where() + ": the option " + shown(name) + " is not known and has no effect");
  }
  return {};
}

Status Parser::header(std::string_view value, Wanted& file) {
  const size_t colon = value.find(':');
  if (colon == std::string_view::npos || colon == 0) return fault("a header has the form \"Name: value\"");
  // What people give by hand is mostly a cookie or a token: none of it goes to another host.
  file.headers.push_back(
      {std::string(trimmed(value.substr(0, colon))), std::string(trimmed(value.substr(colon + 1))), true});
  return {};
}

// The number for all servers and the one per server: with one source they limit the same, so the smaller one
// counts.
Status Parser::connections(std::string_view name, std::string_view value, Wanted& file) {
  unsigned number = 0;
  const auto [stopped, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || stopped != value.data() + value.size() || number == 0) {
    return fault(std::string(name) + " is not a number of connections");
  }
  const auto servers = name == "split" ? 1u : static_cast<unsigned>(file.urls.size());
  const unsigned limit = std::min(number, 1u << 16) * servers;
  file.connections = std::min(file.connections.value_or(limit), limit);
  return {};
}

}  // namespace

Result<WantedList> parse_input_file(std::string_view text, const std::string& source) {
  if (text.size() > kLargestInputFile) {
    return make_error(Errc::kUsage, source + ": a list of downloads may have 64 MiB at most");
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  Parser parser(source);
  uint64_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (Status parsed = parser.line(text.substr(begin, end - begin), ++number); !parsed) {
      return std::move(parsed).error();
    }
    begin = end + 1;
  }
  return parser.take();
}

}  // namespace sjcp::cli
