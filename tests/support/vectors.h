// Reads tests/data/vectors/<name>: cases made by the network's own libraries.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "core/base/bytes.h"
#include "tests/support/paths.h"

namespace sjcp::test {

inline nlohmann::json load_vectors(const std::string& name) {
  std::ifstream in(data_dir() + "/vectors/" + name);
  if (!in) throw std::runtime_error("no test vectors: " + name);
  return nlohmann::json::parse(in);
}

inline std::string unhex(const nlohmann::json& value) {
  auto bytes = from_hex(value.get<std::string>());
  if (!bytes) throw std::runtime_error("not hex");
  return *bytes;
}

}  // namespace sjcp::test
