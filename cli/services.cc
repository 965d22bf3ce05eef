#include "cli/services.h"

#include "cli/redact.h"

namespace sjcp::cli {

using Kind = Location::Kind;

Services::~Services() = default;

Result<transfer::Store*> Services::store(const Location& at) {
  if (!at.is_in_store()) {
    return make_error(Errc::kUsage, shown(at.text()) + " is in no store; write sj://BUCKET or s3://BUCKET");
  }
  std::lock_guard lock(mutex_);
  auto found = stores_.find(at.kind);
  if (found != stores_.end()) return found->second.get();
  auto opened = open_store(at.kind);
  if (!opened) return opened.error();
  return (stores_[at.kind] = std::move(*opened)).get();
}

Result<std::unique_ptr<transfer::Store>> Services::open_store(Kind kind) {
  if (kind != Kind::kStorj) return make_error(Errc::kUnsupported, "this scheme is not supported");
  auto project = session_.open_project(options_.access);
  if (!project) return project.error();
  return std::unique_ptr<transfer::Store>(std::move(*project));
}

Result<std::unique_ptr<transfer::Source>> Services::open(const Location& at,
                                                         const std::vector<std::string>& headers) {
  static_cast<void>(headers);
  auto in = store(at);
  if (!in) return in.error();
  return (*in)->open_object(at.bucket, at.path);
}

Result<std::unique_ptr<transfer::ObjectWriter>> Services::create(const Location& at,
                                                                 const transfer::ObjectOptions& object,
                                                                 std::optional<uint64_t> size) {
  auto in = store(at);
  if (!in) return in.error();
  return (*in)->create_object(at.bucket, at.path, object, size);
}

}  // namespace sjcp::cli
