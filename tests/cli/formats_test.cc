
#include "cli/formats/gzip.h"
#include "cli/formats/input_file.h"
#include "cli/formats/metalink.h"
#include "cli/formats/sum_file.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::cli;
using transfer::DigestKind;

namespace {

const std::string kSha256(64, 'a');
const std::string kSha1(40, 'b');
const std::string kMd5(32, 'c');

std::string metalink(const std::string& content) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">" +
         content + "</metalink>";
}

std::string error_of(const Result<WantedList>& result) {
  REQUIRE(!result);
  CHECK(result.error().code == Errc::kUsage);
  return result.error().what;
}

}  // namespace

TEST_CASE("A Metalink 4 document gives names, sizes, digests and the URLs by priority") {
  const std::string text = metalink(
      "<generator>x</generator><file name=\"sub/a.bin\"><size>2500</size>"
      "<hash type=\"sha-256\">" +
      kSha256 + "</hash><hash type=\"sha-1\">" + kSha1 +
      "</hash>"
      "<pieces length=\"1000\" type=\"sha-256\"><hash>" +
      kSha256 + "</hash><hash> " + kSha256 + "</hash><hash>" + kSha256 +
      "</hash></pieces>"
      "<url>https://last.example/a</url><url priority=\"2\" location=\"de\">\n https://second.example/a "
      "</url>"
      "<url priority=\"1\">https://first.example/a?x=1&amp;y=2</url><metaurl "
      "mediatype=\"torrent\">http://t/</metaurl>"
      "</file><file name=\"b\"><url>http://b.example/b</url></file>");
  CHECK(is_metalink(text));
  auto list = parse_metalink(text, "list.meta4");
  REQUIRE(list);
  CHECK(list->warnings.empty());
  REQUIRE(list->files.size() == 2);
  const Wanted& file = list->files[0];
  CHECK(file.name == "sub/a.bin");
  CHECK(file.size == 2500u);
  CHECK(file.urls == std::vector<std::string>{"https://first.example/a?x=1&y=2", "https://second.example/a",
                                              "https://last.example/a"});
  REQUIRE(file.digests.size() == 2);
  CHECK(file.digests[0].text() == "sha256:" + kSha256);
  CHECK(file.digests[1].kind == DigestKind::kSha1);
  REQUIRE(file.pieces);
  CHECK(file.pieces->kind == DigestKind::kSha256);
  CHECK(file.pieces->length == 1000);
  CHECK(file.pieces->hex == std::vector<std::string>(3, kSha256));
  CHECK(!list->files[1].size);
  CHECK(!list->files[1].pieces);
}

TEST_CASE("A Metalink 3 document is read with its highest preference first") {
  const std::string text =
      "<metalink version=\"3.0\" xmlns=\"http://www.metalinker.org/\"><files><file name=\"a\"><size>5</size>"
      "<verification><hash type=\"md5\">" +
      kMd5 + "</hash><pieces length=\"5\" type=\"sha1\"><hash piece=\"0\">" + kSha1 +
      "</hash></pieces></verification><resources><url type=\"http\" preference=\"10\">http://ten/a</url>"
      "<url type=\"bittorrent\" preference=\"100\">http://t/a.torrent</url>"
      "<url type=\"http\" preference=\"90\">http://ninety/a</url></resources></file></files></metalink>";
  auto list = parse_metalink(text, "list.metalink");
  REQUIRE(list);
  REQUIRE(list->files.size() == 1);
  CHECK(list->files[0].urls == std::vector<std::string>{"http://ninety/a", "http://ten/a"});
  CHECK(list->files[0].digests.at(0).kind == DigestKind::kMd5);
  REQUIRE(list->warnings.size() == 1);
  CHECK(list->warnings[0].find("left out") != std::string::npos);
}

TEST_CASE("Of several sets of piece digests the strongest known one counts, and their number must fit") {
  const auto list_with = [](const std::string& pieces) {
    return parse_metalink(
        metalink("<file name=\"a\"><size>1500</size>" + pieces + "<url>http://h/a</url></file>"),
        "list.meta4");
  };
  const std::string sha1 =
      "<pieces length=\"1000\" type=\"sha-1\"><hash>" + kSha1 + "</hash><hash>" + kSha1 + "</hash></pieces>";
  const std::string sha256 = "<pieces length=\"750\" type=\"sha-256\"><hash>" + kSha256 + "</hash><hash>" +
                             kSha256 + "</hash></pieces>";
  const std::string odd = "<pieces length=\"1500\" type=\"tiger\"><hash>00</hash></pieces>";
  for (const std::string& text : {sha1 + odd + sha256, sha256 + sha1 + odd}) {
    auto list = list_with(text);
    REQUIRE(list);
    REQUIRE(list->files[0].pieces);
    CHECK(list->files[0].pieces->kind == DigestKind::kSha256);
    CHECK(list->files[0].pieces->length == 750);
    REQUIRE(list->warnings.size() == 1);
    CHECK(list->warnings[0].find("tiger") != std::string::npos);
  }
  const std::string one = "<hash>" + kSha1 + "</hash></pieces>";
  CHECK(error_of(list_with("<pieces length=\"1000\" type=\"sha-1\">" + one)).find("number of pieces") !=
        std::string::npos);
  CHECK(error_of(list_with("<pieces length=\"0\" type=\"sha-1\">" + one)).find("length") !=
        std::string::npos);
  CHECK(error_of(list_with("<pieces length=\"18446744073709551615\" type=\"sha-1\"></pieces>"))
            .find("no digests") != std::string::npos);
  CHECK_FALSE(list_with("<pieces length=\"1500\" type=\"sha-1\"><hash>zz</hash></pieces>"));
}

TEST_CASE("A Metalink name that would leave the folder is refused") {
  for (const std::string name :
       {"../a", "/etc/passwd", "a/../../b", "C:evil", "a\\b", "a//b", "a/", "&#10;", ""}) {
    CAPTURE(name);
    const auto list =
        parse_metalink(metalink("<file name=\"" + name + "\"><url>http://h/a</url></file>"), "list.meta4");
    CHECK(error_of(list).find("list.meta4: the name") == 0);
  }
}

TEST_CASE("A Metalink document that cannot be trusted is refused with the reason") {
  const auto refused = [](const std::string& text) { return error_of(parse_metalink(text, "l")); };
  const std::string url = "<url>http://h/a</url>";
  CHECK(refused("<!DOCTYPE metalink [<!ENTITY a \"b\">]>" + metalink("")).find("document type") !=
        std::string::npos);
  CHECK(refused("<metalink><file></metalink>").find("not well-formed") != std::string::npos);
  CHECK(refused("<html/>").find("is not a Metalink document") != std::string::npos);
  CHECK(refused(metalink("")).find("names no file") != std::string::npos);
  CHECK(refused(metalink("<file name=\"a\"/>")).find("has no URL") != std::string::npos);
  CHECK(refused(metalink("<file name=\"a\"><url>file:///etc/passwd</url></file>")).find("has no URL") !=
        std::string::npos);
  CHECK(refused(metalink("<file name=\"a\">" + url + "</file><file name=\"a\">" + url + "</file>"))
            .find("named twice") != std::string::npos);
  CHECK(refused(metalink("<file name=\"a\"><size>-1</size>" + url + "</file>")).find("size") !=
        std::string::npos);
  CHECK(refused(metalink("<file name=\"a\"><hash type=\"sha-256\">12</hash>" + url + "</file>"))
            .find("l: a:") == 0);
  CHECK(refused(std::string(kLargestMetalink + 1, ' ')).find("10 MiB") != std::string::npos);
}

TEST_CASE("The pieces of a Metalink 3 document count by their numbers") {
  const auto list_with = [](const std::string& hashes) {
    return parse_metalink(
        "<metalink version=\"3.0\" xmlns=\"http://www.metalinker.org/\"><files><file "
        "name=\"a\"><size>8</size>"
        "<verification><pieces length=\"5\" type=\"sha1\">" +
            hashes +
            "</pieces></verification><resources><url>http://h/a "
            "b</url></resources></file></files></metalink>",
        "l");
  };
  const std::string other(40, 'e');
  const auto list = list_with("<hash piece=\"0\">" + kSha1 + "</hash><hash piece=\"1\">" + other + "</hash>");
  REQUIRE(list);
  REQUIRE(list->files[0].pieces);
  CHECK(list->files[0].pieces->hex == std::vector{kSha1, other});
  CHECK(list->files[0].urls.front() == "http://h/a%20b");
  CHECK(list->warnings.empty());
  CHECK(error_of(list_with("<hash piece=\"1\">" + kSha1 + "</hash><hash piece=\"0\">" + other + "</hash>"))
            .find("not numbered in order") != std::string::npos);
  CHECK_FALSE(list_with("<hash>" + kSha1 + "</hash><hash>" + other + "</hash>"));
}

TEST_CASE("Metalink digests of unknown kinds are skipped with a warning") {
  auto list = parse_metalink(
      metalink("<file name=\"a\"><hash type=\"sha3-256\">12</hash><url>http://h/a</url></file>"), "l");
  REQUIRE(list);
  CHECK(list->files[0].digests.empty());
  REQUIRE(list->warnings.size() == 1);
  CHECK(list->warnings[0].find("sha3-256") != std::string::npos);
}

TEST_CASE("An input file gives files with their mirrors and options") {
  const std::string text =
      "# comment\r\n\r\nhttp://a/1\thttps://b/1\t\r\n  out=sub/one\r\n\tdir=/data\r\n # no option\r\n"
      "  checksum=sha-256=" +
      kSha256 +
      "\r\n  header=X-Key: v=1\r\n  header=Other:2\r\n  split=8\r\n"
      "  max-connection-per-server=3\r\n  continue=true\r\n  foo=bar\r\nhf://org/m/x\n  referer=http://r/\n";
  auto list = parse_input_file(text, "list");
  REQUIRE(list);
  REQUIRE(list->files.size() == 2);
  const Wanted& file = list->files[0];
  CHECK(file.urls == std::vector<std::string>{"http://a/1", "https://b/1"});
  CHECK(file.name == "sub/one");
  CHECK(file.folder == "/data");
  CHECK(file.line == 3);
  CHECK(file.connections == 6u);
  CHECK(file.digests.at(0).text() == "sha256:" + kSha256);
  REQUIRE(file.headers.size() == 2);
  CHECK(file.headers[0].name == "X-Key");
  CHECK(file.headers[0].value == "v=1");
  CHECK(file.headers[0].secret);
  CHECK(file.headers[1].value == "2");
  CHECK(list->files[1].headers.at(0).name == "Referer");
  REQUIRE(list->warnings.size() == 1);
  CHECK(list->warnings[0] == "list:13: the option \"foo\" has no effect");
}

TEST_CASE("Options of an input file that have no effect are told once") {
  auto list = parse_input_file("http://a/\n foo=1\n load-cookies=c\nhttp://b/\n foo=2\n foo=3\n", "l");
  REQUIRE(list);
  CHECK(list->warnings ==
        std::vector<std::string>{
            "l:2: the option \"foo\" has no effect, here and 2 more times",
            "l:3: the option \"load-cookies\" has no effect; header=Cookie: NAME=VALUE sends one"});
}

TEST_CASE("Blanks in URLs of an input file are escaped, those in keys stay") {
  auto list = parse_input_file("http://a/x y?q=1 2\t hf://o/m/a b.txt \ns3://bucket/a b\n", "l");
  REQUIRE(list);
  CHECK(list->files[0].urls == std::vector<std::string>{"http://a/x%20y?q=1%202", "hf://o/m/a b.txt"});
  CHECK(list->files[1].urls == std::vector<std::string>{"s3://bucket/a b"});
}

TEST_CASE("Name and password of an input file go with the URLs of their file that have none") {
  auto list = parse_input_file(
      "http://a/x\thttp://you@b/\n http-passwd=p:w\n http-user=m@e\nhttp://f/\n http-passwd=alone\n", "l");
  REQUIRE(list);
  CHECK(list->files[0].urls == std::vector<std::string>{"http://m%40e:p%3Aw@a/x", "http://you@b/"});
  CHECK(list->files[1].urls == std::vector<std::string>{"http://f/"});
}

TEST_CASE("Headers of an input file cannot end themselves") {
  for (const std::string& value : std::vector<std::string>{"header=A: b\rX: c",
                                                           "referer=a\rX: c",
                                                           "user-agent=a\x01",
                                                           "header=A b: c",
                                                           "header=: c",
                                                           {"header=A: b\0c", 13}}) {
    CAPTURE(value);
    CHECK(error_of(parse_input_file("http://a/\n " + value + "\n", "l")).find("l:2: ") == 0);
  }
}

TEST_CASE("A packed list is unpacked, up to the limit and whole") {
  const auto packed = from_hex("1f8b0800000000000203cb282929b0d2d74fd4e7020078a27aed0a000000");
  REQUIRE(packed);
  const std::string gzip(ByteView(*packed).text());
  CHECK(is_gzip(gzip));
  CHECK(!is_gzip("http://a/"));
  auto text = gunzip(gzip, 100, "l.gz");
  REQUIRE(text);
  CHECK(*text == "http://a/\n");
  CHECK(*gunzip(gzip + gzip, 100, "l.gz") == "http://a/\nhttp://a/\n");
  for (const std::string& broken : {gzip.substr(0, 20), gzip + "x", std::string("\x1f\x8b")}) {
    CHECK(gunzip(broken, 100, "l.gz").error().code == Errc::kUsage);
  }
  CHECK(gunzip(gzip, 5, "l.gz").error().what.find("the most") != std::string::npos);
}

TEST_CASE("A malformed input file is refused with the line") {
  const auto refused = [](const std::string& text) { return error_of(parse_input_file(text, "l")); };
  CHECK(refused("  out=x\nhttp://a/").find("l:1: an option before") == 0);
  CHECK(refused("http://a/\nnot a url\n").find("l:2: ") == 0);
  CHECK(refused("http://a/\tfile:///x\n").find("l:1: ") == 0);
  CHECK(refused("http://a/\n out=../x\n").find("l:2: the name") == 0);
  CHECK(refused("http://a/\n out\n").find("l:2: ") == 0);
  CHECK(refused("http://a/\n checksum=sha-256=12\n").find("l:2: ") == 0);
  CHECK(refused("http://a/\n split=many\n").find("l:2: ") == 0);
  CHECK(refused("http://a/\n header=nothing\n").find("l:2: ") == 0);
}

TEST_CASE("An empty input file asks for nothing") {
  auto list = parse_input_file("\n# only\n", "l");
  REQUIRE(list);
  CHECK(list->files.empty());
}

TEST_CASE("Sum files are read in each of their forms") {
  const std::string upper(64, 'A');
  const std::string text =
      "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# comment\n" + upper + "  ./dir/gnu.bin\r\n" +
      kSha1 + " *binary mode\nSHA256 (bsd (1).bin) = " + kSha256 + "\nMD5(openssl)= " + kMd5 + "\n\\" + kMd5 +
      "  a\\\\b\\nc\nno digest here\n" + "-----BEGIN PGP SIGNATURE-----\n" + kMd5 + "  signature\n";
  auto file = parse_sum_file(text, "SUMS");
  REQUIRE(file);
  REQUIRE(file->lines.size() == 5);
  CHECK(file->lines[0].name == "dir/gnu.bin");
  CHECK(file->lines[0].digest.text() == "sha256:" + kSha256);
  CHECK(file->lines[0].line == 5);
  CHECK(file->lines[1].name == "binary mode");
  CHECK(file->lines[1].digest.kind == DigestKind::kSha1);
  CHECK(file->lines[2].name == "bsd (1).bin");
  CHECK(file->lines[3].name == "openssl");
  CHECK(file->lines[3].digest.kind == DigestKind::kMd5);
  CHECK(file->lines[4].name == "a\\b\nc");
}

TEST_CASE("A sum file is asked by path, then by last component") {
  const std::string other(64, 'd');
  auto file =
      parse_sum_file(kSha256 + "  x/a\n" + other + "  y/a\n" + kMd5 + "  y/a\n" + other + "  b\n", "SUMS");
  REQUIRE(file);
  auto found = file->find("./y/a");
  REQUIRE(found);
  REQUIRE(found->digests.size() == 2);
  CHECK(found->digests[0].hex == other);
  CHECK(found->digests[1].kind == DigestKind::kMd5);
  CHECK(found->warning.empty());
  CHECK(file->find("folder/b")->digests.at(0).hex == other);
  CHECK(file->find("z/a").error().code == Errc::kUsage);  // two lines that differ would fit
  CHECK(file->find("c").error().code == Errc::kNotFound);
}

TEST_CASE(
    "The only line of a sum file is taken whatever it names, with a warning when it names another file") {
  auto bare = parse_sum_file(kSha256 + "\r\n", "a.sha256");
  REQUIRE(bare);
  CHECK(bare->find("a")->digests.at(0).hex == kSha256);
  CHECK(bare->find("a")->warning.empty());
  auto named = parse_sum_file(kSha256 + "  other\n", "a.sha256");
  REQUIRE(named);
  CHECK(named->find("a")->digests.at(0).hex == kSha256);
  CHECK(named->find("a")->warning.find("that of other") != std::string::npos);
}

TEST_CASE("A sum file without any digest is refused") {
  CHECK(parse_sum_file("<html>not found</html>\n", "s").error().code == Errc::kUsage);
  CHECK(parse_sum_file("", "s").error().code == Errc::kUsage);
}
