// A file of a repository as the hub's listings tell of it, and what else the hub's replies say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/transfer/digest.h"
#include "net/http/client.h"

namespace sjcp::hf {

struct HubFile {
  std::string path;
  bool folder = false;  // the rest says nothing then
  uint64_t size = 0;
  std::string oid;     // SHA-1 of the git blob; of a large file, of what git stores in its place
  std::string sha256;  // of a large file (LFS); empty: git has the file itself

  bool large() const { return !sha256.empty(); }
  // Names the contents: what caches call the file.
  const std::string& etag() const { return large() ? sha256 : oid; }
  transfer::Digest digest() const;
};

// A page of a listing.  `where` names it in errors.  Memory: that of the files.  kProtocol: not what the
// hub's documentation says; a file without a size or with one that is no number of bytes; without a digest.
Result<std::vector<HubFile>> parse_tree(std::string_view json, const std::string& where);
// The commit in the description of a revision.  kProtocol: it names none.
Result<std::string> parse_commit(std::string_view json, const std::string& where);

// The file that a reply to a HEAD request for it describes in its headers; kProtocol: it does not.  Of a
// redirect only those that name what it leads to count.
Result<HubFile> described_file(const http::Head& head, const std::string& path, const std::string& where);
// An ETag without quotes and mark of weakness.
std::string plain_etag(std::string_view value);

// The target of `Link: <...>; rel="next"`.
std::optional<std::string> next_page(const http::Head& head);

// What a status of 400 and more means and what to do about it.  where: "hf://OWNER/NAME/PATH"; page: of the
// repository, for people.
struct Asked {
  std::string where;
  std::string repo;
  std::string revision;
  std::string page;
  bool with_token = false;
};
Error refused(const http::Head& head, const Asked& asked);

}  // namespace sjcp::hf
