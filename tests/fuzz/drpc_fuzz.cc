// Feeds received bytes to both DRPC machines, whole and in fragments: the outcome must not depend on the
// cuts. The first two input bytes choose the fragment size and how many calls the client has made.
#include <cstdlib>

#include "tests/net/drpc/recorders.h"

using namespace sjcp;

namespace {

struct Outcome {
  std::vector<std::string> events;
  std::string partial;
  std::string error;
  std::string output;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// calls: that have begun when the bytes come.
template <class Machine, class Recorder>
Outcome run(int calls, ByteView bytes, size_t fragment) {
  Machine machine;
  if constexpr (requires { machine.invoke("/a.B/C"); }) {
    for (; calls > 0; --calls) machine.invoke("/a.B/C");
  }
  Recorder recorder;
  const Status status = test::feed(machine, recorder, bytes, fragment);
  return {recorder.events, recorder.partial, status ? "" : status.error().what, machine.output().str()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t fragment = size_t{1} + data[0] % 32;
  const ByteView bytes = ByteView(data, size).sub(2);
  const int calls = data[1] % 4;
  if (run<drpc::ClientMachine, test::ClientRecorder>(calls, bytes, fragment) !=
      run<drpc::ClientMachine, test::ClientRecorder>(calls, bytes, size)) {
    std::abort();
  }
  if (run<drpc::ServerMachine, test::ServerRecorder>(0, bytes, fragment) !=
      run<drpc::ServerMachine, test::ServerRecorder>(0, bytes, size)) {
    std::abort();
  }
  return 0;
}
