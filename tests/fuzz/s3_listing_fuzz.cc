// Pages of S3 listings: a page that comes in fragments is the page that comes at once.  The first byte is
// their size.
#include "net/s3/replies.h"
#include "tests/fuzz/require.h"

using namespace sjcp;
using fuzz::require;

namespace {

struct Taken {
  bool good = true;
  std::vector<transfer::ObjectItem> items;
  std::map<std::string, std::string> next;
};

Taken take(std::string_view page, size_t fragment) {
  Taken out;
  s3::ObjectList list;
  const auto keep = [&out](std::vector<transfer::ObjectItem>& items) {
    for (auto& item : items) out.items.push_back(std::move(item));
  };
  for (size_t at = 0; at < page.size() && out.good; at += fragment) {
    auto items = list.add(page.substr(at, fragment));
    out.good = items.has_value();
    if (out.good) keep(*items);
  }
  auto rest = out.good ? list.finish() : Result<s3::Page>(make_error(Errc::kProtocol, ""));
  out.good = rest.has_value();
  if (out.good) keep(rest->items), out.next = rest->next;
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view page = ByteView(data, size).sub(1).text();
  const Taken whole = take(page, page.size());
  const Taken cut = take(page, size_t{1} + data[0] % 64);
  require(whole.good == cut.good);
  if (whole.good) {
    require(whole.items.size() == cut.items.size() && whole.next == cut.next);
    for (size_t i = 0; i < whole.items.size(); ++i) {
      const auto &a = whole.items[i], &b = cut.items[i];
      require(a.key == b.key && a.size == b.size && a.created == b.created && a.etag == b.etag);
    }
  }
  (void)s3::parse_objects(page);
  (void)s3::parse_uploads(page);
  (void)s3::parse_buckets(page);
  return 0;
}
