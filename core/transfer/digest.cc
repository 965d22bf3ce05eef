#include "core/transfer/digest.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>

#include "core/base/crc32c.h"
#include "core/base/crc64.h"
#include "core/base/text.h"
#include "core/crypto/hasher.h"

namespace sjcp::transfer {
namespace {

struct Named {
  DigestKind kind;
  const char* name;
  size_t digits;
};
constexpr std::array kKinds = {
    Named{DigestKind::kMd5, "md5", 32},          Named{DigestKind::kSha1, "sha1", 40},
    Named{DigestKind::kSha256, "sha256", 64},    Named{DigestKind::kSha512, "sha512", 128},
    Named{DigestKind::kCrc32c, "crc32c", 8},     Named{DigestKind::kCrc64Nvme, "crc64nvme", 16},
    Named{DigestKind::kGitBlob, "git-blob", 40},
};

// Metalinks and headers say "sha-256" where others say "sha256".
std::string without_dashes(std::string_view text) {
  std::string out = lowered(text);
  std::erase(out, '-');
  return out;
}

class OpensslHasher final : public Hasher {
 public:
  OpensslHasher(DigestKind kind, crypto::HashKind hash) : kind_(kind), hash_(hash) {}
  void update(ByteView bytes) override { hash_.update(bytes); }
  Digest finish() override { return {kind_, to_hex(hash_.finish())}; }

 private:
  const DigestKind kind_;
  crypto::Hasher hash_;
};

class Crc32cHasher final : public Hasher {
 public:
  void update(ByteView bytes) override { crc_ = crc32c(bytes, crc_); }
  Digest finish() override {
    char hex[9];
    std::snprintf(hex, sizeof hex, "%08x", crc_);
    return {DigestKind::kCrc32c, hex};
  }

 private:
  uint32_t crc_ = 0;
};

class Crc64Hasher final : public Hasher {
 public:
  void update(ByteView bytes) override { crc_ = crc64_nvme(bytes, crc_); }
  Digest finish() override {
    char hex[17];
    std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(crc_));
    return {DigestKind::kCrc64Nvme, hex};
  }

 private:
  uint64_t crc_ = 0;
};

}  // namespace

const char* to_string(DigestKind kind) {
  return std::ranges::find(kKinds, kind, &Named::kind)->name;
}

Result<Digest> Digest::parse(std::string_view text) {
  const size_t separator = text.find_first_of(":=");
  const std::string name = without_dashes(text.substr(0, separator));
  const auto known =
      std::ranges::find_if(kKinds, [&](const Named& k) { return without_dashes(k.name) == name; });
  if (separator == std::string_view::npos || known == kKinds.end()) {
    return make_error(Errc::kUsage, "digest '" + std::string(text) +
                                        "': write KIND:HEX with KIND one of sha256, sha1, sha512, md5, "
                                        "crc32c, crc64nvme, git-blob");
  }
  std::string hex = lowered(text.substr(separator + 1));
  if (hex.size() != known->digits || !from_hex(hex)) {
    return make_error(Errc::kUsage, "digest '" + std::string(text) + "': " + known->name + " has " +
                                        std::to_string(known->digits) + " hexadecimal digits");
  }
  return Digest{known->kind, std::move(hex)};
}

std::string Digest::text() const {
  return std::string(to_string(kind)) + ":" + hex;
}

std::unique_ptr<Hasher> Hasher::create(DigestKind kind, uint64_t size) {
  using crypto::HashKind;
  switch (kind) {
    case DigestKind::kMd5:
      return std::make_unique<OpensslHasher>(kind, HashKind::kMd5);
    case DigestKind::kSha1:
      return std::make_unique<OpensslHasher>(kind, HashKind::kSha1);
    case DigestKind::kSha256:
      return std::make_unique<OpensslHasher>(kind, HashKind::kSha256);
    case DigestKind::kSha512:
      return std::make_unique<OpensslHasher>(kind, HashKind::kSha512);
    case DigestKind::kCrc32c:
      return std::make_unique<Crc32cHasher>();
    case DigestKind::kCrc64Nvme:
      return std::make_unique<Crc64Hasher>();
    case DigestKind::kGitBlob:
      break;
  }
  auto hasher = std::make_unique<OpensslHasher>(kind, HashKind::kSha1);
  std::string header = "blob " + std::to_string(size);
  header.push_back('\0');
  hasher->update(std::string_view(header));
  return hasher;
}

}  // namespace sjcp::transfer
