// Columns padded with blanks, byte for byte as Go's tabwriter prints uplink's listings: a cell is at least
// four wide and followed by four blanks more than its widest text; the last column is not padded.
#pragma once

#include <string>
#include <vector>

#include "cli/printer.h"

namespace sjcp::cli {

// Widths are chosen per block of 1000 lines, so that a listing of any length starts to appear early.  The
// header is printed with the first line and not at all without one.
class Table {
 public:
  Table(const Printer& out, std::vector<std::string> header);

  // Requires: as many cells as the header has.  Shown as printable() has them.
  void add(std::vector<std::string> cells);
  void flush();

 private:
  const Printer out_;
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> lines_;
  size_t rows_ = 0;  // of lines_, not counting the header
};

}  // namespace sjcp::cli
