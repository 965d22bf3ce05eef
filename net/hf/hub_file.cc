#include "net/hf/hub_file.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/local/key_path.h"
#include "net/hf/repo.h"
#include "net/http/status.h"

namespace sjcp::hf {
namespace {

using nlohmann::json;

bool is_hex(std::string_view text, size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string text_at(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<uint64_t> number_at(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<uint64_t>();
}

Error unexpected(const std::string& where, const char* what) {
  return make_error(Errc::kProtocol, where + ": the hub's answer " + what);
}

std::optional<HubFile> parse_entry(const json& entry) {
  HubFile file;
  if (!entry.is_object()) return std::nullopt;
  file.path = text_at(entry, "path");
  const std::string type = text_at(entry, "type");
  file.folder = type == "directory";
  if (file.path.empty() || (!file.folder && type != "file")) return std::nullopt;
  if (file.folder) return file;
  file.oid = text_at(entry, "oid");
  auto size = number_at(entry, "size");
  const auto lfs = entry.find("lfs");
  if (lfs != entry.end() && lfs->is_object()) {
    file.sha256 = text_at(*lfs, "oid");
    if (file.sha256.starts_with("sha256:")) file.sha256.erase(0, 7);
    if (const auto large = number_at(*lfs, "size")) size = large;
    if (!is_hex(file.sha256, 64)) return std::nullopt;
  }
  if (!size || !is_hex(file.oid, 40)) return std::nullopt;
  file.size = *size;
  return file;
}

Error refused_gated(const http::Head& head, const Asked& asked) {
  const char* advice = asked.with_token ? "; accept them there with the account of the token (HF_TOKEN)"
                                        : "; accept them there and set HF_TOKEN to a token of that account";
  return make_error(Errc::kDenied,
                    asked.where + ": the repository is gated: its terms are at " + asked.page + advice,
                    head.status);
}

Error refused_repo(const http::Head& head, const Asked& asked) {
  const char* advice = asked.with_token ? " does not exist, or the token (HF_TOKEN) gives no access to it"
                                        : " does not exist, or is private: then set HF_TOKEN";
  return make_error(Errc::kNotFound, asked.where + ": the repository " + asked.repo + advice, head.status);
}

}  // namespace

transfer::Digest HubFile::digest() const {
  return {large() ? transfer::DigestKind::kSha256 : transfer::DigestKind::kGitBlob, etag()};
}

Result<std::vector<HubFile>> parse_tree(std::string_view text, const std::string& where) {
  const json page = json::parse(text, nullptr, false);
  if (!page.is_array()) return unexpected(where, "is no listing");
  std::vector<HubFile> files;
  files.reserve(page.size());
  for (const json& entry : page) {
    auto file = parse_entry(entry);
    if (!file) return unexpected(where, "lists a file without path, size or digest");
    files.push_back(std::move(*file));
  }
  return files;
}

Result<std::string> parse_commit(std::string_view text, const std::string& where) {
  const json info = json::parse(text, nullptr, false);
  std::string commit = info.is_object() ? text_at(info, "sha") : "";
  if (!is_commit(commit)) return unexpected(where, "names no commit");
  return commit;
}

std::string plain_etag(std::string_view value) {
  if (value.starts_with("W/")) value.remove_prefix(2);
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    value = value.substr(1, value.size() - 2);
  return std::string(value);
}

Result<HubFile> described_file(const http::Head& head, const std::string& path, const std::string& where) {
  HubFile file;
  file.path = path;
  const auto linked = head.header("X-Linked-ETag");
  const std::string etag = plain_etag(linked ? *linked : head.header("ETag").value_or(""));
  if (is_hex(etag, 64)) {
    file.sha256 = etag;
  } else if (is_hex(etag, 40)) {
    file.oid = etag;
  } else {
    return unexpected(where, "gives no digest of the file");
  }
  const auto linked_size = head.header("X-Linked-Size");
  const std::string size = linked_size ? *linked_size : head.header("Content-Length").value_or("");
  const auto [stopped, error] = std::from_chars(size.data(), size.data() + size.size(), file.size);
  if (size.empty() || error != std::errc() || stopped != size.data() + size.size()) {
    return unexpected(where, "gives no size of the file");
  }
  return file;
}

std::optional<std::string> next_page(const http::Head& head) {
  const std::string value = head.header("Link").value_or("");
  for (size_t open = value.find('<'); open != std::string::npos; open = value.find('<', open + 1)) {
    const size_t close = value.find('>', open);
    if (close == std::string::npos) return std::nullopt;
    const size_t next = std::min(value.find(",", close), value.size());
    const std::string parameters = value.substr(close + 1, next - close - 1);
    if (parameters.find("rel=\"next\"") != std::string::npos ||
        parameters.find("rel=next") != std::string::npos) {
      return value.substr(open + 1, close - open - 1);
    }
    open = close;
  }
  return std::nullopt;
}

Error refused(const http::Head& head, const Asked& asked) {
  const std::string code = head.header("X-Error-Code").value_or("");
  const std::string message = http::one_line(head.header("X-Error-Message").value_or(""));
  const int status = head.status;
  if (code == "GatedRepo") return refused_gated(head, asked);
  if (code == "RepoNotFound") return refused_repo(head, asked);
  if (code == "RevisionNotFound") {
    return make_error(
        Errc::kNotFound,
        asked.where + ": " + asked.repo + " has no revision \"" + local::printable(asked.revision) + "\"",
        status);
  }
  if (code == "EntryNotFound") return make_error(Errc::kNotFound, asked.where + ": does not exist", status);
  if (status == 401 && asked.with_token) {
    return make_error(Errc::kDenied, asked.where + ": the hub refuses the token; check HF_TOKEN", status);
  }
  if (status == 401) return refused_repo(head, asked);
  if (status == 429) {
    const char* advice = asked.with_token ? "" : "; with a token (HF_TOKEN) the limits are higher";
    return make_error(Errc::kLimited, asked.where + ": the hub's rate limit is reached" + advice, status,
                      Fault::kBusy);
  }
  return http::status_error(asked.where, status, message);
}

}  // namespace sjcp::hf
