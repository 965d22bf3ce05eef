#include "cli/copy_names.h"

#include <filesystem>

#include "core/local/key_path.h"

namespace sjcp::cli {
namespace {

namespace fs = std::filesystem;

// All that decides about the bytes.
std::string source_of(const CopyItem& item) {
  std::string text = item.source.bucket_text() + '\n' + item.source.path;
  for (const transfer::Digest& digest : item.digests) text += '\n' + digest.text();
  return text;
}

}  // namespace

CopyNames::CopyNames(const CopyRequest& request)
    : request_(request), needed_(request.sources.size() + request.wanted.size() > 1) {}

void CopyNames::take(CopyItem& item) {
  // Markers of folders are empty, and one stands for the other.
  const bool marker = item.make_folder || (item.size == 0 && item.destination.directoryish());
  if (!needed_ || item.refused || marker || item.destination.is_std()) return;
  // As long as a name may change, only the same source tells that it would be the same.
  const std::string source = source_of(item);
  const bool open = item.guessed_name && item.destination.is_local();
  const std::string name = open ? item.destination.parent() + '\n' + source : name_of(item.destination);
  const auto holder = claims_.take(name, source, item.origin);
  if (!holder) return;
  item.again = holder->same_source;
  if (!item.again) item.refused = conflict(item, holder->origin);
}

Status CopyNames::take_suggested(const CopyItem& item) {
  if (!needed_) return {};
  const auto holder = claims_.take(name_of(item.destination), source_of(item), item.origin);
  return holder ? Status(conflict(item, holder->origin)) : Status();
}

// One text for each place: of local paths, whatever the way to the folder is.
std::string CopyNames::name_of(const Location& to) {
  if (!to.is_local()) return to.bucket_text() + '/' + to.path;
  const fs::path path = fs::path(to.path).lexically_normal();
  const std::lock_guard lock(mutex_);
  if (std::string folder = path.parent_path(); folder_ != folder || real_folder_.empty()) {
    std::error_code ignored;
    const fs::path real = fs::weakly_canonical(folder.empty() ? "." : folder, ignored);
    real_folder_ = ignored ? (folder.empty() ? "." : folder) : real.string();
    folder_ = std::move(folder);
  }
  return real_folder_ + '/' + path.filename().string();
}

// What the source of that number has for this destination.
std::string CopyNames::holder_text(uint32_t origin, const Location& to) const {
  if (origin >= request_.sources.size()) {
    auto place = Location::parse(request_.wanted[origin - request_.sources.size()].urls.front());
    return place ? place->text() : "another source";
  }
  const Location& source = request_.sources[origin];
  const size_t folder = request_.destination.as_directoryish().path.size();
  if (!request_.recursive || source.is_url() || to.path.size() < folder) return source.text();
  std::error_code ignored;
  const bool tree = source.is_local() && fs::is_directory(source.path, ignored);
  Location below = source;
  below.path = (tree ? source.as_directoryish().path : source.parent()) + to.path.substr(folder);
  return below.text();
}

Error CopyNames::conflict(const CopyItem& item, uint32_t origin) const {
  return make_error(Errc::kConflict, local::printable(item.destination.text()) + ": both " +
                                         local::printable(holder_text(origin, item.destination)) + " and " +
                                         local::printable(item.source.text()) +
                                         " go there; the first is kept, copy the other by itself");
}

}  // namespace sjcp::cli
