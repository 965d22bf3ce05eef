#include "net/s3/listing.h"

#include <functional>
#include <future>

#include "fake_client.h"
#include "tests/support/catch.h"

namespace sjcp::s3 {
namespace {

using transfer::ListOptions;

// Answers each request as the test says.
class Service final : public http::Client {
 public:
  using Answer = std::function<Status(const std::string& url, http::Receiver& receiver)>;

  Result<http::Reply> call(const http::Request&, const transfer::Context&, size_t) override {
    return make_error(Errc::kInternal, "not asked for");
  }
  Status stream(const http::Request& request, http::Receiver& receiver, const transfer::Context&) override {
    urls.push_back(request.url);
    http::Head head;
    head.status = 200;
    if (!refuse.empty() && request.url.find(refuse) != std::string::npos) {
      head.status = 400;
      Status taken = receiver.head(head);
      return taken ? receiver.body(std::string_view("<Error><Code>InvalidArgument</Code></Error>")) : taken;
    }
    if (Status taken = receiver.head(head); !taken) return taken;
    return answer(request.url, receiver);
  }

  Answer answer;
  std::string refuse;             // what is in URLs that are answered by 400
  std::vector<std::string> urls;  // once the listing has ended
};

struct Fixture {
  Fixture() : requester(test::at_endpoint(), Credentials::none(), service, system_clock()) {}
  // All keys, and then how it ended.
  std::string all(ListOptions options = recursive()) {
    Listing listing(requester, "bkt", options, {});
    std::string out;
    for (;;) {
      auto item = listing.next();
      if (!item) return out + (item.error().code == Errc::kProtocol ? "protocol" : item.error().what);
      if (!*item) return out + "end";
      out += (*item)->key + " ";
    }
  }
  static ListOptions recursive() {
    ListOptions options;
    options.recursive = true;
    return options;
  }

  Service service;
  Requester requester;
};

const std::string kBegin = "<ListBucketResult>";
const std::string kEnd = "</ListBucketResult>";

std::string objects(const std::vector<std::string>& keys) {
  std::string out;
  for (const auto& key : keys) out += "<Contents><Key>" + key + "</Key></Contents>";
  return out;
}

std::string more(const std::string& token) {
  return "<IsTruncated>true</IsTruncated><NextContinuationToken>" + token + "</NextContinuationToken>";
}

TEST_CASE("Pages follow each other by what each says of the next, and grow") {
  Fixture f;
  f.service.answer = [](const std::string& url, http::Receiver& receiver) {
    if (url.find("continuation-token=T2") != std::string::npos) {
      return receiver.body(kBegin + objects({"e"}) + kEnd);
    }
    if (url.find("continuation-token=T1") != std::string::npos) {
      return receiver.body(kBegin + objects({"c", "d"}) + more("T2") + kEnd);
    }
    return receiver.body(kBegin + objects({"a", "b"}) + more("T1") + kEnd);
  };
  CHECK(f.all() == "a b c d e end");
  REQUIRE(f.service.urls.size() == 3);
  CHECK(f.service.urls[0].find("max-keys=512") != std::string::npos);
  CHECK(f.service.urls[2].find("max-keys=1000") != std::string::npos);
}

TEST_CASE("What a page names is there before the rest of the page") {
  Fixture f;
  std::promise<void> seen;
  f.service.answer = [&](const std::string&, http::Receiver& receiver) {
    Status status = receiver.body(kBegin + objects({"a"}));
    seen.get_future().wait();
    return status ? receiver.body(objects({"b"}) + kEnd) : status;
  };
  Listing listing(f.requester, "bkt", Fixture::recursive(), {});
  auto first = listing.next();
  seen.set_value();
  REQUIRE(first);
  CHECK((*first)->key == "a");
  CHECK((**listing.next()).key == "b");
  CHECK_FALSE(listing.next()->has_value());
}

TEST_CASE("Prefixes stand where they belong") {
  Fixture f;
  f.service.answer = [](const std::string&, http::Receiver& receiver) {
    return receiver.body(kBegin + objects({"a", "z"}) +
                         "<CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>" + kEnd);
  };
  CHECK(f.all(ListOptions()) == "a b/ z end");
  CHECK(f.service.urls.at(0).find("delimiter=%2F") != std::string::npos);
}

TEST_CASE("A page that breaks off is asked for again, and nothing of it comes twice or is missed") {
  Fixture f;
  unsigned asked = 0;
  f.service.answer = [&](const std::string& url, http::Receiver& receiver) -> Status {
    if (url.find("continuation-token") == std::string::npos) {
      return receiver.body(kBegin + objects({"a", "b"}) + more("T1") + kEnd);
    }
    if (++asked == 1) {
      Status status = receiver.body(kBegin + objects({"c", "d"}) + "<Contents><Ke");
      return status ? make_error(Errc::kNetwork, "broken", 0, Fault::kBroken) : status;
    }
    // "d" is gone meanwhile, and "bb" has come.
    return receiver.body(kBegin + objects({"bb", "c", "e"}) + kEnd);
  };
  CHECK(f.all() == "a b c d bb e end");
  CHECK(asked == 2);
}

TEST_CASE("Uploads of one key on two pages are all told, also when the second page breaks off") {
  Fixture f;
  unsigned asked = 0;
  f.service.answer = [&](const std::string& url, http::Receiver& receiver) -> Status {
    const bool second = url.find("key-marker=a") != std::string::npos;
    if (second && ++asked == 1) return make_error(Errc::kNetwork, "broken", 0, Fault::kBroken);
    return receiver.body(
        std::string("<ListMultipartUploadsResult><Upload><Key>a</Key><UploadId>u</UploadId></Upload>") +
        (second ? "" : "<IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker>") +
        "</ListMultipartUploadsResult>");
  };
  ListOptions pending;
  pending.pending = true;
  CHECK(f.all(pending) == "a a end");
  CHECK(asked == 2);
}

TEST_CASE("A page that ends with what no repetition mends is not asked for again") {
  Fixture f;
  f.service.answer = [](const std::string&, http::Receiver& receiver) -> Status {
    Status status = receiver.body(kBegin + objects({"a"}));
    return status ? make_error(Errc::kIntegrity, "broken") : status;
  };
  CHECK(f.all() == "a broken");
  CHECK(f.service.urls.size() == 1);
}

TEST_CASE("A page that has no end, or comes again, is an error") {
  Fixture f;
  f.service.answer = [](const std::string&, http::Receiver& receiver) {
    return receiver.body(kBegin + objects({"a"}));
  };
  CHECK(f.all() == "a protocol");
  f.service.answer = [](const std::string&, http::Receiver& receiver) {
    return receiver.body(kBegin + objects({"a"}) + more("T") + kEnd);
  };
  CHECK(f.all() == "a a protocol");
}

TEST_CASE("Pages that name nothing, or name the same in a circle, have an end") {
  Fixture f;
  unsigned page = 0;
  f.service.answer = [&](const std::string&, http::Receiver& receiver) {
    return receiver.body(kBegin + more("T" + std::to_string(++page)) + kEnd);
  };
  CHECK(f.all() == "protocol");
  f.service.answer = [&](const std::string&, http::Receiver& receiver) {
    return receiver.body(kBegin + objects({"a", "b"}) + more("T" + std::to_string(++page)) + kEnd);
  };
  CHECK(f.all() == "a b a b protocol");
}

TEST_CASE("A page of keys in no order that breaks off loses none of them") {
  Fixture f;
  unsigned asked = 0;
  f.service.answer = [&](const std::string&, http::Receiver& receiver) -> Status {
    Status status =
        receiver.body(kBegin + objects(++asked == 1 ? std::vector<std::string>{"z", "m"}
                                                    : std::vector<std::string>{"z", "m", "a", "k"}));
    if (asked > 1) return status ? receiver.body(kEnd) : status;
    return status ? make_error(Errc::kNetwork, "broken", 0, Fault::kBroken) : status;
  };
  CHECK(f.all() == "z m a k end");
}

TEST_CASE("A service that knows only the first version of listings is listed by it") {
  Fixture f;
  const auto old_page = [](const std::string& url) {
    if (url.find("marker=c") != std::string::npos) return kBegin + objects({"d"}) + kEnd;
    const std::string truncated = "<IsTruncated>true</IsTruncated>";
    if (url.find("marker=b") != std::string::npos) {
      return kBegin + objects({"c"}) + truncated + "<NextMarker>c</NextMarker>" + kEnd;
    }
    return kBegin + objects({"a", "b"}) + truncated + kEnd;
  };
  const bool refuses = GENERATE(false, true);
  f.service.refuse = refuses ? "list-type=2" : "";
  f.service.answer = [&](const std::string& url, http::Receiver& receiver) {
    return receiver.body(old_page(url));
  };
  CHECK(f.all() == "a b c d end");
  CHECK(f.service.urls.size() == (refuses ? 4 : 3));
  CHECK(f.service.urls.back().find("list-type") == std::string::npos);
  const auto delimited = f.all(ListOptions());
  CHECK(delimited == "a b c d end");
}

TEST_CASE("No page is asked for while a thousand items wait") {
  Fixture f;
  std::promise<void> given;
  f.service.answer = [&](const std::string&, http::Receiver& receiver) {
    Status status =
        receiver.body(kBegin + objects(std::vector<std::string>(Listing::kAhead, "k")) + more("T") + kEnd);
    given.set_value();
    return status;
  };
  {
    Listing listing(f.requester, "bkt", Fixture::recursive(), {});
    given.get_future().wait();
  }
  CHECK(f.service.urls.size() == 1);
}

TEST_CASE("A listing that waits for room ends when it is stopped") {
  Fixture f;
  std::stop_source stop;
  f.service.answer = [&](const std::string&, http::Receiver& receiver) {
    return receiver.body(kBegin + objects(std::vector<std::string>(2 * Listing::kAhead, "k")) + more("T") +
                         kEnd);
  };
  Listing listing(f.requester, "bkt", Fixture::recursive(), stop.get_token());
  stop.request_stop();
  Result<std::optional<transfer::ObjectItem>> item = listing.next();
  while (item && *item) item = listing.next();
  REQUIRE_FALSE(item);
  CHECK(item.error().code == Errc::kCancelled);
}

}  // namespace
}  // namespace sjcp::s3
