#include "net/io/identity.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "net/io/openssl_ptr.h"
#include "net/io/tls_library.h"

namespace sjcp::io {

namespace {

// Marks the identity version in a CA certificate.  The value is one raw byte, not DER.
constexpr const char* kVersionOid = "2.999.2.1";
constexpr uint8_t kVersion = 0;

// Chains are about 800 bytes each; a network has tens of thousands of nodes.
constexpr size_t kMaxKnownChains = 4096;

using Asn1ObjectPtr = std::unique_ptr<ASN1_OBJECT, Freer<ASN1_OBJECT_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;
using OctetsPtr = std::unique_ptr<ASN1_OCTET_STRING, Freer<ASN1_OCTET_STRING_free>>;

template <class T, int (*Encode)(const T*, unsigned char**)>
std::string der_of(const T* object) {
  unsigned char* bytes = nullptr;
  const int size = Encode(object, &bytes);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

std::string certificate_der(const X509* certificate) {
  return der_of<X509, i2d_X509>(certificate);
}

std::string spki_der(X509* certificate) {
  return der_of<X509_PUBKEY, i2d_X509_PUBKEY>(X509_get_X509_PUBKEY(certificate));
}

// ---- making certificates ----

bool add_extension(X509* certificate, int nid, const char* value) {
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool add_version(X509* certificate) {
  const Asn1ObjectPtr oid(OBJ_txt2obj(kVersionOid, 1));
  const OctetsPtr value(ASN1_OCTET_STRING_new());
  if (oid == nullptr || value == nullptr || ASN1_OCTET_STRING_set(value.get(), &kVersion, 1) != 1)
    return false;
  const ExtensionPtr extension(X509_EXTENSION_create_by_OBJ(nullptr, oid.get(), 0, value.get()));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// Everything but extensions and signature.  Peers check no dates; these never expire.
X509Ptr blank_certificate(EVP_PKEY* key) {
  X509Ptr certificate(X509_new());
  uint8_t serial[16];
  if (certificate == nullptr || RAND_bytes(serial, sizeof serial) != 1) return nullptr;
  serial[0] &= 0x7f;
  std::unique_ptr<BIGNUM, Freer<BN_free>> number(BN_bin2bn(serial, sizeof serial, nullptr));
  X509* x = certificate.get();
  X509_NAME* subject = X509_get_subject_name(x);
  const auto* organization = reinterpret_cast<const unsigned char*>("Storj");
  const bool ok = number != nullptr && X509_set_version(x, X509_VERSION_3) == 1 &&
                  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x)) != nullptr &&
                  X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC, organization, -1, -1, 0) == 1 &&
                  X509_set_issuer_name(x, subject) == 1 &&
                  ASN1_TIME_set_string_X509(X509_getm_notBefore(x), "19700101000000Z") == 1 &&
                  ASN1_TIME_set_string_X509(X509_getm_notAfter(x), "99991231235959Z") == 1 &&
                  X509_set_pubkey(x, key) == 1;
  return ok ? std::move(certificate) : nullptr;
}

X509Ptr make_ca(EVP_PKEY* key) {
  X509Ptr ca = blank_certificate(key);
  const bool ok = ca != nullptr && add_extension(ca.get(), NID_key_usage, "critical,keyCertSign") &&
                  add_extension(ca.get(), NID_basic_constraints, "critical,CA:TRUE") &&
                  add_version(ca.get()) && X509_sign(ca.get(), key, EVP_sha256()) > 0;
  return ok ? std::move(ca) : nullptr;
}

X509Ptr make_leaf(EVP_PKEY* key, EVP_PKEY* ca_key) {
  X509Ptr leaf = blank_certificate(key);
  const bool ok = leaf != nullptr &&
                  add_extension(leaf.get(), NID_key_usage, "critical,digitalSignature,keyEncipherment") &&
                  add_extension(leaf.get(), NID_ext_key_usage, "serverAuth,clientAuth") &&
                  add_extension(leaf.get(), NID_basic_constraints, "critical,CA:FALSE") &&
                  X509_sign(leaf.get(), ca_key, EVP_sha256()) > 0;
  return ok ? std::move(leaf) : nullptr;
}

// ---- checking certificates ----

Error refused(const std::string& why) {
  return make_error(Errc::kIntegrity, "certificate chain refused: " + why);
}

X509Ptr parse_certificate(ByteView& der) {
  const uint8_t* at = der.data();
  X509* read = X509_new_ex(tls_library(), nullptr);
  if (read != nullptr && d2i_X509(&read, &at, static_cast<long>(der.size())) == nullptr) read = nullptr;
  X509Ptr certificate(read);
  ERR_clear_error();
  if (certificate != nullptr) der = der.sub(static_cast<size_t>(at - der.data()));
  return certificate;
}

// The signed bytes of a certificate as they came: OpenSSL only offers to encode them anew.
std::optional<ByteView> to_be_signed(ByteView der) {
  const uint8_t* at = der.data();
  long length = 0;
  int tag = 0;
  int tag_class = 0;
  if (ASN1_get_object(&at, &length, &tag, &tag_class, static_cast<long>(der.size())) != V_ASN1_CONSTRUCTED ||
      tag != V_ASN1_SEQUENCE) {
    return std::nullopt;
  }
  const uint8_t* begin = at;
  if (ASN1_get_object(&at, &length, &tag, &tag_class, length) != V_ASN1_CONSTRUCTED ||
      tag != V_ASN1_SEQUENCE) {
    return std::nullopt;
  }
  return ByteView(begin, static_cast<size_t>(at + length - begin));
}

// SHA-256 with ECDSA, or with RSA-PSS whatever its salt length; the algorithm follows from the key.
bool signature_ok(EVP_PKEY* key, ByteView data, ByteView signature) {
  if (key == nullptr) return false;
  const int type = EVP_PKEY_get_base_id(key);
  if (type != EVP_PKEY_EC && type != EVP_PKEY_RSA) return false;
  const MdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  bool ok = context != nullptr && EVP_DigestVerifyInit_ex(context.get(), &parameters, "SHA256", tls_library(),
                                                          nullptr, key, nullptr) == 1;
  if (ok && type == EVP_PKEY_RSA) {
    ok = EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_AUTO) == 1;
  }
  ok = ok &&
       EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(), data.size()) == 1;
  ERR_clear_error();
  return ok;
}

bool signed_by(ByteView der, const X509* certificate, X509* issuer) {
  const std::optional<ByteView> data = to_be_signed(der);
  const ASN1_BIT_STRING* signature = nullptr;
  X509_get0_signature(&signature, nullptr, certificate);
  return data && signature_ok(X509_get0_pubkey(issuer), *data,
                              ByteView(signature->data, static_cast<size_t>(signature->length)));
}

Status check_ca(X509* ca) {
  const uint32_t flags = X509_get_extension_flags(ca);
  if ((flags & EXFLAG_BCONS) == 0 || (flags & EXFLAG_CA) == 0)
    return refused("the second certificate is no CA");
  // Without the extension every use is allowed.
  if ((flags & EXFLAG_KUSAGE) != 0 && (X509_get_key_usage(ca) & KU_KEY_CERT_SIGN) == 0) {
    return refused("the CA may not sign certificates");
  }
  return {};
}

Result<uint8_t> identity_version(const X509* ca) {
  const Asn1ObjectPtr oid(OBJ_txt2obj(kVersionOid, 1));
  const int at = X509_get_ext_by_OBJ(ca, oid.get(), -1);
  if (at < 0) return kVersion;
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_get_ext(ca, at));
  if (value->length < 1 || value->data[0] != kVersion) return refused("unknown identity version");
  return value->data[0];
}

std::string pem_of(const auto& write) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (out == nullptr || !write(out.get())) return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

BioPtr reader(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Keys of these files are never encrypted; without this OpenSSL would ask on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

}  // namespace

struct Identity::State {
  X509Ptr leaf;
  X509Ptr ca;
  KeyPtr key;
  access::NodeId id;
};

Identity::Identity(std::unique_ptr<State> state) : state_(std::move(state)) {}
Identity::~Identity() = default;

Result<std::shared_ptr<const Identity>> Identity::generate() {
  auto state = std::make_unique<State>();
  const KeyPtr ca_key(EVP_PKEY_Q_keygen(tls_library(), nullptr, "EC", "P-256"));
  state->key.reset(EVP_PKEY_Q_keygen(tls_library(), nullptr, "EC", "P-256"));
  if (ca_key != nullptr && state->key != nullptr) {
    state->ca = make_ca(ca_key.get());
    state->leaf = make_leaf(state->key.get(), ca_key.get());
  }
  if (state->ca == nullptr || state->leaf == nullptr) {
    return make_error(Errc::kInternal, "cannot make an identity: " + openssl_reason());
  }
  state->id = access::NodeId::from_ca_spki(spki_der(state->ca.get()), kVersion);
  return std::shared_ptr<const Identity>(new Identity(std::move(state)));
}

Result<std::shared_ptr<const Identity>> Identity::from_pem(std::string_view chain, std::string_view key) {
  auto state = std::make_unique<State>();
  const BioPtr chain_reader = reader(chain);
  state->leaf.reset(PEM_read_bio_X509(chain_reader.get(), nullptr, no_passphrase, nullptr));
  state->ca.reset(PEM_read_bio_X509(chain_reader.get(), nullptr, no_passphrase, nullptr));
  if (state->leaf == nullptr || state->ca == nullptr) {
    ERR_clear_error();
    return make_error(Errc::kUsage, "identity: the chain must hold two PEM certificates, leaf and CA");
  }
  state->key.reset(PEM_read_bio_PrivateKey(reader(key).get(), nullptr, no_passphrase, nullptr));
  const bool fits = state->key != nullptr && X509_check_private_key(state->leaf.get(), state->key.get()) == 1;
  ERR_clear_error();
  if (!fits)
    return make_error(Errc::kUsage, "identity: the key is malformed or not the one of the leaf certificate");
  auto verified =
      PeerIdentity::verify({certificate_der(state->leaf.get()), certificate_der(state->ca.get())});
  if (!verified) return make_error(Errc::kUsage, "identity: " + verified.error().what);
  state->id = (*verified)->id();
  return std::shared_ptr<const Identity>(new Identity(std::move(state)));
}

const access::NodeId& Identity::id() const {
  return state_->id;
}
x509_st* Identity::leaf() const {
  return state_->leaf.get();
}
x509_st* Identity::ca() const {
  return state_->ca.get();
}
evp_pkey_st* Identity::key() const {
  return state_->key.get();
}

std::string Identity::sign(ByteView data) const {
  const MdCtxPtr context(EVP_MD_CTX_new());
  size_t size = 0;
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, state_->key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, data.data(), data.size()) != 1) {
    return {};
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data.data(),
                     data.size()) != 1) {
    return {};
  }
  signature.resize(size);
  return signature;
}

std::string Identity::chain_der() const {
  return certificate_der(state_->leaf.get()) + certificate_der(state_->ca.get());
}

std::string Identity::chain_pem() const {
  return pem_of([this](BIO* out) {
    return PEM_write_bio_X509(out, state_->leaf.get()) == 1 && PEM_write_bio_X509(out, state_->ca.get()) == 1;
  });
}

std::string Identity::key_pem() const {
  return pem_of([this](BIO* out) {
    return PEM_write_bio_PKCS8PrivateKey(out, state_->key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1;
  });
}

struct PeerIdentity::State {
  X509Ptr leaf;
  access::NodeId id;
  std::string chain;
};

PeerIdentity::PeerIdentity(std::unique_ptr<State> state) : state_(std::move(state)) {}
PeerIdentity::~PeerIdentity() = default;

Result<std::shared_ptr<const PeerIdentity>> PeerIdentity::verify(
    const std::vector<std::string>& certificates) {
  if (certificates.size() < 2) return refused("it has fewer than two certificates");
  std::vector<X509Ptr> chain;
  for (const std::string& der : certificates) {
    ByteView rest(der);
    chain.push_back(parse_certificate(rest));
    if (chain.back() == nullptr || !rest.empty()) return refused("a certificate is malformed");
  }
  for (size_t i = 0; i < chain.size(); ++i) {
    const size_t issuer = std::min(i + 1, chain.size() - 1);
    if (!signed_by(certificates[i], chain[i].get(), chain[issuer].get())) {
      return refused("certificate " + std::to_string(i) + " is not signed by the next");
    }
  }
  X509* ca = chain[1].get();
  if (Status status = check_ca(ca); !status) return status.error();
  const Result<uint8_t> version = identity_version(ca);
  if (!version) return version.error();
  auto state = std::make_unique<State>();
  state->id = access::NodeId::from_ca_spki(spki_der(ca), *version);
  state->leaf = std::move(chain[0]);
  for (const std::string& der : certificates) state->chain += der;
  return std::shared_ptr<const PeerIdentity>(new PeerIdentity(std::move(state)));
}

Result<std::shared_ptr<const PeerIdentity>> PeerIdentity::from_chain_der(ByteView chain) {
  std::vector<std::string> certificates;
  while (!chain.empty()) {
    ByteView rest = chain;
    if (parse_certificate(rest) == nullptr) return refused("a certificate is malformed");
    certificates.push_back(chain.sub(0, chain.size() - rest.size()).str());
    chain = rest;
  }
  return verify(certificates);
}

const access::NodeId& PeerIdentity::id() const {
  return state_->id;
}

const std::string& PeerIdentity::chain_der() const {
  return state_->chain;
}

bool PeerIdentity::verify_signature(ByteView data, ByteView signature) const {
  return signature_ok(X509_get0_pubkey(state_->leaf.get()), data, signature);
}

Result<std::shared_ptr<const PeerIdentity>> PeerChains::verify(const std::vector<std::string>& certificates) {
  std::string all;
  for (const std::string& der : certificates) all += der;
  if (auto known = find(all)) return known;
  auto peer = PeerIdentity::verify(certificates);
  if (peer) keep(*peer);
  return peer;
}

Result<std::shared_ptr<const PeerIdentity>> PeerChains::from_chain_der(ByteView chain) {
  if (auto known = find(chain.str())) return known;
  auto peer = PeerIdentity::from_chain_der(chain);
  if (peer) keep(*peer);
  return peer;
}

std::shared_ptr<const PeerIdentity> PeerChains::find(const std::string& chain) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(chain);
  return found != known_.end() ? found->second : nullptr;
}

void PeerChains::keep(const std::shared_ptr<const PeerIdentity>& peer) {
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMaxKnownChains) known_.clear();
  known_.emplace(peer->chain_der(), peer);
}

}  // namespace sjcp::io
