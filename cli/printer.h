// Texts for people, on standard output and standard error: the one place where bytes that come from outside
// (keys, metadata, ETags, texts of servers, names of files) meet a terminal.
//
// Whatever a line holds, it stays one line, and changes nothing but the line: control characters (C0, DEL,
// C1), line separators, controls of writing direction and bytes that are not UTF-8 appear as \n, \t, \r,
// \x1b and \u202e.  All other characters stay as they are, on pipes, too.  A backslash is not doubled: what
// is printable stays so, and scripts have JSON and -0, which are exact.
//
// Threads: as the stream.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

namespace sjcp::cli {

// The text as a line shows it; the same for what it returned once.
std::string printable(std::string_view text);

// Texts of peers and names may be of any length: a message keeps its beginning, which names the object, and
// its end, which says what to do, and at most so many bytes.
constexpr size_t kLongestMessage = 2000;
std::string bounded(std::string text);

// A stream that takes nothing but whole lines, and bytes that this program has made.
class Printer {
 public:
  // stream: outlives it.
  Printer(std::ostream* stream = nullptr) : stream_(stream) {}
  Printer(std::ostream& stream) : stream_(&stream) {}

  void line(std::string_view text) const;
  // "sjcp: TEXT": printable, without secrets, bounded; seen at once.
  void message(std::string_view text) const;
  // As they are: JSON, help, the bar, names that end in NUL.
  void exact(std::string_view bytes) const;

  void flush() const { stream_->flush(); }
  // False: something was not written.
  bool good() const { return stream_->good(); }

 private:
  std::ostream* stream_;
};

}  // namespace sjcp::cli
