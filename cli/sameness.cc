#include "cli/sameness.h"

#include <algorithm>
#include <chrono>

#include "core/base/units.h"
#include "core/local/file_reader.h"

namespace sjcp::cli {
namespace {

constexpr size_t kChunk = 1 * kMiB;

// What one digest says beside the other side; nothing: that tells none of this kind.
std::optional<bool> compare(const transfer::Digest& digest, const Known& other, const DigestOf& digest_of) {
  const auto same_kind = [&](const transfer::Digest& one) { return one.kind == digest.kind; };
  const auto told = std::find_if(other.digests.begin(), other.digests.end(), same_kind);
  if (told != other.digests.end()) return *told == digest;
  // A side that tells digests is no local file.
  if (!digest_of || !other.digests.empty()) return std::nullopt;
  const auto computed = digest_of(digest.kind);
  return computed ? std::optional(*computed == digest) : std::nullopt;
}

// All digests that can be compared are equal; nothing: there are none.
std::optional<bool> same_digests(const Known& source, const Known& destination, const DigestOf& digest_of) {
  const bool source_tells = !source.digests.empty();
  const Known& telling = source_tells ? source : destination;
  const Known& other = source_tells ? destination : source;
  std::optional<bool> equal;
  for (const transfer::Digest& digest : telling.digests) {
    const auto compared = compare(digest, other, digest_of);
    if (compared) equal = equal.value_or(true) && *compared;
  }
  return equal;
}

}  // namespace

std::optional<transfer::Time> known_time(transfer::Time time) {
  if (time.time_since_epoch().count() == 0) return std::nullopt;
  return time;
}

Known known_of(const transfer::ObjectItem& item) {
  Known known;
  if (item.size != transfer::kUnknownSize) known.size = item.size;
  known.changed = known_time(item.created);
  known.digests = item.digests;
  return known;
}

Known known_of(const transfer::ObjectInfo& info) {
  Known known;
  known.changed = known_time(std::chrono::time_point_cast<transfer::Time::duration>(info.created));
  if (!info.sized()) return known;
  known.size = info.range.size();
  if (info.range.size() == info.size) known.digests = info.digests;
  return known;
}

bool same(const Known& source, const Known& destination, const DigestOf& digest_of) {
  if (source.size && destination.size && *source.size != *destination.size) return false;
  if (const auto equal = same_digests(source, destination, digest_of)) return *equal;
  if (!source.size || !destination.size || !source.changed || !destination.changed) return false;
  return *destination.changed >= *source.changed;
}

std::optional<transfer::Digest> LocalDigests::operator()(transfer::DigestKind kind) {
  if (const auto found = known_.find(kind); found != known_.end()) return found->second;
  auto reader = local::FileReader::open(path_);
  if (!reader) return std::nullopt;
  auto hasher = transfer::Hasher::create(kind, (*reader)->size().value_or(0));
  Bytes bytes(kChunk);
  for (size_t count = kChunk; count == kChunk;) {
    if (stop_.stop_requested()) return std::nullopt;
    auto read = (*reader)->read(bytes);
    if (!read) return std::nullopt;
    count = *read;
    hasher->update(ByteView(bytes).sub(0, count));
  }
  return known_.emplace(kind, hasher->finish()).first->second;
}

}  // namespace sjcp::cli
