// Runs a fuzzer's body without a fuzzer: over every file of a folder, and over mutations of them that are the
// same in every run.  A failing input is left in the working directory, because the body may end the process.
//
//   NAME_replay FOLDER
#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

// There with a sanitizer only: those end the process without a signal.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizers' name
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr size_t kMutationsPerSeed = 64;
constexpr const char* kFailingInput = "fuzz_replay_input";

// What the body is running on.
std::vector<uint8_t>* current = nullptr;

// The process is ending; only what needs no heap is certain to work.
void leave_input() {
  std::FILE* file = current == nullptr ? nullptr : std::fopen(kFailingInput, "wb");
  if (file == nullptr) return;
  std::fwrite(current->data(), 1, current->size(), file);
  std::fclose(file);
  std::fprintf(stderr, "the input is in %s\n", kFailingInput);
}

void on_signal(int signal) {
  leave_input();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// std::mt19937's sequence is fixed by the standard, that of the distributions is not.
size_t below(std::mt19937& random, size_t limit) {
  return limit == 0 ? 0 : random() % limit;
}

void mutate_once(std::string& input, const std::vector<std::string>& seeds, std::mt19937& random) {
  static constexpr unsigned char kTelling[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '/', '1'};
  const size_t at = below(random, input.size());
  switch (random() % 7) {
    case 0:
      if (!input.empty()) input[at] = static_cast<char>(input[at] ^ (1 << random() % 8));
      break;
    case 1:
      if (!input.empty()) input[at] = static_cast<char>(kTelling[below(random, std::size(kTelling))]);
      break;
    case 2:
      input.resize(at);
      break;
    case 3:
      input.erase(at, below(random, 16));
      break;
    case 4:
      input.insert(at, below(random, 32), static_cast<char>(kTelling[below(random, std::size(kTelling))]));
      break;
    case 5:
      input.insert(at, input.substr(below(random, input.size()), below(random, 64)));
      break;
    default: {
      const std::string& other = seeds[below(random, seeds.size())];
      input = input.substr(0, at) + other.substr(below(random, other.size()));
    }
  }
}

void run(const std::string& input) {
  // A buffer of exactly this size on the heap, so that a sanitizer sees the first byte read past its end.
  std::vector<uint8_t> bytes(input.begin(), input.end());
  current = &bytes;
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  current = nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  for (int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, on_signal);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(leave_input);

  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> seeds;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  if (seeds.empty()) {
    std::fprintf(stderr, "no seeds in %s\n", argv[1]);
    return 1;
  }

  std::mt19937 random(1);
  size_t inputs = 1;
  run("");
  for (const std::string& seed : seeds) {
    run(seed);
    for (size_t i = 0; i < kMutationsPerSeed; ++i) {
      std::string input = seed;
      const size_t steps = 1 + below(random, 4);
      for (size_t step = 0; step < steps; ++step) mutate_once(input, seeds, random);
      run(input);
    }
    inputs += 1 + kMutationsPerSeed;
  }
  std::printf("%zu inputs\n", inputs);
}
