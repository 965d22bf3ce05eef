#include "net/http/turns.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace sjcp::http {
namespace {

constexpr std::chrono::milliseconds kTick{100};

}  // namespace

Turns::Turn::Turn(Turn&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)),
      server_(other.server_),
      counted_(other.counted_),
      sent_(other.sent_) {}

Turns::Turn& Turns::Turn::operator=(Turn&& other) noexcept {
  if (this != &other) {
    end();
    owner_ = std::exchange(other.owner_, nullptr);
    server_ = other.server_;
    counted_ = other.counted_;
    sent_ = other.sent_;
  }
  return *this;
}

void Turns::Turn::end() {
  if (owner_ == nullptr) return;
  const std::lock_guard lock(owner_->mutex_);
  if (counted_) --server_->on_their_way;
  server_->moved = owner_->clock_.steady_now();
  server_->changed.notify_all();
  owner_ = nullptr;
}

void Turns::Turn::refused() {
  std::string name;
  unsigned limit = 0;
  {
    const std::lock_guard lock(owner_->mutex_);
    const unsigned on_their_way = server_->on_their_way;
    if (!server_->window.refused(sent_, owner_->clock_.steady_now(), on_their_way)) return;
    limit = *server_->window.limit();
    // One alone is refused for what others do.
    if (on_their_way > 1 && !std::exchange(server_->told, true)) name = server_->name;
  }
  if (!name.empty()) {
    spdlog::warn("{}: asks for fewer requests; at most {} at a time from now on", name, limit);
  }
}

void Turns::Turn::answered() {
  const std::lock_guard lock(owner_->mutex_);
  if (server_->window.succeeded(owner_->clock_.steady_now())) server_->changed.notify_all();
}

Turns::Server& Turns::server_of(const Url& url) {
  const auto [found, added] = servers_.try_emplace(url.origin());
  if (added) found->second.name = url.shown_origin();
  return found->second;
}

bool Turns::may_go(const Server& server, Clock::Steady since) const {
  const auto limit = server.window.limit();
  if (!limit || server.on_their_way < *limit) return true;
  return clock_.steady_now() - std::max(since, server.moved) >= kPatience;
}

Result<Turns::Turn> Turns::take(const Url& url, const std::stop_token& stop,
                                const std::function<bool()>& unwanted) {
  std::unique_lock lock(mutex_);
  Server& server = server_of(url);
  const uint64_t ticket = server.next_ticket++;
  server.queue.push_back(ticket);
  const auto since = clock_.steady_now();
  const auto leave = [&] {
    std::erase(server.queue, ticket);
    // Whoever is first now may be able to go.
    server.changed.notify_all();
  };
  const auto my_turn = [&] { return server.queue.front() == ticket && may_go(server, since); };
  while (!server.changed.wait_for(lock, stop, kTick, my_turn)) {
    lock.unlock();
    const bool over = stop.stop_requested();
    const bool given_up = over || unwanted();
    lock.lock();
    if (!given_up) continue;
    leave();
    if (over) return make_error(Errc::kCancelled, "stopped");
    return Turn();
  }
  leave();
  ++server.on_their_way;
  server.moved = clock_.steady_now();
  return Turn(this, &server, true, server.moved);
}

Turns::Turn Turns::take_uncounted(const Url& url) {
  const std::lock_guard lock(mutex_);
  return {this, &server_of(url), false, clock_.steady_now()};
}

unsigned Turns::on_their_way(const Url& url) {
  const std::lock_guard lock(mutex_);
  return server_of(url).on_their_way;
}

size_t Turns::waiting(const Url& url) {
  const std::lock_guard lock(mutex_);
  return server_of(url).queue.size();
}

}  // namespace sjcp::http
