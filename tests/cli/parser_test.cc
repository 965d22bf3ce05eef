#include "cli/parser.h"

#include <algorithm>
#include <map>

#include "cli/nearest.h"
#include "core/base/units.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::cli;

namespace {

template <class T>
T parsed(const std::vector<std::string>& args) {
  auto result = parse_arguments(args);
  if (!result) FAIL(result.error().what);
  const auto* invocation = std::get_if<Invocation>(&*result);
  REQUIRE(invocation != nullptr);
  const auto* options = std::get_if<T>(&invocation->command);
  REQUIRE(options != nullptr);
  return *options;
}

std::string refusal(const std::vector<std::string>& args) {
  auto result = parse_arguments(args);
  if (result) return "";
  CHECK(result.error().code == Errc::kUsage);
  CHECK(result.error().what.find('\n') == std::string::npos);
  return result.error().what;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("cp takes uplink's options in every spelling") {
  auto o = parsed<CpOptions>(
      {"cp", "-r", "-t", "3", "-p16", "--access=work", "--memory", "64MiB", "a", "sj://b/"});
  CHECK(o.recursive);
  CHECK(o.transfers == 3);
  CHECK(o.parallelism == 16);
  CHECK(o.service.access == "work");
  CHECK(o.memory_bytes == 64 * kMiB);
  CHECK(o.locations == Strings{"a", "sj://b/"});

  auto p = parsed<CpOptions>({"cp", "--parallelism", "4", "--transfers=2", "--parallelism-chunk-size",
                              "64MiB", "--maximum-concurrent-pieces", "50", "--maximum-concurrent-segments=3",
                              "--inmemory-erasure-coding", "--interactive=false", "--analytics=false",
                              "sj://b/k", "--range", "bytes=0-9", "-"});
  CHECK(p.parallelism == 4);
  CHECK(p.transfers == 2);
  CHECK(p.max_connections == 50);
  CHECK(p.range == "bytes=0-9");
  CHECK(p.locations == Strings{"sj://b/k", "-"});
  CHECK(parsed<CpOptions>({"cp", "-rt4", "a", "b"}).transfers == 4);
  CHECK_FALSE(parsed<CpOptions>({"cp", "--recursive=false", "a", "b"}).recursive);
}

TEST_CASE("cp steers what is in flight unless told how many, and takes limits") {
  CHECK(parsed<CpOptions>({"cp", "a", "b"}).parallelism == 0);
  CHECK(parsed<CpOptions>({"cp", "-p", "auto", "a", "b"}).parallelism == 0);
  CHECK(parsed<CpOptions>({"cp", "-p8", "--parallelism=auto", "a", "b"}).parallelism == 0);
  CHECK(parsed<CpOptions>({"cp", "a", "b"}).memory_bytes == 0);
  auto o = parsed<CpOptions>(
      {"cp", "--limit-rate", "10M/1M", "--limit-rate-file=/r", "--max-connections", "200", "a", "b"});
  CHECK(o.limit_rate == Rates{10 * kMiB, kMiB});
  CHECK(o.limit_rate_file == "/r");
  CHECK(o.max_connections == 200);
  CHECK(parsed<CpOptions>({"cp", "--maximum-concurrent-pieces=0", "a", "b"}).max_connections == 0);
  for (const Strings& wrong : std::vector<Strings>{{"-p", "8x"},
                                                   {"-p", "100001"},
                                                   {"-p", "-1"},
                                                   {"--limit-rate", "fast"},
                                                   {"--limit-rate", "1M/"},
                                                   {"--max-connections", "-1"}}) {
    Strings words{"cp", "a", "b"};
    words.insert(words.end(), wrong.begin(), wrong.end());
    CHECK(!refusal(words).empty());
  }
}

TEST_CASE("cp takes progress as a mode, as uplink's switch and as a word of its own") {
  auto mode = [](Strings words) {
    words.insert(words.begin(), "cp");
    words.insert(words.end(), {"a", "sj://b/"});
    auto o = parsed<CpOptions>(words);
    CHECK(o.locations == Strings{"a", "sj://b/"});
    return o.progress;
  };
  CHECK(mode({}) == ProgressMode::kAuto);
  CHECK(mode({"--progress"}) == ProgressMode::kAuto);
  CHECK(mode({"--progress=true"}) == ProgressMode::kAuto);
  CHECK(mode({"--progress=false"}) == ProgressMode::kNone);
  CHECK(mode({"--progress=none"}) == ProgressMode::kNone);
  CHECK(mode({"--progress", "json"}) == ProgressMode::kJson);
  CHECK(mode({"--progress=bar"}) == ProgressMode::kBar);
  CHECK(!refusal({"cp", "--progress=often", "a", "b"}).empty());
}

TEST_CASE("Values may begin with a dash, and operands may look like anything") {
  CHECK(parsed<CpOptions>({"cp", "--range", "-5", "a", "b"}).range == "-5");
  CHECK(parsed<ShareOptions>({"share", "--not-before", "-2h", "sj://b"}).not_before == "-2h");
  CHECK(parsed<CpOptions>({"cp", "[a,b]", "{x}", "sj://b/"}).locations == Strings{"[a,b]", "{x}", "sj://b/"});
  CHECK(parsed<CpOptions>({"cp", "--", "-r", "--x", "sj://b/"}).locations == Strings{"-r", "--x", "sj://b/"});
  CHECK(parsed<CpOptions>({"cp", "ls", "mb", "sj://b/"}).locations == Strings{"ls", "mb", "sj://b/"});
  CHECK(parsed<CpOptions>({"cp", "a=b", "x y", "sj://b/"}).locations == Strings{"a=b", "x y", "sj://b/"});
  CHECK(parsed<CpOptions>({"cp", "--metadata", "{\"a\":\"b=c\"}", "a", "b"}).metadata == "{\"a\":\"b=c\"}");
}

TEST_CASE("ls takes json in uplink's spellings and ours") {
  CHECK(parsed<LsOptions>({"ls"}).format == ListFormat::kTabbed);
  CHECK(parsed<LsOptions>({"ls", "-o", "json"}).format == ListFormat::kJson);
  CHECK(parsed<LsOptions>({"ls", "--output=json"}).format == ListFormat::kJson);
  CHECK(parsed<LsOptions>({"ls", "--json", "sj://b"}).format == ListFormat::kJson);
  CHECK(parsed<LsOptions>({"ls", "-o", "tabbed"}).format == ListFormat::kTabbed);
  CHECK(!refusal({"ls", "-o", "xml"}).empty());
}

TEST_CASE("share knows which permissions were given and which left open") {
  auto o = parsed<ShareOptions>(
      {"share", "--readonly=false", "--disallow-deletes", "--disallow-reads=false", "sj://b"});
  CHECK_FALSE(o.readonly);
  CHECK(o.disallow_deletes == true);
  CHECK(o.disallow_reads == false);
  CHECK(o.disallow_lists == std::nullopt);
  CHECK(parsed<ShareOptions>({"share", "--url", "--dns", "x", "sj://b"}).edge_options ==
        Strings{"--url", "--dns"});
}

TEST_CASE("Global options stand before or after the command") {
  auto result = parse_arguments(Strings{"--log-level", "debug", "--config-dir=/c", "ls", "-v"});
  REQUIRE(result);
  const auto& global = std::get_if<Invocation>(&*result)->global;
  CHECK(global.log_level == "debug");
  CHECK(global.config_dir == "/c");
  CHECK(global.verbose);
}

TEST_CASE("Wrong usage is one line that says what to do") {
  CHECK(refusal({}) == "no command given; see sjcp --help");
  CHECK(refusal({"frobnicate"}) == "unknown command \"frobnicate\"; see sjcp --help");
  CHECK(refusal({"cp", "a"}) == "expected SRC... DST; see sjcp cp --help");
  CHECK(refusal({"ls", "sj://a", "sj://b"}) == "unexpected argument \"sj://b\"; see sjcp ls --help");
  CHECK(refusal({"ls", "--frob"}) == "unknown option \"--frob\"; see sjcp ls --help");
  CHECK(refusal({"ls", "-z"}) == "unknown option \"-z\"; see sjcp ls --help");
  CHECK(refusal({"cp", "--range"}) == "--range needs a value; see sjcp cp --help");
  CHECK(!refusal({"cp", "-p", "0", "a", "b"}).empty());
  CHECK(!refusal({"cp", "-p", "x", "a", "b"}).empty());
  CHECK(!refusal({"cp", "-t", "-1", "a", "b"}).empty());
  CHECK(!refusal({"cp", "--memory", "lots", "a", "b"}).empty());
  CHECK(!refusal({"cp", "--progress-fd", "x", "a", "b"}).empty());
  CHECK(!refusal({"rb", "--force=maybe", "sj://b"}).empty());
  CHECK(!refusal({"access"}).empty());
  CHECK(!refusal({"access", "frob"}).empty());
}

TEST_CASE("Help names every option of a command") {
  for (const auto& doc : documented_options()) {
    if (doc.name.empty()) continue;
    Strings words;
    size_t space = doc.name.find(' ');
    words.push_back(doc.name.substr(0, space));
    if (space != std::string::npos) words.push_back(doc.name.substr(space + 1));
    words.push_back("--help");
    auto result = parse_arguments(words);
    REQUIRE(result);
    const auto* help = std::get_if<HelpText>(&*result);
    REQUIRE(help != nullptr);
    for (const auto& option : doc.options) {
      CAPTURE(doc.name, option);
      CHECK(help->text.find(option) != std::string::npos);
    }
  }
}

TEST_CASE("cp takes mirrors, checksums, lists and what services need") {
  auto o = parsed<CpOptions>({"cp",
                              "https://a/x",
                              "--mirror",
                              "https://b/x",
                              "--mirror=s3://c/x",
                              "--checksum",
                              "sha256:00",
                              "--checksum",
                              "SUMS",
                              "-R",
                              "--keep-bad",
                              "--header",
                              "A: b",
                              "--header",
                              "-c: d",
                              "-k",
                              "--netrc",
                              "--cacert",
                              "ca.pem",
                              "--profile",
                              "p",
                              "--region",
                              "r",
                              "--endpoint-url",
                              "http://e",
                              "--no-sign-request",
                              "x"});
  CHECK(o.mirrors == Strings{"https://b/x", "s3://c/x"});
  CHECK(o.checksums == Strings{"sha256:00", "SUMS"});
  CHECK(o.remote_time);
  CHECK(o.keep_bad);
  CHECK(o.service.headers == Strings{"A: b", "-c: d"});
  CHECK(o.service.insecure);
  CHECK(o.service.netrc);
  CHECK(o.service.ca_file == "ca.pem");
  CHECK(o.service.profile == "p");
  CHECK(o.service.region == "r");
  CHECK(o.service.endpoint_url == "http://e");
  CHECK(o.service.no_sign_request);
  CHECK(o.locations == Strings{"https://a/x", "x"});

  auto list = parsed<CpOptions>({"cp", "-i", "-", "-j8", "folder"});
  CHECK(list.input == "-");
  CHECK(list.transfers == 8);
  CHECK(list.locations == Strings{"folder"});
}

TEST_CASE("access register takes uplink's options") {
  auto o = parsed<AccessRegisterOptions>({"access", "register", "work", "--public", "--format", "env",
                                          "--auth-service", "https://auth.example.com"});
  CHECK(o.service.access == "work");
  CHECK(o.public_access);
  CHECK(o.format == RegisterFormat::kEnv);
  CHECK(o.auth_service == "https://auth.example.com");
  CHECK(refusal({"access", "register", "--format", "yaml"}).find("--format") != std::string::npos);
}

TEST_CASE("Options of a command may stand before it") {
  CHECK(parsed<LsOptions>({"--access", "main", "ls", "sj://b"}).service.access == "main");
  CHECK(parsed<CpOptions>({"-r", "-t", "3", "cp", "a", "sj://b/"}).transfers == 3);
  CHECK(parsed<CpOptions>({"-rt3", "--progress", "json", "cp", "a", "sj://b/"}).recursive);
  CHECK(parsed<CpOptions>({"-t3", "--progress", "cp", "a", "sj://b/"}).transfers == 3);
  CHECK(parsed<CpOptions>({"-p=4", "cp", "a", "sj://b/"}).parallelism == 4);
  CHECK(refusal({"--transfers", "3", "ls"}) == "unknown option \"--transfers\"; see sjcp ls --help");
  CHECK(refusal({"--access", "main"}) == "no command given; see sjcp --help");
  CHECK(refusal({"--access"}) == "no command given; see sjcp --help");
}

TEST_CASE("Whether an option takes a value does not depend on the command") {
  std::map<std::string, bool> valued;
  for (const auto& doc : documented_options()) {
    for (const auto& option : doc.options) {
      const bool takes = std::find(doc.valued.begin(), doc.valued.end(), option) != doc.valued.end();
      CAPTURE(doc.name, option);
      CHECK(valued.emplace(option, takes).first->second == takes);
    }
  }
}

TEST_CASE("A message names the option and the value as they were typed") {
  const auto says = [](Strings words, const std::string& text) {
    words.insert(words.begin(), "cp");
    words.insert(words.end(), {"a", "sj://b/"});
    CHECK(refusal(words) == text + "; see sjcp cp --help");
  };
  says({"-t", "lots"}, "-t \"lots\": not auto or a number from 1 to 100000");
  says({"-tlots"}, "-t \"lots\": not auto or a number from 1 to 100000");
  says({"-j", "0"}, "-j \"0\": not auto or a number from 1 to 100000");
  says({"-p", "-1"}, "-p \"-1\": not auto or a number from 1 to 100000");
  says({"--transfers=many"}, "--transfers \"many\": not auto or a number from 1 to 100000");
  says({"--memory", "lots"}, "--memory \"lots\": not a size; write 256MiB");
  says({"--maximum-concurrent-pieces", "x"},
       "--maximum-concurrent-pieces \"x\": not a number from 0 to 1000000");
  says({"--limit-rate", "fast"}, "--limit-rate \"fast\": not a rate; write 10M, or 10M/2M for down/up");
  says({"--log-level", "wran"},
       "--log-level \"wran\": not one of trace, debug, info, warn, error, off; did you mean warn?");
  says({"--progress=josn"},
       "--progress \"josn\": not one of auto, bar, json, none, plain, true, false; did you mean json?");
  says({"--recursive=maybe"}, "--recursive \"maybe\": not a value that it takes");
  says({"--progress", "josn"},
       "--progress \"josn\": not a mode; did you mean json? A file of that name is ./josn");
  says({"-r=perhaps"}, "-r \"perhaps\": not a value that it takes");
}

TEST_CASE("Short options take a value after an equals sign") {
  CHECK(parsed<CpOptions>({"cp", "-r=true", "a", "sj://b/"}).recursive);
  CHECK_FALSE(parsed<CpOptions>({"cp", "-r=false", "a", "sj://b/"}).recursive);
  CHECK(parsed<CpOptions>({"cp", "-t=7", "a", "sj://b/"}).transfers == 7);
  CHECK(parsed<CpOptions>({"cp", "--range", "=", "a", "b"}).range == "=");
  CHECK(refusal({"cp", "-t=", "a", "sj://b/"}) == "-t needs a value; see sjcp cp --help");
}

TEST_CASE("What was mistyped gets the nearest word that there is") {
  CHECK(refusal({"sl"}) == "unknown command \"sl\"; did you mean ls?; see sjcp --help");
  CHECK(refusal({"copy", "a"}) == "unknown command \"copy\"; did you mean cp?; see sjcp --help");
  CHECK(refusal({"access", "imprt"}) ==
        "unknown command \"access imprt\"; did you mean access import?; see sjcp --help");
  CHECK(refusal({"cp", "--recursve", "a", "b"}) ==
        "unknown option \"--recursve\"; did you mean --recursive?; see sjcp cp --help");
  CHECK(refusal({"frobnicate"}).find("did you mean") == std::string::npos);
  CHECK(refusal({"x"}).find("did you mean") == std::string::npos);
  CHECK(nearest("josn", {"json", "bar"}) == "json");
  CHECK(nearest("ab", {"aa", "bb"}).empty());
  CHECK(nearest(std::string(10'000, 'a'), {"aa"}).empty());
}

TEST_CASE("Help of a command, and the version, have their usual spellings") {
  const auto help = [](const Strings& words) {
    auto result = parse_arguments(words);
    REQUIRE(result);
    const auto* text = std::get_if<HelpText>(&*result);
    return text == nullptr ? std::string() : text->text;
  };
  CHECK(help({"help"}) == help({"--help"}));
  CHECK(help({"help", "access"}) == help({"--help"}));
  CHECK(help({"help", "cp"}) == help({"cp", "--help"}));
  CHECK(help({"help", "access", "import"}) == help({"access", "import", "-h"}));
  CHECK(refusal({"help", "sl"}).find("did you mean ls") != std::string::npos);
  parsed<VersionOptions>({"-V"});
  parsed<VersionOptions>({"--version"});
}

TEST_CASE("-v counts") {
  const auto verbose = [](const Strings& words) {
    auto result = parse_arguments(words);
    REQUIRE(result);
    return std::get_if<Invocation>(&*result)->global.verbose;
  };
  CHECK(verbose({"ls"}) == 0);
  CHECK(verbose({"ls", "-v"}) == 1);
  CHECK(verbose({"-v", "ls", "-v"}) == 2);
  CHECK(verbose({"ls", "-vv"}) == 2);
  CHECK(verbose({"ls", "--verbose=false"}) == 0);
}
