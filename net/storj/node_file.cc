#include "net/storj/node_file.h"

#include <spdlog/spdlog.h>

#include "core/base/private_file.h"

namespace sjcp::storj {

NodeHistory load_nodes(const std::string& path) {
  const auto bytes = read_private_file(path, NodeHistory::kMaxBytes);
  auto history = bytes ? NodeHistory::parse(*bytes) : std::nullopt;
  if (!history) spdlog::debug("nothing is remembered of nodes: no {} of this version", path);
  return std::move(history).value_or(NodeHistory());
}

void keep_nodes(const std::string& path, std::span<const NodeHistory::Finding> findings, Clock::Wall now) {
  if (findings.empty()) return;
  const NodeHistory before = load_nodes(path);
  NodeHistory after = before;
  after.add(findings, now);
  if (after == before) return;
  Status kept = make_private_folder(path.substr(0, path.rfind('/')));
  if (kept) kept = replace_private_file(path, after.serialize(), "", OnDisk::kLater);
  if (!kept) spdlog::debug("what was found about nodes is not kept: {}", kept.error().what);
}

}  // namespace sjcp::storj
