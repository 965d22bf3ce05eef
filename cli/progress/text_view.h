// Errors as lines of text, and on request a bar that redraws itself below them.
#pragma once

#include <functional>
#include <ostream>

#include "cli/progress/event.h"

namespace sjcp::cli {

class TextView : public View {
 public:
  explicit TextView(std::ostream& err) : err_(err) {}

  void file(const FileEvent& event) override;
  void error(const Error& error) override;
  void log(const std::string& level, const std::string& message) override;

 protected:
  // Called around every line of text: a bar gets out of its way.
  virtual void before_line() {}
  void print(const std::string& line);
  std::ostream& err() { return err_; }

 private:
  std::ostream& err_;
};

//  [=========>          ]  42%  1.40 GiB / 3.30 GiB  161 MiB/s  0:12
class BarView : public TextView {
 public:
  BarView(std::ostream& err, std::function<unsigned()> columns)
      : TextView(err), columns_(std::move(columns)) {}

  void progress(const ProgressEvent& event) override;
  void summary(const SummaryEvent& event) override;

 protected:
  void before_line() override;

 private:
  std::function<unsigned()> columns_;
  bool drawn_ = false;
};

// The bar without colour or cursor movement, exactly `columns` wide or less.
std::string bar_line(const ProgressEvent& event, unsigned columns);

}  // namespace sjcp::cli
