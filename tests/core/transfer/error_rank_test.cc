#include "core/transfer/error_rank.h"
#include "tests/support/catch.h"

#include <set>

using namespace sjcp;
using transfer::error_rank;
using transfer::WorstError;

TEST_CASE("Every kind of error has a rank of its own") {
  std::set<int> ranks;
  for (int code = 0; code <= static_cast<int>(Errc::kInternal); ++code) {
    ranks.insert(error_rank(static_cast<Errc>(code)));
  }
  CHECK(ranks.size() == static_cast<size_t>(Errc::kInternal) + 1);
}

TEST_CASE("Wrong bytes outrank refusals, refusals outrank the network, and cancelling is last") {
  CHECK(error_rank(Errc::kIntegrity) > error_rank(Errc::kDenied));
  CHECK(error_rank(Errc::kDenied) > error_rank(Errc::kNotFound));
  CHECK(error_rank(Errc::kNotFound) > error_rank(Errc::kNetwork));
  CHECK(error_rank(Errc::kLocalIo) > error_rank(Errc::kNetwork));
  CHECK(error_rank(Errc::kNetwork) > error_rank(Errc::kCancelled));
}

TEST_CASE("The most telling error is kept, the first among equals") {
  WorstError worst;
  CHECK_FALSE(worst.get());
  worst.add(make_error(Errc::kCancelled, "a"));
  worst.add(make_error(Errc::kNetwork, "b"));
  worst.add(make_error(Errc::kNetwork, "c"));
  CHECK(worst.get()->what == "b");
  worst.add(make_error(Errc::kIntegrity, "d"));
  worst.add(make_error(Errc::kDenied, "e"));
  CHECK(worst.get()->what == "d");
}
