#include "cli/formats/sum_file.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "core/base/text.h"
#include "core/local/key_path.h"

namespace sjcp::cli {
namespace {

using transfer::Digest;

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

// By the number of digits, as the programs that write such files differ in nothing else.
std::optional<Digest> bare_digest(std::string_view hex) {
  const char* kind = nullptr;
  switch (hex.size()) {
    case 32:
      kind = "md5:";
      break;
    case 40:
      kind = "sha1:";
      break;
    case 64:
      kind = "sha256:";
      break;
    case 128:
      kind = "sha512:";
      break;
    default:
      return std::nullopt;
  }
  if (!is_hex(hex)) return std::nullopt;
  auto digest = Digest::parse(kind + std::string(hex));
  return digest ? std::optional(*digest) : std::nullopt;
}

std::string unescaped(std::string_view name) {
  std::string result;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '\\' || i + 1 == name.size()) {
      result += name[i];
      continue;
    }
    ++i;
    result += name[i] == 'n' ? '\n' : name[i] == 'r' ? '\r' : name[i];
  }
  return result;
}

std::string plain_name(std::string_view name) {
  while (name.starts_with("./")) name.remove_prefix(2);
  return std::string(name);
}

// "SHA256 (name) = HEX", also without the blank, as openssl writes it, and "SHA2-256(name)= HEX".
std::optional<SumLine> tagged_line(std::string_view text) {
  const size_t open = text.find('(');
  const size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  const std::string_view rest = trimmed(text.substr(close + 1));
  if (!rest.starts_with('=')) return std::nullopt;
  std::string kind(trimmed(text.substr(0, open)));
  std::transform(kind.begin(), kind.end(), kind.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (kind.starts_with("sha2-")) kind.erase(3, 2);
  auto digest = Digest::parse(kind + ":" + std::string(trimmed(rest.substr(1))));
  if (!digest) return std::nullopt;
  return SumLine{plain_name(text.substr(open + 1, close - open - 1)), *digest, 0};
}

std::optional<SumLine> plain_line(std::string_view text) {
  const bool escaped = text.starts_with('\\');
  if (escaped) text.remove_prefix(1);
  const size_t end = std::min(text.find_first_of(" \t"), text.size());
  auto digest = bare_digest(text.substr(0, end));
  if (!digest) return std::nullopt;
  std::string_view name = text.substr(end);
  // One separator and one mark for the mode; a name may begin with a blank itself.
  if (!name.empty()) name.remove_prefix(1);
  if (name.starts_with(' ') || name.starts_with('*')) name.remove_prefix(1);
  return SumLine{plain_name(escaped ? unescaped(name) : std::string(name)), *digest, 0};
}

std::string_view last_component(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

Result<SumFile> parse_sum_file(std::string_view text, const std::string& source) {
  if (text.size() > kLargestSumFile) {
    return make_error(Errc::kUsage, source + ": a file of digests may have 64 MiB at most");
  }
  SumFile file;
  file.source = source;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  uint64_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
    if (line.starts_with('#')) continue;
    // What follows is the signature, not the text that is signed.
    if (line.starts_with("-----BEGIN PGP SIGNATURE")) break;
    auto parsed = tagged_line(line);
    if (!parsed) parsed = plain_line(line);
    if (!parsed) continue;
    parsed->line = number;
    file.lines.push_back(std::move(*parsed));
  }
  if (file.lines.empty()) return make_error(Errc::kUsage, source + ": holds no digest of a known form");
  return file;
}

Result<SumFile::Found> SumFile::find(std::string_view path) const {
  Found found;
  const std::string whole = plain_name(path);
  const auto collect = [&](const auto& fits) -> Status {
    for (const SumLine& line : lines) {
      if (!fits(line) ||
          std::find(found.digests.begin(), found.digests.end(), line.digest) != found.digests.end()) {
        continue;
      }
      const auto rival = std::find_if(found.digests.begin(), found.digests.end(),
                                      [&](const Digest& other) { return other.kind == line.digest.kind; });
      if (rival != found.digests.end()) {
        return make_error(Errc::kUsage, source + ":" + std::to_string(line.line) +
                                            ": another digest than before for " + local::printable(path));
      }
      found.digests.push_back(line.digest);
    }
    return {};
  };
  Status status = collect([&](const SumLine& line) { return line.name == whole; });
  if (status && found.digests.empty()) {
    status = collect([&](const SumLine& line) {
      return !line.name.empty() && last_component(line.name) == last_component(whole);
    });
  }
  if (!status) return std::move(status).error();
  if (!found.digests.empty()) return found;
  if (lines.size() > 1) {
    return make_error(Errc::kNotFound, source + ": has no digest of " + local::printable(path));
  }
  found.digests.push_back(lines.front().digest);
  if (!lines.front().name.empty()) {
    found.warning = source + ": its only digest is that of " + local::printable(lines.front().name) +
                    "; it is taken for " + local::printable(path);
  }
  return found;
}

}  // namespace sjcp::cli
