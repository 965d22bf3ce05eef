#include "net/s3/surroundings.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>

#include "core/base/scope_guard.h"

extern char** environ;

namespace sjcp::s3 {
namespace {

constexpr size_t kMaxFile = 4 << 20;

std::optional<std::string> read_whole_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text;
  std::array<char, 16384> block{};
  while (in.read(block.data(), block.size()) || in.gcount() > 0) {
    text.append(block.data(), static_cast<size_t>(in.gcount()));
    if (text.size() > kMaxFile) return std::nullopt;
  }
  if (in.bad()) return std::nullopt;
  return text;
}

// All that comes out of the pipe, until its other end is closed.
Result<std::string> read_all(int fd, const std::string& name, const std::stop_token& stop) {
  std::string text;
  std::array<char, 4096> block{};
  for (;;) {
    if (stop.stop_requested()) return make_error(Errc::kCancelled, name + ": interrupted");
    pollfd wait{fd, POLLIN, 0};
    constexpr int kLookAtStop = 100;
    if (poll(&wait, 1, kLookAtStop) <= 0) continue;
    const ssize_t count = read(fd, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(name, errno);
    if (count == 0) return text;
    text.append(block.data(), static_cast<size_t>(count));
    if (text.size() > kMaxFile) return make_error(Errc::kProtocol, name + ": prints too much");
  }
}

Result<std::string> run_program(const std::vector<std::string>& words, const std::stop_token& stop) {
  if (words.empty()) return make_error(Errc::kUsage, "credential_process: is empty");
  const std::string name = "credential_process " + words.front();
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error(name, errno);
  ScopeGuard close_reading([&] { close(ends[0]); });
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int error = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) return errno_error(name, error);
  auto text = read_all(ends[0], name, stop);
  if (!text) kill(child, SIGTERM);
  int ended = 0;
  while (waitpid(child, &ended, 0) < 0 && errno == EINTR) {
  }
  if (!text) return text;
  if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0) {
    return make_error(Errc::kDenied, name + ": failed; its own message says why");
  }
  return text;
}

}  // namespace

Surroundings real_surroundings(Environment env, http::Client& client) {
  Surroundings out;
  out.env = std::move(env);
  out.read_file = read_whole_file;
  out.run = run_program;
  out.client = &client;
  return out;
}

std::string in_home(const Surroundings& surroundings, const std::string& rest) {
  return surroundings.env("HOME").value_or("") + "/" + rest;
}

Result<Profiles> read_profiles(const Surroundings& surroundings) {
  Profiles out;
  const auto file_of = [&](const char* variable, const char* usual) {
    auto path = surroundings.env(variable);
    if (!path || path->empty()) return in_home(surroundings, usual);
    return path->starts_with("~/") ? in_home(surroundings, path->substr(2)) : *path;
  };
  const std::string config = file_of("AWS_CONFIG_FILE", ".aws/config");
  if (auto text = surroundings.read_file(config)) {
    if (auto status = out.add_config(*text, config); !status) return std::move(status).error();
  }
  const std::string credentials = file_of("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
  if (auto text = surroundings.read_file(credentials)) {
    if (auto status = out.add_credentials(*text, credentials); !status) return std::move(status).error();
  }
  return out;
}

std::vector<std::string> command_words(std::string_view line) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool escapes = c == '\\' && quote != '\'' && i + 1 < line.size() &&
                         (quote == 0 || line[i + 1] == '"' || line[i + 1] == '\\');
    if (quote == 0 && (c == ' ' || c == '\t')) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (quote != 0 && c == quote) {
      quote = 0;
    } else {
      words.back() += escapes ? line[++i] : c;
    }
  }
  return words;
}

}  // namespace sjcp::s3
