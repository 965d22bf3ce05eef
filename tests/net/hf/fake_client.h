// An HTTP client that answers calls from a list, in order, serves streams from one object, and remembers what
// it was asked.
#pragma once

#include <cstdlib>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "net/http/client.h"

namespace sjcp::test {

class FakeClient final : public http::Client {
 public:
  // The next answer to a call.
  void answer(int status, std::vector<http::Header> headers, std::string body = "") {
    http::Reply reply;
    reply.status = status;
    reply.headers = std::move(headers);
    reply.body = std::move(body);
    answers_.push_back(std::move(reply));
  }

  Result<http::Reply> call(const http::Request& request, const transfer::Context&, size_t) override {
    asked.push_back(request);
    if (answers_.empty()) return make_error(Errc::kInternal, "no answer left for " + request.url);
    http::Reply reply = std::move(answers_.front());
    answers_.pop_front();
    reply.url = request.url;
    return reply;
  }

  // Answers each stream with the part of `object` that its Range asks for.
  Status stream(const http::Request& request, http::Receiver& receiver, const transfer::Context&) override {
    std::string range;
    for (const http::Header& header : request.headers) {
      if (header.name == "Range") range = header.value;
    }
    {
      const std::lock_guard lock(mutex_);
      streamed.push_back(request);
    }
    http::Head head;
    head.url = request.url;
    if (refuse_streams != 0) {
      head.status = refuse_streams;
      return receiver.head(head);
    }
    const size_t begin = std::strtoull(range.c_str() + std::string("bytes=").size(), nullptr, 10);
    const size_t dash = range.find('-');
    const size_t last =
        dash + 1 < range.size() ? std::strtoull(range.c_str() + dash + 1, nullptr, 10) : object.size() - 1;
    const std::string part = object.substr(begin, last + 1 - begin);
    head.status = 206;
    head.headers = {
        {"ETag", "\"x\""},
        {"Content-Length", std::to_string(part.size())},
        {"Content-Range", "bytes " + std::to_string(begin) + "-" + std::to_string(begin + part.size() - 1) +
                              "/" + std::to_string(object.size())}};
    if (Status taken = receiver.head(head); !taken) return taken;
    return receiver.body(part);
  }

  std::vector<http::Request> asked;
  std::vector<http::Request> streamed;
  std::string object;
  int refuse_streams = 0;  // with this status; 0: no

 private:
  std::deque<http::Reply> answers_;
  std::mutex mutex_;  // guards streamed
};

}  // namespace sjcp::test
