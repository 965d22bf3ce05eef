#include "cli/listing.h"

namespace sjcp::cli {
namespace {

// The object itself, then everything below it: no need to read its siblings.
Status list_object_and_below(storj::Project& project, const ListRequest& request, storj::ListOptions options,
                             const std::function<Status(const storj::ObjectItem&)>& item,
                             const std::stop_token& stop) {
  auto object = project.stat_object(request.location.bucket, request.location.path, stop);
  bool found = object.has_value();
  if (found) {
    if (auto ok = item(*object); !ok) return ok;
  } else if (object.error().code != Errc::kNotFound && object.error().code != Errc::kDenied) {
    return object.error();
  }
  options.prefix = request.location.path + "/";
  bool below = false;
  auto listed = project.list_objects(
      request.location.bucket, options,
      [&](const storj::ObjectItem& one) {
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

Status list_location(storj::Project& project, const ListRequest& request,
                     const std::function<Status(const storj::ObjectItem&)>& item,
                     const std::stop_token& stop) {
  const Location& at = request.location;
  storj::ListOptions options;
  options.recursive = request.recursive;
  options.pending = request.pending;
  options.metadata = request.metadata;
  if (at.directoryish()) {
    options.prefix = at.path;
    return project.list_objects(at.bucket, options, item, stop);
  }
  if (request.recursive && !request.pending)
    return list_object_and_below(project, request, options, item, stop);

  options.prefix = at.parent();
  std::string below = at.path + "/";
  return project.list_objects(
      at.bucket, options,
      [&](const storj::ObjectItem& one) {
        if (one.key != at.path && !one.key.starts_with(below)) return Status();
        return item(one);
      },
      stop);
}

}  // namespace sjcp::cli
