// HTTP(S) requests: one call for small replies, one for streams of bytes.
//
// Ownership: one client per process, shared by http://, s3:// and hf://.  It keeps lines (a libcurl multi
// handle with its connections) that requests check out one at a time and leave with their connection open;
// names, TLS sessions and the number of connections are shared.  A server that asks for fewer requests gets
// half as many at a time (turns.h).
//
// Threads: any; each request blocks its caller.
//
// Errors: kNetwork (DNS, dial, TLS, time-outs, connections lost), kCancelled (context.stop; seen at once),
// kProtocol (too many redirects, a redirect from https to http, a malformed reply), kUsage (a malformed URL,
// an unknown scheme), kIntegrity (a certificate that does not verify).  A status of 400 and more is no error
// here: it is the caller's to judge (status.h).  Error::cause is libcurl's code, below 100, where libcurl
// found the error.
// Error::fault says what happened, as far as it may pass.
// Texts name the URL as shown_url() gives it.  No request is repeated here (flow::Repeats over waits() is how
// callers do), except on a kept connection that turns out to be dead before the reply began.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/flow/repeats.h"
#include "core/transfer/context.h"
#include "net/http/url.h"

namespace sjcp::http {

struct Header {
  std::string name;
  std::string value;
  // Not sent to another scheme, host or port than the request's own.  Authorization, Cookie and the like are
  // secret anyway.
  bool secret = false;
};

struct Head {
  int status = 0;
  std::vector<Header> headers;  // in order, names as sent
  std::string url;              // that answered, after redirects
  // The value of the last header of this name, case ignored; nothing: there is none.
  std::optional<std::string> header(std::string_view name) const;
};

// Bytes that a request sends.
class RequestBody {
 public:
  virtual ~RequestBody() = default;
  virtual std::optional<uint64_t> size() const = 0;  // nothing: sent in chunks
  // What there is, at least a byte: waits for it.  0 only at the end.
  virtual Result<size_t> read(ByteSpan out) = 0;
  // Back to the first byte; an error where that is not possible.
  virtual Status rewind() = 0;
};

class Line;

// The connection of requests that follow each other: it stays theirs between them, so that each finds it up
// to speed.  One request at a time, of one client, which outlives it.
class OwnLine {
 public:
  OwnLine();
  ~OwnLine();
  // For whoever wants it next.
  void release();

 private:
  friend class CurlClient;
  std::unique_ptr<Line> line_;
  std::string server_;
  std::function<void(std::unique_ptr<Line>)> release_;
};

struct Request {
  std::string method = "GET";
  std::string url;  // sent byte for byte: what needs escaping is escaped already
  std::vector<Header> headers;
  std::string body;               // a small one
  RequestBody* stream = nullptr;  // instead of `body`; outlives the call
  unsigned redirects = 10;        // followed at most; 0: the redirect itself is the reply
  bool direct = false;            // whatever proxy is configured
  // A large body waits for the server to say that it wants it (Expect: 100-continue).
  bool asks_first = true;
  // So many requests to the same server are about to follow at once: on a long path connections for them are
  // made while this one is answered.  Not where a proxy is configured.
  unsigned followers = 0;
  // For its turn where the server has asked for fewer requests (429, 503).  Not those whose body may come
  // from another request to the same server, which would wait for this one, and those that must be short.
  bool waits = true;
  // The first byte of the answer may take as long as ClientOptions::answer_timeout says.
  bool may_take = false;
  // Whether a reply means that there are too many requests, as 429 and 503 do; asked before its receiver.
  std::function<bool(const Head&)> crowded;
  OwnLine* own = nullptr;  // outlives the call; null: any connection
  // Bytes of the reply's body at most, where that is known: a small one takes a small buffer.
  uint64_t expects = UINT64_MAX;
  // Without any byte in either direction; 0: the client's.
  std::chrono::milliseconds stall_timeout{0};
  std::chrono::milliseconds timeout{0};  // for all of it; 0: none
};

struct Reply : Head {
  std::string body;
};

// Takes a reply as it comes, in the thread that asks.
class Receiver {
 public:
  virtual ~Receiver() = default;
  // Once per reply that is not a redirect to be followed, before its body.  An error ends the request with
  // it.
  virtual Status head(const Head& head) = 0;
  // Some more of the body.  An error ends the request with it.
  virtual Status body(ByteView bytes) = 0;
  // Asked after every body() and ten times a second: the rest is not wanted, the request ends well.  The
  // connection is closed if the reply has not ended.
  virtual bool enough() { return false; }
};

struct ClientOptions {
  std::string user_agent;
  std::string ca_file;      // PEM; empty: the system's
  std::string ca_named_by;  // the setting or variable that names it, for messages; empty: the command line
  bool insecure = false;    // certificates are not checked
  bool netrc = false;       // names and passwords from ~/.netrc
  std::chrono::milliseconds connect_timeout{15000};
  std::chrono::milliseconds stall_timeout{30000};  // without any byte in either direction
  // Of Request::may_take: servers make some things only when they are asked for.  A person hears of it.
  std::chrono::milliseconds answer_timeout{300'000};
  // Round trip of a path on which connections are made before they are needed (Request::followers).
  std::chrono::milliseconds long_path{25};
  flow::RetryPolicy retry;  // of all who ask through the client
  // A person should hear of a wait; any thread.
  std::function<void(const std::string& line)> tell = [](const std::string&) {};
};

class Client {
 public:
  // Proxies come from the usual environment variables.
  static Result<std::unique_ptr<Client>> create(const ClientOptions& options);
  virtual ~Client() = default;

  // A reply whose body is at most `limit` bytes; kProtocol above it.
  virtual Result<Reply> call(const Request& request, const transfer::Context& context,
                             size_t limit = 64ull << 20) = 0;
  // Received bytes are paced by context.throttle (sent ones for requests with a body), counted in
  // context.counters->bytes_fetched, and the connection in connections_active.
  virtual Status stream(const Request& request, Receiver& receiver, const transfer::Context& context) = 0;

  // By which whoever asks through this client repeats and waits.
  flow::Waits& waits() { return waits_; }

 protected:
  Client() = default;
  Client(const flow::RetryPolicy& retry, std::function<void(const std::string& line)> tell) {
    waits_.policy = retry;
    waits_.tell = std::move(tell);
  }

 private:
  flow::Waits waits_;
};

// Leaves only the headers that another host may see.
void drop_secrets(Request& request);

}  // namespace sjcp::http
