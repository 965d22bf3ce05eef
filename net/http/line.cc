#include "net/http/line.h"

#include <openssl/x509_vfy.h>
#include <strings.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <memory>
#include <stop_token>
#include <utility>

#include "core/base/scope_guard.h"
#include "core/base/wait.h"
#include "core/flow/outages.h"
#include "core/transfer/landing.h"
#include "net/http/head_parser.h"
#include "net/http/status.h"
#include "net/io/endpoint.h"
#include "net/io/receive_window.h"
#include "net/io/tcp_state.h"

namespace sjcp::http {
namespace {

using std::chrono::milliseconds;
using Steady = Clock::Steady;

constexpr milliseconds kTick{100};
// A dial that takes longer is remembered against the address.
constexpr std::chrono::seconds kLongDial{1};
constexpr uint64_t kReadBytes = 512 << 10;
constexpr uint64_t kSendBytes = 256 << 10;
// libcurl makes its buffers anew for each request: large ones, for little, cost more than the request.
constexpr uint64_t kLeastBytes = 16 << 10;
// The whole head of a reply has come so long after its first byte.
constexpr std::chrono::seconds kHeadTime{60};
// An answer that takes longer is told to be waited for.
constexpr std::chrono::seconds kTold{10};
// Below this a body is sent without asking whether it is wanted.
constexpr uint64_t kAskedFirst = 1 << 20;
// Where an answer was lost before, a body waits for one that makes it needless: for so long, after so much,
// for which some servers wait before they look at the request.
constexpr milliseconds kHeldBack{2000};
constexpr size_t kShown = 16 << 10;

Steady now() {
  return std::chrono::steady_clock::now();
}

struct HeaderList {
  curl_slist* list = nullptr;
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() { curl_slist_free_all(list); }
  void add(const std::string& line) { list = curl_slist_append(list, line.c_str()); }
};

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string seconds_text(Steady::duration time) {
  return flow::period_text(std::chrono::round<std::chrono::seconds>(time));
}

bool loopback(const std::string& host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

Errc kind_of(CURLcode code) {
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      return Errc::kUsage;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      return Errc::kIntegrity;
    case CURLE_UNSUPPORTED_PROTOCOL:  // the scheme is known by now: it is the reply that is no HTTP
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_HTTP2:
      return Errc::kProtocol;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_FAILED_INIT:
      return Errc::kInternal;
    default:
      return Errc::kNetwork;
  }
}

// Of a TLS connection that did not come about: whether it broke, and nobody refused.
bool handshake_broke(CURL* easy, std::string_view text) {
  long system = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &system);
  return system != 0 || text.find("SYSCALL") != std::string_view::npos ||
         text.find("unexpected eof") != std::string_view::npos;
}

// What to do about a certificate that is not trusted.
std::string certificate_advice(CURL* easy) {
  long reason = X509_V_OK;
  curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &reason);
  if (reason != X509_V_ERR_CERT_NOT_YET_VALID && reason != X509_V_ERR_CERT_HAS_EXPIRED)
    return "; --cacert names a CA to trust";
  const std::time_t now = std::time(nullptr);
  std::tm fields{};
  char text[32] = "";
  if (gmtime_r(&now, &fields) != nullptr) std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &fields);
  return "; for this machine it is " + std::string(text) + " UTC: if that is wrong, set its clock";
}

// libcurl does not tell a name that nobody knows from a name service that is away for now.
Fault name_fault(const std::string& host) {
  const auto found = io::resolve(host + ":1");
  return found ? Fault::kUnreached : found.error().fault;
}

}  // namespace

struct Line::Exchange {
  const Request& request;
  const Url& url;
  const std::vector<Header>& headers;
  Receiver& receiver;
  const transfer::Context& context;
  const std::string url_text;
  io::EarlyDials& dials;
  bool hold_back;  // the body's rest is to wait for an answer
  HeaderList sent{};
  HeaderList connect_to{};

  HeadParser parser{};
  std::optional<Steady> head_since{};  // its first byte came
  uint64_t received = 0;               // bytes of heads and bodies
  bool heard = false;                  // a byte of the reply came
  bool head_done = false;              // the receiver has the head
  bool enough = false;
  Status error{};  // of the receiver, the body or the stop token; libcurl only knows that it was to end

  size_t body_sent = 0;                   // of request.body
  bool body_begun = false;                // some of a body was handed over
  std::optional<Steady> held_until{};     // the body's rest waits
  curl_socket_t early = CURL_SOCKET_BAD;  // connected before the exchange began
  bool told = false;                      // that the answer is waited for
  bool far = false;                       // room for what a distant sender has under way
  uint64_t acknowledged = 0;
  transfer::Landing landing{*context.counters};  // of a body that is a stream
  Steady begin = now();
  Steady progress = begin;

  bool has_body() const {
    return request.stream != nullptr || !request.body.empty() || request.method == "POST" ||
           request.method == "PUT" || request.method == "PATCH";
  }
  std::optional<uint64_t> body_size() const {
    return request.stream != nullptr ? request.stream->size() : request.body.size();
  }
  // Whether the request may be sent twice (RFC 9110, 9.2.2), and has a body of which something is left to
  // hold back.
  bool may_hold_back() const {
    return body_begun && request.method == "PUT" && body_size().value_or(UINT64_MAX) > kShown;
  }
  bool fail(Error e) {
    error = std::move(e);
    return false;
  }
  bool deliver_head();
  // Waits until bytes may move: at least one.  0: to be given up, error or enough says why.
  size_t granted(size_t want);
};

bool Line::Exchange::deliver_head() {
  Head& head = parser.head();
  head.url = url_text;
  head_done = true;
  if (Status s = receiver.head(head); !s) return fail(s.error());
  enough = receiver.enough();
  return true;
}

size_t Line::Exchange::granted(size_t want) {
  if (context.throttle == nullptr) return want;
  for (;;) {
    const auto moment = now();
    if (const size_t got = context.throttle->allow(want, moment); got > 0) return got;
    const auto until = std::min(context.throttle->next(moment), moment + kTick);
    if (!wait_unless_stopped(until, context.stop)) {
      fail(make_error(Errc::kCancelled, "stopped"));
      return 0;
    }
    if (head_done && receiver.enough()) {
      enough = true;
      return 0;
    }
  }
}

Line::Line(Sharing& sharing, io::EarlyDials& dials, const ClientOptions& options)
    : sharing_(sharing),
      dials_(dials),
      options_(options),
      multi_(curl_multi_init()),
      easy_(curl_easy_init()) {
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 1L);
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Line::on_watch);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Line::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  error_text_[0] = '\0';
}

Line::~Line() {
  curl_easy_cleanup(easy_);
  curl_multi_cleanup(multi_);
}

std::string Line::address() const {
  char* text = nullptr;
  if (curl_easy_getinfo(easy_, CURLINFO_PRIMARY_IP, &text) != CURLE_OK || text == nullptr) return "";
  return text;
}

size_t Line::on_header(char* data, size_t one, size_t size, void* opaque) {
  auto& exchange = *static_cast<Exchange*>(opaque);
  const size_t bytes = one * size;
  const std::string_view line(data, bytes);
  exchange.progress = now();
  exchange.heard = true;
  exchange.received += bytes;
  if (exchange.head_done) return bytes;  // a trailer
  if (!exchange.head_since) exchange.head_since = exchange.progress;
  auto done = exchange.parser.take(line);
  if (!done) {
    exchange.fail(with_context(std::move(done).error(), shown_url(exchange.url_text)));
    return 0;
  }
  return !*done || exchange.deliver_head() ? bytes : 0;
}

size_t Line::on_body(char* data, size_t one, size_t size, void* opaque) {
  auto& exchange = *static_cast<Exchange*>(opaque);
  const size_t bytes = one * size;
  exchange.received += bytes;
  // 0 would be a success for an empty call only.
  constexpr size_t kEnd = CURL_WRITEFUNC_ERROR;
  if (exchange.enough || exchange.context.stop.stop_requested()) return kEnd;
  exchange.context.counters->bytes_fetched.fetch_add(bytes, std::memory_order_relaxed);
  for (size_t paid = 0; paid < bytes;) {
    const size_t granted = exchange.granted(bytes - paid);
    if (granted == 0) return kEnd;
    paid += granted;
  }
  const ByteView view(reinterpret_cast<const uint8_t*>(data), bytes);
  if (Status s = exchange.receiver.body(view); !s) {
    exchange.fail(s.error());
    return kEnd;
  }
  exchange.progress = now();
  exchange.enough = exchange.receiver.enough();
  return bytes;
}

size_t Line::on_read(char* out, size_t one, size_t size, void* opaque) {
  auto& exchange = *static_cast<Exchange*>(opaque);
  exchange.progress = now();
  if (exchange.hold_back && exchange.body_begun) {
    exchange.hold_back = false;
    exchange.held_until = exchange.progress + kHeldBack;
    return CURL_READFUNC_PAUSE;
  }
  const size_t room = exchange.hold_back ? std::min(one * size, kShown) : one * size;
  exchange.body_begun = true;
  if (exchange.request.stream == nullptr) {
    const std::string& body = exchange.request.body;
    const size_t bytes = std::min(room, body.size() - exchange.body_sent);
    if (bytes == 0) return 0;
    const size_t granted = exchange.granted(bytes);
    if (granted == 0) return CURL_READFUNC_ABORT;
    std::memcpy(out, body.data() + exchange.body_sent, granted);
    exchange.body_sent += granted;
    exchange.context.counters->bytes_fetched.fetch_add(granted, std::memory_order_relaxed);
    return granted;
  }
  const size_t granted = exchange.granted(room);
  if (granted == 0) return CURL_READFUNC_ABORT;
  const Result<size_t> got = exchange.request.stream->read({reinterpret_cast<uint8_t*>(out), granted});
  if (!got) {
    exchange.fail(got.error());
    return CURL_READFUNC_ABORT;
  }
  if (exchange.context.throttle != nullptr) exchange.context.throttle->give_back(granted - *got);
  exchange.context.counters->bytes_fetched.fetch_add(*got, std::memory_order_relaxed);
  exchange.landing.more(*got);
  exchange.progress = now();
  return *got;
}

int Line::on_seek(void* opaque, curl_off_t offset, int origin) {
  auto& exchange = *static_cast<Exchange*>(opaque);
  if (offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  exchange.body_sent = 0;
  exchange.landing.reach(0);
  if (exchange.request.stream == nullptr) return CURL_SEEKFUNC_OK;
  return exchange.request.stream->rewind() ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

curl_socket_t Line::on_open(void* opaque, curlsocktype, curl_sockaddr* address) {
  auto& exchange = *static_cast<Exchange*>(opaque);
  exchange.early = exchange.dials.take({reinterpret_cast<const uint8_t*>(&address->addr), address->addrlen});
  if (exchange.early != CURL_SOCKET_BAD) return exchange.early;
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int Line::on_socket(void* opaque, curl_socket_t fd, curlsocktype) {
  const auto& exchange = *static_cast<const Exchange*>(opaque);
  if (exchange.far) io::widen_receive_window(fd);
  return fd == exchange.early ? CURL_SOCKOPT_ALREADY_CONNECTED : CURL_SOCKOPT_OK;
}

// Before the request is sent.
int Line::on_ready(void* opaque, char* address, char*, int, int) {
  auto& line = *static_cast<Line*>(opaque);
  curl_off_t found = 0;
  curl_off_t connected = 0;
  curl_easy_getinfo(line.easy_, CURLINFO_NAMELOOKUP_TIME_T, &found);
  curl_easy_getinfo(line.easy_, CURLINFO_CONNECT_TIME_T, &connected);
  if (connected > found) line.on_connected_(address, std::chrono::microseconds(connected - found));
  return CURL_PREREQFUNC_OK;
}

void Line::prepare_body(Exchange& exchange) {
  const std::optional<uint64_t> size = exchange.body_size();
  curl_easy_setopt(easy_, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(easy_, CURLOPT_UPLOAD_BUFFERSIZE,
                   static_cast<long>(std::clamp(size.value_or(kSendBytes), kLeastBytes, kSendBytes)));
  curl_easy_setopt(easy_, CURLOPT_INFILESIZE_LARGE, size ? static_cast<curl_off_t>(*size) : curl_off_t{-1});
  curl_easy_setopt(easy_, CURLOPT_READFUNCTION, &Line::on_read);
  curl_easy_setopt(easy_, CURLOPT_READDATA, &exchange);
  curl_easy_setopt(easy_, CURLOPT_SEEKFUNCTION, &Line::on_seek);
  curl_easy_setopt(easy_, CURLOPT_SEEKDATA, &exchange);
  const bool asks = exchange.request.asks_first && (!size || *size >= kAskedFirst);
  exchange.sent.add(asks || exchange.hold_back ? "Expect: 100-continue" : "Expect:");
}

void Line::prepare_headers(Exchange& exchange) {
  // Whoever follows redirects may be led to a login and back.
  const bool cookies = exchange.request.redirects > 0;
  if (cookies) curl_easy_setopt(easy_, CURLOPT_COOKIEFILE, "");
  bool encoding = false;
  for (const Header& header : exchange.headers) {
    if (cookies && same_name(header.name, "Cookie")) {
      // In one line with those that servers have set.
      curl_easy_setopt(easy_, CURLOPT_COOKIE, header.value.c_str());
      continue;
    }
    encoding = encoding || same_name(header.name, "Accept-Encoding");
    // libcurl takes "Name:" for a header of its own to be left out.
    exchange.sent.add(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
  }
  if (!encoding) exchange.sent.add("Accept-Encoding: identity");
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, exchange.sent.list);
}

void Line::prepare(Exchange& exchange) {
  // libcurl 7.88 forgets the list of cookie files in the reset without freeing it; the cookies are the
  // share's.
  curl_easy_setopt(easy_, CURLOPT_COOKIEFILE, nullptr);
  curl_easy_reset(easy_);
  error_text_[0] = '\0';
  const Request& request = exchange.request;
  sharing_.apply(easy_);
  curl_easy_setopt(easy_, CURLOPT_URL, exchange.url_text.c_str());
  curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy_, CURLOPT_HTTP_CONTENT_DECODING, 0L);
  curl_easy_setopt(easy_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE,
                   static_cast<long>(std::clamp(request.expects, kLeastBytes, kReadBytes)));
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_text_);
  if (!options_.user_agent.empty()) {
    curl_easy_setopt(easy_, CURLOPT_USERAGENT, options_.user_agent.c_str());
  }
  if (options_.netrc) curl_easy_setopt(easy_, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_OPTIONAL));
  if (request.direct) curl_easy_setopt(easy_, CURLOPT_NOPROXY, "*");
  if (!pinned_.empty()) {
    const std::string port = std::to_string(exchange.url.port);
    exchange.connect_to.add(exchange.url.host + ":" + port + ":" + pinned_ + ":" + port);
    curl_easy_setopt(easy_, CURLOPT_CONNECT_TO, exchange.connect_to.list);
  }
  if (exchange.has_body()) {
    prepare_body(exchange);
  } else if (request.method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
  } else {
    curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);
  }
  curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  prepare_headers(exchange);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &Line::on_header);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &Line::on_body);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &exchange);
  const auto* throttle = exchange.context.throttle;
  const bool limited = throttle != nullptr && throttle->rate() != transfer::Throttle::kNoLimit;
  exchange.far = !limited && !loopback(exchange.url.host);
  curl_easy_setopt(easy_, CURLOPT_SOCKOPTFUNCTION, &Line::on_socket);
  curl_easy_setopt(easy_, CURLOPT_SOCKOPTDATA, &exchange);
  curl_easy_setopt(easy_, CURLOPT_OPENSOCKETFUNCTION, &Line::on_open);
  curl_easy_setopt(easy_, CURLOPT_OPENSOCKETDATA, &exchange);
  if (on_connected_) {
    curl_easy_setopt(easy_, CURLOPT_PREREQFUNCTION, &Line::on_ready);
    curl_easy_setopt(easy_, CURLOPT_PREREQDATA, this);
  }
}

// What the peer has acknowledged is progress, too: a socket takes megabytes at once and may need minutes for
// them.
void Line::note_sent(Exchange& exchange) {
  if (socket_ == CURL_SOCKET_BAD) return;
  const auto state = io::tcp_state(socket_);
  if (!state || state->acknowledged <= exchange.acknowledged) return;
  exchange.acknowledged = state->acknowledged;
  exchange.progress = now();
}

int Line::on_watch(CURL*, curl_socket_t fd, int what, void* opaque, void*) {
  auto* line = static_cast<Line*>(opaque);
  if (!line->watching_) return 0;
  if (what == CURL_POLL_REMOVE) {
    line->poller_.forget(fd);
    if (line->socket_ == fd) line->socket_ = CURL_SOCKET_BAD;
  } else {
    line->socket_ = fd;
    line->poller_.watch(fd, static_cast<uint64_t>(fd), (what & CURL_POLL_IN) != 0,
                        (what & CURL_POLL_OUT) != 0);
  }
  return 0;
}

int Line::on_timer(CURLM*, long limit, void* opaque) {
  auto& timer = static_cast<Line*>(opaque)->timer_;
  timer.reset();
  if (limit >= 0) timer = now() + milliseconds(limit);
  return 0;
}

// The result, once there is one.
std::optional<CURLcode> Line::act(curl_socket_t fd, int ready) {
  int running = 0;
  curl_multi_socket_action(multi_, fd, ready, &running);
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg == CURLMSG_DONE) return message->data.result;
  }
  return std::nullopt;
}

// OpenSSL reads several records at once (Sharing::trust), of which libcurl takes one and then waits for the
// socket: what is left would wait with it, for ever at the end of a reply.
std::optional<CURLcode> Line::drain(Exchange& exchange) {
  if (!exchange.heard || !exchange.url.secure()) return std::nullopt;
  while (socket_ != CURL_SOCKET_BAD && !exchange.enough && sharing_.holds_bytes(easy_)) {
    const uint64_t before = exchange.received;
    if (auto result = act(socket_, CURL_CSELECT_IN)) return result;
    if (exchange.received == before) break;  // a part of a record
  }
  return std::nullopt;
}

// Until something is ready, a tick is over, or to be stopped.  False: the system refuses.
bool Line::wait() {
  auto limit = kTick;
  if (timer_) limit = std::clamp(std::chrono::ceil<milliseconds>(*timer_ - now()), milliseconds(0), kTick);
  ready_.clear();
  const auto events = poller_.wait(limit);
  if (!events) return events.error().code == Errc::kCancelled;
  for (const io::Poller::Event& event : **events) {
    ready_.emplace_back(static_cast<curl_socket_t>(event.token),
                        (event.readable ? CURL_CSELECT_IN : 0) | (event.writable ? CURL_CSELECT_OUT : 0));
  }
  return true;
}

// True: exchange.error or exchange.enough says why.
bool Line::given_up(Exchange& exchange) {
  if (exchange.context.stop.stop_requested()) {
    exchange.fail(make_error(Errc::kCancelled, "stopped"));
    return true;
  }
  // Nobody waits for the end of a dial whose reply is not wanted any more.
  if ((exchange.head_done || !exchange.heard) && exchange.receiver.enough()) exchange.enough = true;
  if (exchange.enough) return true;
  const Steady moment = now();
  if (exchange.has_body() && moment - exchange.progress > kTick) note_sent(exchange);
  const Request& request = exchange.request;
  auto stall = request.stall_timeout.count() > 0 ? request.stall_timeout : options_.stall_timeout;
  const bool answers_late = request.may_take && !exchange.heard;
  if (answers_late) stall = std::max(stall, options_.answer_timeout);
  const auto silent = moment - exchange.progress;
  std::string what;
  if (silent > stall) {
    what = exchange.heard ? ": nothing moves any more" : ": no answer for " + seconds_text(silent);
  }
  if (exchange.head_since && !exchange.head_done && moment - *exchange.head_since > kHeadTime)
    what = ": the head of the reply does not end";
  if (request.timeout.count() > 0 && moment - exchange.begin > request.timeout) what = ": took too long";
  if (what.empty()) {
    if (answers_late && silent > kTold && !std::exchange(exchange.told, true))
      tell_wait(exchange, stall - silent);
    return false;
  }
  exchange.fail(make_error(Errc::kNetwork, shown_url(exchange.url_text) + what, CURLE_OPERATION_TIMEDOUT,
                           Fault::kSilent));
  return true;
}

// A server may take minutes to make what it was asked for: whoever waits should know.
void Line::tell_wait(const Exchange& exchange, Steady::duration left) const {
  const auto until = std::chrono::system_clock::now() +
                     std::chrono::duration_cast<std::chrono::system_clock::duration>(left);
  options_.tell(shown_url(exchange.url_text) + ": no answer yet; waiting until " + flow::clock_text(until));
}

// CURLE_ABORTED_BY_CALLBACK: exchange.error or exchange.enough says why.
CURLcode Line::run(Exchange& exchange) {
  auto result = act(CURL_SOCKET_TIMEOUT, 0);
  for (;;) {
    if (!result) result = drain(exchange);
    if (result) return *result;
    if (given_up(exchange)) return CURLE_ABORTED_BY_CALLBACK;
    if (exchange.held_until && (exchange.head_done || now() >= *exchange.held_until)) {
      exchange.held_until.reset();
      curl_easy_pause(easy_, CURLPAUSE_CONT);
    }
    if (!wait()) return CURLE_FAILED_INIT;
    for (const auto& [fd, ready] : ready_) {
      if (!result) result = act(fd, ready);
    }
    if (!result && timer_ && now() >= *timer_) {
      timer_.reset();
      result = act(CURL_SOCKET_TIMEOUT, 0);
    }
  }
}

Fault Line::fault(const Exchange& exchange, CURLcode code) const {
  constexpr std::string_view kProxy = "Could not resolve proxy: ";
  const std::string_view text = error_text_;
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:  // of the dial: no other is libcurl's to watch
      return Fault::kUnreached;
    case CURLE_COULDNT_RESOLVE_HOST:
      return name_fault(exchange.url.host);
    case CURLE_COULDNT_RESOLVE_PROXY:
      return name_fault(text.starts_with(kProxy) ? std::string(text.substr(kProxy.size())) : "");
    case CURLE_SSL_CONNECT_ERROR:
      return handshake_broke(easy_, text) ? Fault::kUnreached : Fault::kNone;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_FAIL_REWIND:
      return Fault::kBroken;
    default:
      return Fault::kNone;
  }
}

Error Line::failure(const Exchange& exchange, CURLcode code) const {
  long tunnel = 0;
  curl_easy_getinfo(easy_, CURLINFO_HTTP_CONNECTCODE, &tunnel);
  if (tunnel >= 300 && !exchange.heard)
    return proxy_error(shown_url(exchange.url_text), static_cast<int>(tunnel));
  if (const auto untrusted = sharing_.failure(); untrusted && code == CURLE_SSL_CACERT_BADFILE) {
    return *untrusted;
  }
  std::string text = error_text_[0] != '\0' ? error_text_ : curl_easy_strerror(code);
  std::replace_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  std::string what = shown_url(exchange.url_text) + ": " + text;
  if (kind_of(code) == Errc::kIntegrity) what += certificate_advice(easy_);
  return make_error(kind_of(code), std::move(what), code, fault(exchange, code));
}

Status Line::verdict(Exchange& exchange, CURLcode code) {
  if (!exchange.error) return exchange.error;
  if (exchange.enough) return {};
  if (exchange.context.stop.stop_requested() && code != CURLE_OK) {
    return make_error(Errc::kCancelled, "stopped");
  }
  if (code != CURLE_OK) return failure(exchange, code);
  if (!exchange.head_done) {
    return make_error(Errc::kProtocol, shown_url(exchange.url_text) + ": no reply", CURLE_GOT_NOTHING,
                      Fault::kBroken);
  }
  return {};
}

Status Line::attempt(Exchange& exchange) {
  prepare(exchange);
  poller_.restart(exchange.context.stop);
  watching_ = true;
  timer_.reset();
  socket_ = CURL_SOCKET_BAD;
  const ScopeGuard unwatched([this] {
    watching_ = false;
    poller_.restart({});
  });
  if (curl_multi_add_handle(multi_, easy_) != CURLM_OK) {
    return make_error(Errc::kInternal, shown_url(exchange.url_text) + ": the request cannot be begun");
  }
  const ScopeGuard removed([this] { curl_multi_remove_handle(multi_, easy_); });
  return verdict(exchange, run(exchange));
}

Status Line::exchange(const Request& request, const Url& url, const std::vector<Header>& headers,
                      Receiver& receiver, const transfer::Context& context) {
  unreachable_ = false;
  const ScopeGuard told([this] { on_connected_ = nullptr; });
  bool again = false;
  for (bool hold_back = false;;) {
    Exchange exchange{request, url, headers, receiver, context, url.text(), dials_, hold_back};
    const Status status = attempt(exchange);
    used_ = now();
    // Given up by whoever asked, who has waited for long.
    unreachable_ = status.has_value() && !exchange.heard && used_ - exchange.begin > kLongDial;
    if (status || !exchange.error || exchange.head_done) return status;
    const int code = status.error().cause;
    unreachable_ = !exchange.heard && (code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT);
    if (code != CURLE_GOT_NOTHING && code != CURLE_SEND_ERROR && code != CURLE_RECV_ERROR) return status;
    long dialled = 0;
    curl_easy_getinfo(easy_, CURLINFO_NUM_CONNECTS, &dialled);
    const bool fresh = dialled > 0 && exchange.early == CURL_SOCKET_BAD;
    if (!again && !exchange.heard && !fresh) {
      // The server had closed the connection, kept or made early, before the request reached it.
      again = true;
    } else if (!hold_back && exchange.may_hold_back()) {
      // A server that refuses a request may close while the body still comes: the body's next bytes meet a
      // reset, and the answer is lost.  With nothing more on its way it arrives.
      hold_back = true;
    } else {
      return status;
    }
    if (request.stream != nullptr && !request.stream->rewind()) return status;
  }
}

}  // namespace sjcp::http
