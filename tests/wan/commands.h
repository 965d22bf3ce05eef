// Commands in the two namespaces, each the head of a process group of its own.
//
// Ownership: groups that still live are killed when their Group object goes; and when this process is killed,
// by a
//            guardian process that does nothing else.
// Threads:   one.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/local/descriptor.h"

namespace sjcp::wan {

// Kills the groups that it was told of as soon as this process is gone.
class Guardian {
 public:
  static Result<Guardian> start();
  Guardian(Guardian&&) = default;
  ~Guardian();
  void add(pid_t group) const;

 private:
  explicit Guardian(local::Descriptor pipe, pid_t pid) : pipe_(std::move(pipe)), pid_(pid) {}
  local::Descriptor pipe_;
  pid_t pid_;
};

struct CommandLine {
  std::vector<std::string> words;
  std::map<std::string, std::string> env;  // besides what there is
  int space = -1;                          // network namespace to run in
  bool captured = false;                   // its stdout is a pipe, its stdin empty
  bool foreground = false;                 // gets the terminal, if there is one
};

class Group {
 public:
  // kLocalIo.  A command that cannot be executed ends with 127.
  static Result<Group> start(const CommandLine& command, const Guardian& guardian);
  Group(Group&& other) noexcept;
  Group& operator=(Group&&) = delete;
  ~Group();  // SIGKILL for what is left of it

  // Readable when the head has ended.
  int ended() const { return pid_fd_.get(); }
  // Of a captured command.
  int output() const { return output_.get(); }
  void signal(int number) const;
  // Reaps the head: its exit code, 128 + number after a signal.  Waits for it.
  int reap();
  // SIGTERM, then time to end, then SIGKILL.
  void end();

 private:
  Group() = default;
  pid_t pid_ = -1;
  std::optional<int> code_;
  local::Descriptor pid_fd_;
  local::Descriptor output_;
};

}  // namespace sjcp::wan
