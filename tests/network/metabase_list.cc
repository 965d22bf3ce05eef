// Listings of the metabase: keys in byte order, common prefixes folded at the delimiter.
#include "tests/network/metabase.h"

namespace sjcp::network {
namespace {

bool starts_with(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

// The first key after every key that begins with prefix; nullopt: there is none.
std::optional<std::string> after_prefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

// Where a listing begins: from `key` on, or just after it.
struct Start {
  std::string key;
  bool inclusive = true;
};

// nullopt: nothing can follow the cursor.
std::optional<Start> start_of(const ListQuery& query) {
  if (!starts_with(query.cursor, query.prefix)) {
    return query.cursor < query.prefix ? Start{query.prefix, true} : Start{query.cursor, true};
  }
  if (query.cursor.empty()) return Start{query.prefix, true};
  if (!query.recursive) {
    const size_t at = query.cursor.find(query.delimiter, query.prefix.size());
    if (at != std::string::npos) {
      const auto next = after_prefix(query.cursor.substr(0, at + query.delimiter.size()));
      if (!next) return std::nullopt;
      return Start{*next, true};
    }
  }
  return Start{query.cursor, false};
}

// The common prefix that `key` folds into, relative to query.prefix; empty: it is listed itself.
std::string folded(const ListQuery& query, const std::string& key) {
  if (query.recursive) return {};
  const size_t at = key.find(query.delimiter, query.prefix.size());
  if (at == std::string::npos) return {};
  return key.substr(query.prefix.size(), at + query.delimiter.size() - query.prefix.size());
}

// Walks an ordered map of objects.  key_of(it) -> object key; object_of(it) -> ObjectRef, null when not live;
// seek(key, inclusive) -> iterator.
template <class Seek, class KeyOf, class ObjectOf, class Iterator>
ListPage walk(const ListQuery& query, Seek seek, KeyOf key_of, ObjectOf object_of, Iterator end) {
  ListPage page;
  const auto start = start_of(query);
  if (!start) return page;
  Iterator at = seek(start->key, start->inclusive);
  while (at != end && starts_with(key_of(at), query.prefix)) {
    ObjectRef object = object_of(at);
    if (object == nullptr) {
      ++at;
      continue;
    }
    if (page.items.size() == query.limit) {
      page.more = true;
      break;
    }
    const std::string fold = folded(query, key_of(at));
    if (fold.empty()) {
      page.items.push_back({key_of(at).substr(query.prefix.size()), std::move(object)});
      ++at;
      continue;
    }
    page.items.push_back({fold, nullptr});
    const auto next = after_prefix(query.prefix + fold);
    if (!next) break;
    at = seek(*next, true);
  }
  return page;
}

}  // namespace

ListPage Metabase::list_objects(const ListQuery& query) const {
  std::lock_guard lock(mutex_);
  const Bucket* bucket = find_bucket(query.bucket);
  if (bucket == nullptr) return {};
  if (query.pending) {
    const auto& map = bucket->pending;
    const auto seek = [&](const std::string& key, bool inclusive) {
      return inclusive ? map.lower_bound({key, INT64_MIN}) : map.upper_bound({key, INT64_MAX});
    };
    return walk(
        query, seek, [](auto at) -> const std::string& { return at->first.first; },
        [&](auto at) {
          return live(at->second.object) ? std::make_shared<const Object>(at->second.object) : nullptr;
        },
        map.end());
  }
  const auto& map = bucket->objects;
  const auto seek = [&](const std::string& key, bool inclusive) {
    return inclusive ? map.lower_bound(key) : map.upper_bound(key);
  };
  return walk(
      query, seek, [](auto at) -> const std::string& { return at->first; },
      [&](auto at) { return live(*at->second) ? at->second : nullptr; }, map.end());
}

ListPage Metabase::list_pending_streams(const std::string& bucket, const std::string& key,
                                        const std::string& cursor, size_t limit) const {
  std::lock_guard lock(mutex_);
  ListPage page;
  const Bucket* found = find_bucket(bucket);
  if (found == nullptr) return page;
  std::map<std::string, ObjectRef> by_stream;
  const auto end = found->pending.upper_bound({key, INT64_MAX});
  for (auto at = found->pending.lower_bound({key, INT64_MIN}); at != end; ++at) {
    if (live(at->second.object)) {
      by_stream[at->second.object.stream.stream_id] = std::make_shared<const Object>(at->second.object);
    }
  }
  for (auto at = by_stream.upper_bound(cursor); at != by_stream.end(); ++at) {
    if (page.items.size() == limit) {
      page.more = true;
      break;
    }
    page.items.push_back({key, at->second});
  }
  return page;
}

}  // namespace sjcp::network
