#include "core/local/made.h"

#include <locale.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <wctype.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace sjcp::local {
namespace {

// Examined anew when there are more: it costs one look per folder.
constexpr size_t kMostFoldersKnown = 4096;
constexpr char32_t kNoCharacter = 0xfffd;

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, std::max<size_t>(slash, 1));
}

// The next character, which is taken off; a byte that is no UTF-8 stands for itself.
char32_t next_character(std::string_view& text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  char32_t value = length == 1 ? first : first & (0x7fu >> length);
  if (length > text.size()) {
    text.remove_prefix(1);
    return kNoCharacter;
  }
  for (size_t i = 1; i < length; ++i) value = (value << 6) | (byte(i) & 0x3fu);
  text.remove_prefix(length);
  return value;
}

struct Span {
  char32_t first;
  char32_t last;
};

bool within(char32_t c, const Span* begin, const Span* end) {
  return std::any_of(begin, end, [c](const Span& span) { return c >= span.first && c <= span.last; });
}

// Follow a letter and change it.  Parts of Korean syllables as well.
bool is_mark(char32_t c) {
  static constexpr Span kMarks[] = {{0x300, 0x36f},   {0x483, 0x487},   {0x591, 0x5c7},   {0x610, 0x61a},
                                    {0x64b, 0x65f},   {0x93c, 0x93c},   {0x9bc, 0x9d7},   {0xa3c, 0xa3c},
                                    {0xb3c, 0xb57},   {0xbbe, 0xbd7},   {0xc56, 0xc56},   {0xcc2, 0xcd6},
                                    {0xd3e, 0xd57},   {0xdca, 0xddf},   {0x1100, 0x11ff}, {0x1ab0, 0x1aff},
                                    {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0x3099, 0x309a}};
  return within(c, std::begin(kMarks), std::end(kMarks));
}

// Blocks in which letters stand for a letter and its mark, or for another letter.
bool may_be_composed(char32_t c) {
  // With each letter its other case: they stay alike.
  static constexpr Span kBlocks[] = {
      {0xc0, 0x2af},    {0x374, 0x374},   {0x37e, 0x37e},   {0x385, 0x390},   {0x3aa, 0x3b0},
      {0x3ca, 0x3ce},   {0x3d3, 0x3d4},   {0x400, 0x40f},   {0x419, 0x419},   {0x439, 0x439},
      {0x450, 0x45f},   {0x476, 0x477},   {0x4c1, 0x4c2},   {0x4d0, 0x4f9},   {0x622, 0x626},
      {0x6c0, 0x6d3},   {0x929, 0x95f},   {0x9cb, 0x9df},   {0xa33, 0xa5e},   {0xb48, 0xb5d},
      {0xb94, 0xb94},   {0xbca, 0xbcc},   {0xc48, 0xc48},   {0xcc0, 0xccb},   {0xd4a, 0xd4c},
      {0xdda, 0xdde},   {0x1e00, 0x1fff}, {0x2126, 0x212b}, {0x219a, 0x22ed}, {0x2c60, 0x2c7f},
      {0x304c, 0x30fe}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfb1d, 0xfb4e}};
  return within(c, std::begin(kBlocks), std::end(kBlocks));
}

char32_t lower(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
  static const locale_t kLocale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return kLocale == nullptr ? c : static_cast<char32_t>(::towlower_l(static_cast<wint_t>(c), kLocale));
}

// A look at the same name in other letters: it finds the file only where case does not count.
bool blind_to_case(const std::string& file) {
  const size_t name = file.rfind('/') + 1;
  std::string other = file;
  std::transform(other.begin() + static_cast<ptrdiff_t>(name), other.end(),
                 other.begin() + static_cast<ptrdiff_t>(name),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; });
  struct stat info{};
  return other != file && ::lstat(other.c_str(), &info) == 0;
}

// File systems in user space may number a file anew for each spelling.
bool numbers_by_name(const std::string& path) {
  constexpr decltype(statfs::f_type) kFuse = 0x65735546;
  struct statfs disk{};
  return ::statfs(path.c_str(), &disk) == 0 && disk.f_type == kFuse;
}

bool same_file(const std::string& a, const std::string& b, bool changing) {
  struct stat one{};
  struct stat two{};
  if (::lstat(a.c_str(), &one) != 0 || ::lstat(b.c_str(), &two) != 0 || one.st_dev != two.st_dev)
    return false;
  if (one.st_ino == two.st_ino) return true;
  if (!numbers_by_name(a)) return false;
  return changing || (one.st_size == two.st_size && one.st_mode == two.st_mode &&
                      one.st_mtim.tv_sec == two.st_mtim.tv_sec && one.st_mtim.tv_nsec == two.st_mtim.tv_nsec);
}

uint64_t hash_of(const std::string& path) {
  return std::hash<std::string>()(folded_name(path));
}

}  // namespace

std::string folded_name(std::string_view name) {
  std::u32string letters;
  bool open = false;  // the last letter may still get a mark
  while (!name.empty()) {
    const char32_t c = next_character(name);
    if (is_mark(c)) {
      if (open) letters.pop_back();
      open = false;
    } else if (may_be_composed(c)) {
      open = false;
    } else {
      letters.push_back(lower(c));
      open = true;
    }
  }
  std::string folded;
  for (const char32_t c : letters) {
    for (int shift = 0; c >> shift != 0 && shift < 32; shift += 8) folded += static_cast<char>(c >> shift);
  }
  return folded;
}

bool has_forms(std::string_view name) {
  while (!name.empty()) {
    const char32_t c = next_character(name);
    if (c >= 0x80 && (is_mark(c) || may_be_composed(c))) return true;
  }
  return false;
}

Made::Made() : Made(Eyes{blind_to_case, same_file}) {}

Status Made::begin(const Making& file, const std::function<Status()>& open) {
  const std::string folder = folder_of(file.target);
  const bool forms = has_forms(std::string_view(file.target).substr(file.target.rfind('/') + 1));
  std::unique_lock lock(mutex_);
  const auto known = blind_.find(folder);
  if (known != blind_.end() && !known->second && !forms) {
    lock.unlock();
    return open();
  }
  // What a folder is, its first file shows; nobody else begins one in between, and none before it is known
  // that its name is free.
  const uint64_t hash = hash_of(file.target);
  if (Status free = look_for_twin(file, hash); !free) return free;
  if (Status opened = open(); !opened) return opened;
  if (forms || is_blind(folder, file.part)) names_.emplace(hash, Known{file});
  return {};
}

Status Made::look_for_twin(const Making& file, uint64_t hash) const {
  const auto [begin, end] = names_.equal_range(hash);
  for (auto twin = begin; twin != end; ++twin) {
    const Known& other = twin->second;
    if (other.file.target == file.target) continue;
    const bool same = other.finished ? eyes_.same_file(file.target, other.file.target, false)
                                     : eyes_.same_file(file.part, other.file.part, true);
    if (!same) continue;
    return make_error(Errc::kConflict, file.target + ": its folder takes this name and " + other.file.target +
                                           " for one, and both " + other.file.source + " and " + file.source +
                                           " go there; the first is kept, copy the other under another name");
  }
  return {};
}

bool Made::is_blind(const std::string& folder, const std::string& part) {
  if (const auto known = blind_.find(folder); known != blind_.end()) return known->second;
  if (blind_.size() >= kMostFoldersKnown) blind_.clear();
  return blind_[folder] = eyes_.blind_to_case(part);
}

Made::Names::iterator Made::find(const std::string& target) {
  const auto [begin, end] = names_.equal_range(hash_of(target));
  const auto found =
      std::find_if(begin, end, [&](const auto& entry) { return entry.second.file.target == target; });
  return found == end ? names_.end() : found;
}

void Made::finished(const std::string& target) {
  {
    const std::lock_guard lock(mutex_);
    const auto name = names_.empty() ? names_.end() : find(target);
    if (name != names_.end()) name->second.finished = true;
  }
  const std::lock_guard lock(making_);
  for (std::string folder = folder_of(target); folders_.erase(folder) > 0;) folder = folder_of(folder);
}

void Made::dropped(const std::string& target) {
  {
    const std::lock_guard lock(mutex_);
    const auto name = names_.empty() ? names_.end() : find(target);
    if (name != names_.end() && !name->second.finished) names_.erase(name);
  }
  const std::lock_guard lock(making_);
  std::string folder = folder_of(target);
  while (folders_.contains(folder) && ::rmdir(folder.c_str()) == 0) {
    folders_.erase(folder);
    folder = folder_of(folder);
  }
}

Status Made::make(const Below& folder) {
  const std::lock_guard lock(making_);
  std::vector<std::string> made;
  const Status status = make_folders(folder, made);
  folders_.insert(made.begin(), made.end());
  return status;
}

}  // namespace sjcp::local
