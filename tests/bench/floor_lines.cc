#include "tests/bench/floor_lines.h"

#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "core/crypto/gcm_provider.h"
#include "net/io/identity.h"

namespace sjcp::bench {
namespace {

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

// What net/io sets that costs or saves time; peers are not checked, since handshakes are not counted.
Context make_context(const SSL_METHOD* method, const io::Identity* identity) {
  crypto::prefer_vector_gcm();
  Context context(SSL_CTX_new(method), SSL_CTX_free);
  bool ok = context && SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256") == 1 &&
            SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) == 1;
  if (ok && identity != nullptr) {
    ok = SSL_CTX_use_certificate(context.get(), identity->leaf()) == 1 &&
         SSL_CTX_use_PrivateKey(context.get(), identity->key()) == 1;
  }
  if (!ok) die("TLS cannot be set up");
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context.get(), 64 << 10);
  return context;
}

Line shake_hands(SSL_CTX* context, int fd, int (*how)(SSL*)) {
  SSL* ssl = SSL_new(context);
  if (ssl == nullptr || SSL_set_fd(ssl, fd) != 1 || how(ssl) != 1) die("TLS handshake");
  return Line(ssl, fd);
}

[[noreturn]] void run_child(int listener, unsigned count, const std::function<void()>& prepare,
                            const std::function<void(std::vector<Line>&)>& serve) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto identity = io::Identity::generate();
  if (!identity) die(identity.error().what);
  prepare();
  const Context context = make_context(TLS_server_method(), identity->get());
  std::vector<Line> lines;
  for (unsigned i = 0; i < count; ++i) {
    const int fd = accept(listener, nullptr, nullptr);
    if (fd < 0) die("accept");
    lines.push_back(shake_hands(context.get(), fd, SSL_accept));
  }
  serve(lines);
  _exit(0);
}

}  // namespace

void die(const std::string& what) {
  std::fprintf(stderr, "floor: %s\n", what.c_str());
  std::_Exit(1);
}

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void Line::read(ByteSpan out) {
  while (!out.empty()) {
    size_t got = 0;
    if (SSL_read_ex(ssl_.get(), out.data(), out.size(), &got) != 1) die("the sender is gone");
    out = out.subspan(got);
  }
}

void Line::write(ByteView data) {
  size_t sent = 0;
  if (SSL_write_ex(ssl_.get(), data.data(), data.size(), &sent) != 1 || sent != data.size())
    die("the receiver is gone");
}

Lines::Lines(unsigned count, const std::function<void()>& prepare,
             const std::function<void(std::vector<Line>&)>& serve)
    : context_(make_context(TLS_client_method(), nullptr)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* name = reinterpret_cast<sockaddr*>(&address);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0 || bind(listener, name, size) != 0 || listen(listener, static_cast<int>(count)) != 0 ||
      getsockname(listener, name, &size) != 0)
    die("cannot listen on loopback");
  child_ = fork();
  if (child_ < 0) die("fork");
  if (child_ == 0) run_child(listener, count, prepare, serve);
  for (unsigned i = 0; i < count; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, name, size) != 0) die("cannot connect on loopback");
    lines_.push_back(shake_hands(context_.get(), fd, SSL_connect));
  }
  close(listener);
}

Lines::~Lines() {
  for (const Line& line : lines_) close(line.fd());
  int status = 0;
  if (waitpid(child_, &status, 0) != child_ || status != 0) die("the child failed");
}

}  // namespace sjcp::bench
