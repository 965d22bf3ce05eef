#include "net/s3/surroundings.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>

#include "core/base/scope_guard.h"

extern char** environ;

namespace sjcp::s3 {
namespace {

constexpr size_t kMaxFile = 4 << 20;
// Programs may have to wait for a service of their own.
constexpr auto kProgramLimit = std::chrono::seconds(60);
constexpr auto kTermLimit = std::chrono::seconds(2);

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
Result<std::string> read_all(int fd, const std::string& name, std::chrono::milliseconds limit,
                             const std::stop_token& stop) {
  std::string text;
  std::array<char, 4096> block{};
  const auto until = std::chrono::steady_clock::now() + limit;
  for (;;) {
    if (std::chrono::steady_clock::now() > until) {
      const auto seconds = std::chrono::round<std::chrono::seconds>(limit).count();
      return make_error(Errc::kDenied,
                        name + ": has not ended within " + std::to_string(seconds) + " seconds");
    }
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

// Without what only this program is to know.  The strings are the environment's.
std::vector<char*> environment_of_programs() {
  constexpr std::array<std::string_view, 8> kOurs{"SJCP_",
                                                  "UPLINK_",
                                                  "STORJ_",
                                                  "HF_TOKEN=",
                                                  "HUGGING_FACE_HUB_TOKEN=",
                                                  "HUGGINGFACE_TOKEN=",
                                                  "HUGGINGFACE_HUB_TOKEN=",
                                                  "MC_HOST_"};
  std::vector<char*> out;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const bool ours = std::any_of(kOurs.begin(), kOurs.end(),
                                  [&](std::string_view name) { return text.starts_with(name); });
    if (!ours) out.push_back(*variable);
  }
  out.push_back(nullptr);
  return out;
}

// Its status, once it has ended; one that does not end soon is ended.
int end_of(pid_t child, std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  int status = 0;
  for (;;) {
    const bool late = std::chrono::steady_clock::now() > until;
    if (late) kill(child, SIGKILL);
    const pid_t ended = waitpid(child, &status, late ? 0 : WNOHANG);
    if (ended == child || (ended < 0 && errno != EINTR)) return status;
    if (ended == 0) poll(nullptr, 0, 5);
  }
}

}  // namespace

Result<std::string> run_program(const std::vector<std::string>& words, std::chrono::milliseconds limit,
                                const std::stop_token& stop) {
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
  auto environment = environment_of_programs();
  const int error =
      posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) return errno_error(name, error);
  auto text = read_all(ends[0], name, limit, stop);
  if (!text) kill(child, SIGTERM);
  const int ended = end_of(child, text ? limit : kTermLimit);
  if (!text) return text;
  if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0) {
    return make_error(Errc::kDenied, name + ": failed; its own message says why");
  }
  return text;
}

Surroundings real_surroundings(Environment env, http::Client* client) {
  Surroundings out;
  out.env = std::move(env);
  out.read_file = read_whole_file;
  out.run = [](const std::vector<std::string>& words, const std::stop_token& stop) {
    return run_program(words, kProgramLimit, stop);
  };
  out.client = client;
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
