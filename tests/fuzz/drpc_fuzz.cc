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

template <class Machine, class Recorder>
Outcome run(Machine machine, ByteView bytes, size_t fragment) {
  Recorder recorder;
  const Status status = test::feed(machine, recorder, bytes, fragment);
  return {recorder.events, recorder.partial, status ? "" : status.error().what, machine.output().str()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t fragment = size_t{1} + data[0] % 32;
  const ByteView bytes = ByteView(data, size).sub(2);
  drpc::ClientMachine client;
  for (int calls = data[1] % 4; calls > 0; --calls) client.invoke("/a.B/C");
  if (run<drpc::ClientMachine, test::ClientRecorder>(client, bytes, fragment) !=
      run<drpc::ClientMachine, test::ClientRecorder>(client, bytes, size)) {
    std::abort();
  }
  if (run<drpc::ServerMachine, test::ServerRecorder>(drpc::ServerMachine(), bytes, fragment) !=
      run<drpc::ServerMachine, test::ServerRecorder>(drpc::ServerMachine(), bytes, size)) {
    std::abort();
  }
  return 0;
}
