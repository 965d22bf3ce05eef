#include "net/http/target.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "core/flow/repeats.h"
#include "net/http/part_body.h"
#include "net/http/pipe.h"
#include "net/http/retry_after.h"
#include "net/http/status.h"

namespace sjcp::http {
namespace {

using transfer::Context;
using transfer::SegmentWriter;

// Sends a request until it has been done.
class Putting {
 public:
  Putting(Client& client, Request request) : client_(client), request_(std::move(request)) {
    request_.waits = false;
    request_.may_take = true;
  }

  Status put(RequestBody& body, const Context& context) {
    request_.stream = &body;
    std::optional<flow::Repeats> repeats;
    for (;;) {
      std::optional<std::chrono::seconds> asked;
      Status status = send(asked, context);
      // What has gone by cannot be sent again.
      if (status || !body.rewind()) return status;
      if (!repeats) repeats.emplace(client_.waits(), service(), nullptr, &context.counters->retries);
      auto next = repeats->after(status.error(), flow::Question::kSafe, context.stop, asked);
      if (!next) return next.error();
    }
  }
  std::string shown() const { return shown_url(request_.url); }

 private:
  Status send(std::optional<std::chrono::seconds>& asked, const Context& context) {
    auto reply = client_.call(request_, context, 1 << 20);
    if (!reply) return reply.error();
    if (reply->status < 300) return {};
    asked = retry_after(*reply, context.clock->wall_now());
    return status_error(shown(), reply->status);
  }
  std::string service() const {
    const auto url = Url::parse(request_.url);
    return url ? url->shown_origin() : shown();
  }

  Client& client_;
  Request request_;
};

// One whose bytes come from another thread.
class Sending {
 public:
  Sending(Client& client, Request request, std::optional<uint64_t> size, const Context& context)
      : putting_(client, std::move(request)),
        pipe_(size),
        context_(context.with_stop(stop_.get_token())),
        link_(context.stop, [this] { cancel(); }) {
    thread_ = std::jthread([this] {
      verdict_ = putting_.put(pipe_, context_);
      pipe_.close();
    });
  }
  ~Sending() { cancel(); }

  Status append(ByteView data) {
    if (pipe_.write(data)) return {};
    join();
    // A server may answer before it has seen all; whatever it says, the object is not there.
    return verdict_ ? make_error(Errc::kProtocol, putting_.shown() + ": answered before the end of the data")
                    : verdict_.error();
  }
  Status finish(const std::stop_token& stop) {
    const std::stop_callback stopped(stop, [this] { cancel(); });
    pipe_.finish();
    join();
    return verdict_;
  }
  void cancel() {
    stop_.request_stop();
    pipe_.fail(make_error(Errc::kCancelled, "stopped"));
    pipe_.close();
  }

 private:
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  Putting putting_;
  Pipe pipe_;
  std::stop_source stop_;
  const Context context_;
  Status verdict_;  // the thread's until it is joined
  std::stop_callback<std::function<void()>> link_;
  std::jthread thread_;
};

class Whole final : public SegmentWriter {
 public:
  explicit Whole(Sending& sending) : sending_(sending) {}
  Status append(ByteView data) override { return sending_.append(data); }

 private:
  Sending& sending_;
};

// What stays where it is until it is sent.
class Placed final : public SegmentWriter {
 public:
  explicit Placed(const transfer::ReaderPart& part) : part_(part) {}
  Status append(ByteView) override { return make_error(Errc::kInternal, "a part of a file takes no bytes"); }
  const transfer::ReaderPart& part() const { return part_; }

 private:
  const transfer::ReaderPart part_;
};

class HttpTarget final : public transfer::ObjectWriter {
 public:
  HttpTarget(Client& client, Request request, std::optional<uint64_t> size, const Context& context)
      : client_(client), request_(std::move(request)), size_(size), context_(context) {}

  uint64_t segment_size() const override { return UINT64_MAX; }
  uint64_t memory_per_segment() const override { return Pipe::kCapacity + (1 << 20); }
  std::optional<uint64_t> memory_per_part() const override { return 1 << 20; }

  Result<std::unique_ptr<SegmentWriter>> begin_segment(uint64_t index) override {
    if (index != 0) return make_error(Errc::kInternal, "a plain URL takes one segment");
    sending_ = std::make_unique<Sending>(client_, request_, size_, context_);
    return std::unique_ptr<SegmentWriter>(std::make_unique<Whole>(*sending_));
  }
  Result<std::unique_ptr<SegmentWriter>> begin_segment(uint64_t index,
                                                       const transfer::ReaderPart& part) override {
    if (index != 0) return make_error(Errc::kInternal, "a plain URL takes one segment");
    return std::unique_ptr<SegmentWriter>(std::make_unique<Placed>(part));
  }
  Status finish_segment(std::unique_ptr<SegmentWriter> segment, bool, const Context& context) override {
    if (sending_) return sending_->finish(context.stop);
    PartBody body(static_cast<const Placed&>(*segment).part());
    return Putting(client_, request_).put(body, context);
  }
  Status commit(const Context&) override { return {}; }
  void abort() override { sending_.reset(); }

 private:
  Client& client_;
  const Request request_;
  const std::optional<uint64_t> size_;
  const Context context_;
  std::unique_ptr<Sending> sending_;
};

}  // namespace

std::unique_ptr<transfer::ObjectWriter> make_target(Client& client, Request request,
                                                    std::optional<uint64_t> size, const Context& context) {
  if (request.method == "GET") request.method = "PUT";
  return std::make_unique<HttpTarget>(client, std::move(request), size, context);
}

}  // namespace sjcp::http
