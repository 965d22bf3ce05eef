// Lines that wait for the next request to the same server, and over which of a server's addresses new ones
// go.
//
// Threads: any.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/http/line.h"
#include "net/io/early_dials.h"

namespace sjcp::http {

// The environment names a proxy, for whichever servers.
bool behind_proxy();

class LinePool {
 public:
  // Both outlive the pool.
  LinePool(Sharing& sharing, const ClientOptions& options) : sharing_(sharing), options_(options) {}

  // A kept line to this server, the one used last first; else a new one.
  std::unique_ptr<Line> take(const Url& url, bool direct);
  // This address of the server has answered: where it has others, new lines use them in turn.
  void met(const Url& url, bool direct, const std::string& address);
  // Makes connections for so many lines that are about to be taken, less those that are kept; returns at
  // once. address: answers.
  void dial_ahead(const Url& url, bool direct, const std::string& address, size_t count);
  // For the next request; `most` lines are kept in all, the longest unused ones go.
  void keep(const Url& url, bool direct, std::unique_ptr<Line> line, size_t most);
  // The pinned address did not answer: new lines do without it.
  void drop_address(const Url& url, const std::string& address);

 private:
  struct Server {
    std::vector<std::unique_ptr<Line>> idle;  // used last at the end
    std::string answered;                     // the first address that did
    std::shared_ptr<std::once_flag> learned;  // the addresses are, or are about to be; null: nobody answered
    std::vector<std::string> addresses;       // as CURLOPT_CONNECT_TO takes them
    size_t next = 0;
  };
  void learn_once(const Url& url, bool direct);
  void learn(const Url& url, const std::string& answered);
  void dial_all(const Url& url, bool direct, const std::string& address, size_t count);
  std::unique_ptr<Line> forget_oldest();

  Sharing& sharing_;
  const ClientOptions& options_;
  io::EarlyDials dials_;
  std::mutex mutex_;  // guards the rest
  std::map<std::string, Server> servers_;
  size_t idle_ = 0;
  bool dialling_ = false;  // dialler_ is at work
  std::jthread dialler_;   // ends before the rest does
};

}  // namespace sjcp::http
