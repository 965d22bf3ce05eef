// Repositories of a model hub, as people name them.
//
//   hf://[models/|datasets/|spaces/]OWNER/NAME[@REVISION][/PATH]
//   hf://[models/|datasets/|spaces/]NAME[@REVISION[/PATH]]
//
// The second form is that of repositories from the hub's first days, which have no owner in their name; the
// hub knows where they are today.  What has two words is an owner and a name, never a name and a path.
//
// A revision is a branch, a tag, a commit, refs/pr/N or refs/convert/NAME; any other slash in it is written
// %2F.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace sjcp::hf {

enum class RepoKind { kModel, kDataset, kSpace };

struct Repo {
  RepoKind kind = RepoKind::kModel;
  std::string id;                 // OWNER/NAME or NAME, safe as a part of a path
  std::string revision = "main";  // plain

  // "[datasets/|spaces/|models/][OWNER/]NAME[@REVISION]", what commands take for a bucket.  kUsage: not of
  // this form, a name or revision that the hub does not allow.  kUnsupported: kernels and buckets.
  static Result<Repo> parse(std::string_view text);

  std::string text() const;              // what parse() takes; the revision only when it is not main
  std::string folder_name() const;       // in caches: "models--OWNER--NAME"
  std::string api_path() const;          // "/api/models/OWNER/NAME"
  std::string page_path() const;         // "/OWNER/NAME", "/datasets/OWNER/NAME"
  std::string escaped_revision() const;  // one component of a URL
  // Whether the revision names a commit.
  bool pinned() const;
  friend bool operator==(const Repo&, const Repo&) = default;
};

// What follows "hf://": where the repository with its revision ends.  npos: nothing follows it.
size_t end_of_repo(std::string_view rest);

bool is_commit(std::string_view text);  // 40 lower-case hex digits

// Each byte as %XX except letters, digits, "-._~" and, on request, '/'.
std::string percent_encoded(std::string_view text, bool keep_slash);

}  // namespace sjcp::hf
