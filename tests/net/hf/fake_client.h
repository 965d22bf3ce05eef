// An HTTP client that answers from a list, in order, and remembers what it was asked.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "net/http/client.h"

namespace sjcp::test {

class FakeClient final : public http::Client {
 public:
  // The next answer.
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

  Status stream(const http::Request&, http::Receiver&, const transfer::Context&) override {
    return make_error(Errc::kInternal, "streams nothing");
  }

  std::vector<http::Request> asked;

 private:
  std::deque<http::Reply> answers_;
};

}  // namespace sjcp::test
