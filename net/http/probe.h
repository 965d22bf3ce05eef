// A reply that waits for whoever fetches what it brings: the first one for an object, whose head tells what
// the object is, so that opening an object costs no round trip of its own; and the only one where replies of
// several versions come (reply_turns.h).
//
// Threads: the request runs in a thread of its own; everything here is called by others, feed() by one at a
// time.
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

  // Where the body begins in the object; before feed().
  void begins_at(uint64_t position);
  // Of the body: the next byte that comes.
  uint64_t position();
  // Writes the body from the writer's position on, which is not before position(), until the reply ends or
  // the writer has enough.  False: the request is over already.
  Result<bool> feed(RangeWriter& writer);
  // From now on the request does not end when a writer has enough: the next feed() goes on from there.
  void hold();

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
  ByteView pass_over(RangeWriter& writer, ByteView bytes);
  void let_go();

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
  uint64_t position_ = 0;
  bool hold_ = false;
  bool over_ = false;                      // what follows is not read, whatever hold() says then
  std::optional<Clock::Steady> deadline_;  // for feed()
  bool done_ = false;
  Status result_;
  std::jthread thread_;
};

}  // namespace sjcp::http
