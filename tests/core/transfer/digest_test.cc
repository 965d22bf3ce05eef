#include "core/transfer/digest.h"

#include "core/base/crc32c.h"
#include "core/base/crc64.h"
#include "core/base/crc_table.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::transfer;

namespace {

std::string digest_of(DigestKind kind, std::string_view text) {
  auto hasher = Hasher::create(kind, text.size());
  hasher->update(text);
  return hasher->finish().hex;
}

}  // namespace

TEST_CASE("Digests are those of the published vectors") {
  // FIPS 180-4 examples, RFC 1321 A.5, RFC 3720 B.4, the CRC catalogue's check values.
  CHECK(digest_of(DigestKind::kSha256, "abc") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(digest_of(DigestKind::kSha256, "") ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(digest_of(DigestKind::kSha1, "abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(digest_of(DigestKind::kSha512, "abc") ==
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  CHECK(digest_of(DigestKind::kMd5, "message digest") == "f96b697d7cb7938d525a2f31aaf161d0");
  CHECK(digest_of(DigestKind::kCrc32c, "123456789") == "e3069283");
  CHECK(digest_of(DigestKind::kCrc32c, std::string(32, '\0')) == "8a9136aa");
  CHECK(digest_of(DigestKind::kCrc64Nvme, "123456789") == "ae8b14860a799888");
  CHECK(digest_of(DigestKind::kCrc64Nvme, "") == "0000000000000000");
  // What `git hash-object` says of an empty file and of "hello\n".
  CHECK(digest_of(DigestKind::kGitBlob, "") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  CHECK(digest_of(DigestKind::kGitBlob, "hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a");
}

TEST_CASE("A digest does not depend on how the bytes are cut") {
  std::string text;
  for (int i = 0; i < 300; ++i) text.push_back(static_cast<char>(i * 37));
  for (const auto kind : {DigestKind::kMd5, DigestKind::kSha1, DigestKind::kSha256, DigestKind::kSha512,
                          DigestKind::kCrc32c, DigestKind::kCrc64Nvme, DigestKind::kGitBlob}) {
    for (size_t cut = 1; cut < 40; ++cut) {
      auto hasher = Hasher::create(kind, text.size());
      for (size_t at = 0; at < text.size(); at += cut) hasher->update(std::string_view(text).substr(at, cut));
      CHECK(hasher->finish().hex == digest_of(kind, text));
    }
  }
}

TEST_CASE("CRC-32C is what its polynomial makes of it at every length and alignment") {
  std::string text;
  for (int i = 0; i < 5000; ++i) text.push_back(static_cast<char>(i * 91 + i / 256 + 7));
  const std::string_view view = text;
  for (size_t begin = 0; begin < 9; ++begin) {
    for (size_t size = 0; size < view.size() - begin; size += size < 600 ? 1 : 251) {
      const ByteView bytes = view.substr(begin, size);
      CHECK(crc32c(bytes, 5) == ~CrcTable<uint32_t, 0x82f63b78>::advance(~5U, bytes));
    }
  }
}

TEST_CASE("CRC-64 by folding and the portable one agree at every length and alignment") {
  std::string text;
  for (int i = 0; i < 400; ++i) text.push_back(static_cast<char>(i * 91 + i / 64));
  const std::string_view view = text;
  for (size_t begin = 0; begin < 17; ++begin) {
    for (size_t size = 0; size < 360; ++size) {
      const ByteView bytes = view.substr(begin, size);
      CHECK(crc64_nvme(bytes, 5) == crc64_nvme_portable(bytes, 5));
    }
  }
}

TEST_CASE("Digests are read in the spellings in use") {
  const std::string hex(64, 'a');
  for (const std::string& text : {"sha256:" + hex, "sha-256=" + hex, "SHA-256:" + std::string(64, 'A')}) {
    const auto digest = Digest::parse(text);
    REQUIRE(digest);
    CHECK(digest->kind == DigestKind::kSha256);
    CHECK(digest->hex == hex);
    CHECK(digest->text() == "sha256:" + hex);
  }
  CHECK(Digest::parse("md5:" + std::string(32, '0'))->kind == DigestKind::kMd5);
  CHECK(Digest::parse("sha-1=" + std::string(40, '0'))->kind == DigestKind::kSha1);
  CHECK(Digest::parse("sha512:" + std::string(128, '0'))->kind == DigestKind::kSha512);
  CHECK(Digest::parse("crc32c:01234567")->kind == DigestKind::kCrc32c);
  CHECK(Digest::parse("crc64nvme:0123456789abcdef")->kind == DigestKind::kCrc64Nvme);
  CHECK(Digest::parse("git-blob:" + std::string(40, '0'))->kind == DigestKind::kGitBlob);
}

TEST_CASE("A digest of an unknown kind or of another length is refused") {
  for (const std::string& text :
       {std::string(), std::string("sha256"), std::string("sha256:"), "sha3:" + std::string(64, 'a'),
        "sha256:" + std::string(63, 'a'), "sha256:" + std::string(65, 'a'),
        "sha256:" + std::string(63, 'a') + "g", std::string(64, 'a')}) {
    INFO(text);
    const auto digest = Digest::parse(text);
    REQUIRE_FALSE(digest);
    CHECK(digest.error().code == Errc::kUsage);
  }
}
