#include "net/s3/success.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/text.h"
#include "core/transfer/digest.h"
#include "net/http/retry_after.h"
#include "net/s3/object_copy.h"
#include "net/s3/object_info.h"
#include "net/s3/replies.h"
#include "net/s3/requester.h"

namespace sjcp::s3 {
namespace {

bool is_page(const http::Head& head, std::string_view body) {
  constexpr size_t kLook = 512;
  if (body.empty()) return false;
  if (lowered(head.header("Content-Type").value_or("")).starts_with("text/html")) return true;
  const std::string begin = lowered(body.substr(0, kLook));
  return begin.find("<html") != std::string::npos || begin.find("<!doctype html") != std::string::npos;
}

// Every service that speaks the protocol has a header of its kind in each reply, or nearly.
bool is_of_service(const http::Head& head) {
  return std::any_of(head.headers.begin(), head.headers.end(),
                     [](const http::Header& header) { return lowered(header.name).starts_with("x-amz"); });
}

bool is_error(std::string_view body) {
  constexpr size_t kLook = 1024;  // blanks that keep a connection alive come before the rest
  const size_t begin = std::min(body.find('<'), body.size());
  return body.substr(begin, kLook).find("<Error>") != std::string_view::npos &&
         !parse_error(body).code.empty();
}

Error unclear(const Call& call, const http::Head& reply) {
  const std::string type = reply.header("Content-Type").value_or("");
  return make_error(Errc::kProtocol,
                    shown(call.bucket, call.key) + ": status " + std::to_string(reply.status) +
                        ", but not the answer of an S3 service" +
                        (type.empty() ? "" : " (" + one_line(type) + ")") + "; is the endpoint right?");
}

Call question(const Call& about, const char* method) {
  Call call;
  call.method = method;
  call.bucket = about.bucket;
  call.key = about.key;
  call.whole_bucket = about.whole_bucket;
  return call;
}

// Of an object of these parts, as Amazon makes it; empty: theirs are no MD5s.
std::string etag_of(const std::vector<StoredPart>& parts) {
  constexpr size_t kDigits = 32;
  auto hasher = transfer::Hasher::create(transfer::DigestKind::kMd5, parts.size() * kDigits / 2);
  for (const auto& part : parts) {
    const std::string etag = unquoted(part.etag);
    const auto bytes = etag.size() == kDigits ? from_hex(lowered(etag)) : std::nullopt;
    if (!bytes) return "";
    hasher->update(*bytes);
  }
  return hasher->finish().hex + "-" + std::to_string(parts.size());
}

}  // namespace

Said said_of(Deed deed, const http::Head& head, std::string_view body) {
  if (is_error(body)) return Said::kRefused;
  const bool page = is_page(head, body);
  const auto done = [](bool is) { return is ? Said::kDone : Said::kUnclear; };
  switch (deed) {
    case Deed::kAsk:
      return Said::kDone;
    case Deed::kStore:
    case Deed::kStorePart:
      return done(!page && !head.header("ETag").value_or("").empty());
    case Deed::kCompose:
    case Deed::kCopy:
      return done(parse_etag(body).has_value());
    case Deed::kCopyPart: {
      const auto etag = parse_etag(body);
      return done(etag && !etag->empty());
    }
    case Deed::kDelete:
      return done(!page && (head.status == 204 || is_of_service(head)));
    case Deed::kMakeBucket:
      return done(!page && (is_of_service(head) || head.header("Location")));
  }
  return Said::kUnclear;
}

bool shows(const http::Head& head, uint64_t size, std::chrono::nanoseconds ago) {
  constexpr auto kRounding = std::chrono::seconds(1);  // of both times, down
  if (content_length(head) != size || head.header("ETag").value_or("").empty()) return false;
  const auto date = head.header("Date");
  const auto now = date ? http::parse_date(*date) : std::nullopt;
  const auto changed = modified(head);
  return !now || !changed || transfer::Time(now->time_since_epoch()) - *changed <= ago + kRounding;
}

bool composed(Requester& requester, const Name& name, const std::vector<StoredPart>& parts,
              std::chrono::nanoseconds ago, const transfer::Context& context) {
  Call call;
  call.method = "HEAD";
  call.bucket = name.bucket;
  call.key = name.key;
  auto head = requester.call(call, context);
  if (!head) return false;
  const std::string etag = lowered(unquoted(head->header("ETag").value_or("")));
  uint64_t size = 0;
  for (const auto& part : parts) size += part.size;
  return (!etag.empty() && etag == etag_of(parts)) || shows(*head, size, ago);
}

Status prove(Requester& requester, const Call& call, const http::Head& reply,
             std::chrono::steady_clock::time_point since, const transfer::Context& context) {
  if (call.deed == Deed::kMakeBucket) {
    Call list = question(call, "GET");
    list.query = {{"list-type", "2"}, {"max-keys", "1"}};
    auto page = requester.call(list, context);
    if (!page) return std::move(page).error();
    return parse_objects(page->body) ? Status() : unclear(call, reply);
  }
  if (call.deed == Deed::kStorePart || call.deed == Deed::kCopyPart) return unclear(call, reply);
  auto head = requester.call(question(call, "HEAD"), context);
  if (!head && head.error().code != Errc::kNotFound) return std::move(head).error();
  if (call.deed == Deed::kDelete) return head ? unclear(call, reply) : Status();
  const bool there = head && call.makes && shows(*head, *call.makes, context.clock->steady_now() - since);
  return there ? Status() : unclear(call, reply);
}

}  // namespace sjcp::s3
