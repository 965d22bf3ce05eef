#include "net/http/probe.h"

#include <algorithm>
#include <utility>

namespace sjcp::http {
namespace {

constexpr size_t kMostErrorText = 64 << 10;
constexpr std::chrono::milliseconds kGrace{500};

}  // namespace

Probe::Probe(Client& client, Request request, const transfer::Context& context)
    : client_(client),
      request_(std::move(request)),
      context_(context.with_stop(stop_.get_token())),
      link_(context.stop, [this] { stop_.request_stop(); }),
      thread_([this] { run(); }) {}

Probe::~Probe() {
  drop();
}

void Probe::drop() {
  stop_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Probe::run() {
  Status status = client_.stream(request_, *this, context_);
  const std::lock_guard lock(mutex_);
  result_ = std::move(status);
  done_ = true;
  changed_.notify_all();
}

Status Probe::head(const Head& head) {
  const std::lock_guard lock(mutex_);
  static_cast<Head&>(reply_) = head;
  has_head_ = true;
  collecting_ = head.status != 200 && head.status != 206;
  if (!collecting_) changed_.notify_all();
  return {};
}

Status Probe::body(ByteView bytes) {
  for (;;) {
    RangeWriter* writer = nullptr;
    {
      std::unique_lock lock(mutex_);
      if (collecting_) {
        const size_t room = kMostErrorText - std::min(kMostErrorText, reply_.body.size());
        reply_.body += bytes.text().substr(0, room);
        return {};
      }
      const auto ready = [this] { return writer_ != nullptr; };
      while (!ready()) {
        if (stop_.stop_requested() || (deadline_ && Clock::Steady::clock::now() >= *deadline_)) {
          return make_error(Errc::kCancelled, "not wanted");
        }
        if (deadline_) {
          changed_.wait_until(lock, stop_.get_token(), *deadline_, ready);
        } else {
          // Also ended by a deadline that comes meanwhile.
          changed_.wait(lock, stop_.get_token(), [&] { return ready() || deadline_; });
        }
      }
      writer = writer_;
    }
    bytes = pass_over(*writer, bytes);
    if (bytes.empty()) return {};
    const uint64_t before = writer->position();
    if (Status s = writer->take(bytes); !s) return s;
    // What was taken and is not wanted any more belongs to whoever comes next.
    const uint64_t reached = std::max(before, std::min(writer->position(), writer->end()));
    {
      const std::lock_guard lock(mutex_);
      position_ += reached - before;
      bytes = bytes.sub(static_cast<size_t>(reached - before));
      if (bytes.empty()) return {};
      // Nobody gets the rest.
      over_ = over_ || !hold_;
      if (over_) return {};
    }
    let_go();
  }
}

// What is left of the bytes where the writer begins.
ByteView Probe::pass_over(RangeWriter& writer, ByteView bytes) {
  const std::lock_guard lock(mutex_);
  const uint64_t ahead = writer.position() - std::min(position_, writer.position());
  const auto passed = static_cast<size_t>(std::min<uint64_t>(ahead, bytes.size()));
  position_ += passed;
  return bytes.sub(passed);
}

// The writer has what it wants: its feed() ends, and the request waits for another one.
void Probe::let_go() {
  const std::lock_guard lock(mutex_);
  writer_ = nullptr;
  changed_.notify_all();
}

bool Probe::enough() {
  RangeWriter* writer = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (collecting_) return reply_.body.size() >= kMostErrorText;
    writer = writer_;
  }
  if (writer == nullptr) return false;
  // Its error comes back from the next take(), or from the flush at the end.
  (void)writer->tick(std::chrono::steady_clock::now());
  if (!writer->enough()) return false;
  {
    const std::lock_guard lock(mutex_);
    over_ = over_ || !hold_;
    if (over_) return true;
  }
  let_go();
  return false;
}

Result<Reply> Probe::answer() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return done_ || (has_head_ && !collecting_); });
  if (!has_head_ || (collecting_ && done_ && !result_)) return result_.error();
  return reply_;
}

void Probe::begins_at(uint64_t position) {
  const std::lock_guard lock(mutex_);
  position_ = position;
}

uint64_t Probe::position() {
  const std::lock_guard lock(mutex_);
  return position_;
}

void Probe::hold() {
  const std::lock_guard lock(mutex_);
  hold_ = true;
  deadline_.reset();
}

Result<bool> Probe::feed(RangeWriter& writer) {
  std::unique_lock lock(mutex_);
  if (done_ && !result_) return false;
  writer_ = &writer;
  changed_.notify_all();
  changed_.wait(lock, [&] { return done_ || writer_ != &writer; });
  if (!done_ || result_) return true;
  writer_ = nullptr;
  // Not wanted until a moment ago.
  if (result_.error().code == Errc::kCancelled && !stop_.stop_requested()) return false;
  return result_.error();
}

void Probe::hurry() {
  const std::lock_guard lock(mutex_);
  if (deadline_ || hold_) return;
  deadline_ = std::chrono::steady_clock::now() + kGrace;
  changed_.notify_all();
}

}  // namespace sjcp::http
