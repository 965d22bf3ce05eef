// Files of digests, as sha256sum and its relatives write them.
//
//   HEX  name     HEX *name     \HEX  name with \n or \\ in it
//   SHA256 (name) = HEX
//   HEX
//
// The kind follows from the number of digits where it is not given.  Comments, signatures around the text and
// lines of no known form are skipped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/transfer/digest.h"

namespace sjcp::cli {

constexpr size_t kLargestSumFile = 64 << 20;

struct SumLine {
  std::string name;  // as written, without a leading "./"; empty: the line has a digest only
  transfer::Digest digest;
  uint64_t line = 0;  // from 1
};

struct SumFile {
  struct Found {
    std::vector<transfer::Digest> digests;
    std::string warning;  // empty, or why the digest may be of another file
  };

  std::string source;  // for messages
  std::vector<SumLine> lines;

  // Digests of a file: lines that name its path, else those that name its last component, else the only
  // line there is.  kNotFound: none.  kUsage: two of one kind that differ.
  Result<Found> find(std::string_view path) const;
};

// kUsage: above the limit, or no line holds a digest.
Result<SumFile> parse_sum_file(std::string_view text, const std::string& source);

}  // namespace sjcp::cli
