// Main function of the tests that need namespaces and a TUN device: 77, which ctest takes for skipped,
// without.
#define CATCH_CONFIG_RUNNER
#include <cstdio>

#include "tests/support/catch.h"
#include "tests/wan/emulator.h"

int main(int argc, char** argv) {
  const auto emulator = sjcp::wan::Emulator::create(sjcp::wan::Profile{}, sjcp::wan::EmulatorOptions{});
  if (!emulator) {
    std::printf("skipped: the wide area cannot run here (root and /dev/net/tun are needed): %s\n",
                emulator.error().what.c_str());
    return 77;
  }
  return Catch::Session().run(argc, argv);
}
