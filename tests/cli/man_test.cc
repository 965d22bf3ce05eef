#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "cli/parser.h"
#include "core/flow/retry.h"
#include "core/segment/piece_spread.h"
#include "net/drpc/connection.h"
#include "net/http/client.h"
#include "net/storj/segment_download.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"

using namespace sjcp;

namespace {

// The page as a reader sees its words: without changes of font, hyphens without their backslashes.
std::string page() {
  std::ifstream in(test::source_dir() + "/man/sjcp.1");
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  for (const char* font : {"\\fB", "\\fI", "\\fR", "\\fP"}) {
    for (size_t at = text.find(font); at != std::string::npos; at = text.find(font)) text.erase(at, 3);
  }
  text.erase(std::remove(text.begin(), text.end(), '\\'), text.end());
  return text;
}

// The part of the page about one command: from its heading to the next.
std::string section(const std::string& text, const std::string& command) {
  size_t begin = text.find("\n.SS sjcp " + command + "\n");
  if (begin == std::string::npos) return "";
  size_t end = std::min(text.find("\n.SS ", begin + 1), text.find("\n.SH ", begin + 1));
  return text.substr(begin, end - begin);
}

bool names(const std::string& text, const std::string& option) {
  for (size_t at = text.find(option); at != std::string::npos; at = text.find(option, at + 1)) {
    char before = at == 0 ? ' ' : text[at - 1];
    char after = at + option.size() < text.size() ? text[at + option.size()] : ' ';
    auto word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-'; };
    if (!word(before) && !word(after)) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("The man page documents every option of every command") {
  std::string text = page();
  REQUIRE(!text.empty());
  std::string common;
  size_t begin = text.find("\n.SH COMMON OPTIONS\n");
  REQUIRE(begin != std::string::npos);
  common = text.substr(begin, text.find("\n.SH ", begin + 1) - begin);
  for (const auto& doc : cli::documented_options()) {
    std::string own = doc.name.empty() ? common : section(text, doc.name);
    CAPTURE(doc.name);
    REQUIRE(!own.empty());
    for (const auto& option : doc.options) {
      CAPTURE(option);
      CHECK((names(own, option) || names(common, option)));
    }
  }
}

TEST_CASE("The man page says how long each wait is at most") {
  const std::string text = page();
  const flow::RetryPolicy retry;
  const http::ClientOptions client;
  const drpc::CallOptions satellite;
  const storj::RaceOptions down;
  const segment::PieceSpread::Options up;
  struct Row {
    const char* wait;
    std::chrono::milliseconds limit;
  };
  for (const Row& row : std::vector<Row>{
           {"A service that is away", retry.patience},
           {"A wait that a service asks for (Retry-After)", retry.longest_asked},
           {"A connection to a server", client.connect_timeout},
           {"A server that sends and takes nothing", client.stall_timeout},
           {"A connection to the satellite", satellite.dial_limit},
           {"An answer of the satellite", satellite.silence_limit},
           {"A download", down.dial_limit},
           {"A download", down.silence_limit},
           {"An upload", std::chrono::duration_cast<std::chrono::milliseconds>(up.dial_limit)},
       }) {
    CAPTURE(row.wait);
    const std::string line =
        std::string(".B ") + row.wait + "\n" + std::to_string(row.limit.count() / 1000) + " s";
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("The man page names every exit code, environment variable and JSON event") {
  std::string text = page();
  for (const char* word : {"\n.B 0\n",
                           "\n.B 1\n",
                           "\n.B 2\n",
                           "\n.B 3\n",
                           "\n.B 4\n",
                           "\n.B 5\n",
                           "\n.B 6\n",
                           "\n.B 7\n",
                           "\n.B 8\n",
                           "\n.B 9\n",
                           "\n.B 10\n",
                           "\n.B 130\n",
                           "\n.B 129\n",
                           "\n.B 141\n",
                           "\n.B 143\n",
                           "SJCP_ACCESS",
                           "UPLINK_ACCESS",
                           "XDG_CONFIG_HOME",
                           "XDG_STATE_HOME",
                           "XDG_CACHE_HOME",
                           "SJCP_NODE_MEMORY",
                           "SJCP_NOISE",
                           "SJCP_RETRY_TIME",
                           "TZ",
                           "SJCP_CONFIG_DIR",
                           "UPLINK_CONFIG_DIR",
                           "access.json",
                           "start",
                           "progress",
                           "file",
                           "error",
                           "log",
                           "summary",
                           "mean_rate",
                           "connections"}) {
    CAPTURE(word);
    CHECK(text.find(word) != std::string::npos);
  }
}
