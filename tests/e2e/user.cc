#include "tests/e2e/user.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

namespace sjcp::e2e {

namespace fs = std::filesystem;

namespace {

constexpr size_t kChunk = 1 << 20;

std::vector<Json> parse_lines(const std::string& text) {
  std::vector<Json> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(Json::parse(line));
  return out;
}

}  // namespace

User::User(const LocalNetwork& network) {
  env["HOME"] = folder / "home";
  env["XDG_CONFIG_HOME"] = folder / "home/config";
  env["SJCP_ACCESS"] = network.grant();
  // What sanitizers are told goes on to the children.
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name)) env[name] = value;
  }
  fs::create_directories(folder / "home");
}

Command User::command(std::vector<std::string> args) const {
  Command out;
  out.program = SJCP_SJCP;
  out.args = std::move(args);
  out.env = env;
  return out;
}

std::string User::must(std::vector<std::string> args) const {
  std::string words;
  for (const auto& arg : args) words += arg.substr(0, 80) + " ";
  INFO("sjcp " << words);
  const Exit exit = run(std::move(args));
  INFO(exit.err);
  REQUIRE(exit.code == 0);
  CHECK(exit.err.empty());
  return exit.out;
}

std::vector<Json> User::list(std::vector<std::string> args) const {
  args.insert(args.begin(), {"ls", "--json"});
  return parse_lines(must(std::move(args)));
}

std::string User::make_file(const std::string& name, uint64_t size, uint64_t seed) const {
  const std::string path = folder / name;
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  std::mt19937_64 random(seed);
  std::vector<uint64_t> words(kChunk / sizeof(uint64_t));
  for (uint64_t left = size; left > 0;) {
    for (auto& word : words) word = random();
    const uint64_t n = std::min<uint64_t>(left, kChunk);
    out.write(reinterpret_cast<const char*>(words.data()), static_cast<std::streamsize>(n));
    left -= n;
  }
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
  return path;
}

bool is_part(const std::string& part, const std::string& whole, uint64_t offset, uint64_t size) {
  std::ifstream a(part, std::ios::binary);
  std::ifstream b(whole, std::ios::binary);
  if (!a || !b || file_size(part) != size) return false;
  b.seekg(static_cast<std::streamoff>(offset));
  std::vector<char> left(kChunk);
  std::vector<char> right(kChunk);
  while (size > 0) {
    const auto n = static_cast<std::streamsize>(std::min<uint64_t>(size, kChunk));
    if (!a.read(left.data(), n) || !b.read(right.data(), n)) return false;
    if (!std::equal(left.begin(), left.begin() + n, right.begin())) return false;
    size -= static_cast<uint64_t>(n);
  }
  return true;
}

bool same_content(const std::string& a, const std::string& b) {
  return exists(a) && exists(b) && is_part(a, b, 0, file_size(b));
}

uint64_t file_size(const std::string& path) {
  std::error_code failed;
  const auto size = fs::file_size(path, failed);
  return failed ? 0 : size;
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::vector<std::string> temporary_files(const std::string& folder) {
  std::vector<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (name.find(".sjcp-") != std::string::npos) out.push_back(name);
  }
  return out;
}

bool leaks(const std::string& text, const std::string& secret) {
  constexpr size_t kEnough = 24;
  for (size_t i = 0; i + kEnough <= secret.size(); ++i) {
    if (text.find(secret.substr(i, kEnough)) != std::string::npos) return true;
  }
  return false;
}

void check_failure(const Exit& exit, int code, const std::string& names) {
  CAPTURE(exit.err);
  CAPTURE(exit.out.substr(0, 400));
  CHECK_FALSE(exit.overran);
  CHECK(exit.code == code);
  CHECK(exit.err.starts_with("sjcp: "));
  CHECK(std::count(exit.err.begin(), exit.err.end(), '\n') == 1);
  CHECK(exit.err.ends_with('\n'));
  CHECK(exit.err.find(names) != std::string::npos);
}

void check_limits_were_fresh(LocalNetwork& network) {
  CHECK(network.total("serials_reused") == 0);
}

}  // namespace sjcp::e2e
