#include "cli/printer.h"

#include "cli/redact.h"
#include "cli/utf8.h"
#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::cli;
using namespace sjcp::test;

namespace {

// Colours, a line of its own, the title of a window, C1's CSI, a right-to-left override, half a character.
const std::string kEvil =
    "a\x1b[31mb\nsjcp: forged\rc\x1b]0;t\x07"
    "\xC2\x9B"
    "2J\xE2\x80\xAEgpj.\xE2\x80\xA8\x7F\t\xC3";

// What a terminal or a reader of lines would take for anything but letters.
bool harmless(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const auto letter = first_letter(std::string_view(text).substr(at));
    if (!letter) return false;
    const char32_t c = letter->code;
    if ((c < 0x20 && c != '\n') || (c >= 0x7F && c < 0xA0)) return false;
    if (c == 0x2028 || c == 0x2029 || (c >= 0x202A && c <= 0x202E)) return false;
    at += letter->bytes;
  }
  return text.find("\nsjcp: forged") == std::string::npos;
}

void fill(World& world) {
  world.cloud.buckets["bucket"]["p/" + kEvil] = {"12345", {{"k" + kEvil, kEvil}}, {}};
  world.cloud.buckets["bucket"]
                     ["p/b\xC3\xBC"
                      "cher/\xE6\x9B\xB8"] = {"1", {}, {}};
}

}  // namespace

TEST_CASE("What is no letter appears escaped, and letters stay") {
  CHECK(printable("plain text") == "plain text");
  CHECK(printable("b\xC3\xBC"
                  "cher \xE6\x9B\xB8 \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB") ==
        "b\xC3\xBC"
        "cher \xE6\x9B\xB8 \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB");
  CHECK(printable(std::string("\x1b[31m\n\r\t\0\x7f", 10)) == "\\x1b[31m\\n\\r\\t\\x00\\x7f");
  CHECK(printable("\xC2\x85\xC2\x9B\xE2\x80\xAE\xE2\x81\xA6\xE2\x80\xA8\xD8\x9C") ==
        "\\u0085\\u009b\\u202e\\u2066\\u2028\\u061c");
  CHECK(printable("\xFF\xC0\x80\xED\xA0\x80\xC3") == "\\xff\\xc0\\x80\\xed\\xa0\\x80\\xc3");
  CHECK(printable("C:\\new\\x1b") == "C:\\new\\x1b");
  CHECK(printable(printable(kEvil)) == printable(kEvil));
}

TEST_CASE("A long message keeps its beginning and its end") {
  const std::string text = "sj://bucket/" + std::string(100'000, 'k') + ": not found; check the name";
  const std::string shown = bounded(text);
  CHECK(shown.size() <= kLongestMessage);
  CHECK(shown.starts_with("sj://bucket/kkk"));
  CHECK(shown.ends_with(": not found; check the name"));
  std::string letters;
  for (int i = 0; i < 5000; ++i) letters += "\xE6\x9B\xB8";
  CHECK(is_utf8(bounded(letters)));
  CHECK(is_utf8(bounded("x" + letters)));
}

TEST_CASE("No command lets a name, metadata or a server's text reach the terminal as it is") {
  const std::string dir = "sj://bucket/p/";
  const std::string object = dir + kEvil;
  for (const auto& args : std::vector<std::vector<std::string>>{
           {"ls", dir},
           {"ls", "-r", "sj://bucket/"},
           {"ls", "-x", dir},
           {"ls", object},
           {"stat", object},
           {"stat", dir + "none" + kEvil},
           {"rm", "-r", dir},
           {"rm", object},
           {"cp", "-r", "--dry-run", dir, "/proc/nowhere/"},
           {"cp", "--dry-run", "/etc/passwd", "sj://bucket/" + kEvil},
           {"cp", object, "/proc/nowhere/" + kEvil},
           {"cp", "/proc/nowhere/" + kEvil, "sj://bucket/"},
           {"cp", "-v", "-r", dir, "/proc/nowhere/"},
           {"cp", "--metadata", kEvil, "/etc/passwd", "sj://bucket/x"},
           {"cp", "--checksum", kEvil, object, "-"},
           {"cp", "--range", kEvil, object, "-"},
           {"cp", "-i", "/proc/nowhere" + kEvil, "."},
           {"mb", "sj://" + kEvil},
           {"rb", "sj://" + kEvil},
           {"presign", kEvil},
           {"presign", "--expires", kEvil, "s3://bucket/key"},
           {"mirror", kEvil, kEvil},
           {"share", object},
           {"share", "--not-after", kEvil, dir},
           {"access", "import", kEvil, kEvil},
           {"access", "inspect", kEvil},
           {"access", "use", kEvil},
           {"access", "remove", kEvil},
           {"access", "register", "--auth-service", kEvil},
           {"access", kEvil},
           {kEvil},
           {"--access", kEvil, "ls"},
           {"ls", "--" + kEvil},
           {"ls", "--retry-time", kEvil},
           {"ls", "--header", kEvil, "https://127.0.0.1:1/"},
           {"version", kEvil},
       }) {
    World world;
    fill(world);
    const auto outcome = world.run(args);
    std::string words;
    for (const auto& arg : args) words += printable(arg) + " ";
    CAPTURE(words, printable(outcome.out), printable(outcome.err));
    CHECK(harmless(outcome.out));
    CHECK(harmless(outcome.err));
    CHECK((outcome.out + outcome.err).size() > 0);
  }
}

TEST_CASE("Texts of servers stay one line, of bounded length, whatever fails") {
  const std::string text = "denied" + kEvil + std::string(50'000, '.') + "; ask the owner";
  for (const char* operation : {"list_buckets", "create_bucket", "delete_bucket", "list", "stat", "delete",
                                "create", "fetch p/\xE6\x9B\xB8"}) {
    World world;
    fill(world);
    world.cloud.buckets["bucket"]["p/\xE6\x9B\xB8"] = {"12", {}, {}};
    world.cloud.fail[operation] = make_error(Errc::kDenied, text);
    for (const auto& args : std::vector<std::vector<std::string>>{
             {"ls"},
             {"ls", "sj://bucket/p/"},
             {"mb", "sj://other"},
             {"rb", "sj://bucket"},
             {"stat", "sj://bucket/p/\xE6\x9B\xB8"},
             {"rm", "sj://bucket/p/\xE6\x9B\xB8"},
             {"cp", "/etc/passwd", "sj://bucket/x"},
             {"cp", "sj://bucket/p/\xE6\x9B\xB8", "/dev/null"},
             {"cp", "--progress=bar", "sj://bucket/p/\xE6\x9B\xB8", "/dev/null"},
         }) {
      const auto outcome = world.run(args);
      CAPTURE(operation, args[0], printable(outcome.err).substr(0, 300));
      std::string err = outcome.err;
      if (args.size() > 1 && args[1] == "--progress=bar") {  // our own control of the bar
        for (const char* own : {"\r", "\x1b[K"}) {
          for (size_t at = err.find(own); at != std::string::npos; at = err.find(own)) {
            err.erase(at, std::string(own).size());
          }
        }
      }
      CHECK(harmless(err));
      CHECK(harmless(outcome.out));
      CHECK(err.size() < 2 * kLongestMessage);
    }
  }
}

TEST_CASE("Scripts get names as they are: JSON that is valid, and -0") {
  World world;
  fill(world);
  for (const auto& line : world.run({"ls", "--json", "-r", "sj://bucket/"}).out_json()) {
    CHECK(line["key"].is_string());
  }
  const auto names = world.run({"ls", "-0", "-r", "sj://bucket/"});
  CHECK(names.out.find("p/" + kEvil + '\0') != std::string::npos);
  CHECK(names.out.size() == 3 + kEvil.size() + 14);
  const auto dry = world.run({"cp", "-r", "--dry-run", "-0", "sj://bucket/p/", "/proc/nowhere/"});
  CHECK(dry.out.find("sj://bucket/p/" + kEvil + '\0' + "/proc/nowhere/" + kEvil + '\0') != std::string::npos);
  const auto removed = world.run({"rm", "-0", "sj://bucket/p/" + kEvil});
  CHECK(removed.out == "sj://bucket/p/" + kEvil + '\0');
}

TEST_CASE("A grant in the place of a name appears in no message") {
  const std::string grant = test_grant();
  for (const auto& args : std::vector<std::vector<std::string>>{
           {"cp", grant, "sj://bucket/"},
           {"cp", "sj://bucket/key", grant + "/x"},
           {"cp", "-r", grant, "sj://bucket/"},
           {"cp", "--progress=json", grant, "sj://bucket/"},
           {"cp", "sj://bucket/" + grant, "/proc/nowhere/x"},
           {"cp", "sj://" + grant, "."},
           {"cp", "s3://" + grant + "/x", "."},
           {"cp", "hf://" + grant + "/x", "."},
           {"cp", "https://[" + grant + "]/x", "."},
           {"cp", "-i", grant, "."},
           {"cp", "--limit-rate-file", grant, "sj://bucket/key", "/dev/null"},
           {"cp", "--progress-file", "/proc/nowhere/" + grant, "sj://bucket/key", "/dev/null"},
           {"cp", "--mirror", grant, "sj://bucket/key", "/dev/null"},
           {"cp", "--checksum", "sha256:" + grant, "sj://bucket/key", "/dev/null"},
           {"ls", grant},
           {"ls", "sj://bucket/", grant},
           {"rm", grant},
           {"rm", "sj://bucket/" + grant},
           {"stat", "sj://bucket/" + grant},
           {"stat", grant},
           {"mb", grant},
           {"rb", "sj://" + grant},
           {"presign", grant},
           {"mirror", grant, grant},
           {"share", grant},
           {"access", "use", grant},
           {"access", "remove", grant},
           {"access", "register", "--auth-service", grant},
           {"--config-dir", "/proc/nowhere/" + grant, "access", "use", "x"},
           {"--config-dir", "/dev/null/" + grant, "access", "import", "x", grant},
           {grant},
       }) {
    World world;
    world.cloud.buckets["bucket"]["key"] = {"12", {}, {}};
    const auto outcome = world.run(args);
    std::string words;
    for (const auto& arg : args) words += arg.size() > 60 ? "<long> " : arg + " ";
    CAPTURE(words, outcome.err);
    // A key that was named is listed and removed as it is; an error never repeats it.
    if (outcome.code != 0) CHECK(outcome.err.size() > 0);
    for (size_t i = 0; i + 80 <= grant.size(); i += 10) {
      REQUIRE(outcome.err.find(grant.substr(i, 80)) == std::string::npos);
    }
  }
}

TEST_CASE("A key that a peer repeats is masked in its text, also in JSON") {
  const std::string key = "hf_" + std::string(34, 'Q');
  World world;
  world.cloud.buckets["bucket"]["key"] = {"12", {}, {}};
  world.cloud.fail["fetch key"] =
      make_error(Errc::kDenied, "sj://bucket/key: bad key " + test_grant() + " and Bearer " + key);
  for (const char* progress : {"--progress=none", "--progress=json"}) {
    const auto outcome = world.run({"cp", progress, "sj://bucket/key", "/dev/null"});
    CAPTURE(outcome.err);
    CHECK(outcome.code == 4);
    CHECK(outcome.err.find("bad key the value given and Bearer the value given") != std::string::npos);
  }
  const std::string digest(64, 'a');
  CHECK(masked("12abc: " + digest + " hf_hub") == "12abc: " + digest + " hf_hub");
}
