// The satellite as a service of unary calls.
#pragma once

#include <memory>

#include "tests/network/metainfo.h"
#include "tests/network/service.h"

namespace sjcp::network {

class SatelliteService : public Service {
 public:
  // `metainfo` must outlive the service.
  SatelliteService(Metainfo& metainfo, std::shared_ptr<const io::TlsContext> tls)
      : metainfo_(metainfo), tls_(std::move(tls)) {}

  std::shared_ptr<const io::TlsContext> tls() override { return tls_; }
  std::unique_ptr<Call> open(std::string_view rpc) override;
  void on_connection() override { ++connections_; }
  uint64_t connections() const { return connections_; }

 private:
  Metainfo& metainfo_;
  const std::shared_ptr<const io::TlsContext> tls_;
  std::atomic<uint64_t> connections_{0};
};

}  // namespace sjcp::network
