// A child process with its streams captured and its time limited.
//
// Ownership: the child is killed and reaped when the object goes, whatever happened.
// Threads: one.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sjcp::e2e {

// The code of a child that could not have the control group that was asked for.
inline constexpr int kNoGroup = 125;

struct Command {
  std::string program;
  std::vector<std::string> args;
  std::map<std::string, std::string> env;  // the whole of it
  std::string input;                       // what stdin's pipe holds
  bool keep_input_open = false;            // the pipe does not end
  std::string input_file;                  // stdin is this file instead
  std::string output_file;                 // stdout goes there instead of into Exit::out
  std::map<int, uint64_t> limits;          // by RLIMIT_FSIZE and its like
  // It believes in a control group that has so many bytes of memory.  Nothing holds it to that; root only.
  std::optional<uint64_t> group_memory;
  bool unprivileged = false;  // not as root, when the test is
  std::chrono::milliseconds limit{60'000};
};

struct Exit {
  int code = -1;  // 128 + number after a signal, as shells have it
  std::string out;
  std::string err;
  uint64_t peak_bytes = 0;  // of resident memory
  std::chrono::milliseconds time{0};
  bool overran = false;  // was killed at its limit
};

class Child {
 public:
  explicit Child(Command command);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  // What came on stderr so far.
  const std::string& err() const { return err_.text; }
  // What came on stdout so far.
  const std::string& out() const { return out_.text; }
  // Moves the streams until `condition` holds; false when the child ended or its time is up.
  bool wait_until(const std::function<bool()>& condition);
  void signal(int number) const;
  // True when no signal is on its way to the child any more.
  bool signals_taken() const;
  // Waits for the end.
  Exit finish();

 private:
  struct Capture {
    int fd = -1;
    std::string text;
  };

  void start();
  [[noreturn]] void run_in_child(int in, int out, int err);
  // One turn of moving bytes, of at most `wait`.  True when the child has ended.
  bool turn(std::chrono::milliseconds wait);
  void feed();
  static void drain(Capture& capture);
  bool in_time() const { return std::chrono::steady_clock::now() < deadline_; }

  const Command command_;
  pid_t pid_ = -1;
  int pid_fd_ = -1;
  int input_ = -1;
  size_t fed_ = 0;
  Capture out_;
  Capture err_;
  std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point deadline_;
};

}  // namespace sjcp::e2e
