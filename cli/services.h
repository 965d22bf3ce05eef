// The services that a command talks to, each opened when the first location asks for it.
//
// Threads: any.  Stores, sources and writers must not outlive it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cli/location.h"
#include "cli/options.h"
#include "cli/session.h"
#include "core/transfer/store.h"
#include "net/http/client.h"

namespace sjcp::cli {

class Services {
 public:
  // Both must outlive it.
  Services(const Session& session, const ServiceOptions& options) : session_(session), options_(options) {}
  ~Services();

  // The store that a location is in.  kUsage: it is in none.
  Result<transfer::Store*> store(const Location& at);

  // Any remote location.  headers: of requests to a URL, "Name: value", beside those of the options.
  Result<std::unique_ptr<transfer::Source>> open(const Location& at,
                                                 const std::vector<std::string>& headers = {});
  Result<std::unique_ptr<transfer::ObjectWriter>> create(const Location& at,
                                                         const transfer::ObjectOptions& object,
                                                         std::optional<uint64_t> size);

  Result<http::Client*> client();

 private:
  Result<std::unique_ptr<transfer::Store>> open_store(Location::Kind kind);

  const Session& session_;
  const ServiceOptions& options_;
  std::mutex mutex_;                      // guards the rest
  std::unique_ptr<http::Client> client_;  // outlives the stores
  std::map<Location::Kind, std::unique_ptr<transfer::Store>> stores_;
};

}  // namespace sjcp::cli
