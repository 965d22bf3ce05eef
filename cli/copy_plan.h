// Which objects and files a `cp` means: from what was typed to one item per file, found while the copy runs.
//
// uplink's rules: a destination that is a folder (by its form, on disk, or because there are several sources)
// receives the last component of each source; -r keeps what follows the last slash of the source.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "cli/formats/wanted.h"
#include "cli/location.h"
#include "cli/options.h"
#include "cli/services.h"
#include "core/base/result.h"
#include "core/local/file_sink.h"
#include "core/transfer/range.h"
#include "core/transfer/store.h"

namespace sjcp::cli {

// A `cp` whose words have been understood.
struct CopyRequest {
  std::vector<Location> sources;
  Location destination;
  bool recursive = false;
  bool dry_run = false;
  bool follow_links = true;  // below local sources
  // Told of each link that is left out.
  std::function<void(const std::string& link)> left_out = nullptr;
  transfer::RangeRequest range;
  transfer::ObjectOptions object;  // of uploads

  std::vector<Location> mirrors;                // of the only source
  std::vector<transfer::Digest> digests;        // that the only source must have
  std::optional<transfer::DigestKind> compute;  // to be told
  std::vector<Wanted> wanted;                   // instead of sources: what a list asks for
  std::string hub_mirror;                       // where large files of a hub are looked for first
  bool hub_layout = false;                      // the large files of a repository, under their mirrored names

  std::vector<std::string> notes;  // for people: what was asked for and has no effect

  // Several files were asked for: one that fails does not stop the others.
  bool batch() const { return recursive || sources.size() > 1 || !wanted.empty(); }
  bool upload() const { return destination.is_remote(); }
  // Files in flight where no number is asked for; nothing: as many as pay.  Small ones of Storj travel in
  // groups, others one by one; web servers and hubs are not asked for more than is usual.
  std::optional<unsigned> usual_transfers() const;
  // One location for each store that the copy needs.
  std::vector<const Location*> places_in_stores() const;
};

// Reads no file and asks no server, except whether local paths are folders; lists come with read_lists().
// kUsage, kUnsupported.
Result<CopyRequest> parse_copy(const CpOptions& options, std::chrono::sys_time<std::chrono::nanoseconds> now);

class CopyNames;  // cli/copy_names.h

struct CopyItem {
  Location source;
  Location destination;
  std::optional<uint64_t> size = {};           // when finding it told
  std::optional<transfer::Time> created = {};  // of an object, when finding it told
  std::vector<transfer::Digest> told = {};     // the same: digests; equal ones are of equal bytes
  bool make_folder = false;                    // an empty object that stands for a folder: nothing to fetch
  std::optional<Error> refused = {};           // it must not be copied; destination is the folder
  bool guessed_name = false;                   // the server may suggest a better one
  std::vector<Location> mirrors = {};          // places with the same bytes
  std::vector<transfer::Digest> digests = {};  // that the bytes must have
  std::optional<transfer::PieceDigests> pieces = {};  // the same
  std::vector<http::Header> headers = {};             // of requests to URLs
  std::optional<uint64_t> exact_size = {};            // that the bytes must have
  std::optional<unsigned> connections = {};           // instead of the command's
  size_t named = local::Place::kAll;  // of a local destination: what its person named, before the key's part
  uint32_t origin = 0;                // which of the sources, then of the list's entries, it comes from
  bool again = false;  // the same source goes to the same place already: nothing to do but to say so
};

// Where it goes; of local ones.
inline local::Place place_of(const CopyItem& item) {
  return {item.destination.path, item.named, item.source.text()};
}

// Finds every file of the request, in order, and hands it to `item`; an error from that ends the search.
// A source that cannot be listed ends it too, with that error; where there are several, it is an item that is
// refused.  `names`: of the run.
Status find_copies(const CopyRequest& request, Services& services, CopyNames& names,
                   const std::function<Status(CopyItem)>& item, const std::stop_token& stop);

}  // namespace sjcp::cli
