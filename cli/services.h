// The services that a command talks to, each opened when the first location asks for it.
//
// Threads: any.  Stores, sources and writers must not outlive it.
#pragma once

#include <atomic>
#include <chrono>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cli/location.h"
#include "cli/options.h"
#include "cli/session.h"
#include "cli/user_folders.h"
#include "core/local/begun_uploads.h"
#include "core/transfer/store.h"
#include "net/hf/hub.h"
#include "net/http/client.h"
#include "net/s3/store.h"

namespace sjcp::cli {

class Services {
 public:
  // Both must outlive it.
  Services(const Session& session, const ServiceOptions& options)
      : session_(session), options_(options), notes_(uploads_folder(session.io())) {}
  // Removes what runs that died have left at the services that it spoke to, and tells of headers that no
  // request could take.
  ~Services();

  // The store that a location is in.  kUsage: it is in none.
  Result<transfer::Store*> store(const Location& at);

  // The hub that a location is in.  kUsage: it is in none.
  Result<hf::Hub*> hub(const Location& at);

  // Any remote location.  headers: of requests to a URL, beside those of the options.  digest_known: the
  // whole will be compared with a digest.
  Result<std::unique_ptr<transfer::Source>> open(const Location& at,
                                                 const std::vector<http::Header>& headers = {},
                                                 bool digest_known = false);
  // What context points to must outlive the writer.
  Result<std::unique_ptr<transfer::ObjectWriter>> create(const Location& at,
                                                         const transfer::ObjectOptions& object,
                                                         std::optional<uint64_t> size,
                                                         const transfer::Context& context);

  // A URL that opens the object for so long.  kUnsupported: the store has none.
  Result<std::string> presign(const Location& at, const std::string& method, std::chrono::seconds period);

  // A text of at most `limit` bytes, from a file, standard input or a URL.
  Result<std::string> read_text(const Location& at, size_t limit);

  // For questions that belong to no copy: only the stop signal is set, and counters that nobody looks at.
  transfer::Context context();

  // Tells people, whatever the command shows.
  static void warn(const std::string& text);

  // Opened once, shared by all.
  Result<http::Client*> client();

 private:
  // The caller holds the mutex.
  Result<std::unique_ptr<transfer::Store>> open_store(Location::Kind kind);
  void remove_left_uploads(transfer::Store& store) const;
  Result<http::Client*> open_client();
  // For a service whose certificates these variables name, in order: a client of its own if one does, else
  // that of all.
  Result<http::Client*> open_client(std::initializer_list<const char*> ca_variables);
  // file: empty: that of all.  origin: what names it, for the error.
  Result<http::Client*> open_client_trusting(const std::string& origin, const std::string& file);
  Result<std::unique_ptr<http::Client>> make_client(const std::string& ca_file,
                                                    const std::string& ca_named_by) const;
  Result<std::unique_ptr<s3::Store>> open_s3();
  Result<std::unique_ptr<hf::Hub>> open_hub(http::Client& client);

  const Session& session_;
  const ServiceOptions& options_;
  transfer::Counters counters_;
  local::BegunUploads notes_;             // outlives the stores
  std::atomic<bool> for_urls_{false};     // a URL has been asked for: there the headers go
  std::mutex mutex_;                      // guards the rest
  std::vector<http::Header> headers_;     // of the options; set with the client, then constant
  std::unique_ptr<http::Client> client_;  // outlives the stores, as those of single services
  std::vector<std::unique_ptr<http::Client>> own_clients_;
  std::map<Location::Kind, std::unique_ptr<transfer::Store>> stores_;
  s3::Store* s3_ = nullptr;  // of these, once opened
  hf::Hub* hub_ = nullptr;
};

}  // namespace sjcp::cli
