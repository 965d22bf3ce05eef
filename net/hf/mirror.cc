#include "net/hf/mirror.h"

#include <algorithm>
#include <array>

#include "core/crypto/hash.h"
#include "core/local/key_path.h"

namespace sjcp::hf {
namespace {

constexpr std::array<std::string_view, 5> kWords = {"sha256", "repo", "path", "commit", "repo_oid"};
constexpr std::array<std::string_view, 4> kSchemes = {"https://", "http://", "sj://", "s3://"};

bool is_oid(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::string own_repo_oid(const Repo& repo) {
  return to_hex(crypto::sha256(repo.api_path().substr(std::string_view("/api/").size())));
}

std::optional<std::string> shown_repo_oid(std::string_view url, std::string_view sha256) {
  const std::string_view path = url.substr(0, url.find_first_of("?#"));
  const size_t begin = path.find("/repos/");
  if (begin == std::string_view::npos) return std::nullopt;
  const std::string_view rest = path.substr(begin + 1);
  // repos/aa/bb/<64>/<64>
  constexpr size_t kOid = 12;
  if (rest.size() != kOid + 64 + 1 + 64) return std::nullopt;
  const std::string_view oid = rest.substr(kOid, 64);
  if (!is_oid(oid) || rest != mirror_key(oid, sha256)) return std::nullopt;
  return std::string(oid);
}

std::string mirror_key(std::string_view repo_oid, std::string_view sha256) {
  std::string key = "repos/";
  key.append(repo_oid.substr(0, 2)).append("/").append(repo_oid.substr(2, 2)).append("/");
  return key.append(repo_oid).append("/").append(sha256);
}

Status MirrorPlaces::check() const {
  const auto fault = [this](const std::string& why) {
    return make_error(Errc::kUsage, "mirror \"" + local::printable(prefix_) + "\": " + why);
  };
  const auto begins = [this](std::string_view scheme) {
    return prefix_.starts_with(scheme) && prefix_.size() > scheme.size();
  };
  if (std::none_of(kSchemes.begin(), kSchemes.end(), begins)) {
    return fault("write sj://BUCKET/PREFIX, s3://BUCKET/PREFIX or https://HOST/PREFIX");
  }
  for (size_t open = prefix_.find('{'); open != std::string::npos; open = prefix_.find('{', open + 1)) {
    const size_t close = prefix_.find('}', open);
    if (close == std::string::npos) return fault("a brace is not closed");
    const std::string_view word = std::string_view(prefix_).substr(open + 1, close - open - 1);
    if (std::find(kWords.begin(), kWords.end(), word) == kWords.end()) {
      return fault("{" + local::printable(word) +
                   "} is not known; there are {sha256}, {repo}, {path}, {commit} "
                   "and {repo_oid}");
    }
  }
  return {};
}

bool MirrorPlaces::needs_repo_oid() const {
  return !is_template() || prefix_.find("{repo_oid}") != std::string::npos;
}

std::string MirrorPlaces::place(const Repo& repo, const std::string& commit, const HubFile& file,
                                const std::string& repo_oid) const {
  if (!is_template()) {
    return prefix_ + (prefix_.ends_with('/') ? "" : "/") + mirror_key(repo_oid, file.sha256);
  }
  // Paths hold what must be escaped in URLs, and only there.
  const bool url = prefix_.starts_with("http");
  const std::array<std::string, 5> values = {
      file.sha256, repo.api_path().substr(std::string_view("/api/").size()),
      url ? percent_encoded(file.path, true) : file.path, commit, repo_oid};
  std::string out;
  for (size_t at = 0; at < prefix_.size();) {
    const size_t open = std::min(prefix_.find('{', at), prefix_.size());
    out.append(prefix_, at, open - at);
    if (open == prefix_.size()) break;
    const size_t close = prefix_.find('}', open);
    const std::string_view word = std::string_view(prefix_).substr(open + 1, close - open - 1);
    out += values[static_cast<size_t>(std::find(kWords.begin(), kWords.end(), word) - kWords.begin())];
    at = close + 1;
  }
  return out;
}

}  // namespace sjcp::hf
