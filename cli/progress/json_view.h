// One JSON object a line; README.md documents the schema, version 1.
#pragma once

#include <functional>
#include <string_view>

#include "cli/progress/event.h"

namespace sjcp::cli {

class JsonView : public View {
 public:
  // Takes one whole line with its newline.
  using WriteLine = std::function<Status(std::string_view line)>;
  // close: after the last line; may be empty.
  explicit JsonView(WriteLine write, std::function<Status()> close = {})
      : write_(std::move(write)), close_(std::move(close)) {}

  void start(const StartEvent& event) override;
  void progress(const ProgressEvent& event) override;
  void file(const FileEvent& event) override;
  void error(const Error& error) override;
  void log(const std::string& level, const std::string& message) override;
  void summary(const SummaryEvent& event) override;
  std::optional<Error> trouble() override;

 private:
  void note(Status status);

  const WriteLine write_;
  const std::function<Status()> close_;
  std::optional<Error> trouble_;
  bool told_ = false;
};

}  // namespace sjcp::cli
