// An HTTP client whose replies a test writes beforehand, and which remembers what was asked.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "net/http/client.h"
#include "net/s3/settings.h"

namespace sjcp::test {

inline http::Reply reply(int status, std::string body = "", std::vector<http::Header> headers = {}) {
  http::Reply out;
  out.status = status;
  out.headers = std::move(headers);
  out.headers.push_back({"Content-Length", std::to_string(body.size())});
  out.body = std::move(body);
  return out;
}

inline s3::Settings at_endpoint() {
  s3::Settings settings;
  settings.endpoint = "https://h";
  return settings;
}

class FakeClient final : public http::Client {
 public:
  struct Asked {
    http::Request request;
    std::string body;
    std::string header(std::string_view name) const {
      for (const auto& header : request.headers) {
        if (header.name == name) return header.value;
      }
      return "";
    }
  };

  // One after another; then `answer`, and without it an error.
  std::deque<Result<http::Reply>> replies;
  std::function<Result<http::Reply>(const Asked&)> answer;
  std::vector<Asked> asked;

  Result<http::Reply> call(const http::Request& request, const transfer::Context&, size_t) override {
    return next(request);
  }
  Status stream(const http::Request& request, http::Receiver& receiver, const transfer::Context&) override {
    auto got = next(request);
    if (!got) return std::move(got).error();
    if (auto status = receiver.head(*got); !status) return status;
    if (receiver.enough() || got->body.empty()) return {};
    return receiver.body(got->body);
  }

 private:
  Result<http::Reply> next(const http::Request& request) {
    Asked now{request, request.body};
    if (request.stream != nullptr) {
      now.body.resize(request.stream->size().value_or(0));
      auto count = request.stream->read({reinterpret_cast<uint8_t*>(now.body.data()), now.body.size()});
      if (!count) return std::move(count).error();
    }
    const std::lock_guard lock(mutex_);
    asked.push_back(now);
    if (replies.empty())
      return answer ? answer(now) : Result<http::Reply>(make_error(Errc::kNetwork, "nobody answers"));
    auto out = std::move(replies.front());
    replies.pop_front();
    return out;
  }

  std::mutex mutex_;
};

}  // namespace sjcp::test
