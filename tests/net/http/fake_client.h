// A client whose server is a function: no sockets.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "net/http/client.h"

namespace sjcp::http {

struct FakeReply {
  int status = 200;
  std::vector<Header> headers;
  std::string body;
  std::string url;        // empty: as asked
  size_t cut = SIZE_MAX;  // the connection is lost after so many bytes
};

class FakeClient final : public Client {
 public:
  using Serve = std::function<FakeReply(const Request&, size_t number)>;
  explicit FakeClient(Serve serve) : serve_(std::move(serve)) {}

  Result<Reply> call(const Request& request, const transfer::Context& context, size_t) override {
    struct Collect final : Receiver {
      Reply reply;
      Status head(const Head& head) override {
        static_cast<Head&>(reply) = head;
        return {};
      }
      Status body(ByteView bytes) override {
        reply.body += bytes.text();
        return {};
      }
    } collect;
    if (Status s = stream(request, collect, context); !s) return s.error();
    return collect.reply;
  }

  Status stream(const Request& request, Receiver& receiver, const transfer::Context& context) override {
    const FakeReply reply = take(request);
    if (reply.status == 0) return make_error(Errc::kNetwork, "refused", 7, Fault::kUnreached);
    Head head;
    head.status = reply.status;
    head.headers = reply.headers;
    head.url = reply.url.empty() ? request.url : reply.url;
    if (Status s = receiver.head(head); !s) return s;
    for (size_t at = 0; at < reply.body.size() && !receiver.enough(); at += kPiece) {
      if (context.stop.stop_requested()) return make_error(Errc::kCancelled, "stopped");
      if (at >= reply.cut) return make_error(Errc::kNetwork, "lost", 56, Fault::kBroken);
      const std::string piece = reply.body.substr(at, std::min(kPiece, reply.cut - at));
      if (Status s = receiver.body(piece); !s) return s;
    }
    if (reply.cut <= reply.body.size() && !receiver.enough())
      return make_error(Errc::kNetwork, "lost", 56, Fault::kBroken);
    return {};
  }

  std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  static constexpr size_t kPiece = 1000;
  FakeReply take(const Request& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    return serve_(request, requests_.size());
  }

  const Serve serve_;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
};

inline std::string header_of(const Request& request, const std::string& name) {
  for (const Header& header : request.headers) {
    if (header.name == name) return header.value;
  }
  return "";
}

// An object with a strong tag that is served as nginx does.
inline FakeReply serve_object(const Request& request, const std::string& object, const std::string& tag) {
  FakeReply reply;
  reply.headers = {{"ETag", tag, false}, {"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT", false}};
  const std::string match = header_of(request, "If-Match");
  if (!match.empty() && match != tag) {
    reply.status = 412;
    return reply;
  }
  const std::string range = header_of(request, "Range");
  if (range.empty() || object.empty()) {
    reply.body = object;
    reply.headers.push_back({"Content-Length", std::to_string(object.size()), false});
    return reply;
  }
  const size_t dash = range.find('-');
  size_t begin = 0;
  size_t end = object.size();
  if (dash == 6) {
    begin = object.size() - std::min(object.size(), static_cast<size_t>(std::stoull(range.substr(7))));
  } else {
    begin = std::stoull(range.substr(6, dash - 6));
    if (dash + 1 < range.size()) end = std::min<size_t>(end, std::stoull(range.substr(dash + 1)) + 1);
  }
  if (begin >= object.size()) {
    reply.status = 416;
    reply.headers.push_back({"Content-Range", "bytes */" + std::to_string(object.size()), false});
    return reply;
  }
  reply.status = 206;
  reply.body = object.substr(begin, end - begin);
  reply.headers.push_back(
      {"Content-Range",
       "bytes " + std::to_string(begin) + "-" + std::to_string(end - 1) + "/" + std::to_string(object.size()),
       false});
  reply.headers.push_back({"Content-Length", std::to_string(reply.body.size()), false});
  return reply;
}

}  // namespace sjcp::http
