// What a list of downloads asks for: one file each, however the list was written (Metalink, input file).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/transfer/digest.h"
#include "core/transfer/pieces.h"
#include "net/http/client.h"

namespace sjcp::cli {

struct Wanted {
  std::vector<std::string> urls;  // never empty; the same file under each, the best first
  std::string name;               // relative and safe, may have folders; empty: the source decides
  std::string folder;             // where the name begins, as typed; empty: the command's destination
  std::optional<uint64_t> size;
  std::vector<transfer::Digest> digests;
  std::optional<transfer::PieceDigests> pieces;
  std::vector<http::Header> headers;    // to be sent with each request
  std::optional<unsigned> connections;  // at once; nothing: the command decides
  uint64_t line = 0;                    // where the list asks for it, from 1; 0: unknown
};

struct WantedList {
  std::vector<Wanted> files;
  std::vector<std::string> warnings;  // one line each, for people
};

// Whether the text is a URL of a kind that can be downloaded.
bool is_source_url(std::string_view text);

// A URL as it stands in a list: of a web server, with its blanks escaped, as aria2 sends them.  Keys in
// stores have theirs.
std::string list_url(std::string_view text);

// A name from a list as a path below a folder: relative, without "..", backslashes, drive letters and control
// bytes.  kUsage with the reason, which begins with `where`.
Status check_wanted_name(std::string_view name, const std::string& where);

}  // namespace sjcp::cli
