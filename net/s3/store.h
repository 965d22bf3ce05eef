// An S3 service: Amazon's, Storj's gateway, or anything that speaks its protocol.
//
// Threads and errors: as transfer::Store; texts name the bucket or the s3:// URL.  kUsage: a profile that
// does not exist, a malformed endpoint or file.  kDenied: no credentials, at the first request.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "core/base/clock.h"
#include "core/transfer/store.h"
#include "core/transfer/upload_journal.h"
#include "net/http/client.h"
#include "net/s3/settings.h"
#include "net/s3/surroundings.h"

namespace sjcp::s3 {

struct StoreOptions {
  Wishes wishes;     // profile, region, endpoint and so on, as options say; the rest comes from env and files
  bool sign = true;  // false: public data, without credentials
  bool only_new = false;  // writing an object that exists already is kConflict, as the service finds
  bool requester_pays = false;
  transfer::UploadNotes* notes = nullptr;  // of multipart uploads; outlives the store; null: nothing is noted
};

// What a person sets beside an object can be headers: names are tokens, values hold no control characters.
// kUsage with the name.
Status check_metadata(const std::map<std::string, std::string>& metadata);

class Store : public transfer::Store {
 public:
  // Asks no server yet.  surroundings.client outlives the store.
  static Result<std::unique_ptr<Store>> open(const StoreOptions& options, const Surroundings& surroundings);
  // With the machine's own files and programs.  client outlives the store.
  static Result<std::unique_ptr<Store>> open(const StoreOptions& options, Environment env,
                                             http::Client& client);

  // The file with the certificates of authorities that a store with these wishes trusts, as AWS's tools find
  // it; empty: the system's.
  static Result<CaBundle> ca_bundle(const Wishes& wishes, Environment env);

  // A URL by which anybody may use this method on the object until it expires: at most a week, kUsage above.
  virtual Result<std::string> presign(const std::string& method, const std::string& bucket,
                                      const std::string& key, std::chrono::seconds expires,
                                      const std::stop_token& stop) = 0;
};

}  // namespace sjcp::s3
