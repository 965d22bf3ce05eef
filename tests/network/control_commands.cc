#include "tests/network/control_commands.h"

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace sjcp::network {
namespace {

using nlohmann::json;

// Why a command cannot be run.  Thrown and caught in this file only, beside nlohmann's own.
struct BadCommand : std::runtime_error {
  using std::runtime_error::runtime_error;
};

RpcFailure status_of(const json& value) {
  return {value.at("code").get<uint64_t>(), value.value("text", std::string("injected by sjnet"))};
}

std::optional<uint64_t> optional_number(const json& from, const char* name) {
  if (!from.contains(name) || from.at(name).is_null()) return std::nullopt;
  return from.at(name).get<uint64_t>();
}

void only_known(const json& object, std::initializer_list<std::string_view> names) {
  for (const auto& [name, value] : object.items()) {
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw BadCommand("unknown field: " + name);
  }
}

NodeFaults faults_of(const json& value) {
  only_known(value, {"down", "refuse", "wrong_identity", "new_noise_key", "stall_after", "bytes_per_second",
                     "flip", "flip_offset", "short_after", "wrong_hash", "bad_signature", "full", "status"});
  NodeFaults faults;
  faults.down = value.value("down", false);
  faults.refuse = value.value("refuse", false);
  faults.wrong_identity = value.value("wrong_identity", false);
  faults.new_noise_key = value.value("new_noise_key", false);
  faults.stall_after = optional_number(value, "stall_after");
  faults.bytes_per_second = value.value("bytes_per_second", uint64_t{0});
  faults.flip_offset = optional_number(value, "flip_offset");
  faults.flip = value.value("flip", faults.flip_offset.has_value());
  faults.short_after = optional_number(value, "short_after");
  faults.wrong_hash = value.value("wrong_hash", false);
  faults.bad_signature = value.value("bad_signature", false);
  faults.full = value.value("full", false);
  if (value.contains("status")) faults.status = status_of(value.at("status"));
  return faults;
}

// "nodes": "all", a number, or an array of numbers; all when absent.
std::vector<size_t> nodes_of(const Network& network, const json& command) {
  std::vector<size_t> out;
  const json which = command.value("nodes", json("all"));
  if (which == "all") {
    for (size_t i = 0; i < network.size(); ++i) out.push_back(i);
  } else if (which.is_number()) {
    out.push_back(which.get<size_t>());
  } else {
    out = which.get<std::vector<size_t>>();
  }
  for (const size_t node : out) {
    if (node >= network.size()) throw BadCommand(std::string("no node ").append(std::to_string(node)));
  }
  return out;
}

json set_node_faults(Network& network, const json& command) {
  const NodeFaults faults = faults_of(command.value("faults", json::object()));
  for (const size_t node : nodes_of(network, command)) network.set_faults(node, faults);
  return json::object();
}

json set_satellite_faults(Network& network, const json& command) {
  only_known(command, {"op", "method", "status", "drop", "silent", "count", "expired_limits", "clear", "down",
                       "restart_after_ms"});
  SatelliteFaults& faults = network.satellite().faults;
  if (command.value("clear", false)) faults.clear();
  if (command.contains("expired_limits")) {
    faults.set_expired_limits(command.at("expired_limits").get<uint64_t>());
  }
  if (command.contains("down")) network.set_satellite_down(command.at("down").get<bool>());
  if (command.contains("restart_after_ms")) {
    network.restart_satellite(std::chrono::milliseconds(command.at("restart_after_ms").get<uint64_t>()));
  }
  if (!command.contains("method")) return json::object();
  CallFault fault;
  fault.count = command.value("count", uint64_t{1});
  if (fault.count == 0) throw BadCommand("count is 0");
  const std::string drop = command.value("drop", std::string());
  fault.drop_before = drop == "before";
  fault.drop_after = drop == "after";
  fault.silent = command.value("silent", false);
  if (drop.empty() && !fault.silent) {
    fault.status = status_of(command.at("status"));
  } else if (!fault.drop_before && !fault.drop_after && !fault.silent) {
    throw BadCommand("drop is neither \"before\" nor \"after\"");
  }
  faults.set(command.at("method").get<std::string>(), fault);
  return json::object();
}

// {"per_second": n, "burst": b}: requests, items of batches each; 0 is no limit.
json limit_requests(Network& network, const json& command) {
  only_known(command, {"op", "per_second", "burst"});
  const double per_second = command.at("per_second").get<double>();
  network.satellite().limit.set(per_second, command.value("burst", per_second));
  return json::object();
}

// {"bucket": b, "ec": "k/m/o/n,...", "cohort": {"tag": t, "withheld": w, "needed": n}}: of new segments;
// without "ec" the usual one again.
json set_placement(Network& network, const json& command) {
  only_known(command, {"op", "bucket", "ec", "cohort"});
  const std::string bucket = command.at("bucket").get<std::string>();
  Placements& placements = network.satellite().placements;
  if (!command.contains("ec")) {
    placements.reset(bucket);
    return json::object();
  }
  Placement placement;
  if (!parse_schemes(command.at("ec").get<std::string>(), placement.schemes))
    throw BadCommand("ec is not k/m/o/n");
  if (command.contains("cohort")) {
    const json& cohort = command.at("cohort");
    only_known(cohort, {"tag", "withheld", "needed"});
    placement.cohort = Cohort{cohort.at("tag").get<std::string>(), cohort.value("withheld", 1),
                              cohort.at("needed").get<int32_t>()};
  }
  placements.set(bucket, std::move(placement));
  return json::object();
}

json clear(Network& network, const json&) {
  for (size_t i = 0; i < network.size(); ++i) network.set_faults(i, NodeFaults());
  network.satellite().faults.clear();
  network.satellite().limit.set(0, 0);
  return json::object();
}

json node_stats(PieceNode& node) {
  const NodeCounters& c = node.counters();
  uint64_t held_bytes = 0;
  const auto ids = node.store().ids();
  for (const std::string& id : ids) {
    if (const auto piece = node.store().get(id)) held_bytes += piece->data().size();
  }
  return {{"id", node.identity().id().text()},
          {"connections", c.connections.load()},
          {"noise_connections", c.noise_connections.load()},
          {"handshakes_failed", c.handshakes_failed.load()},
          {"uploads_begun", c.uploads_begun.load()},
          {"uploads_stored", c.uploads_stored.load()},
          {"bytes_stored", c.bytes_stored.load()},
          {"downloads_begun", c.downloads_begun.load()},
          {"downloads_complete", c.downloads_complete.load()},
          {"bytes_sent", c.bytes_sent.load()},
          {"put_ordered", c.put_ordered.load()},
          {"get_ordered", c.get_ordered.load()},
          {"serials_reused", c.serials_reused.load()},
          {"rejected", c.rejected.load()},
          {"pieces_held", ids.size()},
          {"bytes_held", held_bytes}};
}

json stats(Network& network, const json&) {
  json nodes = json::array();
  json total = json::object();
  for (size_t i = 0; i < network.size(); ++i) {
    nodes.push_back(node_stats(network.node(i)));
    for (const auto& [name, value] : nodes.back().items()) {
      if (value.is_number()) total[name] = total.value(name, uint64_t{0}) + value.get<uint64_t>();
    }
  }
  const json satellite{{"connections", network.satellite_connections()},
                       {"calls", network.metainfo().counts()},
                       {"refused_for_rate", network.satellite().limit.refused()}};
  return {{"satellite", satellite}, {"nodes", nodes}, {"total", total}};
}

// Every object of the bucket, or of all buckets.
void for_each_object(Network& network, const json& command,
                     const std::function<void(const std::string& bucket, const ListEntry&)>& visit) {
  Metabase& metabase = network.satellite().metabase;
  const std::string only = command.value("bucket", std::string());
  const auto wanted = [&](const std::string& name) { return only.empty() || name == only; };
  for (const BucketInfo& bucket : metabase.list_buckets("", true, SIZE_MAX, wanted).items) {
    ListQuery query;
    query.bucket = bucket.name;
    query.delimiter = "/";
    query.recursive = true;
    query.limit = SIZE_MAX;
    for (const ListEntry& entry : metabase.list_objects(query).items) visit(bucket.name, entry);
  }
}

// Every remote segment of theirs.
void for_each_segment(Network& network, const json& command,
                      const std::function<void(const Segment&)>& visit) {
  for_each_object(network, command, [&](const std::string&, const ListEntry& entry) {
    for (const Segment& segment : entry.object->segments) {
      if (!segment.is_inline()) visit(segment);
    }
  });
}

json count_checksums(Network& network, const json& command) {
  uint64_t with = 0;
  uint64_t without = 0;
  for_each_object(network, command, [&](const std::string&, const ListEntry& entry) {
    ++(entry.object->user_data.checksum.empty() ? without : with);
  });
  return {{"with", with}, {"without", without}};
}

// The first time what the objects consist of is kept; the second time they consist of that again, whatever
// they are by then.
json mix_up_versions(Network& network, const json& command) {
  auto& kept = network.satellite().kept_segments;
  if (kept.empty()) {
    for_each_object(network, command, [&](const std::string&, const ListEntry& entry) {
      kept[entry.key] = entry.object->segments;
    });
    return {{"kept", kept.size()}};
  }
  for_each_object(network, command, [&](const std::string& bucket, const ListEntry& entry) {
    const auto old = kept.find(entry.key);
    if (old != kept.end()) network.satellite().metabase.replace_segments(bucket, entry.key, old->second);
  });
  kept.clear();
  return json::object();
}

PieceNode* find_node(Network& network, const access::NodeId& id) {
  for (size_t i = 0; i < network.size(); ++i) {
    if (network.node(i).identity().id() == id) return &network.node(i);
  }
  return nullptr;
}

// {"keep": n}: of each segment n pieces stay.  {"nodes": ...}: all pieces of those nodes go.
json delete_pieces(Network& network, const json& command) {
  uint64_t deleted = 0;
  if (command.contains("nodes")) {
    for (const size_t node : nodes_of(network, command)) {
      for (const std::string& id : network.node(node).store().ids()) {
        deleted += network.node(node).store().remove(id) ? 1 : 0;
      }
    }
    return {{"deleted", deleted}};
  }
  const size_t keep = command.value("keep", size_t{0});
  for_each_segment(network, command, [&](const Segment& segment) {
    for (size_t i = keep; i < segment.pieces.size(); ++i) {
      const PieceLocation& piece = segment.pieces[i];
      if (PieceNode* node = find_node(network, piece.node)) {
        const std::string id = derive_piece_id(segment.root_piece_id, piece.node, piece.number);
        deleted += node->store().remove(id) ? 1 : 0;
      }
    }
  });
  return {{"deleted", deleted}};
}

// Flips one bit of a stored piece: at the offset, or in every 256 bytes.
bool corrupt_piece(PieceNode& node, const std::string& id, std::optional<uint64_t> offset) {
  constexpr size_t kShare = 256;
  const auto piece = node.store().get(id);
  if (piece == nullptr) return false;
  std::string data = piece->data().str();
  const auto flip = [&](size_t at) {
    if (at < data.size()) data[at] = static_cast<char>(data[at] ^ 1);
  };
  if (offset) {
    flip(static_cast<size_t>(*offset));
  } else {
    for (size_t at = 0; at < data.size(); at += kShare) flip(at);
  }
  return node.store().put(id, std::move(data)).has_value();
}

// {"pieces": n, "offset": b}: n pieces of each segment.
json corrupt(Network& network, const json& command) {
  const size_t count = command.value("pieces", size_t{1});
  const auto offset = optional_number(command, "offset");
  uint64_t corrupted = 0;
  json nodes = json::array();
  for_each_segment(network, command, [&](const Segment& segment) {
    for (size_t i = 0; i < std::min(count, segment.pieces.size()); ++i) {
      const PieceLocation& piece = segment.pieces[i];
      PieceNode* node = find_node(network, piece.node);
      const std::string id = derive_piece_id(segment.root_piece_id, piece.node, piece.number);
      if (node == nullptr || !corrupt_piece(*node, id, offset)) continue;
      ++corrupted;
      nodes.push_back(piece.node.text());
    }
  });
  return {{"corrupted", corrupted}, {"nodes", nodes}};
}

using Operation = json (*)(Network&, const json&);

const std::map<std::string, Operation>& operations() {
  static const std::map<std::string, Operation> table{
      {"ping", [](Network&, const json&) { return json::object(); }},
      {"node", set_node_faults},
      {"satellite", set_satellite_faults},
      {"ratelimit", limit_requests},
      {"placement", set_placement},
      {"clear", clear},
      {"stats", stats},
      {"delete_pieces", delete_pieces},
      {"corrupt", corrupt},
      {"checksums", count_checksums},
      {"mix_up_versions", mix_up_versions},
      {"stop", [](Network&, const json&) { return json::object(); }},
  };
  return table;
}

std::string failed(const std::string& why) {
  return json{{"ok", false}, {"error", why}}.dump();
}

}  // namespace

ControlReply run_control_command(Network& network, const std::string& line) {
  try {
    const json command = json::parse(line);
    const std::string op = command.at("op").get<std::string>();
    const auto found = operations().find(op);
    if (found == operations().end()) return {failed("unknown op: " + op)};
    json reply = found->second(network, command);
    reply["ok"] = true;
    return {reply.dump(), op == "stop"};
  } catch (const std::exception& error) {
    return {failed(error.what())};
  }
}

std::string ready_line(const Network& network, const std::string& control_socket) {
  return json{{"satellite", network.satellite_url()},
              {"nodes", network.node_urls()},
              {"api_key", network.api_key()},
              {"access", network.access_grant()},
              {"pid", ::getpid()},
              {"control", control_socket}}
      .dump();
}

}  // namespace sjcp::network
