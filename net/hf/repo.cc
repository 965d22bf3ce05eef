#include "net/hf/repo.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/base/bytes.h"
#include "core/local/key_path.h"

namespace sjcp::hf {
namespace {

struct KindName {
  RepoKind kind;
  std::string_view name;
};
constexpr std::array<KindName, 3> kKinds = {
    {{RepoKind::kModel, "models"}, {RepoKind::kDataset, "datasets"}, {RepoKind::kSpace, "spaces"}}};

constexpr size_t kLongestName = 96;  // the hub's own limit
constexpr size_t kLongestRevision = 250;

std::string_view plural(RepoKind kind) {
  return std::find_if(kKinds.begin(), kKinds.end(), [&](const KindName& k) { return k.kind == kind; })->name;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

Error malformed(std::string_view text, const char* why) {
  return make_error(Errc::kUsage, "hf://" + local::printable(text) + ": " + why +
                                      "; write hf://OWNER/NAME, hf://datasets/OWNER/NAME or "
                                      "hf://spaces/OWNER/NAME, with @REVISION after it if need be");
}

// Two dashes in a row would make folder names of caches ambiguous.
bool good_name(std::string_view name) {
  const auto allowed = [](char c) { return is_plain(c) || c == '-' || c == '_' || c == '.'; };
  return !name.empty() && name.size() <= kLongestName && std::all_of(name.begin(), name.end(), allowed) &&
         name.find("--") == std::string_view::npos && name.find("..") == std::string_view::npos &&
         name != "." && !name.ends_with(".git");
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto byte = from_hex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return std::nullopt;
    out += *byte;
    i += 2;
  }
  return out;
}

// By the rules of git, and no more: a revision also becomes a path in caches.
bool good_revision(std::string_view revision) {
  if (revision.empty() || revision.size() > kLongestRevision) return false;
  for (const char c : revision) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f || std::string_view("~^:?*[\\").find(c) != std::string_view::npos) {
      return false;
    }
  }
  for (size_t begin = 0; begin <= revision.size();) {
    const size_t end = std::min(revision.find('/', begin), revision.size());
    const std::string_view part = revision.substr(begin, end - begin);
    if (part.empty() || part.starts_with('.') || part.ends_with(".lock")) return false;
    begin = end + 1;
  }
  return revision.find("..") == std::string_view::npos && !revision.ends_with('.');
}

// What may stand before a repository, also where it cannot be read here.
bool is_kind(std::string_view word) {
  return std::any_of(kKinds.begin(), kKinds.end(), [&](const KindName& k) { return k.name == word; }) ||
         word == "kernels" || word == "buckets";
}

// Revisions that may be written with their slashes.
bool has_known_slashes(std::string_view revision) {
  for (const std::string_view prefix : {"refs/pr/", "refs/convert/"}) {
    if (revision.starts_with(prefix) && revision.size() > prefix.size()) {
      return revision.find('/', prefix.size()) == std::string_view::npos;
    }
  }
  return false;
}

}  // namespace

bool is_commit(std::string_view text) {
  return text.size() == 40 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string percent_encoded(std::string_view text, bool keep_slash) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain(c) || c == '-' || c == '.' || c == '_' || c == '~' || (keep_slash && c == '/')) {
      out += c;
    } else {
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

size_t end_of_repo(std::string_view rest) {
  constexpr size_t kNone = std::string_view::npos;
  size_t begin = 0;
  const size_t first = rest.find('/');
  if (first != kNone && is_kind(rest.substr(0, first))) begin = first + 1;
  const size_t slash = rest.find('/', begin);
  size_t at = rest.find('@', begin);
  size_t end = slash;
  // Not a name of one word, which is known by what follows it.
  if (slash != kNone && at > slash && slash + 1 < rest.size()) {
    end = rest.find('/', slash + 1);
    at = rest.find('@', slash + 1);
  }
  if (at == kNone || at > end) return end;
  for (const std::string_view prefix : {"refs/pr/", "refs/convert/"}) {
    if (rest.substr(at + 1).starts_with(prefix)) return rest.find('/', at + 1 + prefix.size());
  }
  return end;
}

Result<Repo> Repo::parse(std::string_view text) {
  Repo repo;
  std::string_view rest = text;
  for (const std::string_view other : {"kernels/", "buckets/"}) {
    if (rest.starts_with(other)) {
      return make_error(Errc::kUnsupported,
                        "hf://" + local::printable(text) + ": only models, datasets and spaces can be read");
    }
  }
  for (const KindName& kind : kKinds) {
    if (!rest.starts_with(kind.name) || !rest.substr(kind.name.size()).starts_with('/')) continue;
    repo.kind = kind.kind;
    rest.remove_prefix(kind.name.size() + 1);
    break;
  }
  const size_t at = rest.find('@');
  if (at != std::string_view::npos) {
    const auto revision = percent_decoded(rest.substr(at + 1));
    if (!revision || !good_revision(*revision)) return malformed(text, "is no revision of a repository");
    repo.revision = *revision;
    rest = rest.substr(0, at);
  }
  const size_t slash = std::min(rest.find('/'), rest.size());
  const bool owned = slash < rest.size();
  if (is_kind(rest)) return malformed(text, "names no repository");
  if (!good_name(rest.substr(0, slash)) || (owned && !good_name(rest.substr(slash + 1)))) {
    return malformed(text, "is no name of a repository");
  }
  repo.id = rest;
  return repo;
}

std::string Repo::text() const {
  std::string out = kind == RepoKind::kModel ? "" : std::string(plural(kind)) + "/";
  out += id;
  if (revision == "main") return out;
  // A percent sign of the revision itself is escaped, too: parse() decodes.
  if (has_known_slashes(revision) && revision.find('%') == std::string::npos) return out + "@" + revision;
  return out + "@" + percent_encoded(revision, false);
}

std::string Repo::folder_name() const {
  const size_t slash = id.find('/');
  const std::string name = std::string(plural(kind)) + "--" + id.substr(0, slash);
  return slash == std::string::npos ? name : name + "--" + id.substr(slash + 1);
}

std::string Repo::api_path() const {
  return "/api/" + std::string(plural(kind)) + "/" + id;
}

std::string Repo::page_path() const {
  return kind == RepoKind::kModel ? "/" + id : "/" + std::string(plural(kind)) + "/" + id;
}

std::string Repo::escaped_revision() const {
  return percent_encoded(revision, false);
}

bool Repo::pinned() const {
  return is_commit(revision);
}

}  // namespace sjcp::hf
