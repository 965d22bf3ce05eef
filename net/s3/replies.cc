#include "net/s3/replies.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <pugixml.hpp>

#include "core/base/text.h"

namespace sjcp::s3 {
namespace {

using transfer::ObjectItem;

// Blanks are kept also where there is nothing else: " " is a key.
constexpr unsigned kParse =
    pugi::parse_minimal | pugi::parse_escapes | pugi::parse_cdata | pugi::parse_ws_pcdata_single;

using Node = pugi::xml_node;

std::string word(const Node& node, const char* name) {
  return std::string(trimmed(node.child_value(name)));
}

// A reply is what it is asked for by its root's name, or, since some services have names of their own for
// roots, by what is in it.
struct Shape {
  const char* root;
  std::array<const char*, 4> children;  // any one of them tells
  const char* text;                     // for the error
};

constexpr Shape kBuckets{"ListAllMyBucketsResult", {"Buckets", "Owner"}, "a list of buckets"};
constexpr Shape kObjects{
    "ListBucketResult", {"Contents", "CommonPrefixes", "IsTruncated", "MaxKeys"}, "a list of objects"};
constexpr Shape kUploads{"ListMultipartUploadsResult",
                         {"Upload", "CommonPrefixes", "IsTruncated", "MaxUploads"},
                         "a list of uploads"};
constexpr Shape kParts{"ListPartsResult", {"Part", "IsTruncated", "UploadId", "MaxParts"}, "a list of parts"};
constexpr Shape kUploadId{"InitiateMultipartUploadResult", {"UploadId"}, "an upload's id"};
constexpr Shape kEtag{"CompleteMultipartUploadResult", {"ETag", "LastModified", "Location"}, "an ETag"};
constexpr Shape kDeleted{"DeleteResult", {"Deleted", "Error"}, "what it deleted"};

Error malformed(const char* what) {
  return make_error(Errc::kProtocol, std::string("the service does not answer with ") + what);
}

class Reply {
 public:
  Reply(std::string_view body, const Shape& shape) : shape_(shape) {
    if (!document_.load_buffer(body.data(), body.size(), kParse)) return;
    root_ = document_.document_element();
    const std::string_view name = root_.name();
    if (name == "Error" || name == "ErrorResponse") {
      constexpr int kSuccess = 200;  // or nobody would read this as what was asked for
      ServiceError error = parse_error(body);
      error.status = kSuccess;
      refused_ = to_error(error, true);
    } else if (name != shape.root) {
      const bool fits = std::any_of(shape.children.begin(), shape.children.end(), [this](const char* child) {
        return child != nullptr && !root_.child(child).empty();
      });
      if (!fits) root_ = Node();
    }
  }
  Status status() const {
    if (refused_) return *refused_;
    return root_.empty() ? Status(malformed(shape_.text)) : Status();
  }
  const Node& operator*() const { return root_; }
  const Node* operator->() const { return &root_; }

 private:
  const Shape& shape_;
  pugi::xml_document document_;
  Node root_;
  std::optional<Error> refused_;
};

// Nothing: there is none.
Result<std::optional<uint64_t>> number(const Node& node, const char* name) {
  const Node child = node.child(name);
  if (child.empty()) return std::optional<uint64_t>();
  const std::string_view text = trimmed(child.child_value());
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == transfer::kUnknownSize) {
    return make_error(Errc::kProtocol,
                      std::string("the service answers with a ") + name + " that is no number");
  }
  return std::optional<uint64_t>(value);
}

Result<uint64_t> size_in(const Node& node) {
  auto size = number(node, "Size");
  if (!size) return std::move(size).error();
  return size->value_or(transfer::kUnknownSize);
}

// Whether there are further pages.  way_on: the page says how to get at the next one.
Result<bool> truncated(const Node& list, bool way_on) {
  const std::string text = word(list, "IsTruncated");
  if (text == "true" || text == "True" || text == "1") return true;
  if (text == "false" || text == "False" || text == "0") return false;
  if (text.empty()) return way_on;
  return malformed("whether its list goes on");
}

std::string unquoted(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  return std::string(etag);
}

// What cannot be read is not known.
transfer::Time time_in(const Node& node, const char* name) {
  const auto time = parse_iso_time(trimmed(node.child_value(name)));
  return time ? transfer::Time(time->time_since_epoch()) : transfer::Time();
}

constexpr std::string_view kEncoded = "<EncodingType>url</EncodingType>";
constexpr std::string_view kObjectBegins = "<Contents>";
constexpr std::string_view kObjectEnds = "</Contents>";

// Decodes names where the reply says that they are encoded: some services leave them plain, asked or not.
class Names {
 public:
  explicit Names(const Node& list) : encoded_(word(list, "EncodingType") == "url") {}
  std::string operator()(const char* text) const { return encoded_ ? url_decoded(text) : std::string(text); }

 private:
  bool encoded_;
};

// Both lists in one order.  Services that order neither get theirs back within each.
std::vector<ObjectItem> merged(std::vector<ObjectItem> objects, std::vector<ObjectItem> prefixes) {
  if (prefixes.empty()) return objects;
  std::vector<ObjectItem> out;
  out.reserve(objects.size() + prefixes.size());
  size_t next = 0;
  for (auto& object : objects) {
    while (next < prefixes.size() && prefixes[next].key < object.key)
      out.push_back(std::move(prefixes[next++]));
    out.push_back(std::move(object));
  }
  while (next < prefixes.size()) out.push_back(std::move(prefixes[next++]));
  return out;
}

std::vector<ObjectItem> prefixes_in(const Node& list, const Names& name) {
  std::vector<ObjectItem> out;
  for (const auto& prefix : list.children("CommonPrefixes")) {
    ObjectItem item;
    item.key = name(prefix.child_value("Prefix"));
    item.is_prefix = true;
    out.push_back(std::move(item));
  }
  return out;
}

// With keys as they are.
Result<std::vector<ObjectItem>> objects_in(const Node& list) {
  std::vector<ObjectItem> out;
  for (const auto& object : list.children("Contents")) {
    ObjectItem item;
    item.key = object.child_value("Key");
    if (item.key.empty()) return malformed("the names of its objects");
    auto size = size_in(object);
    if (!size) return std::move(size).error();
    item.size = *size;
    item.created = time_in(object, "LastModified");
    item.etag = unquoted(trimmed(object.child_value("ETag")));
    out.push_back(std::move(item));
  }
  return out;
}

bool differs_encoded(const ObjectItem& item) {
  return item.key.find_first_of("%+") != std::string::npos;
}

void decode(std::vector<ObjectItem>& items) {
  for (ObjectItem& item : items) item.key = url_decoded(item.key);
}

// last_key: of objects of this page that were taken out of it.
Result<Page> objects_page(std::string_view body, std::string last_key) {
  const Reply list(body, kObjects);
  if (Status right = list.status(); !right) return std::move(right).error();
  const Names name(*list);
  Page page;
  auto objects = objects_in(*list);
  if (!objects) return std::move(objects).error();
  for (ObjectItem& object : *objects) object.key = name(object.key.c_str());
  page.items = merged(std::move(*objects), prefixes_in(*list, name));
  std::string token = list->child_value("NextContinuationToken");
  std::string marker = name(list->child_value("NextMarker"));
  auto goes_on = truncated(*list, !token.empty() || !marker.empty());
  if (!goes_on) return std::move(goes_on).error();
  if (!*goes_on) return page;
  if (!page.items.empty()) last_key = std::max(last_key, page.items.back().key);
  if (!token.empty()) {
    page.next["continuation-token"] = std::move(token);
  } else if (!marker.empty() || !last_key.empty()) {
    page.next["marker"] = marker.empty() ? std::move(last_key) : std::move(marker);
  } else {
    return malformed("the way to the next page of the list");
  }
  return page;
}

bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i++]);
    if (first < 0x80) continue;
    const unsigned more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || text.size() - i < more) return false;
    uint32_t point = first & (0x3fU >> more);
    for (unsigned k = 0; k < more; ++k) {
      const auto next = static_cast<unsigned char>(text[i++]);
      if ((next & 0xc0U) != 0x80) return false;
      point = point << 6 | (next & 0x3fU);
    }
    constexpr std::array<uint32_t, 3> kLeast{0x80, 0x800, 0x10000};
    if (point < kLeast[more - 1] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
  }
  return true;
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\r':
      case '\n':
      case '\t':
        out += "&#" + std::to_string(static_cast<int>(c)) + ";";
        break;
      default:
        out += c;
    }
  }
}

}  // namespace

std::string url_decoded(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

Result<BucketPage> parse_buckets(std::string_view body) {
  const Reply list(body, kBuckets);
  if (Status right = list.status(); !right) return std::move(right).error();
  BucketPage page;
  for (const auto& bucket : list->child("Buckets").children("Bucket")) {
    page.buckets.push_back({word(bucket, "Name"), time_in(bucket, "CreationDate")});
    if (page.buckets.back().name.empty()) return malformed("the names of its buckets");
  }
  page.next_token = list->child_value("ContinuationToken");
  return page;
}

// What belongs to no object.
bool ObjectList::add_rest(std::string_view text) {
  if (rest_.size() + text.size() > kMostRest) return false;
  // What begins in what was there before may end in what comes now.
  const size_t from = rest_.size() - std::min(rest_.size(), kEncoded.size() - 1);
  rest_ += text;
  encoded_ = encoded_ || rest_.find(kEncoded, from) != std::string::npos;
  return true;
}

// The objects that are whole now as they came; what stands between them goes to the rest.
Result<std::string> ObjectList::take_whole() {
  const auto too_long = [] { return make_error(Errc::kProtocol, "the service's list is too long"); };
  std::string whole;
  size_t done = 0;  // of what is open
  for (;;) {
    const std::string_view open = std::string_view(open_).substr(done);
    size_t begin = open.find(kObjectBegins);
    // The beginning of an object may be cut in two.
    if (begin == std::string_view::npos)
      begin = open.size() - std::min(open.size(), kObjectBegins.size() - 1);
    if (!add_rest(open.substr(0, begin))) return too_long();
    done += begin;
    const size_t end = open_.find(kObjectEnds, std::max(done, searched_));
    if (!std::string_view(open_).substr(done).starts_with(kObjectBegins) || end == std::string::npos) break;
    const size_t behind = end + kObjectEnds.size();
    whole.append(open_, done, behind - done);
    done = behind;
    searched_ = 0;
  }
  open_.erase(0, done);
  searched_ =
      open_.starts_with(kObjectBegins) ? open_.size() - std::min(open_.size(), kObjectEnds.size() - 1) : 0;
  if (open_.size() > kMostObject || size_ > kMostPage) return too_long();
  return whole;
}

Result<std::vector<ObjectItem>> ObjectList::add(std::string_view more) {
  open_ += more;
  size_ += more.size();
  auto whole = take_whole();
  if (!whole) return std::move(whole).error();
  std::vector<ObjectItem> out;
  if (whole->empty()) return out;
  const Reply list("<ListBucketResult>" + *whole + "</ListBucketResult>", kObjects);
  if (Status right = list.status(); !right) return std::move(right).error();
  auto objects = objects_in(*list);
  if (!objects) return std::move(objects).error();
  std::move(objects->begin(), objects->end(), std::back_inserter(plain_));
  const auto told = encoded_ ? plain_.end() : std::find_if(plain_.begin(), plain_.end(), differs_encoded);
  out.assign(std::make_move_iterator(plain_.begin()), std::make_move_iterator(told));
  plain_.erase(plain_.begin(), told);
  if (encoded_) decode(out);
  if (!out.empty()) last_key_ = out.back().key;
  return out;
}

Result<Page> ObjectList::finish() {
  if (encoded_) decode(plain_);
  if (!plain_.empty()) last_key_ = plain_.back().key;
  rest_ += open_;
  auto page = objects_page(rest_, last_key_);
  if (!page) return page;
  page->items.insert(page->items.begin(), std::make_move_iterator(plain_.begin()),
                     std::make_move_iterator(plain_.end()));
  return page;
}

Result<Page> parse_objects(std::string_view body) {
  return objects_page(body, "");
}

Result<Page> parse_uploads(std::string_view body) {
  const Reply list(body, kUploads);
  if (Status right = list.status(); !right) return std::move(right).error();
  const Names name(*list);
  Page page;
  std::vector<ObjectItem> uploads;
  for (const auto& upload : list->children("Upload")) {
    ObjectItem item;
    item.key = name(upload.child_value("Key"));
    item.created = time_in(upload, "Initiated");
    item.metadata["upload-id"] = word(upload, "UploadId");
    if (item.key.empty() || item.metadata["upload-id"].empty()) return malformed("a list of uploads");
    uploads.push_back(std::move(item));
  }
  page.items = merged(std::move(uploads), prefixes_in(*list, name));
  const std::string marker = name(list->child_value("NextKeyMarker"));
  auto goes_on = truncated(*list, !marker.empty());
  if (!goes_on) return std::move(goes_on).error();
  if (!*goes_on) return page;
  if (marker.empty()) return malformed("the way to the next page of the list");
  page.next["key-marker"] = marker;
  page.next["upload-id-marker"] = list->child_value("NextUploadIdMarker");
  return page;
}

Result<PartPage> parse_parts(std::string_view body, const std::string& checksum) {
  const Reply list(body, kParts);
  if (Status right = list.status(); !right) return std::move(right).error();
  PartPage page;
  for (const auto& part : list->children("Part")) {
    auto index = number(part, "PartNumber");
    if (!index) return std::move(index).error();
    auto size = size_in(part);
    if (!size) return std::move(size).error();
    if (index->value_or(0) == 0 || **index > UINT32_MAX) return malformed(kParts.text);
    StoredPart out{static_cast<unsigned>(**index), *size, word(part, "ETag"), ""};
    if (!checksum.empty()) out.checksum = word(part, checksum.c_str());
    page.parts.push_back(std::move(out));
  }
  // Some services name the last part also where nothing follows it.
  auto goes_on = truncated(*list, false);
  if (!goes_on) return std::move(goes_on).error();
  if (*goes_on) page.next_marker = word(*list, "NextPartNumberMarker");
  if (*goes_on && page.next_marker.empty()) return malformed("the way to the next page of the list");
  return page;
}

Result<std::string> parse_upload_id(std::string_view body) {
  const Reply reply(body, kUploadId);
  if (Status right = reply.status(); !right) return std::move(right).error();
  std::string id = word(*reply, "UploadId");
  if (id.empty()) return malformed(kUploadId.text);
  return id;
}

Result<std::string> parse_etag(std::string_view body) {
  const Reply reply(body, kEtag);
  if (Status right = reply.status(); !right) return std::move(right).error();
  return word(*reply, "ETag");
}

Result<std::map<std::string, ServiceError>> parse_deleted(std::string_view body) {
  const Reply reply(body, kDeleted);
  if (Status right = reply.status(); !right) return std::move(right).error();
  std::map<std::string, ServiceError> out;
  for (const auto& error : reply->children("Error")) {
    ServiceError why;
    why.code = word(error, "Code");
    why.message = word(error, "Message");
    out.emplace(error.child_value("Key"), std::move(why));
  }
  return out;
}

Result<TimedKeys> parse_assumed_role(std::string_view body) {
  pugi::xml_document document;
  const bool good = static_cast<bool>(document.load_buffer(body.data(), body.size(), kParse));
  // AssumeRoleResponse / AssumeRoleResult / Credentials, and the same with WithWebIdentity.
  const pugi::xml_node keys =
      good ? document.first_child().first_child().child("Credentials") : pugi::xml_node();
  TimedKeys out{{keys.child_value("AccessKeyId"), keys.child_value("SecretAccessKey"),
                 keys.child_value("SessionToken")},
                parse_iso_time(keys.child_value("Expiration"))};
  if (out.access_key_id.empty() || out.secret_access_key.empty()) {
    return make_error(Errc::kProtocol, "STS does not answer with credentials");
  }
  return out;
}

bool fits_xml(std::string_view key) {
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' && c != '\t' && c != '\n' && c != '\r') return false;
  }
  return is_utf8(key) && key.find("\xef\xbf\xbe") == std::string_view::npos &&
         key.find("\xef\xbf\xbf") == std::string_view::npos;
}

std::string delete_request(const std::vector<std::string>& keys) {
  std::string out = R"(<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>)";
  for (const auto& key : keys) {
    out += "<Object><Key>";
    append_escaped(out, key);
    out += "</Key></Object>";
  }
  out += "</Delete>";
  return out;
}

std::string complete_request(const std::vector<StoredPart>& parts, const std::string& checksum) {
  std::string out = R"(<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)";
  for (const auto& part : parts) {
    out += "<Part><PartNumber>" + std::to_string(part.number) + "</PartNumber><ETag>";
    append_escaped(out, part.etag);
    out += "</ETag>";
    if (!checksum.empty() && !part.checksum.empty()) {
      out.append("<").append(checksum).append(">").append(part.checksum);
      out.append("</").append(checksum).append(">");
    }
    out += "</Part>";
  }
  out += "</CompleteMultipartUpload>";
  return out;
}

std::string create_bucket_request(const std::string& region) {
  std::string out = R"(<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)";
  out += "<LocationConstraint>";
  append_escaped(out, region);
  return out + "</LocationConstraint></CreateBucketConfiguration>";
}

}  // namespace sjcp::s3
