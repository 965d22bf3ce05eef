#include "net/http/sharing.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/crypto/gcm_provider.h"
#include "net/http/line_pool.h"

namespace sjcp::http {
namespace {

// Four records of the largest size.
constexpr size_t kReadAhead = 4 * (16384 + 256);

}  // namespace

Sharing::Sharing(std::string ca_file, std::string ca_named_by, bool insecure)
    : ca_file_(std::move(ca_file)),
      ca_named_by_(std::move(ca_named_by)),
      insecure_(insecure),
      reads_ahead_(!behind_proxy()) {
  crypto::prefer_vector_gcm();
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)global;
  store_ = X509_STORE_new();
  // As libcurl does it itself.
  X509_STORE_set_flags(store_, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
  share_ = curl_share_init();
  curl_share_setopt(share_, CURLSHOPT_LOCKFUNC, &Sharing::lock);
  curl_share_setopt(share_, CURLSHOPT_UNLOCKFUNC, &Sharing::unlock);
  curl_share_setopt(share_, CURLSHOPT_USERDATA, this);
  curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
  curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  // Kept for the run, by domain, path and scheme.
  curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
}

Sharing::~Sharing() {
  curl_share_cleanup(share_);
  X509_STORE_free(store_);
}

Result<std::unique_ptr<Sharing>> Sharing::create(const std::string& ca_file, const std::string& ca_named_by,
                                                 bool insecure) {
  std::unique_ptr<Sharing> sharing(new Sharing(ca_file, ca_named_by, insecure));
  if (!ca_file.empty() && ca_named_by.empty() && !sharing->load(ca_file)) {
    return make_error(Errc::kUsage, ca_file + ": holds no certificates in PEM form that can be read");
  }
  return sharing;
}

bool Sharing::load(const std::string& file) {
  return X509_STORE_load_file(store_, file.c_str()) == 1;
}

// False, and why: the file that `named_by` names is of no use.
bool Sharing::load_named(const std::string& file, const std::string& named_by) {
  if (load(file)) return true;
  const int why = ::access(file.c_str(), R_OK) == 0 ? 0 : errno;
  const std::string problem = why != 0 ? std::strerror(why) : "holds no certificates in PEM form";
  const std::lock_guard lock(failure_mutex_);
  failure_ = make_error(Errc::kLocalIo, file + ": " + problem + "; " + named_by + " names it", why);
  return false;
}

void Sharing::load_when_needed() {
  if (!ca_file_.empty()) {
    if (!ca_named_by_.empty()) load_named(ca_file_, ca_named_by_);
    return;
  }
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    const char* chosen = std::getenv(name);
    if (chosen == nullptr || *chosen == '\0') continue;
    load_named(chosen, name);
    return;
  }
  const curl_version_info_data* version = curl_version_info(CURLVERSION_NOW);
  if (version->age >= CURLVERSION_SEVENTH && version->cainfo != nullptr && load(version->cainfo)) return;
  X509_STORE_set_default_paths(store_);
}

void Sharing::apply(CURL* easy) {
  curl_easy_setopt(easy, CURLOPT_SHARE, share_);
  curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, this);
  curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, &Sharing::trust);
  if (insecure_) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  // libcurl reads these files anew for every connection of another multi handle; ours are read already.
  curl_easy_setopt(easy, CURLOPT_CAINFO, nullptr);
  curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
}

CURLcode Sharing::trust(CURL*, void* ssl_context, void* self) {
  auto* sharing = static_cast<Sharing*>(self);
  auto* context = static_cast<SSL_CTX*>(ssl_context);
  if (sharing->reads_ahead_) {
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, kReadAhead);
  }
  if (sharing->insecure_) return CURLE_OK;
  std::call_once(sharing->loaded_, [&] { sharing->load_when_needed(); });
  if (sharing->failure()) return CURLE_SSL_CACERT_BADFILE;
  SSL_CTX_set1_cert_store(context, sharing->store_);
  return CURLE_OK;
}

std::optional<Error> Sharing::failure() const {
  const std::lock_guard lock(failure_mutex_);
  return failure_;
}

bool Sharing::holds_bytes(CURL* easy) const {
  curl_tlssessioninfo* info = nullptr;
  if (!reads_ahead_ || curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK) return false;
  if (info == nullptr || info->backend != CURLSSLBACKEND_OPENSSL || info->internals == nullptr) return false;
  return SSL_has_pending(static_cast<SSL*>(info->internals)) == 1;
}

void Sharing::lock(CURL*, curl_lock_data data, curl_lock_access, void* self) {
  static_cast<Sharing*>(self)->locks_[data].lock();
}

void Sharing::unlock(CURL*, curl_lock_data data, void* self) {
  static_cast<Sharing*>(self)->locks_[data].unlock();
}

}  // namespace sjcp::http
