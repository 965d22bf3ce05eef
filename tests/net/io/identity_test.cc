#include "net/io/identity.h"

#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "net/io/openssl_ptr.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace sjcp;
using io::Identity;
using io::PeerIdentity;
using Chain = std::vector<std::string>;

namespace {

// How a certificate of a test chain deviates from a good one.
struct Recipe {
  bool ca = false;
  const char* basic_constraints = nullptr;
  const char* key_usage = nullptr;
  int version = -1;  // -1: no extension
  bool pss = false;
};

std::string make_certificate(EVP_PKEY* key, EVP_PKEY* signer, const Recipe& recipe) {
  const io::X509Ptr owner(X509_new());
  X509* x = owner.get();
  X509_set_version(x, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
  X509_gmtime_adj(X509_getm_notBefore(x), -1000);
  X509_gmtime_adj(X509_getm_notAfter(x), -10);  // expired: nobody minds
  X509_set_pubkey(x, key);
  const auto add = [x](int nid, const char* value) {
    if (value == nullptr) return;
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
  };
  add(NID_basic_constraints, recipe.basic_constraints);
  add(NID_key_usage, recipe.key_usage);
  if (recipe.version >= 0) {
    ASN1_OBJECT* oid = OBJ_txt2obj("2.999.2.1", 1);
    ASN1_OCTET_STRING* value = ASN1_OCTET_STRING_new();
    const auto byte = static_cast<unsigned char>(recipe.version);
    ASN1_OCTET_STRING_set(value, &byte, 1);
    X509_EXTENSION* extension = X509_EXTENSION_create_by_OBJ(nullptr, oid, 0, value);
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(oid);
  }
  const io::MdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  EVP_DigestSignInit(context.get(), &parameters, EVP_sha256(), nullptr, signer);
  if (recipe.pss) EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING);
  X509_sign_ctx(x, context.get());
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(x, &bytes);
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

const Recipe kGoodCa{true, "critical,CA:TRUE", "critical,keyCertSign", 0, false};
const Recipe kGoodLeaf{false, "critical,CA:FALSE", "critical,digitalSignature", -1, false};

// The two certificates of an identity as separate DER strings.
Chain split(const Identity& identity) {
  Chain chain;
  for (X509* certificate : {identity.leaf(), identity.ca()}) {
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(certificate, &bytes);
    chain.emplace_back(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
    OPENSSL_free(bytes);
  }
  return chain;
}

std::string refusal(const Chain& chain) {
  const auto peer = PeerIdentity::verify(chain);
  if (peer) return "accepted";
  CHECK(peer.error().code == Errc::kIntegrity);
  return peer.error().what.substr(std::string("certificate chain refused: ").size());
}

}  // namespace

TEST_CASE("the chain of the network's own library verifies and gives its node id") {
  const auto vector = test::load_vectors("nodeid.json")["identity"];
  const std::string der = test::unhex(vector["decoded_chain_concat_der_hex"]);
  const auto peer = PeerIdentity::from_chain_der(der);
  REQUIRE(peer);
  CHECK(to_hex((*peer)->id().view()) == vector["node_id_hex"].get<std::string>());
  CHECK((*peer)->id().text() == vector["node_id"].get<std::string>());
}

TEST_CASE("signatures of the network's own library verify with the leaf key") {
  const auto identity = test::load_vectors("nodeid.json")["identity"];
  const auto peer = PeerIdentity::from_chain_der(test::unhex(identity["decoded_chain_concat_der_hex"]));
  REQUIRE(peer);
  const auto signing = test::load_vectors("signing.json");
  REQUIRE(signing["order_limits"].size() > 0);
  for (const auto& limit : signing["order_limits"]) {
    std::string bytes = test::unhex(limit["signing_bytes_hex"]);
    std::string signature = test::unhex(limit["satellite_signature_hex"]);
    CHECK((*peer)->verify_signature(bytes, signature));
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    CHECK_FALSE((*peer)->verify_signature(bytes, signature));
    CHECK_FALSE((*peer)->verify_signature(bytes, ByteView()));
  }
}

TEST_CASE("a generated identity verifies, signs, and survives PEM") {
  const auto made = Identity::generate();
  REQUIRE(made);
  const Identity& identity = **made;
  const auto peer = PeerIdentity::from_chain_der(identity.chain_der());
  REQUIRE(peer);
  CHECK((*peer)->id() == identity.id());
  CHECK_FALSE(identity.id().is_zero());
  CHECK(identity.id().view()[31] == 0);
  const std::string signature = identity.sign(std::string("data"));
  CHECK((*peer)->verify_signature(std::string("data"), signature));
  CHECK_FALSE((*peer)->verify_signature(std::string("date"), signature));

  const auto again = Identity::from_pem(identity.chain_pem(), identity.key_pem());
  REQUIRE(again);
  CHECK((*again)->id() == identity.id());
  CHECK((*again)->chain_der() == identity.chain_der());
  CHECK((*peer)->verify_signature(std::string("data"), (*again)->sign(std::string("data"))));
}

TEST_CASE("two generated identities differ") {
  CHECK((*Identity::generate())->id() != (*Identity::generate())->id());
}

TEST_CASE("from_pem refuses files that do not belong together") {
  const auto a = *Identity::generate();
  const auto b = *Identity::generate();
  const auto code = [](const std::string& chain, const std::string& key) {
    const auto identity = Identity::from_pem(chain, key);
    return identity ? Errc::kInternal : identity.error().code;
  };
  const std::string leaf_only = a->chain_pem().substr(0, a->chain_pem().find("-----BEGIN", 10));
  const std::string ca_of_b = b->chain_pem().substr(b->chain_pem().find("-----BEGIN", 10));
  CHECK(code("", a->key_pem()) == Errc::kUsage);
  CHECK(code("garbage", "garbage") == Errc::kUsage);
  CHECK(code(leaf_only, a->key_pem()) == Errc::kUsage);
  CHECK(code(leaf_only + ca_of_b, a->key_pem()) == Errc::kUsage);
  CHECK(code(a->chain_pem(), b->key_pem()) == Errc::kUsage);
  CHECK(code(a->chain_pem(), "") == Errc::kUsage);
}

TEST_CASE("a chain that was tampered with is refused") {
  const auto a = *Identity::generate();
  const Chain good = split(*a);
  const Chain other = split(**Identity::generate());
  REQUIRE(refusal(good) == "accepted");
  CHECK(refusal({}) == "it has fewer than two certificates");
  CHECK(refusal({good[0]}) == "it has fewer than two certificates");
  CHECK(refusal({good[0], other[1]}) == "certificate 0 is not signed by the next");
  CHECK(refusal({good[0], other[0]}) == "certificate 0 is not signed by the next");
  CHECK(refusal({good[0], good[1], other[1]}) == "certificate 1 is not signed by the next");
  CHECK(refusal({good[0], good[1] + "x"}) == "a certificate is malformed");
  CHECK(refusal({good[0].substr(0, 100), good[1]}) == "a certificate is malformed");
  int accepted = 0;
  for (size_t cert = 0; cert < 2; ++cert) {
    for (size_t at = 0; at < good[cert].size(); ++at) {
      Chain bad = good;
      bad[cert][at] = static_cast<char>(bad[cert][at] ^ 1);
      accepted += PeerIdentity::verify(bad).has_value();
    }
  }
  // The outer signature algorithm is not signed and not looked at: the key says which one it is.
  CHECK(accepted <= 30);
}

TEST_CASE("the concatenated form refuses truncation and trailing bytes") {
  const std::string chain = (*Identity::generate())->chain_der();
  CHECK(PeerIdentity::from_chain_der(chain));
  CHECK_FALSE(PeerIdentity::from_chain_der(chain + "x"));
  CHECK_FALSE(PeerIdentity::from_chain_der(ByteView(chain).sub(0, chain.size() - 1)));
  CHECK_FALSE(PeerIdentity::from_chain_der(ByteView()));
}

TEST_CASE("the second certificate must be a CA of a known identity version") {
  const io::KeyPtr ca_key(EVP_EC_gen("P-256"));
  const io::KeyPtr leaf_key(EVP_EC_gen("P-256"));
  const std::string leaf = make_certificate(leaf_key.get(), ca_key.get(), kGoodLeaf);
  const auto with_ca = [&](const Recipe& recipe) {
    return refusal({leaf, make_certificate(ca_key.get(), ca_key.get(), recipe)});
  };
  CHECK(with_ca(kGoodCa) == "accepted");
  CHECK(with_ca({true, "critical,CA:TRUE", nullptr, -1, false}) == "accepted");
  CHECK(with_ca({true, "critical,CA:FALSE", "critical,keyCertSign", 0, false}) ==
        "the second certificate is no CA");
  CHECK(with_ca({true, nullptr, "critical,keyCertSign", 0, false}) == "the second certificate is no CA");
  CHECK(with_ca({true, "critical,CA:TRUE", "critical,digitalSignature", 0, false}) ==
        "the CA may not sign certificates");
  CHECK(with_ca({true, "critical,CA:TRUE", "critical,keyCertSign", 1, false}) == "unknown identity version");
}

TEST_CASE("a third certificate may sign the CA") {
  const io::KeyPtr root_key(EVP_EC_gen("P-256"));
  const io::KeyPtr ca_key(EVP_EC_gen("P-256"));
  const io::KeyPtr leaf_key(EVP_EC_gen("P-256"));
  const std::string leaf = make_certificate(leaf_key.get(), ca_key.get(), kGoodLeaf);
  const std::string ca = make_certificate(ca_key.get(), root_key.get(), kGoodCa);
  const std::string root = make_certificate(root_key.get(), root_key.get(), kGoodCa);
  CHECK(refusal({leaf, ca, root}) == "accepted");
  CHECK(refusal({leaf, ca}) == "certificate 1 is not signed by the next");
}

TEST_CASE("RSA chains are checked with PSS, and PKCS#1 signatures refused") {
  const io::KeyPtr ca_key(EVP_RSA_gen(2048));
  const io::KeyPtr leaf_key(EVP_RSA_gen(2048));
  Recipe leaf = kGoodLeaf;
  Recipe ca = kGoodCa;
  leaf.pss = ca.pss = true;
  const Chain chain{make_certificate(leaf_key.get(), ca_key.get(), leaf),
                    make_certificate(ca_key.get(), ca_key.get(), ca)};
  CHECK(refusal(chain) == "accepted");
  CHECK(refusal({make_certificate(leaf_key.get(), ca_key.get(), kGoodLeaf), chain[1]}) ==
        "certificate 0 is not signed by the next");
}
