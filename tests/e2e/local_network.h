// An sjnet of a test's own, and its control socket.
//
// Threads: one.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/e2e/child.h"
#include "tests/support/temp_folder.h"

namespace sjcp::e2e {

using Json = nlohmann::json;

class LocalNetwork {
 public:
  // args: sjnet's, such as {"--nodes", "84", "--rs", "29/35/65/80"}; its defaults are 10 nodes at 4/6/8/10.
  explicit LocalNetwork(const std::vector<std::string>& args = {});
  ~LocalNetwork();

  const std::string& grant() const { return grant_; }
  const std::string& api_key() const { return api_key_; }
  const std::string& satellite() const { return satellite_; }
  const std::string& node_id(size_t node) const { return node_ids_.at(node); }
  size_t nodes() const { return node_ids_.size(); }
  pid_t pid() const { return process_->pid(); }

  // One command, one reply; throws when it is refused.
  Json control(const Json& command);
  Json stats() { return control({{"op", "stats"}}); }
  // A number of stats()["total"].
  uint64_t total(const std::string& counter) { return stats()["total"][counter].get<uint64_t>(); }
  // Calls of a method of the satellite so far.
  uint64_t calls(const std::string& method);

  // For what the servers do on their own time: asks again and again; false when it is not so within 10 s.
  bool wait_until(const std::function<bool()>& condition);

  // The first `count` nodes get the faults, the others none.
  void fault_first(size_t count, const Json& faults);
  void fault_all(const Json& faults) { fault_first(nodes(), faults); }
  // The next `count` calls of a method end with this status.
  void fail_calls(const std::string& method, uint64_t code, const std::string& text, uint64_t count);
  void clear_faults() { control({{"op", "clear"}}); }

 private:
  void connect();
  void wait_ready();

  test::TempFolder folder_;
  std::unique_ptr<Child> process_;
  int socket_ = -1;
  std::string received_;
  std::string grant_;
  std::string api_key_;
  std::string satellite_;
  std::vector<std::string> node_ids_;
};

}  // namespace sjcp::e2e
