// One connection at a time to one server, and the requests that go over it one after the other: a libcurl
// multi handle with one easy handle.
//
// Threads: one at a time.
// Errors: as in client.h.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "net/http/client.h"
#include "net/http/sharing.h"
#include "net/http/url.h"
#include "net/io/early_dials.h"
#include "net/io/poller.h"

namespace sjcp::http {

class Line {
 public:
  // All outlive the line.
  Line(Sharing& sharing, io::EarlyDials& dials, const ClientOptions& options);
  ~Line();
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  // Connections are made to this numeric address (IPv6 in brackets) whatever the name says; empty: as the
  // name says.
  void pin(std::string address) { pinned_ = std::move(address); }
  const std::string& pinned() const { return pinned_; }

  // Called in the next exchange when its connection has been made, with the numeric address and the time that
  // a round trip took; not for a kept one.
  using OnConnected = std::function<void(const std::string& address, std::chrono::microseconds trip)>;
  void on_connected(OnConnected call) { on_connected_ = std::move(call); }

  // One request and its reply, redirects included as they are.  `headers` instead of the request's own.
  // Blocks.
  Status exchange(const Request& request, const Url& url, const std::vector<Header>& headers,
                  Receiver& receiver, const transfer::Context& context);

  // Of the last exchange: no connection was to be had.
  bool unreachable() const { return unreachable_; }
  // The numeric address that answered.
  std::string address() const;
  Clock::Steady used() const { return used_; }

 private:
  struct Exchange;
  void prepare(Exchange& exchange);
  void prepare_headers(Exchange& exchange);
  void prepare_body(Exchange& exchange);
  CURLcode run(Exchange& exchange);
  std::optional<CURLcode> act(curl_socket_t fd, int ready);
  std::optional<CURLcode> drain(Exchange& exchange);
  bool wait();
  bool given_up(Exchange& exchange);
  Status attempt(Exchange& exchange);
  void note_sent(Exchange& exchange);
  Status verdict(Exchange& exchange, CURLcode code);
  void tell_wait(const Exchange& exchange, Clock::Steady::duration left) const;
  Fault fault(const Exchange& exchange, CURLcode code) const;
  Error failure(const Exchange& exchange, CURLcode code) const;

  static int on_watch(CURL* easy, curl_socket_t fd, int what, void* line, void* unused);
  static int on_timer(CURLM* multi, long milliseconds, void* line);
  static size_t on_header(char* data, size_t one, size_t size, void* exchange);
  static size_t on_body(char* data, size_t one, size_t size, void* exchange);
  static size_t on_read(char* out, size_t one, size_t size, void* exchange);
  static int on_seek(void* exchange, curl_off_t offset, int origin);
  static curl_socket_t on_open(void* exchange, curlsocktype purpose, curl_sockaddr* address);
  static int on_socket(void* exchange, curl_socket_t fd, curlsocktype purpose);
  static int on_ready(void* line, char* address, char* local, int port, int local_port);

  Sharing& sharing_;
  io::EarlyDials& dials_;
  const ClientOptions& options_;
  CURLM* multi_;
  CURL* easy_;
  char error_text_[CURL_ERROR_SIZE];
  std::string pinned_;
  bool unreachable_ = false;
  OnConnected on_connected_;
  // What libcurl waits for.
  io::Poller poller_;                       // of every exchange: making one costs as much as a small file
  bool watching_ = false;                   // while there is an exchange
  curl_socket_t socket_ = CURL_SOCKET_BAD;  // once connected, the connection's
  std::optional<Clock::Steady> timer_;
  std::vector<std::pair<curl_socket_t, int>> ready_;
  Clock::Steady used_{};
};

}  // namespace sjcp::http
