#include "cli/formats/input_file.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "cli/redact.h"
#include "core/base/text.h"
#include "net/hf/repo.h"
#include "net/http/headers.h"
#include "net/http/url.h"

namespace sjcp::cli {
namespace {

constexpr size_t kLongestOption = 100;  // what more there is, is no name

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
  WantedList take();

 private:
  // An option that has no effect: where it was first, and how often it is there.
  struct Unheeded {
    std::string where;
    uint64_t count = 0;
  };

  void finish_file();
  Status urls(std::string_view text);
  Status option(std::string_view text);
  Status header(std::string_view name, std::string_view value, bool secret, Wanted& file);
  Status connections(std::string_view name, std::string_view value, Wanted& file);
  std::string where() const { return source_ + ":" + std::to_string(number_); }
  Error fault(const std::string& why) const { return make_error(Errc::kUsage, where() + ": " + why); }

  const std::string& source_;
  uint64_t number_ = 0;
  std::optional<std::string> user_;  // of the last file
  std::string password_;
  std::map<std::string, Unheeded, std::less<>> unheeded_;
  WantedList list_;
};

WantedList Parser::take() {
  finish_file();
  for (const auto& [name, seen] : unheeded_) {
    const char* advice = name == "load-cookies" ? "; header=Cookie: NAME=VALUE sends one" : "";
    const std::string more =
        seen.count > 1 ? ", here and " + std::to_string(seen.count - 1) + " more times" : "";
    list_.warnings.push_back(seen.where + ": the option " + shown(name) + " has no effect" + more + advice);
  }
  return std::move(list_);
}

// Name and password become part of the URLs, as if they had been written there: they are sent, and kept from
// others and from messages, as those are.
void Parser::finish_file() {
  if (user_) {
    const std::string info =
        hf::percent_encoded(*user_, false) + ":" + hf::percent_encoded(password_, false) + "@";
    for (std::string& url : list_.files.back().urls) {
      const auto parsed = http::Url::parse(url);
      if (parsed && parsed->user_info.empty()) url.insert(url.find("://") + 3, info);
    }
  }
  user_.reset();
  password_.clear();
}

Status Parser::line(std::string_view text, uint64_t number) {
  number_ = number;
  if (text.starts_with('#') || trimmed(text).empty()) return {};
  const bool indented = text.front() == ' ' || text.front() == '\t';
  return indented ? option(trimmed(text)) : urls(text);
}

Status Parser::urls(std::string_view text) {
  finish_file();
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
    file.urls.push_back(list_url(url));
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
    const size_t colon = value.find(':');
    if (colon == std::string_view::npos) return fault("a header has the form \"Name: value\"");
    // What people give by hand is mostly a cookie or a token: none of it goes to another host.
    return header(trimmed(value.substr(0, colon)), trimmed(value.substr(colon + 1)), true, file);
  } else if (name == "referer") {
    return header("Referer", value, false, file);
  } else if (name == "user-agent") {
    return header("User-Agent", value, false, file);
  } else if (name == "http-user") {
    user_ = value;
  } else if (name == "http-passwd") {
    password_ = value;
  } else if (name == "split" || name == "max-connection-per-server") {
    return connections(name, value, file);
  } else if (!changes_nothing(name)) {
    Unheeded& seen = unheeded_[std::string(name.substr(0, kLongestOption))];
    if (seen.count++ == 0) seen.where = where();
  }
  return {};
}

Status Parser::header(std::string_view name, std::string_view value, bool secret, Wanted& file) {
  constexpr std::string_view kSeparators = " \"(),/:;<=>?@[\\]{}";
  const auto is_token = [&](char c) {
    return c > 0x20 && c < 0x7f && kSeparators.find(c) == kSeparators.npos;
  };
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_token)) {
    return fault("a header has the form \"Name: value\"");
  }
  const auto is_control = [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  };
  if (std::any_of(value.begin(), value.end(), is_control)) return fault("a header has control characters");
  if (const char* instead = http::reserved_header(name)) {
    return fault("the header " + shown(name) + " is for sjcp to say; " + instead);
  }
  file.headers.push_back({std::string(name), std::string(value), secret});
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
