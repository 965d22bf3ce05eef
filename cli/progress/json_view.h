// One JSON object a line; README.md documents the schema, version 1.
#pragma once

#include <functional>
#include <string_view>

#include "cli/progress/event.h"

namespace sjcp::cli {

class JsonView : public View {
 public:
  // Takes one whole line with its newline.
  using WriteLine = std::function<void(std::string_view line)>;
  explicit JsonView(WriteLine write) : write_(std::move(write)) {}

  void start(const StartEvent& event) override;
  void progress(const ProgressEvent& event) override;
  void file(const FileEvent& event) override;
  void error(const Error& error) override;
  void log(const std::string& level, const std::string& message) override;
  void summary(const SummaryEvent& event) override;

 private:
  WriteLine write_;
};

}  // namespace sjcp::cli
