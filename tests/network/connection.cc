#include "tests/network/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/post.hpp>
#include <cerrno>

namespace sjcp::network {
namespace {

// Output beyond this waits for the client to read; one message of a download may exceed it.
constexpr size_t kOutputMark = 128 << 10;
// Rounds of reading and writing before other connections of the thread get their turn.
constexpr int kRounds = 64;
constexpr size_t kPreambleSize = 8;
// A paced stream moves at least this much at a time.
constexpr uint64_t kPaceStep = 16 << 10;

}  // namespace

Connection::Connection(asio::io_context& loop, Service& service, int fd)
    : loop_(loop), service_(service), fd_(fd), waiter_(loop, fd), timer_(loop) {}

Connection::~Connection() {
  close();
}

void Connection::start() {
  service_.on_connection();
  if (service_.refuses()) {
    close();
    return;
  }
  wait_hang_up();
  advance();
}

void Connection::cut() {
  asio::post(loop_, [self = shared_from_this()] { self->close(); });
}

void Connection::close() {
  if (stage_ == Stage::kClosed) return;
  stage_ = Stage::kClosed;
  call_.reset();
  timer_.cancel();
  if (waiter_.is_open()) waiter_.release();
  transport_.reset();  // closes the descriptor that it took
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Connection::advance() {
  switch (stage_) {
    case Stage::kPreamble:
      if (!read_preamble()) return;
      [[fallthrough]];
    case Stage::kHandshake:
      handshake();
      return;
    case Stage::kOpen:
      serve();
      return;
    case Stage::kClosed:
      return;
  }
}

// True when it has come; otherwise waits for more or has closed.
bool Connection::read_preamble() {
  std::array<char, kPreambleSize> buffer{};
  const ssize_t n = ::recv(fd_, buffer.data(), kPreambleSize - preamble_.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
    wait_read();
    return false;
  }
  if (n <= 0) {
    close();
    return false;
  }
  preamble_.append(buffer.data(), static_cast<size_t>(n));
  if (preamble_.size() < kPreambleSize) {
    wait_read();
    return false;
  }
  if (preamble_ == drpc::kPreamble) {
    auto tls = io::TlsConnection::accept(service_.tls(), std::exchange(fd_, -1));
    if (tls) transport_ = std::move(*tls);
  } else if (const crypto::NoiseKey* key = service_.noise();
             key != nullptr && preamble_ == drpc::kNoisePreamble) {
    transport_ =
        io::NoiseConnection::accept(crypto::NoiseProtocol::kChaChaPoly, *key, std::exchange(fd_, -1));
    service_.on_noise();
  }
  if (transport_ == nullptr) {
    close();
    return false;
  }
  stage_ = Stage::kHandshake;
  return true;
}

void Connection::handshake() {
  const auto ready = transport_->handshake();
  if (!ready) {
    service_.on_handshake_failed();
    close();
    return;
  }
  switch (*ready) {
    case io::Ready::kWantRead:
      wait_read();
      return;
    case io::Ready::kWantWrite:
      wait_write();
      return;
    case io::Ready::kDone:
      break;
  }
  stage_ = Stage::kOpen;
  serve();
}

void Connection::serve() {
  bool moved = true;
  for (int round = 0; moved && round < kRounds; ++round) {
    moved = false;
    if (reading_allowed()) moved = read_some();
    if (stage_ != Stage::kOpen) return;
    moved = pump_some() || moved;
    moved = write_some() || moved;
    if (stage_ != Stage::kOpen) return;
  }
  if (moved) {
    asio::post(loop_, [self = shared_from_this()] { self->advance(); });
    return;
  }
  if (reading_allowed()) wait_read();
  if (!machine_.output().empty()) wait_write();
}

// ---- input ----

bool Connection::reading_allowed() {
  if (machine_.output().size() > kOutputMark) return false;
  return call_ == nullptr || !call_->receives() || allowance() > 0;
}

bool Connection::read_some() {
  // One record at a time; the thread's connections share the buffer because nothing stays in it.
  thread_local std::array<uint8_t, 17 << 10> buffer;
  auto got = transport_->read(buffer);
  if (!got || got->eof) {
    if (!got && transport_->unproven()) service_.on_handshake_failed();
    close();
    return false;
  }
  if (got->data.empty()) return false;
  if (!machine_.receive(got->data, *this)) {
    close();
    return false;
  }
  after_call();
  return stage_ == Stage::kOpen;
}

Status Connection::on_invoke(uint64_t, std::string_view rpc) {
  message_.clear();
  call_ = service_.open(rpc);
  pace_ = call_->pace();
  call_began_ = std::chrono::steady_clock::now();
  return {};
}

Status Connection::on_message_data(ByteView data, bool last) {
  if (call_ == nullptr) return {};
  if (message_.empty() && last) {
    call_->on_message(data, machine_);
    return {};
  }
  message_.append(data.text());
  if (!last) return {};
  call_->on_message(message_, machine_);
  message_.clear();
  return {};
}

Status Connection::on_close_send() {
  if (call_ != nullptr && machine_.open()) call_->on_close_send(machine_);
  return {};
}

void Connection::on_end(drpc::StreamEnd) {
  call_.reset();
  message_.clear();
}

void Connection::after_call() {
  if (call_ == nullptr) return;
  if (call_->drops_connection()) {
    close();
  } else if (!machine_.open()) {
    call_.reset();
  }
}

// ---- output ----

bool Connection::pump_some() {
  if (call_ == nullptr || machine_.output().size() > kOutputMark) return false;
  const uint64_t allowed = call_->receives() ? 0 : allowance();
  const bool more = call_->pump(machine_, allowed);
  after_call();
  return more;
}

bool Connection::write_some() {
  bool moved = false;
  while (!machine_.output().empty()) {
    const auto n = transport_->write(machine_.output());
    if (!n) {
      close();
      return false;
    }
    if (*n == 0) break;
    machine_.consume_output(*n);
    moved = true;
  }
  return moved;
}

// ---- waiting ----

uint64_t Connection::allowance() {
  if (call_ == nullptr) return UINT64_MAX;
  const uint64_t moved = call_->progress();
  uint64_t left = UINT64_MAX;
  if (pace_.stall_after) left = *pace_.stall_after > moved ? *pace_.stall_after - moved : 0;
  if (pace_.bytes_per_second == 0 || left == 0) return left;
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - call_began_;
  const double rate = static_cast<double>(pace_.bytes_per_second);
  const auto due = static_cast<uint64_t>(elapsed.count() * rate);
  const uint64_t step = std::min(kPaceStep, std::max<uint64_t>(1, pace_.bytes_per_second / 10));
  if (due >= moved + step) return std::min(left, due - moved);
  const std::chrono::duration<double> next(static_cast<double>(moved + step) / rate);
  wait_until(call_began_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(next));
  return 0;
}

void Connection::wait_hang_up() {
  waiter_.async_wait(asio::posix::stream_descriptor::wait_error,
                     [self = shared_from_this()](const std::error_code& error) {
                       if (!error) self->close();
                     });
}

void Connection::wait_read() {
  if (std::exchange(read_wait_, true)) return;
  waiter_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this()](const std::error_code& error) {
                       self->read_wait_ = false;
                       if (!error) self->advance();
                     });
}

void Connection::wait_write() {
  if (std::exchange(write_wait_, true)) return;
  waiter_.async_wait(asio::posix::stream_descriptor::wait_write,
                     [self = shared_from_this()](const std::error_code& error) {
                       self->write_wait_ = false;
                       if (!error) self->advance();
                     });
}

void Connection::wait_until(std::chrono::steady_clock::time_point time) {
  if (std::exchange(timer_wait_, true)) return;
  timer_.expires_at(time);
  timer_.async_wait([self = shared_from_this()](const std::error_code& error) {
    self->timer_wait_ = false;
    if (!error) self->advance();
  });
}

}  // namespace sjcp::network
