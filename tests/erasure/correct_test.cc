#include <algorithm>

#include "erasure/code.h"
#include "tests/erasure/shares.h"
#include "tests/support/catch.h"

using namespace sjcp;
using erasure::Code;

namespace {

// r shares of a code, some of which a test spoils.
struct Received {
  std::vector<unsigned> numbers;
  std::vector<Bytes> buffers;
  std::vector<Bytes> right;

  Received(const Code& code, std::mt19937_64& random, unsigned count, size_t len) {
    const test::Shares shares(code, random, len);
    numbers = test::random_subset(random, code.n(), count);
    for (unsigned i : numbers) right.push_back(shares.bytes[i]);
    buffers = right;
  }

  erasure::Correction correct(const Code& code) {
    std::vector<uint8_t*> pointers;
    for (Bytes& buffer : buffers) pointers.push_back(buffer.data());
    return erasure::correct(code, numbers, pointers, right[0].size());
  }
};

uint8_t non_zero(std::mt19937_64& random) {
  return static_cast<uint8_t>(1 + random() % 255);
}

}  // namespace

TEST_CASE("correct changes nothing and names nobody when all shares agree") {
  std::mt19937_64 random(1);
  for (const auto& [k, n, r] : {std::tuple{1u, 1u, 1u}, {4u, 10u, 4u}, {4u, 10u, 9u}, {29u, 80u, 50u}}) {
    const Code code(k, n);
    Received received(code, random, r, 10000);
    const auto result = received.correct(code);
    CHECK(result.ok);
    CHECK(result.wrong.empty());
    CHECK(received.buffers == received.right);
  }
}

TEST_CASE("correct names and repairs up to half of the surplus when whole shares are wrong") {
  std::mt19937_64 random(2);
  for (const auto& [k, n] :
       {std::pair{1u, 3u}, {1u, 255u}, {2u, 4u}, {4u, 10u}, {29u, 80u}, {128u, 255u}, {200u, 255u}}) {
    const Code code(k, n);
    for (unsigned r : {n, k + (n - k) / 2, k + 2}) {
      Received received(code, random, r, k > 100 ? 300 : 9000);
      std::vector<unsigned> wrong;
      for (unsigned i : test::random_subset(random, r, (r - k) / 2)) {
        wrong.push_back(received.numbers[i]);
        for (auto& byte : received.buffers[i]) byte ^= non_zero(random);
      }
      std::ranges::sort(wrong);
      INFO(k << "/" << n << " with " << r);
      const auto result = received.correct(code);
      CHECK(result.ok);
      CHECK(result.wrong == wrong);
      CHECK(received.buffers == received.right);
    }
  }
}

TEST_CASE("correct repairs single bytes when every column has its own wrong shares") {
  std::mt19937_64 random(3);
  const Code code(4, 12);
  Received received(code, random, 12, 5000);
  for (size_t column = 0; column < 5000; column += 1 + random() % 3) {
    for (unsigned i : test::random_subset(random, 12, static_cast<unsigned>(random() % 5))) {
      received.buffers[i][column] ^= non_zero(random);
    }
  }
  const auto result = received.correct(code);
  CHECK(result.ok);
  CHECK(result.wrong.size() == 12);
  CHECK(std::ranges::is_sorted(result.wrong));
  CHECK(received.buffers == received.right);
}

TEST_CASE("correct finds a single wrong byte wherever it is") {
  std::mt19937_64 random(4);
  const Code code(29, 80);
  for (size_t column : std::initializer_list<size_t>{0, 1, 4095, 4096, 4097, 9999}) {
    for (size_t i : std::initializer_list<size_t>{0, 20, 30}) {
      Received received(code, random, 31, 10000);
      received.buffers[i][column] ^= 1;
      const auto result = received.correct(code);
      CHECK(result.ok);
      CHECK(result.wrong == std::vector<unsigned>{received.numbers[i]});
      CHECK(received.buffers == received.right);
    }
  }
}

TEST_CASE("correct gives up and leaves the buffers alone when more shares are wrong than it can name") {
  std::mt19937_64 random(5);
  for (const auto& [k, n, r, errors] : {std::tuple{2u, 4u, 3u, 1u},
                                        {4u, 10u, 9u, 3u},
                                        {29u, 80u, 50u, 11u},
                                        {29u, 80u, 30u, 1u},
                                        {29u, 80u, 50u, 50u}}) {
    const Code code(k, n);
    Received received(code, random, r, 6000);
    for (unsigned i : test::random_subset(random, r, errors)) {
      for (auto& byte : received.buffers[i]) byte ^= non_zero(random);
    }
    // A column that can be corrected, before the others, must not be touched either.
    for (size_t i = 0; i < r; ++i) received.buffers[i][0] = received.right[i][0];
    if (r >= k + 2) received.buffers[0][0] ^= 1;
    const auto spoiled = received.buffers;
    const auto result = received.correct(code);
    INFO(k << "/" << n << " with " << r << ", wrong " << errors);
    CHECK_FALSE(result.ok);
    CHECK(result.wrong.empty());
    CHECK(received.buffers == spoiled);
  }
}

TEST_CASE("correct cannot work with fewer than k shares") {
  std::mt19937_64 random(6);
  const Code code(4, 10);
  Received received(code, random, 3, 100);
  CHECK_FALSE(received.correct(code).ok);
}
