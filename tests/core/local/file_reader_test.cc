#include "core/local/file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <thread>

#include "core/transfer/copy.h"
#include "tests/support/catch.h"
#include "tests/support/fake_source.h"
#include "tests/support/fake_writer.h"
#include "tests/support/rendezvous.h"
#include "tests/support/temp_folder.h"

using namespace sjcp;
using local::Descriptor;
using local::FileReader;
using local::StreamReader;
using test::TempFolder;
using test::write_file;

namespace {

Result<std::string> read_all(transfer::Reader& reader, size_t at_once) {
  std::string all;
  Bytes buffer(at_once);
  for (;;) {
    auto count = reader.read(buffer);
    if (!count) return std::move(count).error();
    all.append(reinterpret_cast<const char*>(buffer.data()), *count);
    if (*count < at_once) return all;
  }
}

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
  Pipe() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    read_end = Descriptor(ends[0]);
    write_end = Descriptor(ends[1]);
  }
};

}  // namespace

TEST_CASE("A file is read to its end in pieces of any size") {
  TempFolder folder;
  for (uint64_t size : {0u, 1u, 99u, 100u, 101u, 1000u}) {
    write_file(folder / "file", test::pattern(0, size));
    for (size_t at_once : {1u, 7u, 100u, 5000u}) {
      auto reader = FileReader::open(folder / "file");
      REQUIRE(reader);
      CHECK((*reader)->size() == size);
      auto all = read_all(**reader, at_once);
      REQUIRE(all);
      CHECK(*all == test::pattern(0, size));
    }
  }
}

TEST_CASE("A file that grows or shrinks while it is read is a conflict") {
  TempFolder folder;
  for (size_t new_size : {0u, 50u, 99u, 101u, 500u}) {
    INFO("100 bytes become " << new_size);
    write_file(folder / "file", std::string(100, 'x'));
    auto reader = FileReader::open(folder / "file");
    REQUIRE(reader);
    std::filesystem::resize_file(folder / "file", new_size);
    auto all = read_all(**reader, 10);
    REQUIRE_FALSE(all);
    CHECK(all.error().code == Errc::kConflict);
    CHECK(all.error().what.find(folder / "file") != std::string::npos);
    auto again = read_all(**reader, 10);
    CHECK_FALSE(again);
  }
}

TEST_CASE("A file is read anywhere, and says when its bytes may be others") {
  TempFolder folder;
  write_file(folder / "file", test::pattern(0, 1000));
  auto reader = FileReader::open(folder / "file");
  REQUIRE(reader);
  REQUIRE((*reader)->anywhere());
  Bytes buffer(100);
  REQUIRE((*reader)->read_at(850, buffer));
  CHECK(ByteView(buffer).text() == test::pattern(850, 950));
  std::string whole;
  REQUIRE(transfer::ReaderPart(**reader, 7, 900).each([&](ByteView bytes) { whole += bytes.text(); }));
  CHECK(whole == test::pattern(7, 907));
  auto all = read_all(**reader, 100);
  REQUIRE(all);
  CHECK(*all == test::pattern(0, 1000));
  CHECK((*reader)->unchanged());
  CHECK((*reader)->read_at(901, buffer).error().code == Errc::kConflict);
  std::filesystem::resize_file(folder / "file", 1001);
  CHECK((*reader)->unchanged().error().code == Errc::kConflict);
}

TEST_CASE("What cannot be read as a file is refused by kind") {
  TempFolder folder;
  auto missing = local::open_reader(folder / "missing");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::kNotFound);
  auto folder_itself = local::open_reader(folder.path());
  REQUIRE_FALSE(folder_itself);
  CHECK(folder_itself.error().code == Errc::kLocalIo);
  auto device = FileReader::open("/dev/null");
  REQUIRE_FALSE(device);
  CHECK(device.error().code == Errc::kLocalIo);
}

TEST_CASE("The reader that fits a path knows the size of regular files only") {
  TempFolder folder;
  write_file(folder / "file", "abc");
  auto file = local::open_reader(folder / "file");
  REQUIRE(file);
  CHECK((*file)->size() == 3);
  auto device = local::open_reader("/dev/null");
  REQUIRE(device);
  CHECK_FALSE((*device)->size());
  auto all = read_all(**device, 100);
  REQUIRE(all);
  CHECK(all->empty());
  auto standard_input = local::open_reader("-");
  REQUIRE(standard_input);
  CHECK((*standard_input)->name() == "stdin");
}

TEST_CASE("A pipe is read to its end, however its bytes trickle in") {
  Pipe pipe;
  const std::string expected = test::pattern(0, 300000);
  std::thread producer([&] {
    for (size_t at = 0; at < expected.size(); at += 777) {
      const std::string part = expected.substr(at, 777);
      if (::write(pipe.write_end.get(), part.data(), part.size()) < 0) break;
    }
    pipe.write_end.reset();
  });
  StreamReader reader(pipe.read_end.get(), "stdin");
  auto all = read_all(reader, 100000);
  producer.join();
  REQUIRE(all);
  CHECK(*all == expected);
}

TEST_CASE("A cancel frees a read that waits for a silent pipe, and refuses every later one") {
  Pipe pipe;
  REQUIRE(::write(pipe.write_end.get(), "abc", 3) == 3);
  StreamReader reader(pipe.read_end.get(), "stdin");
  test::Rendezvous about_to_read(1);
  Result<std::string> all = std::string();
  std::thread thread([&] {
    about_to_read.pass();
    all = read_all(reader, 100);
  });
  about_to_read.wait();
  reader.cancel();
  thread.join();
  REQUIRE_FALSE(all);
  CHECK(all.error().code == Errc::kCancelled);
  CHECK_FALSE(read_all(reader, 1));
}

TEST_CASE("A stop ends an upload from a pipe that stays open and silent") {
  Pipe pipe;
  REQUIRE(::write(pipe.write_end.get(), "abc", 3) == 3);
  StreamReader reader(pipe.read_end.get(), "stdin");
  test::FakeWriter writer(100);
  transfer::MemoryBudget budget(1 << 20);
  transfer::Counters counters;
  std::stop_source stop;
  const transfer::Context context{stop.get_token(), &budget, &counters};
  test::Rendezvous started(1);
  std::thread user([&] {
    started.pass();
    stop.request_stop();
  });
  started.wait();
  auto summary = transfer::upload(reader, writer, {}, context);
  user.join();
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kCancelled);
  CHECK(writer.aborted);
}

TEST_CASE("A named pipe without a writer is opened without waiting, and read once there is one") {
  TempFolder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  auto reader = local::open_reader(folder / "pipe");
  REQUIRE(reader);
  std::thread producer([&] {
    const Descriptor end(::open((folder / "pipe").c_str(), O_WRONLY | O_CLOEXEC));
    [[maybe_unused]] const ssize_t written = ::write(end.get(), "hello", 5);
  });
  auto all = read_all(**reader, 100);
  producer.join();
  REQUIRE(all);
  CHECK(*all == "hello");
}

TEST_CASE("A file that shrinks during an upload fails it, and nothing is committed") {
  TempFolder folder;
  write_file(folder / "file", std::string(3 << 20, 'x'));
  auto reader = FileReader::open(folder / "file");
  REQUIRE(reader);
  test::FakeWriter writer(1 << 20);
  writer.on_finish = [&](uint64_t, const transfer::Context&) -> Status {
    std::filesystem::resize_file(folder / "file", 100);
    return {};
  };
  transfer::MemoryBudget budget(1 << 20);
  transfer::Counters counters;
  const transfer::Context context{{}, &budget, &counters};
  transfer::CopyOptions options;
  options.parallelism = 1;
  auto summary = transfer::upload(**reader, writer, options, context);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kConflict);
  CHECK(writer.aborted);
  CHECK_FALSE(writer.committed);
}
