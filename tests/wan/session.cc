#include "tests/wan/session.h"

#include <sched.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

namespace sjcp::wan {
namespace {

// Packets wait for nobody: where we may, the loop goes before all that it carries for.  Children do not
// inherit it.
void go_first() {
  sched_param priority{};
  priority.sched_priority = 1;
  ::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &priority);
}

Result<local::Descriptor> open_signals() {
  sigset_t taken;
  ::sigemptyset(&taken);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&taken, number);
  ::sigprocmask(SIG_BLOCK, &taken, nullptr);
  local::Descriptor out(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!out.valid()) return errno_error("signalfd", errno);
  return out;
}

void write_all(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t n = ::write(fd, data, size);
    if (n <= 0) return;
    data += n;
    size -= static_cast<size_t>(n);
  }
}

}  // namespace

Result<int> Session::run(const SessionOptions& options) {
  const auto profile = load_profile(options.profile);
  if (!profile) return profile.error();
  auto guardian = Guardian::start();
  if (!guardian) return guardian.error();
  auto emulator = Emulator::create(*profile, options.emulator);
  if (!emulator) return emulator.error();
  Session session(options, std::move(*emulator), std::move(*guardian));
  auto signals = open_signals();
  if (!signals) return signals.error();
  session.signals_ = std::move(*signals);
  session.emulator_->watch(session.signals_.get(), [&] { session.handle_signal(); });
  if (!options.control.empty()) {
    auto control = Control::open(*session.emulator_, options.control);
    if (!control) return control.error();
    session.control_ = std::move(*control);
  }
  go_first();
  if (auto started = session.start_services(); !started) return started.error();
  session.emulator_->run();
  if (!session.failure_) return session.failure_.error();
  // Before the services end, so that their farewells are not in it.
  if (auto written = session.write_stats(); !written) return written.error();
  for (const auto& service : session.services_) service->group.end();
  return session.exit_code_;
}

Session::Session(const SessionOptions& options, std::unique_ptr<Emulator> emulator, Guardian guardian)
    : options_(options), emulator_(std::move(emulator)), guardian_(std::move(guardian)) {}

Status Session::start_services() {
  for (const std::string& command : options_.far) {
    if (auto started = start_service(command); !started) return started;
  }
  return services_.empty() ? start_near() : Status();
}

Status Session::start_service(const std::string& command) {
  CommandLine line;
  line.words = {"/bin/sh", "-c", command};
  line.space = emulator_->far_space().descriptor();
  line.captured = true;
  auto group = Group::start(line, guardian_);
  if (!group) return group.error();
  services_.push_back(std::make_unique<Service>(Service{std::move(*group), {}, false}));
  Service& service = *services_.back();
  emulator_->watch(service.group.output(), [this, &service] { read_output(service); });
  emulator_->watch(service.group.ended(), [this, &service] { service_ended(service); });
  return {};
}

void Session::read_output(Service& service) {
  char buffer[65536];
  const ssize_t n = ::read(service.group.output(), buffer, sizeof buffer);
  if (n <= 0) {
    emulator_->unwatch(service.group.output());
    return;
  }
  if (service.ready) {
    write_all(STDERR_FILENO, buffer, static_cast<size_t>(n));
    return;
  }
  service.output.append(buffer, static_cast<size_t>(n));
  if (service.output.find('\n') == std::string::npos) return;
  service.output.resize(service.output.find('\n'));
  service.ready = true;
  if (++ready_ < services_.size()) return;
  failure_ = start_near();
  if (!failure_) emulator_->stop();
}

void Session::service_ended(Service& service) {
  emulator_->unwatch(service.group.ended());
  const std::string text = "a far command ended with " + std::to_string(service.group.reap());
  if (service.ready) {
    std::fprintf(stderr, "sjwan: %s\n", text.c_str());
    return;
  }
  failure_ = make_error(Errc::kLocalIo, text + " before it was ready");
  emulator_->stop();
}

Status Session::start_near() {
  CommandLine line;
  line.words = options_.near_command;
  line.space = emulator_->near_space().descriptor();
  line.foreground = true;
  line.env["SJWAN_PROFILE"] = options_.profile;
  if (!options_.control.empty()) line.env["SJWAN_CONTROL"] = options_.control;
  for (size_t i = 0; i < services_.size(); ++i) {
    const std::string& text = services_[i]->output;
    line.env["SJWAN_FAR_" + std::to_string(i + 1)] = text;
    const auto ready = nlohmann::json::parse(text, nullptr, false);
    if (ready.is_object() && ready.contains("access") && ready["access"].is_string()) {
      line.env["SJCP_ACCESS"] = ready["access"].get<std::string>();
    }
  }
  auto group = Group::start(line, guardian_);
  if (!group) return group.error();
  near_ = std::make_unique<Group>(std::move(*group));
  emulator_->begin_events();
  emulator_->watch(near_->ended(), [this] {
    exit_code_ = near_->reap();
    emulator_->stop();
  });
  return {};
}

// The near command decides what a signal means; without one there is nothing to wait for.
void Session::handle_signal() {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != sizeof info) return;
  if (near_ != nullptr) {
    near_->signal(static_cast<int>(info.ssi_signo));
    return;
  }
  exit_code_ = 128 + static_cast<int>(info.ssi_signo);
  emulator_->stop();
}

Status Session::write_stats() const {
  if (options_.stats_file.empty()) return {};
  std::ofstream out(options_.stats_file);
  out << emulator_->stats_json() << "\n";
  out.close();
  if (!out) return errno_error(options_.stats_file, errno != 0 ? errno : EIO);
  return {};
}

}  // namespace sjcp::wan
