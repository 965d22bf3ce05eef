// Routes the process's log (spdlog's default logger) to one place for the length of a run.
//
// Threads: created and destroyed by one thread; redirect() and logging from any.
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace sjcp::cli {

class LogScope {
 public:
  using Target = std::function<void(const std::string& level, const std::string& message)>;

  // level: trace|debug|info|warn|error|off.
  LogScope(const std::string& level, Target target);
  ~LogScope();  // silences the log
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

  // Sends what follows elsewhere; returns what was there before.
  Target redirect(Target target);

 private:
  class Sink;
  std::shared_ptr<Sink> sink_;
};

}  // namespace sjcp::cli
