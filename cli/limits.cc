#include "cli/limits.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <utility>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/base/wait.h"
#include "core/local/file_group.h"
#include "core/transfer/upload_gate.h"

namespace sjcp::cli {
namespace {

constexpr uint64_t kMostMemory = 512 * kMiB;
constexpr uint64_t kMostUploadMemory = 256 * kMiB;
// The machine does not say what it has.
constexpr uint64_t kUnknownMemory = 192 * kMiB;
// Of the program and its libraries, threads and listings.
constexpr uint64_t kProcessMemory = 32 * kMiB;
constexpr uint64_t kMostStreamBuffer = 32 * kMiB;
constexpr size_t kMostConnections = 2048;
// Of small files in S3, what a copy begins with, and how far it goes as long as more pay.
constexpr unsigned kFirstFiles = 16;
constexpr unsigned kMostFiles = 256;
// Files, standard streams, pollers, connections to the satellite.
constexpr size_t kOtherDescriptors = 128;
// A file has a descriptor, one more while it is renamed, and a connection, which has five with what wakes it.
constexpr size_t kDescriptorsPerFile = 7;
// Those that a single file cannot do without: its own, its journal's and lock's, of the satellite's
// connection.
constexpr size_t kFewestOtherDescriptors = 16;
// From so many on, what waits for its turn finds room beside those that have theirs.
constexpr size_t kManyDescriptors = 256;
constexpr size_t kDescriptorsPerSegment = 32;
constexpr size_t kRateFileSize = 256;
constexpr auto kRateFileInterval = std::chrono::milliseconds(500);

}  // namespace

uint64_t memory_limit(const CpOptions& options, const Machine& machine, bool upload) {
  if (options.memory_bytes > 0) return options.memory_bytes;
  if (machine.memory_bytes == 0) return kUnknownMemory;
  return std::min(machine.memory_bytes / 4, upload ? kMostUploadMemory : kMostMemory);
}

uint64_t upload_memory(const Machine& machine) {
  if (machine.memory_bytes == 0) return UINT64_MAX;
  return machine.memory_bytes - std::min(machine.memory_bytes, kProcessMemory);
}

uint64_t stream_buffer(const CpOptions& options, uint64_t memory_bytes) {
  const bool stream = !options.locations.empty() && options.locations.back() == "-";
  return stream ? std::min(kMostStreamBuffer, memory_bytes / 4) : 0;
}

size_t connection_limit(const CpOptions& options, const Machine& machine) {
  if (options.max_connections > 0) return options.max_connections;
  const size_t transfers = options.transfers > 0 ? options.transfers : kFirstFiles;
  const size_t files = std::min(kOtherDescriptors + 2 * transfers, machine.descriptors / 2);
  const size_t left = std::min(machine.descriptors - files, most_connections(machine));
  return std::clamp<size_t>(left, 1, kMostConnections);
}

size_t most_connections(const Machine& machine) {
  return std::max(machine.descriptors, kFewestOtherDescriptors + 1) - kFewestOtherDescriptors;
}

CpOptions fit_descriptors(CpOptions options, unsigned files, const Machine& machine) {
  if (machine.descriptors >= kManyDescriptors) return options;
  const auto fit = static_cast<unsigned>(
      std::clamp<size_t>(most_connections(machine) / kDescriptorsPerSegment, 1, kManyDescriptors));
  const unsigned together = std::clamp(files, 1U, fit);
  const unsigned each = std::max(fit / together, 1U);
  options.transfers = together;
  options.parallelism = options.parallelism > 0 ? std::min(options.parallelism, each) : each;
  return options;
}

unsigned files_allowed(unsigned asked, const Machine& machine) {
  const size_t descriptors = machine.descriptors - std::min(kOtherDescriptors, machine.descriptors / 2);
  return static_cast<unsigned>(std::clamp<size_t>(descriptors / kDescriptorsPerFile, 1, std::max(asked, 1U)));
}

size_t files_per_group(unsigned groups, const Machine& machine) {
  const size_t share = machine.descriptors / 4 / std::max(groups, 1U);
  return std::clamp<size_t>(share, 1, local::FileGroup::kMostFiles);
}

unsigned most_files(const CpOptions& options, const Machine& machine) {
  size_t most = files_allowed(kMostFiles, machine);
  if (options.max_connections > 0) most = std::min<size_t>(most, options.max_connections);
  return static_cast<unsigned>(std::max<size_t>(most, 1));
}

Result<std::unique_ptr<RateFile>> RateFile::open(std::string path, transfer::Throttle& down,
                                                 transfer::Throttle& up, const Clock& clock, Warn warn,
                                                 std::chrono::milliseconds interval) {
  std::unique_ptr<RateFile> file(new RateFile(std::move(path), down, up, clock, std::move(warn)));
  if (Status status = file->read(); !status) return std::move(status).error();
  if (interval.count() > 0) {
    file->watcher_ = std::jthread(
        [self = file.get(), interval](const std::stop_token& stop) { self->watch(stop, interval); });
  }
  return file;
}

RateFile::RateFile(std::string path, transfer::Throttle& down, transfer::Throttle& up, const Clock& clock,
                   Warn warn)
    : path_(std::move(path)), down_(down), up_(up), clock_(clock), warn_(std::move(warn)) {}

RateFile::~RateFile() = default;

Status RateFile::read() {
  errno = 0;
  std::ifstream in(path_);
  std::string text(kRateFileSize, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) return errno_error(path_, errno != 0 ? errno : EIO);
  text.resize(static_cast<size_t>(in.gcount()));
  const auto rates = parse_rates(trimmed(text));
  if (!rates) return make_error(Errc::kUsage, path_ + ": not a rate; write 10M, or 10M/2M for down/up");
  if (seen_ == rates) return {};
  seen_ = rates;
  down_.set_rate(rates->down, clock_.steady_now());
  up_.set_rate(rates->up, clock_.steady_now());
  return {};
}

void RateFile::check() {
  const Status status = read();
  const std::string problem = status ? "" : status.error().what;
  if (problem == told_) return;
  told_ = problem;
  if (!problem.empty() && warn_) warn_(problem + "; the rate stays as it is");
}

void RateFile::watch(const std::stop_token& stop, std::chrono::milliseconds interval) {
  while (wait_unless_stopped(interval, stop)) check();
}

Limits::Limits(const CpOptions& options, bool upload, bool parts, unsigned files, const Io& io,
               transfer::Counters& counters)
    : options_(options),
      upload_(upload),
      io_(io),
      counters_(counters),
      memory_(memory_limit(options, io.machine, upload)),
      stream_buffer_(stream_buffer(options, memory_)),
      budget_(memory_ - stream_buffer_),
      connections_(connection_limit(options, io.machine), most_connections(io.machine)),
      down_(options.limit_rate.down),
      up_(options.limit_rate.up) {
  if (files == 0) {
    files_.emplace(transfer::FileWindow::Options{kFirstFiles, most_files(options, io.machine)}, *io.clock);
  }
  if (options.parallelism > 0) return;
  if (upload) {
    gate_ = transfer::make_upload_gate(parts, counters);
  } else {
    // Ranges are on connections of their own, which are slow at first: not for the last ones.
    const auto* total = parts ? &counters.bytes_total : nullptr;
    gate_ = std::make_unique<transfer::SegmentGate>(transfer::SegmentWindow::Options(), counters.bytes_done,
                                                    total, &queue_, &counters.segments_allowed);
  }
}

Status Limits::follow_rate_file(RateFile::Warn warn) {
  if (options_.limit_rate_file.empty()) return {};
  auto file =
      RateFile::open(options_.limit_rate_file, down_, up_, *io_.clock, std::move(warn), kRateFileInterval);
  if (!file) return std::move(file).error();
  rate_file_ = std::move(*file);
  return {};
}

transfer::Context Limits::context() {
  transfer::Context context{io_.stop, &budget_, &counters_};
  context.gate = gate_.get();
  context.files = files_ ? &*files_ : nullptr;
  context.throttle = upload_ ? &up_ : &down_;
  context.source_throttle = &down_;
  context.connections = &connections_;
  context.queue = &queue_;
  context.clock = io_.clock;
  return context;
}

}  // namespace sjcp::cli
