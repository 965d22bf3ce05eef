#include "core/base/crc64.h"

#include "tests/support/catch.h"
#include "tests/support/random_bytes.h"

using namespace sjcp;

TEST_CASE("the check of a whole follows from those of its parts, wherever it is cut") {
  const std::string check = "123456789";
  CHECK(crc64_nvme(check) == 0xae8b14860a799888);
  std::mt19937_64 random(5);
  const auto bytes = test::random_bytes(random, 70'001);
  const ByteView all(bytes);
  const uint64_t whole = crc64_nvme(all);
  for (const size_t cut : {size_t{0}, size_t{1}, size_t{7}, size_t{4096}, size_t{65'537}, bytes.size()}) {
    CAPTURE(cut);
    const ByteView a(all.data(), cut);
    const ByteView b(all.data() + cut, all.size() - cut);
    CHECK(crc64_nvme_combine(crc64_nvme(a), crc64_nvme(b), b.size()) == whole);
    CHECK(crc64_nvme(b, crc64_nvme(a)) == whole);
  }
}
