// The wide area on real devices: two namespaces and the loop that moves packets between them.
//
// Threads: one runs it; Space::enter() of its sides from any.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/wan/space.h"
#include "tests/wan/wide_area.h"

namespace sjcp::wan {

struct EmulatorOptions {
  TcpSettings tcp;
  uint64_t memory_bytes = uint64_t{1} << 30;  // of packets on their way
  Time ping_every{0};                         // 0: no pings
};

class Emulator : private Receiver {
 public:
  // kUnsupported where the system does not let us.
  static Result<std::unique_ptr<Emulator>> create(const Profile& profile, const EmulatorOptions& options);

  const Space& near_space() const { return near_; }
  const Space& far_space() const { return far_; }

  // Calls `ready` from run() whenever `fd` can be read; not after unwatch().
  void watch(int fd, std::function<void()> ready);
  void unwatch(int fd);
  // Moves packets until stop().
  void run();
  void stop() { stopped_ = true; }

  // The profile's events, and pings, count from now.
  void begin_events();
  void change(const Change& change);
  // All that was counted, as one JSON object.
  std::string stats_json() const;

 private:
  Emulator(const Profile& profile, const EmulatorOptions& options, Space near_side, Space far_side);
  void receive(Side to, const Part& part) override;
  // How many packets it read: at most a batch.
  int read_from(Side side);
  void due_events(Time now);
  // Between turns of the loop, by what the last one read.
  void rest(int from_near, int from_far, unsigned turn);
  // For packets or what is watched.
  void wait(Time longest);
  Time next_wake(Time now) const;

  struct Watched {
    int fd;
    std::function<void()> ready;
  };

  const Profile profile_;
  const EmulatorOptions options_;
  const Time tick_;
  PacketPool pool_;
  WideArea area_;
  Space near_;
  Space far_;
  std::vector<Watched> watched_;
  bool stopped_ = false;
  Time active_until_{0};
  bool began_ = false;
  Time begin_{0};
  Time next_ping_{0};
  size_t next_event_ = 0;
  uint64_t write_errors_ = 0;
};

}  // namespace sjcp::wan
