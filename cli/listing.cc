#include "cli/listing.h"

namespace sjcp::cli {
namespace {

// The object itself, then everything below it: no need to read its siblings.
Status list_object_and_below(transfer::Store& store, const ListRequest& request,
                             transfer::ListOptions options,
                             const std::function<Status(const transfer::ObjectItem&)>& item,
                             const std::stop_token& stop) {
  auto object = store.stat_object(request.location.bucket, request.location.path, stop);
  bool found = object.has_value();
  if (found) {
    if (auto ok = item(*object); !ok) return ok;
  } else if (object.error().code != Errc::kNotFound && object.error().code != Errc::kDenied) {
    return object.error();
  }
  options.prefix = request.location.path + "/";
  bool below = false;
  auto listed = store.list_objects(
      request.location.bucket, options,
      [&](const transfer::ObjectItem& one) {
        below = true;
        return item(one);
      },
      stop);
  if (!listed) return listed;
  // An access that may list but not read still lists; one that finds nothing says why.
  if (!found && !below && object.error().code == Errc::kDenied) return object.error();
  return {};
}

}  // namespace

std::string hidden_text(const Location& at, uint64_t hidden) {
  const bool one = hidden == 1;
  return at.text() + ": " + std::to_string(hidden) + (one ? " name there does" : " names there do") +
         " not decrypt with this access: stored with another passphrase, or not shared with it";
}

Status list_location(transfer::Store& store, const ListRequest& request,
                     const std::function<Status(const transfer::ObjectItem&)>& item,
                     const std::stop_token& stop) {
  const Location& at = request.location;
  transfer::ListOptions options;
  options.recursive = request.recursive;
  options.pending = request.pending;
  options.metadata = request.metadata;
  options.hidden = request.hidden;
  if (at.directoryish()) {
    options.prefix = at.path;
    return store.list_objects(at.bucket, options, item, stop);
  }
  if (request.recursive && !request.pending)
    return list_object_and_below(store, request, options, item, stop);

  options.prefix = at.parent();
  std::string below = at.path + "/";
  return store.list_objects(
      at.bucket, options,
      [&](const transfer::ObjectItem& one) {
        if (one.key != at.path && !one.key.starts_with(below)) return Status();
        return item(one);
      },
      stop);
}

Error explain_missing(Error error, transfer::Store& store, const Location& at, const char* what_to_do,
                      const std::stop_token& stop) {
  if (error.code != Errc::kNotFound || at.path.empty()) return error;
  transfer::ListOptions options;
  options.prefix = at.as_directoryish().path;
  bool found = false;
  const Status listed = store.list_objects(
      at.bucket, options,
      [&found](const transfer::ObjectItem&) {
        found = true;
        return make_error(Errc::kCancelled, "one is enough");
      },
      stop);
  static_cast<void>(listed);  // found tells; one that may not list learns nothing
  if (found) {
    error.what = at.text() + ": no object, but a prefix; " + what_to_do;
  } else if (at.directoryish()) {
    error.what += std::string("; ") + what_to_do;
  }
  return error;
}

}  // namespace sjcp::cli
