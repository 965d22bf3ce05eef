#include "cli/version.h"

#include <curl/curl.h>
#include <google/protobuf/stubs/common.h>
#include <isa-l.h>
#include <openssl/crypto.h>
#include <spdlog/version.h>
#include <zstd.h>

#include "cli/build_version.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "core/crypto/blake3.h"
#include "core/crypto/gcm_provider.h"
#include "core/crypto/vector_gcm.h"
#include "erasure/code.h"

namespace sjcp::cli {
namespace {

// The kernel that ISA-L's dispatcher picks for erasure coding on this processor, by the same feature tests.
std::string isal_path() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  bool avx512 = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
                __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0;
  if (avx512) return "AVX-512";
  if (__builtin_cpu_supports("avx2") != 0) return "AVX2";
  if (__builtin_cpu_supports("avx") != 0) return "AVX";
  if (__builtin_cpu_supports("sse4.1") != 0) return "SSE";
  return "portable";
#elif defined(__aarch64__)
  return "AArch64";
#else
  return "portable";
#endif
}

// The AES-GCM code that TLS and content run, which follows the processor.
std::string aes_path() {
  if (crypto::prefer_vector_gcm())
    return std::string("VAES + AVX-512 of IPSec_MB ") + crypto::VectorGcm::library_version();
#if defined(__x86_64__)
  __builtin_cpu_init();
  bool aes = __builtin_cpu_supports("aes") != 0;
  bool clmul = __builtin_cpu_supports("pclmul") != 0;
  if (!aes) return "portable";
  if (!clmul) return "AES-NI";
  return __builtin_cpu_supports("avx") != 0 ? "AES-NI + PCLMULQDQ + AVX" : "AES-NI + PCLMULQDQ";
#elif defined(__aarch64__)
  return "ARMv8 (when the processor has it)";
#else
  return "portable";
#endif
}

std::string protobuf_version() {
  return std::to_string(GOOGLE_PROTOBUF_VERSION / 1'000'000) + "." +
         std::to_string(GOOGLE_PROTOBUF_VERSION / 1'000 % 1'000) + "." +
         std::to_string(GOOGLE_PROTOBUF_VERSION % 1'000);
}

std::string spdlog_version() {
  return std::to_string(SPDLOG_VER_MAJOR) + "." + std::to_string(SPDLOG_VER_MINOR) + "." +
         std::to_string(SPDLOG_VER_PATCH);
}

std::string isal_version() {
  return std::to_string(ISAL_MAJOR_VERSION) + "." + std::to_string(ISAL_MINOR_VERSION) + "." +
         std::to_string(ISAL_PATCH_VERSION);
}

}  // namespace

std::string user_agent() {
  return std::string("sjcp/") + kBuildVersion;
}

std::string version_text() {
  std::string text = std::string("sjcp ") + kBuildVersion + "\n";
  text += std::string("commit:   ") + kBuildCommit + "\n";
  text += std::string("libcurl:  ") + curl_version_info(CURLVERSION_NOW)->version + "\n";
  text += std::string("OpenSSL:  ") + OpenSSL_version(OPENSSL_VERSION_STRING) + ", AES-GCM by " + aes_path() +
          "\n";
  text += "ISA-L:    " + isal_version() + ", erasure code by " +
          (erasure::by_gfni() ? "GFNI + AVX-512" : isal_path()) + "\n";
  text += "BLAKE3:   by " + crypto::blake3_path() + "\n";
  text += std::string("zstd:     ") + ZSTD_versionString() + "\n";
  text += "protobuf: " + protobuf_version() + "\n";
  text += "spdlog:   " + spdlog_version() + "\n";
  return text;
}

int run_command(const VersionOptions&, const Session& session) {
  session.out().exact(version_text());
  return kExitOk;
}

}  // namespace sjcp::cli
