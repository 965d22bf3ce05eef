#include "net/http/client.h"

#include <spdlog/spdlog.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <utility>

#include "core/base/scope_guard.h"
#include "net/http/line_pool.h"
#include "net/http/turns.h"

namespace sjcp::http {
namespace {

// Connections kept for later requests, of all servers.
constexpr size_t kMostIdle = 256;
// Of a redirect's own page: read, so that the connection can be kept.
constexpr size_t kRedirectPage = 64 << 10;

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

bool secret(const Header& header) {
  constexpr std::array<std::string_view, 6> kSecret = {
      "Authorization", "Cookie", "Cookie2", "Proxy-Authorization", "X-Amz-Security-Token", "X-Auth-Token"};
  return header.secret || std::any_of(kSecret.begin(), kSecret.end(),
                                      [&](std::string_view name) { return same_name(header.name, name); });
}

// The server asks for fewer requests.
bool asks_for_fewer(int status) {
  return status == 429 || status == 503;
}

bool redirects(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Stands between a line and the receiver: keeps redirects that are followed to itself.
class Hop final : public Receiver {
 public:
  Hop(Receiver& receiver, bool follow) : receiver_(receiver), follow_(follow) {}

  std::function<void(const Head&)> heard;  // once a server answers

  Status head(const Head& head) override {
    if (heard) heard(head);
    if (follow_ && redirects(head.status)) location_ = head.header("Location");
    if (location_) {
      status_ = head.status;
      return {};
    }
    return receiver_.head(head);
  }
  Status body(ByteView bytes) override {
    if (!location_) return receiver_.body(bytes);
    page_ += bytes.size();
    return {};
  }
  bool enough() override { return location_ ? page_ > kRedirectPage : receiver_.enough(); }

  // Of the redirect that is to be followed.
  const std::optional<std::string>& location() const { return location_; }
  int status() const { return status_; }

 private:
  Receiver& receiver_;
  const bool follow_;
  std::optional<std::string> location_;
  int status_ = 0;
  size_t page_ = 0;
};

class Collector final : public Receiver {
 public:
  Collector(std::string shown, size_t limit) : shown_(std::move(shown)), limit_(limit) {}
  Status head(const Head& head) override {
    static_cast<Head&>(reply) = head;
    return {};
  }
  Status body(ByteView bytes) override {
    if (reply.body.size() + bytes.size() > limit_) {
      return make_error(Errc::kProtocol,
                        shown_ + ": the reply is longer than " + std::to_string(limit_) + " bytes");
    }
    reply.body += bytes.text();
    return {};
  }
  Reply reply;

 private:
  const std::string shown_;
  const size_t limit_;
};

}  // namespace

OwnLine::OwnLine() = default;
OwnLine::~OwnLine() {
  release();
}

void OwnLine::release() {
  if (line_) release_(std::move(line_));
}

class CurlClient final : public Client {
 public:
  CurlClient(const ClientOptions& options, std::unique_ptr<Sharing> sharing)
      : Client(options.retry, options.tell),
        options_(options),
        sharing_(std::move(sharing)),
        pool_(*sharing_, options_) {
    waits().note = [](const std::string& line) { spdlog::debug("{}", line); };
  }

  Result<Reply> call(const Request& request, const transfer::Context& context, size_t limit) override {
    Collector collector(shown_url(request.url), limit);
    if (Status s = stream(request, collector, context); !s) return s.error();
    return std::move(collector.reply);
  }

  Status stream(const Request& request, Receiver& receiver, const transfer::Context& context) override;

 private:
  Status one_hop(const Request& request, const Url& url, Hop& receiver, const transfer::Context& context);
  std::unique_ptr<Line> take(const Request& request, const Url& url);

  const ClientOptions options_;
  const std::unique_ptr<Sharing> sharing_;
  LinePool pool_;
  Turns turns_;
};

namespace {

// For whoever looks for what went wrong: the URL without its secrets, no headers.
void log_request(const Request& request, const Url& url, const std::string& address, int answer,
                 const Status& status, std::chrono::steady_clock::time_point begun) {
  if (!spdlog::should_log(spdlog::level::debug)) return;
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
  const std::string outcome = answer > 0 ? "status " + std::to_string(answer) : "no answer";
  spdlog::debug("{} {}: {} from {} in {} ms{}", request.method, shown_url(url.text()), outcome,
                address.empty() ? "no address" : address, took.count(),
                status ? "" : "; " + status.error().what);
}

}  // namespace

Status CurlClient::one_hop(const Request& request, const Url& url, Hop& receiver,
                           const transfer::Context& context) {
  auto turn = request.waits ? turns_.take(url, context.stop, [&] { return receiver.enough(); })
                            : turns_.take_uncounted(url);
  if (!turn) return turn.error();
  if (!*turn) return {};
  // After the turn: whoever waits for one holds no connection that others could use.
  transfer::ConnectionBudget::Share share;
  if (context.connections != nullptr) {
    auto granted = context.connections->open(1, context.stop);
    if (!granted) return granted.error();
    share = std::move(*granted);
  }
  context.counters->connections_active.fetch_add(1, std::memory_order_relaxed);
  const ScopeGuard closed(
      [&] { context.counters->connections_active.fetch_sub(1, std::memory_order_relaxed); });
  auto line = take(request, url);
  if (request.followers > 0 && (request.direct || !behind_proxy())) {
    const size_t room = context.connections == nullptr ? request.followers : context.connections->room();
    line->on_connected(
        [this, &request, url, room](const std::string& address, std::chrono::microseconds trip) {
          if (trip < options_.long_path) return;
          pool_.dial_ahead(url, request.direct, address, std::min<size_t>(request.followers, room));
        });
  }
  int answer = 0;
  bool fewer = false;
  receiver.heard = [&](const Head& head) {
    answer = head.status;
    pool_.met(url, request.direct, line->address());
    fewer = asks_for_fewer(head.status) || (request.crowded && request.crowded(head));
    if (fewer) turn->refused();
  };
  const auto begun = std::chrono::steady_clock::now();
  Status status = line->exchange(request, url, request.headers, receiver, context);
  log_request(request, url, line->address(), answer, status, begun);
  if (line->unreachable() && !line->pinned().empty()) {
    pool_.drop_address(url, line->pinned());
    line->pin("");
    if (!status && (request.stream == nullptr || request.stream->rewind())) {
      status = line->exchange(request, url, request.headers, receiver, context);
    }
  }
  if (status && request.own != nullptr) {
    request.own->line_ = std::move(line);
    request.own->server_ = url.origin();
    request.own->release_ = [this, url, direct = request.direct](std::unique_ptr<Line> kept) {
      pool_.keep(url, direct, std::move(kept), kMostIdle);
    };
  } else if (status) {
    const size_t room = context.connections == nullptr ? kMostIdle : context.connections->room();
    pool_.keep(url, request.direct, std::move(line), std::min(kMostIdle, room));
  }
  // A server that fails in other ways says nothing about their number.
  if (status && answer > 0 && answer < 500 && !fewer) turn->answered();
  return status;
}

std::unique_ptr<Line> CurlClient::take(const Request& request, const Url& url) {
  const bool own = request.own != nullptr && request.own->line_ && request.own->server_ == url.origin();
  return own ? std::move(request.own->line_) : pool_.take(url, request.direct);
}

namespace {

// The request that a redirect asks for (RFC 9110, 15.4).
Status follow(Request& request, const Url& from, const Url& to, int status) {
  if (from.secure() && !to.secure()) {
    return make_error(Errc::kProtocol,
                      shown_url(from.text()) + ": redirected from https to http: " + shown_url(to.text()));
  }
  const bool posted = request.method == "POST" && (status == 301 || status == 302);
  if ((status == 303 && request.method != "HEAD") || posted) {
    request.method = "GET";
    request.body.clear();
    request.stream = nullptr;
    std::erase_if(request.headers, [](const Header& h) {
      return h.name.size() > 8 && same_name(h.name.substr(0, 8), "Content-");
    });
  }
  if (request.stream != nullptr) {
    if (Status s = request.stream->rewind(); !s) return s.error();
  }
  request.url = to.text();
  if (!from.same_origin(to)) drop_secrets(request);
  return {};
}

}  // namespace

Status CurlClient::stream(const Request& original, Receiver& receiver, const transfer::Context& context) {
  Result<Url> url = Url::parse(original.url);
  if (!url) return url.error();
  Request request = original;
  for (unsigned hop = 0;; ++hop) {
    Hop hopping(receiver, original.redirects > 0);
    if (Status s = one_hop(request, *url, hopping, context); !s) return s;
    if (!hopping.location()) return {};
    if (hop == original.redirects) {
      return make_error(Errc::kProtocol,
                        shown_url(original.url) + ": more than " + std::to_string(hop) + " redirects");
    }
    auto next = resolve_location(*url, *hopping.location());
    if (!next) return with_context(next.error(), shown_url(url->text()));
    if (Status s = follow(request, *url, *next, hopping.status()); !s) return s;
    url = std::move(next);
  }
}

void drop_secrets(Request& request) {
  std::erase_if(request.headers, secret);
}

std::optional<std::string> Head::header(std::string_view name) const {
  const auto found = std::find_if(headers.rbegin(), headers.rend(),
                                  [&](const Header& header) { return same_name(header.name, name); });
  if (found == headers.rend()) return std::nullopt;
  return found->value;
}

Result<std::unique_ptr<Client>> Client::create(const ClientOptions& options) {
  auto sharing = Sharing::create(options.ca_file, options.ca_named_by, options.insecure);
  if (!sharing) return sharing.error();
  return std::unique_ptr<Client>(std::make_unique<CurlClient>(options, std::move(*sharing)));
}

}  // namespace sjcp::http
