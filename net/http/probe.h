// The first request for an object: its head tells what the object is, and its body waits to become the first
// fetch, so that opening an object costs no round trip of its own.
//
// Threads: the request runs in a thread of its own; everything here is called by others, feed() once.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "core/base/result.h"
#include "net/http/client.h"
#include "net/http/range_writer.h"

namespace sjcp::http {

class Probe final : private Receiver {
 public:
  // The client outlives this; so does what the context points to.
  Probe(Client& client, Request request, const transfer::Context& context);
  // Ends the request.
  ~Probe() override;

  // Waits for the head.  Of a reply that is neither 200 nor 206 the body comes with it, as far as it is
  // short.
  Result<Reply> answer();

  // Writes the body, `skip` bytes of it left out, until the reply ends or the writer has enough.  False: the
  // request is over already.
  Result<bool> feed(RangeWriter& writer, uint64_t skip);

  // Fetches go on without this one: unless feed() is called soon, the request ends.
  void hurry();
  void drop();
  // As drop(), without waiting for the end.
  void stop() { stop_.request_stop(); }

 private:
  Status head(const Head& head) override;
  Status body(ByteView bytes) override;
  bool enough() override;
  void run();

  Client& client_;
  const Request request_;
  std::stop_source stop_;
  const transfer::Context context_;  // stopped by stop_
  const std::stop_callback<std::function<void()>> link_;

  std::mutex mutex_;  // guards the rest
  std::condition_variable_any changed_;
  Reply reply_;
  bool has_head_ = false;
  bool collecting_ = false;  // the body belongs to reply_
  RangeWriter* writer_ = nullptr;
  uint64_t skip_ = 0;
  std::optional<Clock::Steady> deadline_;  // for feed()
  bool done_ = false;
  Status result_;
  std::jthread thread_;
};

}  // namespace sjcp::http
