// A network namespace without a name, whose only way out is a TUN device.
//
// It ends with the last process and descriptor in it, so nothing is left behind however the emulator ends.
//
// Threads: open() changes the calling thread's namespace for a moment; a Space is one thread's.
// Errors:  kUnsupported where the system does not let us (no root, no /dev/net/tun).
#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.h"
#include "core/local/descriptor.h"

namespace sjcp::wan {

// What TCP is like in a namespace; "" leaves what the machine has.
struct TcpSettings {
  // Those of a Linux kernel that nobody has tuned.
  std::string congestion_control = "cubic";
  std::string receive_memory = "4096 131072 6291456";
  std::string send_memory = "4096 16384 4194304";
  // Packets that the kernel hands over at once when it has that many.  Its own choice is a millisecond's
  // worth of each connection's rate: two, with a hundred connections, and then the time goes to the emulator.
  std::string least_train = "32";
};

struct SpaceSettings {
  uint32_t device_address = 0;  // in host order, as below
  uint32_t beyond = 0;          // with beyond_bits: the network that the device leads to
  uint8_t beyond_bits = 0;
  uint32_t local_address =
      0;  // with local_mask: addresses that services may bind to; 0: none but the device's
  uint32_t local_mask = 0;
  TcpSettings tcp;
};

class Space {
 public:
  static Result<Space> open(const SpaceSettings& settings);

  int device() const { return device_.get(); }
  // For setns().
  int descriptor() const { return space_.get(); }
  // The calling thread's from now on.
  Status enter() const;

  struct Counters {
    uint64_t segments_sent = 0;
    uint64_t segments_resent = 0;
    uint64_t device_drops = 0;  // packets that the emulator did not read in time
  };
  Counters counters() const;

 private:
  static Result<Space> open_here(const SpaceSettings& settings);

  local::Descriptor device_;
  local::Descriptor space_;
  local::Descriptor tcp_counters_;     // the namespace's /proc/net/snmp
  local::Descriptor device_counters_;  // and /proc/net/dev
};

}  // namespace sjcp::wan
