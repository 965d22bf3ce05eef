#include "net/http/target.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::http;

namespace {

// Reads the body as a server does that answers after so many bytes.
class Taker final : public Client {
 public:
  Taker(int status, size_t reads) : status_(status), reads_(reads) {}
  Result<Reply> call(const Request& request, const transfer::Context&, size_t) override {
    method = request.method;
    size = request.stream->size();
    Bytes buffer(1000);
    while (body.size() < reads_) {
      const auto got = request.stream->read(buffer);
      if (!got) return got.error();
      if (*got == 0) break;
      body.append(reinterpret_cast<const char*>(buffer.data()), *got);
    }
    Reply reply;
    reply.status = status_;
    return reply;
  }
  Status stream(const Request&, Receiver&, const transfer::Context&) override {
    return make_error(Errc::kInternal, "not used");
  }
  std::string method;
  std::optional<uint64_t> size;
  std::string body;

 private:
  const int status_;
  const size_t reads_;
};

struct Fixture {
  Fixture(int status, size_t reads) : client(status, reads) {
    context.counters = &counters;
    Request request;
    request.url = "https://h/x?sig=geheim";
    writer = make_target(client, request, 3000, context);
  }
  transfer::Counters counters;
  transfer::Context context;
  Taker client;
  std::unique_ptr<transfer::ObjectWriter> writer;
};

}  // namespace

TEST_CASE("an object is put in one request of its size") {
  Fixture f(201, SIZE_MAX);
  auto segment = f.writer->begin_segment(0);
  REQUIRE(segment);
  for (int i = 0; i < 3; ++i) REQUIRE((*segment)->append(std::string(1000, static_cast<char>('a' + i))));
  REQUIRE(f.writer->finish_segment(std::move(*segment), true, f.context));
  REQUIRE(f.writer->commit(f.context));
  CHECK(f.client.method == "PUT");
  CHECK(f.client.size == 3000u);
  CHECK(f.client.body == std::string(1000, 'a') + std::string(1000, 'b') + std::string(1000, 'c'));
}

TEST_CASE("a refusal ends the upload, early or late") {
  Fixture late(403, SIZE_MAX);
  auto segment = late.writer->begin_segment(0);
  REQUIRE(segment);
  const Status status = late.writer->finish_segment(std::move(*segment), true, late.context);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::kDenied);
  CHECK(status.error().what.find("geheim") == std::string::npos);

  Fixture early(507, 1);
  auto other = early.writer->begin_segment(0);
  REQUIRE(other);
  Status written;
  for (int i = 0; i < 100 && written; ++i) written = (*other)->append(std::string(1 << 20, 'x'));
  REQUIRE_FALSE(written);
  CHECK(written.error().code == Errc::kLimited);
  early.writer->abort();
}

TEST_CASE("a writer that is stopped does not wait") {
  Fixture f(200, SIZE_MAX);
  auto segment = f.writer->begin_segment(0);
  REQUIRE(segment);
  REQUIRE((*segment)->append(std::string_view("abc")));
  segment->reset();
  f.writer->abort();
  CHECK(f.client.body.size() <= 3);
}
