#include "net/http/source.h"

#include "fake_client.h"
#include "tests/support/catch.h"

using namespace sjcp;
using namespace sjcp::http;
using transfer::ByteRange;
using transfer::RangeRequest;

namespace {

class Text final : public transfer::Output {
 public:
  Status write(uint64_t offset, ByteView data) override {
    if (offset != begin + text.size()) return make_error(Errc::kInternal, "out of order");
    text += data.text();
    return {};
  }
  uint64_t end() const override { return limit; }
  uint64_t begin = 0;
  std::string text;
  uint64_t limit = UINT64_MAX;
};

struct Fixture {
  explicit Fixture(FakeClient::Serve serve) : client(std::move(serve)) {
    context.counters = &counters;
    client.waits().policy.first_wait = client.waits().policy.longest_wait = std::chrono::milliseconds(0);
    Request request;
    request.url = "https://origin/file?token=geheim";
    request.headers = {{"Authorization", "geheim", true}, {"X-Plain", "1", false}};
    source = make_source(client, request);
  }
  Result<std::string> fetch(ByteRange range) {
    Text out;
    out.begin = range.begin;
    if (Status s = source->fetch({0, range}, out, context); !s) return s.error();
    return out.text;
  }

  transfer::Counters counters;
  transfer::Context context;
  FakeClient client;
  std::unique_ptr<transfer::Source> source;
};

std::string object() {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += static_cast<char>('a' + i * 7 % 26);
  return text;
}

RangeRequest part(uint64_t begin, uint64_t end) {
  RangeRequest range;
  range.begin = begin;
  range.end = end;
  return range;
}

}  // namespace

TEST_CASE("opening an object already brings it: one request for all of it") {
  Fixture f([](const Request& request, size_t) { return serve_object(request, object(), "\"1\""); });
  const auto info = f.source->open({}, f.context);
  REQUIRE(info);
  CHECK(info->name == "https://origin/file?token=***");
  CHECK(info->size == 20000);
  CHECK(info->sized());
  CHECK(info->range == ByteRange{0, 20000});
  CHECK(info->version == "etag \"1\"");
  CHECK(info->created.time_since_epoch() == std::chrono::seconds(784111777));
  CHECK(f.source->divisible());
  REQUIRE(f.source->segments().size() == 1);
  CHECK(*f.fetch({0, 20000}) == object());
  REQUIRE(f.client.requests().size() == 1);
  CHECK(header_of(f.client.requests()[0], "Range") == "bytes=0-");
}

TEST_CASE("further fetches ask for their range of the pinned version") {
  Fixture f([](const Request& request, size_t) { return serve_object(request, object(), "\"1\""); });
  REQUIRE(f.source->open({}, f.context));
  CHECK(*f.fetch({5000, 9000}) == object().substr(5000, 4000));
  const auto requests = f.client.requests();
  REQUIRE(requests.size() == 2);
  CHECK(header_of(requests[1], "Range") == "bytes=5000-8999");
  CHECK(header_of(requests[1], "If-Match") == "\"1\"");
}

TEST_CASE("parts of an object: bounded, open, from the end") {
  const auto serve = [](const Request& request, size_t) { return serve_object(request, object(), "\"1\""); };
  {
    Fixture f(serve);
    const auto info = f.source->open(part(100, 300), f.context);
    REQUIRE(info);
    CHECK(info->range == ByteRange{100, 300});
    CHECK(*f.fetch({100, 300}) == object().substr(100, 200));
    CHECK(f.client.requests().size() == 1);
  }
  {
    Fixture f(serve);
    RangeRequest last;
    last.suffix = true;
    last.end = 50;
    const auto info = f.source->open(last, f.context);
    REQUIRE(info);
    CHECK(info->range == ByteRange{19950, 20000});
    CHECK(*f.fetch({19950, 20000}) == object().substr(19950));
  }
  Fixture f(serve);
  const auto beyond = f.source->open(part(30000, 30001), f.context);
  REQUIRE_FALSE(beyond);
  CHECK(beyond.error().code == Errc::kUsage);
}

TEST_CASE("an empty object is one, whether the server takes its range or not") {
  {
    Fixture f([](const Request& request, size_t) { return serve_object(request, "", "\"1\""); });
    const auto info = f.source->open({}, f.context);
    REQUIRE(info);
    CHECK(info->size == 0);
    CHECK(f.source->segments().empty());
  }
  Fixture f([](const Request& request, size_t) {
    FakeReply reply = serve_object(request, "", "\"1\"");
    if (!header_of(request, "Range").empty()) reply.status = 416;
    return reply;
  });
  const auto info = f.source->open({}, f.context);
  REQUIRE(info);
  CHECK(info->size == 0);
  CHECK(info->sized());
}

TEST_CASE("lost connections are gone on from, and nothing comes twice") {
  Fixture f([](const Request& request, size_t number) {
    FakeReply reply = serve_object(request, object(), "\"1\"");
    if (number < 6) reply.cut = 1500 * number;
    return reply;
  });
  REQUIRE(f.source->open({}, f.context));
  CHECK(*f.fetch({0, 20000}) == object());
  CHECK(f.client.requests().size() >= 3);
  CHECK(f.counters.retries > 0);
}

TEST_CASE("a server that is busy for a while is asked again, one that stays so is not") {
  Fixture f([](const Request& request, size_t number) {
    FakeReply reply = serve_object(request, object(), "\"1\"");
    if (number % 3 != 0) return FakeReply{503, {{"Retry-After", "0", false}}, "busy", "", SIZE_MAX};
    return reply;
  });
  REQUIRE(f.source->open({}, f.context));
  CHECK(*f.fetch({100, 20000}) == object().substr(100));

  // Where repetitions follow at once, it is their number that ends.
  Fixture down([](const Request&, size_t) { return FakeReply{503, {}, "busy", "", SIZE_MAX}; });
  const auto info = down.source->open({}, down.context);
  REQUIRE_FALSE(info);
  CHECK(info.error().code == Errc::kNetwork);
  CHECK(info.error().what.find("geheim") == std::string::npos);
  CHECK(down.client.requests().size() == flow::RetryBudget::kOfObject + 1);
}

TEST_CASE("one reply is one version: where others come, all fetches read it in turn") {
  Fixture f([](const Request& request, size_t number) {
    return number == 1 ? serve_object(request, object(), "\"1\"")
                       : serve_object(request, std::string(20000, '!'), "\"2\"");
  });
  REQUIRE(f.source->open({}, f.context));
  CHECK(*f.fetch({100, 200}) == object().substr(100, 100));
  CHECK(*f.fetch({200, 5000}) == object().substr(200, 4800));
  CHECK(*f.fetch({7000, 20000}) == object().substr(7000));
  CHECK(f.client.requests().size() == 2);
  // What lies before is to be had by another reply only, which is of another version.
  const auto before = f.fetch({0, 50});
  REQUIRE_FALSE(before);
  CHECK(before.error().code == Errc::kConflict);
}

TEST_CASE("an object that has another size has changed, and none of it is written") {
  Fixture f([](const Request& request, size_t number) {
    Request plain = request;
    std::erase_if(plain.headers, [](const Header& header) { return header.name == "If-Match"; });
    return number == 1 ? serve_object(request, object(), "\"1\"")
                       : serve_object(plain, std::string(20001, '!'), "\"2\"");
  });
  REQUIRE(f.source->open({}, f.context));
  Text out;
  out.begin = 100;
  const Status status = f.source->fetch({0, {100, 200}}, out, f.context);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::kConflict);
  CHECK(out.text.empty());
}

TEST_CASE("where the digest is known, tags do not decide") {
  Fixture f([](const Request& request, size_t number) {
    return serve_object(request, object(), number % 2 != 0 ? "\"1\"" : "\"2\"");
  });
  SourceOptions options;
  options.request = [](const transfer::Context&) -> Result<Request> {
    Request request;
    request.url = "https://origin/file";
    return request;
  };
  options.digest_known = true;
  f.source = make_source(f.client, std::move(options));
  REQUIRE(f.source->open({}, f.context));
  CHECK(*f.fetch({100, 200}) == object().substr(100, 100));
  CHECK(*f.fetch({50, 90}) == object().substr(50, 40));
  CHECK(f.client.requests().size() == 4);
}

TEST_CASE("a server that stops serving ranges gives the whole once more") {
  Fixture f([](const Request& request, size_t number) {
    FakeReply reply = serve_object(request, object(), "\"1\"");
    if (number > 1) {
      reply.status = 200;
      reply.body = object();
      reply.headers = {{"ETag", "\"1\"", false}, {"Content-Length", "20000", false}};
    } else {
      reply.cut = 1000;
    }
    return reply;
  });
  REQUIRE(f.source->open({}, f.context));
  CHECK(*f.fetch({0, 10000}) == object().substr(0, 10000));
  CHECK(*f.fetch({10000, 20000}) == object().substr(10000));
}

TEST_CASE("a Range that is refused is left out once") {
  for (const int status : {400, 403, 405, 501}) {
    Fixture f([&](const Request& request, size_t) {
      if (!header_of(request, "Range").empty()) return FakeReply{status, {}, "no ranges", "", SIZE_MAX};
      return serve_object(request, object(), "\"1\"");
    });
    REQUIRE(f.source->open(part(100, 300), f.context));
    CHECK_FALSE(f.source->divisible());
    CHECK(*f.fetch({100, 300}) == object().substr(100, 200));
    CHECK(f.client.requests().size() == 2);
  }
}

TEST_CASE("bytes that are sent packed are kept so, all by the same encoding") {
  bool other = false;
  Fixture f([&](const Request& request, size_t number) {
    FakeReply reply = serve_object(request, object(), "\"1\"");
    if (number == 1 || !other) reply.headers.push_back({"Content-Encoding", "gzip", false});
    if (number == 1) reply.cut = 0;
    return reply;
  });
  REQUIRE(f.source->open({}, f.context));
  CHECK(*f.fetch({100, 200}) == object().substr(100, 100));
  other = true;
  const auto plain = f.fetch({50, 90});
  REQUIRE_FALSE(plain);
  CHECK(plain.error().code == Errc::kProtocol);
}

TEST_CASE("wrong replies to a range are tried elsewhere a few times and never written") {
  const std::function<void(FakeReply&)> faults[] = {
      [](FakeReply& reply) { reply.headers[2].value = "bytes 0-99/20000"; },
      [](FakeReply& reply) { reply.headers.pop_back(), reply.headers.pop_back(); },
      [](FakeReply& reply) { reply.headers.push_back({"Content-Encoding", "gzip", false}); },
      [](FakeReply& reply) { reply.headers.back().value = "3"; },
  };
  for (const auto& fault : faults) {
    bool always = true;
    Fixture f([&](const Request& request, size_t number) {
      FakeReply reply = serve_object(request, object(), "\"1\"");
      if (number == 1) reply.cut = 0;
      if (number > 1 && (always || number == 2)) fault(reply);
      return reply;
    });
    REQUIRE(f.source->open({}, f.context));
    Text out;
    out.begin = 100;
    const Status status = f.source->fetch({0, {100, 200}}, out, f.context);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Errc::kProtocol);
    CHECK(out.text.empty());
    // Several at first, and several where one reply is read at a time.
    CHECK(f.client.requests().size() == 9);

    always = false;
    Fixture once([&](const Request& request, size_t number) {
      FakeReply reply = serve_object(request, object(), "\"1\"");
      if (number == 2) fault(reply);
      return reply;
    });
    REQUIRE(once.source->open({}, once.context));
    CHECK(*once.fetch({100, 200}) == object().substr(100, 100));
  }
}

TEST_CASE("what is refused for good is not tried again") {
  for (const auto& [number, kind] :
       {std::pair{403, Errc::kDenied}, {404, Errc::kNotFound}, {400, Errc::kUsage}}) {
    Fixture f([n = number](const Request&, size_t) { return FakeReply{n, {}, "<html>", "", SIZE_MAX}; });
    const auto info = f.source->open({}, f.context);
    REQUIRE_FALSE(info);
    CHECK(info.error().code == kind);
    // Perhaps it was the Range that was refused.
    CHECK(f.client.requests().size() == (number == 404 ? 1 : 2));
  }
}

TEST_CASE("ranges go straight to where the URL was redirected, without its secrets, until that expires") {
  Fixture f([](const Request& request, size_t number) {
    if (request.url == "https://cdn/signed?n=1" && number > 3)
      return FakeReply{403, {}, "expired", "", SIZE_MAX};
    FakeReply reply = serve_object(request, object(), "\"1\"");
    if (request.url.starts_with("https://origin/"))
      reply.url = number == 1 ? "https://cdn/signed?n=1" : "https://cdn/signed?n=2";
    return reply;
  });
  REQUIRE(f.source->open({}, f.context));
  CHECK(*f.fetch({100, 200}) == object().substr(100, 100));
  CHECK(*f.fetch({200, 300}) == object().substr(200, 100));
  CHECK(*f.fetch({300, 400}) == object().substr(300, 100));
  CHECK(*f.fetch({400, 500}) == object().substr(400, 100));
  const auto requests = f.client.requests();
  REQUIRE(requests.size() == 6);
  CHECK(requests[1].url == "https://cdn/signed?n=1");
  CHECK(header_of(requests[1], "Authorization").empty());
  CHECK(header_of(requests[1], "X-Plain") == "1");
  CHECK(requests[3].url == "https://cdn/signed?n=1");  // refused
  CHECK(requests[4].url.starts_with("https://origin/"));
  CHECK(header_of(requests[4], "Authorization") == "geheim");
  CHECK(requests[5].url == "https://cdn/signed?n=2");
}

TEST_CASE("a server without ranges gives one stream") {
  Fixture f([](const Request& request, size_t) {
    Request whole = request;
    std::erase_if(whole.headers, [](const Header& h) { return h.name == "Range"; });
    return serve_object(whole, object(), "\"1\"");
  });
  const auto info = f.source->open({}, f.context);
  REQUIRE(info);
  CHECK(info->size == 20000);
  CHECK_FALSE(f.source->divisible());
  CHECK(*f.fetch({0, 20000}) == object());
  CHECK(f.client.requests().size() == 1);
}

TEST_CASE("one stream that breaks is begun anew if it is the same object for sure") {
  for (const bool tagged : {true, false}) {
    Fixture f([&](const Request& request, size_t number) {
      Request whole = request;
      std::erase_if(whole.headers, [](const Header& h) { return h.name == "Range"; });
      FakeReply reply = serve_object(whole, object(), "\"1\"");
      if (!tagged) reply.headers.erase(reply.headers.begin(), reply.headers.begin() + 2);
      if (number == 1) reply.cut = 7000;
      return reply;
    });
    REQUIRE(f.source->open({}, f.context));
    const auto text = f.fetch({0, 20000});
    REQUIRE(text.has_value() == tagged);
    if (tagged) {
      CHECK(*text == object());
    } else {
      CHECK(text.error().code == Errc::kProtocol);
    }
  }
}

TEST_CASE("an object without length is read to its end") {
  Fixture f([](const Request& request, size_t) {
    Request whole = request;
    std::erase_if(whole.headers, [](const Header& h) { return h.name == "Range"; });
    FakeReply reply = serve_object(whole, object(), "\"1\"");
    reply.headers.pop_back();
    return reply;
  });
  const auto info = f.source->open({}, f.context);
  REQUIRE(info);
  CHECK_FALSE(info->sized());
  CHECK(info->range.end == UINT64_MAX);
  CHECK(*f.fetch(info->range) == object());
}

TEST_CASE("a fetch whose end falls ends there") {
  Fixture f([](const Request& request, size_t) { return serve_object(request, object(), "\"1\""); });
  REQUIRE(f.source->open({}, f.context));
  Text out;
  out.limit = 2500;
  REQUIRE(f.source->fetch({0, {0, 20000}}, out, f.context));
  CHECK(out.text == object().substr(0, 2500));
}

TEST_CASE("a stopped fetch is cancelled, and an opened source that nobody reads goes away") {
  Fixture f([](const Request& request, size_t) { return serve_object(request, object(), "\"1\""); });
  std::stop_source stop;
  f.context.stop = stop.get_token();
  REQUIRE(f.source->open({}, f.context));
  stop.request_stop();
  const auto text = f.fetch({0, 20000});
  REQUIRE_FALSE(text);
  CHECK(text.error().code == Errc::kCancelled);
}

TEST_CASE("the name for messages, the explanation and more facts come from the options") {
  FakeClient client([](const Request& request, size_t number) {
    if (number > 1) return FakeReply{403, {}, "<Code>NoSuchKey</Code>", "", SIZE_MAX};
    return serve_object(request, object(), "\"1\"");
  });
  client.waits().policy.first_wait = client.waits().policy.longest_wait = std::chrono::milliseconds(0);
  SourceOptions options;
  options.name = "s3://b/k";
  options.request = [](const transfer::Context&) -> Result<Request> {
    Request request;
    request.url = "https://b.example/k";
    return request;
  };
  options.explain = [](const Reply& reply) { return make_error(Errc::kNotFound, "s3://b/k: " + reply.body); };
  options.describe = [](const Head&, transfer::ObjectInfo& info) { info.metadata["a"] = "b"; };
  const auto source = make_source(client, std::move(options));
  transfer::Counters counters;
  transfer::Context context;
  context.counters = &counters;
  const auto info = source->open({}, context);
  REQUIRE(info);
  CHECK(info->name == "s3://b/k");
  CHECK(info->metadata.at("a") == "b");
  Text out;
  out.begin = 5;
  const Status status = source->fetch({0, {5, 6}}, out, context);
  REQUIRE_FALSE(status);
  CHECK(status.error().what == "s3://b/k: <Code>NoSuchKey</Code>");
}
