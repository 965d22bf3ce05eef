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

template <class Recorder, class Machine>
Outcome run(Machine& machine, ByteView bytes, size_t fragment) {
  Recorder recorder;
  const Status status = test::feed(machine, recorder, bytes, fragment);
  return {recorder.events, recorder.partial, status ? "" : status.error().what, machine.output().str()};
}

// After some calls have begun.
Outcome run_client(int calls, ByteView bytes, size_t fragment) {
  drpc::ClientMachine machine;
  for (; calls > 0; --calls) machine.invoke("/a.B/C");
  return run<test::ClientRecorder>(machine, bytes, fragment);
}

Outcome run_server(ByteView bytes, size_t fragment) {
  drpc::ServerMachine machine;
  return run<test::ServerRecorder>(machine, bytes, fragment);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t fragment = size_t{1} + data[0] % 32;
  const ByteView bytes = ByteView(data, size).sub(2);
  const int calls = data[1] % 4;
  if (run_client(calls, bytes, fragment) != run_client(calls, bytes, size)) std::abort();
  if (run_server(bytes, fragment) != run_server(bytes, size)) std::abort();
  return 0;
}
