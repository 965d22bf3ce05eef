// A listing, item by item, while its pages come: what one names can be worked on before the rest of it is
// there.  The next page is asked for when fewer than kAhead items wait, so memory does not grow with the
// bucket.  A page that breaks off is asked for again, and what it has told already is passed over.
//
// The pages have a connection to themselves (http::OwnLine): taken from those of the objects, each would
// begin anew at 14 KB a round trip.
//
// Threads: next() and the destructor one at a time; pages come in a thread of the listing's own, which ends
// with it.  What is passed outlives the listing.
// Services that know only the first version of listings are asked in its way.
//
// Errors: those of Requester; kProtocol: what comes is no listing, or has no end.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "core/transfer/store.h"
#include "net/s3/replies.h"
#include "net/s3/requester.h"

namespace sjcp::s3 {

class Listing {
 public:
  static constexpr size_t kAhead = 1000;

  Listing(Requester& requester, std::string bucket, const transfer::ListOptions& options,
          const std::stop_token& stop);

  // The next item; nothing: that was the last.
  Result<std::optional<transfer::ObjectItem>> next();

 private:
  using Way = std::map<std::string, std::string>;  // what a page is asked with, besides
  class Receiver;

  void run(const std::stop_token& stop);
  Status list(const std::stop_token& stop);
  Result<Way> page(const Way& from, unsigned size, const transfer::Context& context);
  Result<Way> ask_page(const Way& from, unsigned size, const transfer::Context& context);
  Result<Way> try_page(const Call& call, const transfer::Context& context);
  Call call_for(const Way& from, unsigned size);
  void give(std::vector<transfer::ObjectItem> items);
  bool await_room(const std::stop_token& stop);

  Requester& requester_;
  const std::string bucket_;
  const transfer::ListOptions options_;
  http::OwnLine line_;

  std::mutex mutex_;  // guards the four below
  std::condition_variable_any changed_;
  std::vector<transfer::ObjectItem> waiting_;
  bool ended_ = false;
  Status verdict_;  // once it has ended

  // Of the listing's thread.
  bool first_version_ = false;                 // the service knows no other
  std::unordered_set<std::string> page_keys_;  // of this page, given
  std::string first_key_;                      // of them
  std::string last_key_;

  std::deque<transfer::ObjectItem> taken_;  // by next(), and not given away yet
  std::jthread thread_;
  std::stop_callback<std::function<void()>> link_;
};

}  // namespace sjcp::s3
