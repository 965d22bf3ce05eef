#include "net/storj/status.h"
#include "tests/support/catch.h"

using namespace sjcp;

TEST_CASE("satellite statuses become the kinds that exit codes are made of") {
  struct Row {
    uint64_t code;
    const char* text;
    Errc kind;
    const char* part;
  };
  const Row rows[] = {
      {5, "object not found: metabase: sql: no rows in result set", Errc::kNotFound, "object not found"},
      {5, "bucket not found: b", Errc::kNotFound, "bucket not found"},
      {10019, "The specified bucket was not found", Errc::kNotFound, "bucket not found"},
      {6, "bucket already exists", Errc::kConflict, "bucket already exists"},
      {7, "Unauthorized API credentials", Errc::kDenied, "grant"},
      {16, "no", Errc::kDenied, "grant"},
      {8, "metainfo: Too Many Requests", Errc::kLimited, "rate"},
      {8, "x Exceeded Usage Limit", Errc::kLimited, "bandwidth"},
      {8, "Exceeded Storage Limit: x", Errc::kLimited, "storage"},
      {9, "bucket not empty", Errc::kConflict, "not empty"},
      {3, "bad\nthing", Errc::kUsage, "bad thing"},
      {14, "later", Errc::kNetwork, "later"},
      {10000, "endpoints disabled", Errc::kUnsupported, "endpoints disabled"},
      {10001, "not for this project", Errc::kUnsupported, "not for this project"},
      {10002, "without Versioning", Errc::kConflict, "without Versioning"},
      {10003, "no configuration", Errc::kNotFound, "no configuration"},
      {10004, "no retention", Errc::kNotFound, "no retention"},
      {10005, "object is protected by Object Lock settings", Errc::kConflict, "the object is locked"},
      {10006, "delete marker", Errc::kConflict, "delete marker"},
      {10007, "days and years", Errc::kUsage, "days and years"},
      {10008, "x", Errc::kConflict, "--expires"},
      {10009, "x", Errc::kConflict, "another grant"},
      {10010, "x", Errc::kConflict, "--expires"},
      {10011, "x", Errc::kConflict, "another grant"},
      {2, "context canceled", Errc::kNetwork, "failed at it (context canceled)"},
      {4, "too long", Errc::kNetwork, "too long"},
      {13, "internal error", Errc::kNetwork, "failed at it (internal error)"},
      {0, "odd", Errc::kProtocol, "odd"},
      {99, "odd", Errc::kProtocol, "odd"},
  };
  for (const auto& row : rows) {
    INFO(row.code << " " << row.text);
    auto error = storj::satellite_error({row.code, row.text});
    CHECK(error.code == row.kind);
    CHECK(error.what.find(row.part) != std::string::npos);
    CHECK(error.what.find('\n') == std::string::npos);
    const bool rate = std::string_view(row.text).ends_with("Too Many Requests");
    CHECK(error.cause == static_cast<int>(rate ? uint64_t{storj::kRpcTooManyRequests} : row.code));
  }
}

TEST_CASE("Only what passes by itself has a fault") {
  const auto fault = [](uint64_t code, const char* text) {
    return storj::satellite_error({code, text}).fault;
  };
  CHECK(fault(14, "unavailable") == Fault::kUnavailable);
  CHECK(fault(13, "internal error") == Fault::kServerError);
  CHECK(fault(2, "context canceled") == Fault::kServerError);
  CHECK(fault(4, "deadline") == Fault::kServerError);
  CHECK(fault(8, "Too Many Requests") == Fault::kBusy);
  CHECK(fault(8, "Exceeded Usage Limit") == Fault::kNone);
  for (const uint64_t code : {0, 3, 5, 6, 7, 9, 10, 12, 16, 17, 10019})
    CHECK(fault(code, "x") == Fault::kNone);
}

TEST_CASE("only the request rate limit is worth asking again") {
  CHECK(storj::is_rate_limit({8, "Too Many Requests"}));
  CHECK_FALSE(storj::is_rate_limit({8, "Exceeded Usage Limit"}));
  CHECK_FALSE(storj::is_rate_limit({7, "Too Many Requests"}));
}
