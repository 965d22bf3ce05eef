// Errors as lines of text, and on request a bar that redraws itself below them.
#pragma once

#include <functional>

#include "cli/printer.h"
#include "cli/progress/event.h"

namespace sjcp::cli {

class TextView : public View {
 public:
  // each_file: files that were copied have a line, too.
  explicit TextView(const Printer& err, bool each_file = false) : err_(err), each_file_(each_file) {}

  void file(const FileEvent& event) override;
  void error(const Error& error) override;
  void log(const std::string& level, const std::string& text) override;

 protected:
  // Called before every line of text: a bar gets out of its way.
  virtual void before_line() {}
  void message(const std::string& text);
  const Printer& err() const { return err_; }

 private:
  const Printer err_;
  const bool each_file_;
};

// Where there is no terminal: a line every so often, and one at the end.
//
//  sjcp: 42%  1.40 GiB / 3.30 GiB  161 MiB/s  0:12
class PlainView : public TextView {
 public:
  static constexpr double kSecondsBetween = 10;

  PlainView(const Printer& err, bool each_file) : TextView(err, each_file) {}

  void progress(const ProgressEvent& event) override;
  void summary(const SummaryEvent& event) override;

 private:
  double told_ = 0;  // seconds since the start
};

//  [=========>          ]  42%  1.40 GiB / 3.30 GiB  161 MiB/s  0:12
class BarView : public TextView {
 public:
  BarView(const Printer& err, std::function<unsigned()> columns, bool each_file = false)
      : TextView(err, each_file), columns_(std::move(columns)) {}

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
// The words beside the bar: what is done, how fast, and how long the rest takes.
std::string progress_text(const ProgressEvent& event);

}  // namespace sjcp::cli
