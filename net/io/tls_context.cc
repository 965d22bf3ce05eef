#include <openssl/crypto.h>

#include "core/crypto/gcm_provider.h"
#include "net/io/openssl_ptr.h"
#include "net/io/peer_check.h"
#include "net/io/tls_connection.h"
#include "net/io/tls_library.h"

namespace sjcp::io {

namespace {

constexpr size_t kReadBuffer = 64 << 10;

// libcrypto's own view of the processor: it honours its environment variables, which a direct look would not.
struct Processor {
  bool x86 = false;
  bool arm = false;
  uint64_t words[2] = {0, 0};  // x86: CPUID 1 edx, ecx and CPUID 7 ebx, ecx; ARM: one word of its own
  bool bit(int word, int at) const { return (words[word] >> at & 1) != 0; }
};

Processor processor() {
  Processor found;
  const char* info = OPENSSL_info(OPENSSL_INFO_CPU_SETTINGS);
  const std::string_view text = info != nullptr ? info : "";
  found.x86 = text.starts_with("OPENSSL_ia32cap=");
  found.arm = text.starts_with("OPENSSL_armcap=");
  if (!found.x86 && !found.arm) return found;
  const char* at = info + text.find('=') + 1;
  char* end = nullptr;
  found.words[0] = std::strtoull(at, &end, 0);
  if (*end == ':') found.words[1] = std::strtoull(end + 1, nullptr, 0);
  return found;
}

bool has_aes(const Processor& cpu) {
  return (cpu.x86 && cpu.bit(0, 57)) || (cpu.arm && cpu.bit(0, 2));
}

// Both peers accept the client's first choice among these; without AES instructions ChaCha20 is several times
// faster.
bool set_ciphers(SSL_CTX* context) {
  const bool aes = has_aes(processor());
  const char* tls13 = aes ? "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"
                          : "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";
  const char* tls12 = aes ? "ECDHE+AES128GCM:ECDHE+CHACHA20:ECDHE+AES256GCM" : "ECDHE+CHACHA20:ECDHE+AESGCM";
  return SSL_CTX_set_ciphersuites(context, tls13) == 1 && SSL_CTX_set_cipher_list(context, tls12) == 1;
}

}  // namespace

struct TlsContext::State {
  std::shared_ptr<const Identity> identity;
  SslCtxPtr context;
  PeerChains chains;

  static Result<std::unique_ptr<State>> create(const SSL_METHOD* method,
                                               std::shared_ptr<const Identity> identity);
  Result<std::shared_ptr<const PeerIdentity>> verify(STACK_OF(X509) * certificates);
  void check(STACK_OF(X509) * certificates, PeerCheck& check);
};

Result<std::shared_ptr<const PeerIdentity>> TlsContext::State::verify(STACK_OF(X509) * certificates) {
  std::vector<std::string> chain;
  for (int i = 0; i < sk_X509_num(certificates); ++i) {
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(sk_X509_value(certificates, i), &bytes);
    if (size <= 0)
      return make_error(Errc::kIntegrity, "certificate chain refused: a certificate is malformed");
    chain.emplace_back(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
    OPENSSL_free(bytes);
  }
  return chains.verify(chain);
}

void TlsContext::State::check(STACK_OF(X509) * certificates, PeerCheck& check) {
  Result<std::shared_ptr<const PeerIdentity>> peer = verify(certificates);
  if (!peer) {
    check.refusal = std::move(peer).error();
    return;
  }
  // The text form leaves out what the last byte holds besides a known version, and so does the network's
  // comparison.
  const access::NodeId& id = (*peer)->id();
  if (check.expected && *check.expected != id && check.expected->text() != id.text()) {
    check.refusal = make_error(Errc::kIntegrity, "the peer is another node: " + id.text());
    return;
  }
  check.peer = std::move(*peer);
}

namespace {

// Replaces OpenSSL's chain building and date checks altogether.  A refusal ends the handshake with an alert.
int verify_callback(X509_STORE_CTX* store, void* state) {
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* check = static_cast<PeerCheck*>(SSL_get_app_data(ssl));
  static_cast<TlsContext::State*>(state)->check(X509_STORE_CTX_get0_untrusted(store), *check);
  X509_STORE_CTX_set_error(store, check->refusal ? X509_V_ERR_APPLICATION_VERIFICATION : X509_V_OK);
  return check->refusal ? 0 : 1;
}

// OpenSSL tells secrets in this way only: lines of a label, the client's random bytes and the secret, in hex.
void keep_secret(const SSL* ssl, const char* line) {
  const std::string_view own =
      SSL_is_server(ssl) == 1 ? "SERVER_TRAFFIC_SECRET_0 " : "CLIENT_TRAFFIC_SECRET_0 ";
  const std::string_view text = line;
  if (!text.starts_with(own)) return;
  auto secret = from_hex(text.substr(text.rfind(' ') + 1));
  if (secret) static_cast<PeerCheck*>(SSL_get_app_data(ssl))->secret = *std::move(secret);
}

// KeyUpdate (RFC 8446, 4.6.3), which OpenSSL would answer when it writes next.
void note_key_update(int sent, int, int type, const void* data, size_t size, SSL* ssl, void*) {
  const auto* message = static_cast<const uint8_t*>(data);
  constexpr uint8_t kUpdateRequested = 1;
  if (sent == 0 && type == SSL3_RT_HANDSHAKE && size == 5 && message[0] == SSL3_MT_KEY_UPDATE &&
      message[4] == kUpdateRequested) {
    static_cast<PeerCheck*>(SSL_get_app_data(ssl))->new_keys = true;
  }
}

}  // namespace

Result<std::unique_ptr<TlsContext::State>> TlsContext::State::create(
    const SSL_METHOD* method, std::shared_ptr<const Identity> identity) {
  auto state = std::make_unique<State>();
  state->identity = std::move(identity);
  crypto::prefer_vector_gcm(tls_library());
  state->context.reset(SSL_CTX_new_ex(tls_library(), nullptr, method));
  SSL_CTX* context = state->context.get();
  const bool ok = context != nullptr && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
                  SSL_CTX_set1_groups_list(context, "X25519:P-256") == 1 && set_ciphers(context) &&
                  SSL_CTX_use_certificate(context, state->identity->leaf()) == 1 &&
                  SSL_CTX_use_PrivateKey(context, state->identity->key()) == 1 &&
                  SSL_CTX_add1_chain_cert(context, state->identity->ca()) == 1;
  if (!ok) return make_error(Errc::kInternal, "cannot set up TLS: " + openssl_reason());
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  // Peers end connections without a TLS farewell; DRPC knows where messages end.
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // Releasing buffers costs no time that can be measured and leaves an idle connection without its 80 KiB.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadBuffer);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_keylog_callback(context, keep_secret);
  SSL_CTX_set_msg_callback(context, note_key_update);
  SSL_CTX_set_cert_verify_callback(context, verify_callback, state.get());
  return state;
}

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<const TlsContext>> TlsContext::client(std::shared_ptr<const Identity> identity) {
  Result<std::unique_ptr<State>> state = State::create(TLS_client_method(), std::move(identity));
  if (!state) return std::move(state).error();
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(*state)));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::server(std::shared_ptr<const Identity> identity) {
  Result<std::unique_ptr<State>> state = State::create(TLS_server_method(), std::move(identity));
  if (!state) return std::move(state).error();
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(*state)));
}

ssl_ctx_st* TlsContext::native() const {
  return state_->context.get();
}
const Identity& TlsContext::identity() const {
  return *state_->identity;
}
PeerChains& TlsContext::chains() const {
  return state_->chains;
}

std::string crypto_capabilities() {
  const Processor cpu = processor();
  std::string text;
  const auto add = [&text](bool present, const char* name) {
    if (present) text += (text.empty() ? "" : ", ") + std::string(name);
  };
  add(cpu.x86 && cpu.bit(0, 57), "AES-NI");
  add(cpu.x86 && cpu.bit(1, 5), "AVX2");
  add(cpu.x86 && cpu.bit(1, 16), "AVX-512");
  add(cpu.x86 && cpu.bit(1, 41), "VAES");
  add(cpu.x86 && cpu.bit(1, 29), "SHA-NI");
  add(cpu.arm && cpu.bit(0, 2), "ARMv8 AES");
  add(cpu.arm && cpu.bit(0, 4), "ARMv8 SHA-256");
  return text;
}

}  // namespace sjcp::io
