// What an emulator counted, as JSON.
#include <sys/resource.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/wan/emulator.h"

namespace sjcp::wan {
namespace {

using Json = nlohmann::ordered_json;

double milliseconds(Time time) {
  return std::round(static_cast<double>(time.count()) / 1e3) / 1e3;
}

Json json_of(const Histogram& histogram) {
  return {{"count", histogram.count()},
          {"p50_ms", milliseconds(histogram.quantile(0.5))},
          {"p95_ms", milliseconds(histogram.quantile(0.95))},
          {"p99_ms", milliseconds(histogram.quantile(0.99))},
          {"max_ms", milliseconds(histogram.most())}};
}

LaneCounters& operator+=(LaneCounters& sum, const LaneCounters& part) {
  sum.packets += part.packets;
  sum.bytes += part.bytes;
  sum.lost += part.lost;
  sum.queue_full += part.queue_full;
  sum.stalled += part.stalled;
  sum.dead += part.dead;
  return sum;
}

Json drops_of(const LaneCounters& lane) {
  return {
      {"lost", lane.lost}, {"path_full", lane.queue_full}, {"stalled", lane.stalled}, {"dead", lane.dead}};
}

Json json_of(const DirectionStats& stats, const LaneCounters& lanes, const Space::Counters& sender) {
  Json drops = drops_of(lanes);
  drops["line_full"] = stats.line_full;
  drops["no_memory"] = stats.no_memory;
  drops["unread"] = sender.device_drops;
  drops["unroutable"] = stats.unroutable;
  return {{"reads", stats.reads},
          {"packets", stats.packets},
          {"bytes", stats.bytes},
          {"arrived_packets", stats.arrived_packets},
          {"arrived_bytes", stats.arrived_bytes},
          {"dropped_packets", drops},
          {"tcp_segments_sent", sender.segments_sent},
          {"tcp_segments_resent", sender.segments_resent},
          {"line_wait", json_of(stats.line_wait)},
          {"path_wait", json_of(stats.path_wait)},
          {"late", json_of(stats.late)}};
}

Json json_of(const Path& path) {
  return {{"address", address_text(path.address)},
          {"region", path.placed.region},
          {"kind", path.placed.kind},
          {"rtt_ms", milliseconds(path.placed.settings.round_trip)},
          {"up_bytes", path.up.counters().bytes},
          {"down_bytes", path.down.counters().bytes},
          {"up_dropped", drops_of(path.up.counters())},
          {"down_dropped", drops_of(path.down.counters())}};
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

std::string Emulator::stats_json() const {
  LaneCounters up;
  LaneCounters down;
  Json paths = Json::array();
  for (const auto& [address, path] : area_.paths()) {
    up += path->up.counters();
    down += path->down.counters();
    paths.push_back(json_of(*path));
  }
  Json out{{"profile", profile_.name},
           {"down", json_of(area_.stats(Side::kNear), down, far_.counters())},
           {"up", json_of(area_.stats(Side::kFar), up, near_.counters())}};
  if (area_.pings_sent() != 0) {
    Json ping{{"sent", area_.pings_sent()},
              {"lost", area_.pings_lost()},
              {"idle_ms", milliseconds(area_.idle_ping())}};
    ping["growth"] = json_of(area_.ping_growth());
    out["ping"] = std::move(ping);
  }
  out["most_bytes_held"] = pool_.most_bytes_held();
  out["write_errors"] = write_errors_;
  out["cpu_seconds"] = cpu_seconds();
  out["paths"] = std::move(paths);
  return out.dump(1);
}

}  // namespace sjcp::wan
