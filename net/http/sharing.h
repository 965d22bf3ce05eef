// What all lines of a client have in common: names and TLS sessions once looked up or agreed on, and the
// certificates that are trusted, read once instead of for each connection.
//
// Ownership: made by the client, outlives its lines.
// Threads: any.
#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/base/result.h"

typedef struct x509_store_st X509_STORE;

namespace sjcp::http {

class Sharing {
 public:
  // ca_file: PEM; empty: the system's.  ca_named_by: which setting or variable names it, and then it is read
  // when the first certificate is to be checked; empty: the command line, and it is read now.  kUsage: it
  // cannot be read.  insecure: no certificate is trusted since none is checked.
  static Result<std::unique_ptr<Sharing>> create(const std::string& ca_file, const std::string& ca_named_by,
                                                 bool insecure);
  ~Sharing();
  Sharing(const Sharing&) = delete;
  Sharing& operator=(const Sharing&) = delete;

  // Names, sessions and trust, for one request's handle.
  void apply(CURL* easy);

  // Why nothing is trusted: a file that a setting or the environment names cannot be read (kLocalIo).
  std::optional<Error> failure() const;

  // Of the TLS connection that this handle has: bytes have been read from the socket, but not by libcurl.
  bool holds_bytes(CURL* easy) const;

 private:
  Sharing(std::string ca_file, std::string ca_named_by, bool insecure);
  bool load(const std::string& file);
  bool load_named(const std::string& file, const std::string& named_by);
  void load_when_needed();
  static CURLcode trust(CURL* easy, void* ssl_context, void* self);
  static void lock(CURL* easy, curl_lock_data data, curl_lock_access access, void* self);
  static void unlock(CURL* easy, curl_lock_data data, void* self);

  const std::string ca_file_;
  const std::string ca_named_by_;
  const bool insecure_;
  const bool reads_ahead_;  // several records with one call
  std::array<std::mutex, CURL_LOCK_DATA_LAST> locks_;
  CURLSH* share_ = nullptr;
  std::once_flag loaded_;  // a bundle of certificates takes some 20 ms, which http:// does not need
  X509_STORE* store_ = nullptr;
  mutable std::mutex failure_mutex_;  // guards the last
  std::optional<Error> failure_;
};

}  // namespace sjcp::http
