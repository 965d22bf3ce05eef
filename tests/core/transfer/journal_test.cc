#include "core/transfer/journal.h"

#include "core/base/byte_record.h"
#include "tests/support/catch.h"

using namespace sjcp;
using transfer::Journal;

namespace {

Journal sample() {
  Journal journal;
  journal.content = {"sj://bucket/a key", std::string("\0\1version\xff", 10), 1000, {100, 900}};
  journal.file_id = 0x123456789abcdef0;
  journal.done.add({0, 10});
  journal.done.add({20, 300});
  journal.done.add({799, 800});
  return journal;
}

// A journal with these ranges of an object of 100 bytes, with a right checksum.
std::string with_ranges(const std::vector<std::pair<uint64_t, uint64_t>>& ranges, uint64_t count,
                        std::pair<uint64_t, uint64_t> whole = {0, 100}) {
  RecordWriter out({"sjcpjrnl", 1});
  out.number(7);
  for (uint64_t number : {uint64_t{100}, whole.first, whole.second}) out.number(number);
  out.text("sj://b/k");
  out.text("v");
  out.number(count);
  for (const auto& [begin, end] : ranges) {
    out.number(begin);
    out.number(end);
  }
  return std::move(out).finish();
}

}  // namespace

TEST_CASE("A journal comes back as it was written") {
  const Journal journal = sample();
  const auto back = Journal::parse(journal.serialize());
  REQUIRE(back);
  CHECK(*back == journal);
  const auto empty = Journal::parse(Journal().serialize());
  REQUIRE(empty);
  CHECK(empty->done.empty());
}

TEST_CASE("Every truncation and every flipped bit of a journal is noticed") {
  const std::string bytes = sample().serialize();
  for (size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(Journal::parse(bytes.substr(0, size)));
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      CHECK_FALSE(Journal::parse(damaged));
    }
  }
  CHECK_FALSE(Journal::parse(bytes + bytes));
  CHECK_FALSE(Journal::parse(std::string(bytes.size(), '\0')));
}

TEST_CASE("A journal whose numbers contradict each other is refused, though its checksum is right") {
  REQUIRE(Journal::parse(with_ranges({{0, 10}, {20, 30}}, 2)));
  CHECK_FALSE(Journal::parse(with_ranges({{0, 10}}, 2)));
  CHECK_FALSE(Journal::parse(with_ranges({{0, 10}, {20, 30}}, 1)));
  CHECK_FALSE(Journal::parse(with_ranges({}, UINT64_MAX)));
  CHECK_FALSE(Journal::parse(with_ranges({{0, 101}}, 1)));
  CHECK_FALSE(Journal::parse(with_ranges({{5, 5}}, 1)));
  CHECK_FALSE(Journal::parse(with_ranges({{9, 5}}, 1)));
  CHECK_FALSE(Journal::parse(with_ranges({{20, 30}, {0, 10}}, 2)));
  CHECK_FALSE(Journal::parse(with_ranges({{0, 10}}, 1, {0, 101})));
  CHECK_FALSE(Journal::parse(with_ranges({}, 0, {60, 50})));
}
