#include "cli/copy_lists.h"

#include <algorithm>

#include "cli/formats/gzip.h"
#include "cli/formats/input_file.h"
#include "cli/formats/metalink.h"
#include "cli/formats/sum_file.h"
#include "cli/redact.h"

namespace sjcp::cli {
namespace {

using Warn = std::function<void(const std::string&)>;

std::optional<transfer::DigestKind> kind_named(std::string_view name) {
  using Kind = transfer::DigestKind;
  for (const Kind kind : {Kind::kMd5, Kind::kSha1, Kind::kSha256, Kind::kSha512, Kind::kCrc32c,
                          Kind::kCrc64Nvme, Kind::kGitBlob}) {
    if (name == to_string(kind)) return kind;
  }
  return std::nullopt;
}

Status read_sums(const std::string& text, CopyRequest& request, Services& services, const Warn& warn) {
  auto at = Location::parse(text);
  if (!at) return at.error();
  auto content = services.read_text(*at, kLargestSumFile);
  if (!content) return content.error();
  auto sums = parse_sum_file(*content, at->text());
  if (!sums) return sums.error();
  const Location& source = request.sources.front();
  auto found = sums->find(source.is_url() ? source.base() : source.path);
  if (!found) return found.error();
  if (!found->warning.empty()) warn(found->warning);
  request.digests.insert(request.digests.end(), found->digests.begin(), found->digests.end());
  return {};
}

Status read_checksum(const std::string& text, CopyRequest& request, Services& services, const Warn& warn) {
  if (auto kind = kind_named(text)) {
    request.compute = kind;
    return {};
  }
  const std::string name = text.substr(0, text.find_first_of(":="));
  const bool digest = name.size() < text.size() && name.find('/') == std::string::npos &&
                      !text.substr(name.size()).starts_with("://");
  if (!digest) return read_sums(text, request, services, warn);
  auto parsed = transfer::Digest::parse(text);
  if (!parsed) return with_context(parsed.error(), "--checksum");
  request.digests.push_back(std::move(*parsed));
  return {};
}

}  // namespace

Status read_lists(const CpOptions& options, CopyRequest& request, Services& services, const Warn& warn) {
  for (const std::string& text : options.checksums) {
    if (auto read = read_checksum(text, request, services, warn); !read) return read;
  }
  if (options.input.empty()) return {};
  auto at = Location::parse(options.input);
  if (!at) return at.error();
  auto text = services.read_text(*at, std::max(kLargestInputFile, kLargestMetalink));
  if (text && is_gzip(*text)) text = gunzip(*text, kLargestInputFile, at->text());
  if (!text) return text.error();
  auto list = is_metalink(*text) ? parse_metalink(*text, at->text()) : parse_input_file(*text, at->text());
  if (!list) return list.error();
  for (const std::string& warning : list->warnings) warn(warning);
  request.wanted = std::move(list->files);
  return {};
}

}  // namespace sjcp::cli
