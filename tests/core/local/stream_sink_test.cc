#include "core/local/stream_sink.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <thread>

#include "core/transfer/copy.h"
#include "tests/support/catch.h"
#include "tests/support/fake_source.h"
#include "tests/support/rendezvous.h"

using namespace sjcp;
using local::Descriptor;
using local::StreamSink;

namespace {

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
  Pipe() {
    // Every program that writes to pipes does this once.
    ::signal(SIGPIPE, SIG_IGN);
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    read_end = Descriptor(ends[0]);
    write_end = Descriptor(ends[1]);
  }
};

// Until bytes wait at the read end: their writer is in the middle of its work, and cannot end while nobody
// reads.
bool await_bytes(int read_end) {
  int waiting = 0;
  const auto limit = std::chrono::steady_clock::now() + test::kPatience;
  while (waiting == 0 && std::chrono::steady_clock::now() < limit) {
    if (::ioctl(read_end, FIONREAD, &waiting) != 0) return false;
    std::this_thread::yield();
  }
  return waiting > 0;
}

// Reads until the other end is closed.
class Drain {
 public:
  explicit Drain(int fd)
      : thread_([this, fd] {
          std::array<char, 5000> buffer{};
          for (;;) {
            const ssize_t count = ::read(fd, buffer.data(), buffer.size());
            if (count <= 0) return;
            bytes_.append(buffer.data(), static_cast<size_t>(count));
          }
        }) {}
  ~Drain() {
    if (thread_.joinable()) thread_.join();
  }
  // Requires: the write end is closed, everywhere.
  const std::string& bytes() {
    thread_.join();
    return bytes_;
  }

 private:
  std::string bytes_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("Bytes that arrive out of order leave in order") {
  Pipe pipe;
  {
    StreamSink sink(pipe.write_end.get(), "pipe");
    REQUIRE(sink.begin(9));
    REQUIRE(sink.write(6, std::string_view("ghi")));
    REQUIRE(sink.write(3, std::string_view("def")));
    CHECK(sink.buffered() == 6);
    REQUIRE(sink.write(0, std::string_view("abc")));
    CHECK(sink.buffered() == 0);
    REQUIRE(sink.commit());
  }
  pipe.write_end.reset();
  Drain drain(pipe.read_end.get());
  CHECK(drain.bytes() == "abcdefghi");
}

TEST_CASE("A download through an ordered sink is whole and within the buffer, whatever the limit") {
  for (uint64_t limit : {0u, 50u, 1000u, 1000000u}) {
    for (unsigned parallelism : {1u, 2u, 8u}) {
      INFO("limit " << limit << ", parallelism " << parallelism);
      Pipe pipe;
      Drain drain(pipe.read_end.get());
      transfer::MemoryBudget budget(1 << 20);
      transfer::Counters counters;
      const transfer::Context context{{}, &budget, &counters};
      transfer::CopyOptions options;
      options.parallelism = parallelism;
      test::FakeSource source(20000, 500);
      source.write_size = 49;
      std::atomic<bool> over{false};
      {
        StreamSink sink(std::move(pipe.write_end), "pipe", limit);
        source.after_fetch = [&](const transfer::Segment&, const transfer::Context&) -> Status {
          if (sink.buffered() > limit) over = true;
          return {};
        };
        REQUIRE(transfer::download(source, sink, options, context));
      }
      CHECK_FALSE(over);
      CHECK(drain.bytes() == test::pattern(0, 20000));
    }
  }
}

TEST_CASE("Memory for one segment is enough for an ordered sink without a buffer") {
  Pipe pipe;
  Drain drain(pipe.read_end.get());
  transfer::MemoryBudget budget(250);
  transfer::Counters counters;
  const transfer::Context context{{}, &budget, &counters};
  transfer::CopyOptions options;
  options.parallelism = 8;
  test::FakeSource source(20000, 100);
  source.memory = 100;
  {
    StreamSink sink(std::move(pipe.write_end), "pipe", 0);
    REQUIRE(transfer::download(source, sink, options, context));
  }
  CHECK(drain.bytes() == test::pattern(0, 20000));
}

TEST_CASE("A stream whose reader has gone fails with a local error") {
  Pipe pipe;
  pipe.read_end.reset();
  StreamSink sink(pipe.write_end.get(), "stdout");
  REQUIRE(sink.begin(6));
  auto written = sink.write(0, std::string_view("abc"));
  REQUIRE_FALSE(written);
  CHECK(written.error().code == Errc::kLocalIo);
  CHECK(written.error().cause == EPIPE);
  auto later = sink.write(3, std::string_view("def"));
  REQUIRE_FALSE(later);
  CHECK(later.error().cause == EPIPE);
  CHECK_FALSE(sink.commit());
}

TEST_CASE("A full device fails with a local error that says so") {
  StreamSink sink(Descriptor(::open("/dev/full", O_WRONLY | O_CLOEXEC)), "/dev/full");
  REQUIRE(sink.begin(3));
  auto written = sink.write(0, std::string_view("abc"));
  REQUIRE_FALSE(written);
  CHECK(written.error().code == Errc::kLocalIo);
  CHECK(written.error().cause == ENOSPC);
}

TEST_CASE("An abort frees a writer that is blocked in a full pipe and one that waits for its turn") {
  for (bool socket : {false, true}) {
    Pipe pipe;
    if (socket) {
      std::array<int, 2> ends{};
      REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
      pipe.read_end = Descriptor(ends[0]);
      pipe.write_end = Descriptor(ends[1]);
    }
    StreamSink sink(pipe.write_end.get(), "pipe", 0);
    const std::string large(16 << 20, 'x');
    REQUIRE(sink.begin(large.size() + 100));
    Status in_pipe;
    Status in_line;
    std::thread first([&] { in_pipe = sink.write(0, large); });
    std::thread second([&] { in_line = sink.write(large.size() + 50, std::string_view("later")); });
    const bool busy = await_bytes(pipe.read_end.get());
    sink.abort();
    first.join();
    second.join();
    CHECK(busy);
    REQUIRE_FALSE(in_pipe);
    CHECK(in_pipe.error().code == Errc::kCancelled);
    REQUIRE_FALSE(in_line);
    CHECK(in_line.error().code == Errc::kCancelled);
    CHECK_FALSE(sink.commit());
  }
}

TEST_CASE("Bytes that come while those before them are being written are kept, not written beside them") {
  Pipe pipe;
  const int read_end = pipe.read_end.get();
  const std::string large(4 << 20, 'x');
  auto sink = std::make_unique<StreamSink>(std::move(pipe.write_end), "pipe", 1000);
  REQUIRE(sink->begin(large.size() + 3));
  Status written;
  std::thread first([&] { written = sink->write(0, large); });
  const bool busy = await_bytes(read_end);
  const Status second = sink->write(large.size(), std::string_view("end"));
  const uint64_t kept = sink->buffered();
  Drain drain(read_end);
  first.join();
  const Status committed = sink->commit();
  sink.reset();
  CHECK(busy);
  CHECK(second);
  CHECK(kept == 3);
  CHECK(written);
  CHECK(committed);
  CHECK(drain.bytes() == large + "end");
}

TEST_CASE("A descriptor given by the caller keeps its flags and stays open") {
  Pipe pipe;
  const int before = ::fcntl(pipe.write_end.get(), F_GETFL);
  {
    StreamSink sink(pipe.write_end.get(), "pipe");
    REQUIRE(sink.begin(1));
    REQUIRE(sink.write(0, std::string_view("x")));
    CHECK(::fcntl(pipe.write_end.get(), F_GETFL) == before);
    REQUIRE(sink.commit());
  }
  CHECK(::fcntl(pipe.write_end.get(), F_GETFL) == before);
}

TEST_CASE("A stream that is committed too early, or given bytes twice or beyond its end, says so") {
  Pipe pipe;
  StreamSink sink(pipe.write_end.get(), "pipe");
  REQUIRE(sink.begin(6));
  REQUIRE(sink.write(0, std::string_view("abc")));
  CHECK_FALSE(sink.commit());
  CHECK_FALSE(sink.write(1, std::string_view("bc")));
  CHECK_FALSE(sink.write(5, std::string_view("fg")));
  REQUIRE(sink.write(3, std::string_view("def")));
  CHECK(sink.commit());
}

TEST_CASE("Who watches a stream sees every byte in its order") {
  Pipe pipe;
  StreamSink sink(pipe.write_end.get(), "pipe");
  std::string seen;
  sink.watch([&](ByteView bytes) { seen += bytes.text(); });
  CHECK(sink.ordered());
  REQUIRE(sink.begin(9));
  REQUIRE(sink.write(6, std::string_view("ghi")));
  REQUIRE(sink.write(3, std::string_view("def")));
  CHECK(seen.empty());
  REQUIRE(sink.write(0, std::string_view("abc")));
  CHECK(seen == "abcdefghi");
  REQUIRE(sink.commit());
}

TEST_CASE("A stream of unknown size takes what comes") {
  Pipe pipe;
  StreamSink sink(pipe.write_end.get(), "pipe");
  REQUIRE(sink.begin(transfer::kUnknownSize));
  REQUIRE(sink.write(0, std::string_view("abc")));
  REQUIRE(sink.commit());
}
