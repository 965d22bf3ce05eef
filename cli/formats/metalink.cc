#include "cli/formats/metalink.h"

#include <algorithm>
#include <charconv>
#include <pugixml.hpp>
#include <set>
#include <utility>

#include "cli/redact.h"
#include "core/base/text.h"
#include "core/local/key_path.h"

namespace sjcp::cli {
namespace {

constexpr std::string_view kNamespace4 = "urn:ietf:params:xml:ns:metalink";
constexpr unsigned kLastPriority = 999999;  // RFC 5854, 4.2.16: also that of URLs that have none

std::string_view text_of(const pugi::xml_node& node) {
  return trimmed(node.text().get());
}

// Without its namespace prefix.
std::string_view local_name(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  const size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

std::vector<pugi::xml_node> children(const pugi::xml_node& node, std::string_view name) {
  std::vector<pugi::xml_node> result;
  for (const pugi::xml_node& child : node.children()) {
    if (local_name(child) == name) result.push_back(child);
  }
  return result;
}

pugi::xml_node first_child(const pugi::xml_node& node, std::string_view name) {
  const auto all = children(node, name);
  return all.empty() ? pugi::xml_node() : all.front();
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || stopped != text.data() + text.size()) return std::nullopt;
  return value;
}

class Parser {
 public:
  explicit Parser(const std::string& source) : source_(source) {}

  Result<WantedList> parse(const pugi::xml_node& root);

 private:
  Status parse_file(const pugi::xml_node& node);
  Status parse_hashes(const pugi::xml_node& holder, const std::string& where, Wanted& file);
  Status parse_pieces(const pugi::xml_node& holder, const std::string& where, Wanted& file);
  Status parse_urls(const pugi::xml_node& holder, const std::string& where, Wanted& file);
  std::pair<int64_t, std::string> ranked_url(const pugi::xml_node& node) const;
  // Nothing: of a kind that is not computed here.
  Result<std::optional<transfer::Digest>> parse_digest(const std::string& type, std::string_view hex,
                                                       const std::string& where);
  Error fault(const std::string& where, const std::string& why) const {
    return make_error(Errc::kUsage, where + ": " + why);
  }

  const std::string& source_;
  bool version4_ = true;
  std::set<std::string> names_;
  WantedList list_;
};

Result<WantedList> Parser::parse(const pugi::xml_node& root) {
  if (local_name(root) != "metalink") return fault(source_, "is not a Metalink document");
  const pugi::xml_node files = first_child(root, "files");
  // Version 3 has its files one level deeper; the namespace is often left out or misspelt.
  version4_ = !files || root.attribute("xmlns").value() == kNamespace4;
  for (const pugi::xml_node& node : children(version4_ ? root : files, "file")) {
    if (Status parsed = parse_file(node); !parsed) return std::move(parsed).error();
  }
  if (list_.files.empty()) return fault(source_, "names no file");
  return std::move(list_);
}

Status Parser::parse_file(const pugi::xml_node& node) {
  Wanted file;
  file.name = node.attribute("name").value();
  if (Status checked = check_wanted_name(file.name, source_); !checked) return checked;
  const std::string where = source_ + ": " + file.name;
  if (!names_.insert(file.name).second) return fault(where, "is named twice");
  if (const pugi::xml_node size = first_child(node, "size")) {
    file.size = parse_number<uint64_t>(text_of(size));
    if (!file.size) return fault(where, "its size is not a number");
  }
  const pugi::xml_node checks = version4_ ? node : first_child(node, "verification");
  if (Status parsed = parse_hashes(checks, where, file); !parsed) return parsed;
  if (Status parsed = parse_pieces(checks, where, file); !parsed) return parsed;
  if (Status parsed = parse_urls(version4_ ? node : first_child(node, "resources"), where, file); !parsed) {
    return parsed;
  }
  list_.files.push_back(std::move(file));
  return {};
}

Result<std::optional<transfer::Digest>> Parser::parse_digest(const std::string& type, std::string_view hex,
                                                             const std::string& where) {
  static const std::set<std::string> kKnown = {"md5",     "sha1",   "sha-1",  "sha256",
                                               "sha-256", "sha512", "sha-512"};
  std::string kind = type;
  std::transform(kind.begin(), kind.end(), kind.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (!kKnown.contains(kind)) {
    list_.warnings.push_back(where + ": digests of type \"" + local::printable(type) + "\" are not checked");
    return std::optional<transfer::Digest>();
  }
  std::erase(kind, '-');
  auto digest = transfer::Digest::parse(kind + ":" + std::string(hex));
  if (!digest) return with_context(std::move(digest).error(), where);
  return std::optional(*digest);
}

Status Parser::parse_hashes(const pugi::xml_node& holder, const std::string& where, Wanted& file) {
  for (const pugi::xml_node& node : children(holder, "hash")) {
    auto digest = parse_digest(node.attribute("type").value(), text_of(node), where);
    if (!digest) return std::move(digest).error();
    if (*digest) file.digests.push_back(**digest);
  }
  return {};
}

// Of several sets the one with the strongest digests.
Status Parser::parse_pieces(const pugi::xml_node& holder, const std::string& where, Wanted& file) {
  for (const pugi::xml_node& node : children(holder, "pieces")) {
    transfer::PieceDigests pieces;
    pieces.length = parse_number<uint64_t>(node.attribute("length").value()).value_or(0);
    if (pieces.length == 0) return fault(where, "the length of its pieces is not a number");
    const std::string type = node.attribute("type").value();
    bool known = true;
    for (const pugi::xml_node& hash : children(node, "hash")) {
      // Version 3 numbers them, and has them in order; what is in another one is not guessed at.
      const std::string_view number = hash.attribute("piece").value();
      if (!version4_ && parse_number<size_t>(number) != pieces.hex.size()) {
        return fault(where, "its pieces are not numbered in order");
      }
      auto digest = parse_digest(type, text_of(hash), where);
      if (!digest) return std::move(digest).error();
      known = digest->has_value();
      if (!known) break;
      pieces.kind = (*digest)->kind;
      pieces.hex.push_back((*digest)->hex);
    }
    if (!known) continue;
    if (pieces.hex.empty()) return fault(where, "its pieces have no digests");
    if (file.size && !pieces.fit(*file.size))
      return fault(where, "it has another number of pieces than its size says");
    // Kinds are in order of strength.
    if (!file.pieces || pieces.kind > file.pieces->kind) file.pieces = std::move(pieces);
  }
  return {};
}

// Smaller ranks are better.
std::pair<int64_t, std::string> Parser::ranked_url(const pugi::xml_node& node) const {
  std::string url = list_url(text_of(node));
  if (version4_) {
    return {parse_number<unsigned>(node.attribute("priority").value()).value_or(kLastPriority), url};
  }
  return {-int64_t{parse_number<unsigned>(node.attribute("preference").value()).value_or(0)}, url};
}

Status Parser::parse_urls(const pugi::xml_node& holder, const std::string& where, Wanted& file) {
  std::vector<std::pair<int64_t, std::string>> ranked;
  for (const pugi::xml_node& node : children(holder, "url")) {
    const std::string_view type = node.attribute("type").value();
    auto entry = ranked_url(node);
    if (type == "bittorrent" || type == "ed2k" || !is_source_url(entry.second)) {
      list_.warnings.push_back(where + ": " + shown(entry.second) +
                               " is left out: only https, http, s3, sj and hf are known");
      continue;
    }
    ranked.push_back(std::move(entry));
  }
  if (ranked.empty()) return fault(where, "has no URL that can be used");
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& [rank, url] : ranked) file.urls.push_back(std::move(url));
  return {};
}

}  // namespace

bool is_metalink(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  return trimmed(text.substr(0, 4096)).starts_with("<") &&
         text.substr(0, 4096).find("metalink") != std::string_view::npos;
}

Result<WantedList> parse_metalink(std::string_view text, const std::string& source) {
  if (text.size() > kLargestMetalink) {
    return make_error(Errc::kUsage, source + ": a Metalink document may have 10 MiB at most");
  }
  pugi::xml_document document;
  const auto parsed =
      document.load_buffer(text.data(), text.size(), pugi::parse_default | pugi::parse_doctype);
  if (!parsed) {
    return make_error(Errc::kUsage, source + ": is not well-formed XML (" + parsed.description() +
                                        " at byte " + std::to_string(parsed.offset) + ")");
  }
  for (const pugi::xml_node& node : document.children()) {
    if (node.type() == pugi::node_doctype) {
      return make_error(Errc::kUsage, source + ": has a document type, which a Metalink document must not");
    }
  }
  return Parser(source).parse(document.document_element());
}

}  // namespace sjcp::cli
