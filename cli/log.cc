#include "cli/log.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <mutex>
#include <utility>

namespace sjcp::cli {

class LogScope::Sink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit Sink(Target target) : target_(std::move(target)) {}

  Target exchange(Target target) {
    std::lock_guard lock(mutex_);
    return std::exchange(target_, std::move(target));
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (!target_) return;
    auto level = spdlog::level::to_string_view(message.level);
    target_(std::string(level.data(), level.size()),
            std::string(message.payload.data(), message.payload.size()));
  }
  void flush_() override {}

 private:
  Target target_;
};

LogScope::LogScope(const std::string& level, Target target)
    : sink_(std::make_shared<Sink>(std::move(target))) {
  auto logger = std::make_shared<spdlog::logger>("sjcp", sink_);
  logger->set_level(spdlog::level::from_str(level == "warn" ? "warning" : level));
  spdlog::set_default_logger(std::move(logger));
}

LogScope::~LogScope() {
  sink_->exchange(nullptr);
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::null_sink_mt>()));
}

LogScope::Target LogScope::redirect(Target target) {
  return sink_->exchange(std::move(target));
}

}  // namespace sjcp::cli
