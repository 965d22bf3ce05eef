// Questions to the hub: which commit a revision is, what files it has, where their bytes are.
//
// Each question is repeated while that may help; the hub's rate limits are waited for.  The token goes to the
// hub's own host only.
//
// Threads: any.  Errors: kNotFound, kDenied (hub_file.h, refused()), kLimited, kNetwork, kProtocol,
// kCancelled, kUsage (offline).
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/transfer/context.h"
#include "net/hf/hub_file.h"
#include "net/hf/repo.h"
#include "net/hf/settings.h"
#include "net/http/client.h"

namespace sjcp::hf {

// Where the bytes of a file are.
struct Place {
  std::string commit;
  HubFile file;
  std::string url;
  std::vector<http::Header> headers;  // for requests to the URL: the token, if it is the hub's own
};

class HubApi {
 public:
  // The client must outlive it.
  HubApi(http::Client& client, Settings settings);

  Result<std::string> commit(const Repo& repo, const transfer::Context& context);
  // The files below a folder ("" or ending in '/') of a commit, page by page; an error from `file` ends it.
  // A folder that does not exist has none; kNotFound where it may be the commit that does not.
  Status list(const Repo& repo, const std::string& commit, const std::string& folder, bool recursive,
              const std::function<Status(HubFile)>& file, const transfer::Context& context);
  // revision: also a commit.  No bytes are asked for.
  Result<Place> resolve(const Repo& repo, const std::string& revision, const std::string& path,
                        const transfer::Context& context);

  // Of a file of git itself: the hub serves it, nothing needs to be asked.
  std::string file_url(const Repo& repo, const std::string& commit, const std::string& path) const;
  std::vector<http::Header> token_header() const;
  Asked asked(const Repo& repo, const std::string& revision, const std::string& path) const;

  // "hf://OWNER/NAME@REVISION/PATH"
  static std::string name(const Repo& repo, const std::string& path);

 private:
  // limit: of the reply's bytes.
  Result<http::Reply> ask(http::Request request, const Asked& asked, size_t limit,
                          const transfer::Context& context);

  http::Client& client_;
  const Settings settings_;
};

}  // namespace sjcp::hf
