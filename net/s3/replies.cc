#include "net/s3/replies.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <pugixml.hpp>

namespace sjcp::s3 {
namespace {

using transfer::ObjectItem;

// Blanks are kept also where there is nothing else: " " is a key.
constexpr unsigned kParse =
    pugi::parse_minimal | pugi::parse_escapes | pugi::parse_cdata | pugi::parse_ws_pcdata_single;

// The document, whose root must have this name.
class Reply {
 public:
  Reply(std::string_view body, const char* name) {
    if (document_.load_buffer(body.data(), body.size(), kParse)) root_ = document_.child(name);
  }
  bool good() const { return !root_.empty(); }
  const pugi::xml_node& operator*() const { return root_; }
  const pugi::xml_node* operator->() const { return &root_; }

 private:
  pugi::xml_document document_;
  pugi::xml_node root_;
};

Error malformed(const char* what) {
  return make_error(Errc::kProtocol, std::string("the service does not answer with ") + what);
}

uint64_t number(const char* text) {
  uint64_t value = 0;
  const std::string_view view(text);
  std::from_chars(view.data(), view.data() + view.size(), value);
  return value;
}

bool is_true(const char* text) {
  return std::string_view(text) == "true";
}

std::string unquoted(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  return std::string(etag);
}

transfer::Time time_in(const pugi::xml_node& node, const char* name) {
  const auto time = parse_iso_time(node.child_value(name));
  return time ? transfer::Time(time->time_since_epoch()) : transfer::Time();
}

constexpr size_t kMaxText = 64u << 20;
constexpr std::string_view kEncoded = "<EncodingType>url</EncodingType>";
constexpr std::string_view kObjectBegins = "<Contents>";
constexpr std::string_view kObjectEnds = "</Contents>";

// Decodes names where the reply says that they are encoded: some services leave them plain, asked or not.
class Names {
 public:
  explicit Names(const pugi::xml_node& list)
      : encoded_(std::string_view(list.child_value("EncodingType")) == "url") {}
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

std::vector<ObjectItem> prefixes_in(const pugi::xml_node& list, const Names& name) {
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
std::vector<ObjectItem> objects_in(const pugi::xml_node& list) {
  std::vector<ObjectItem> out;
  for (const auto& object : list.children("Contents")) {
    ObjectItem item;
    item.key = object.child_value("Key");
    item.size = number(object.child_value("Size"));
    item.created = time_in(object, "LastModified");
    item.etag = unquoted(object.child_value("ETag"));
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
  const Reply list(body, "ListAllMyBucketsResult");
  if (!list.good()) return malformed("a list of buckets");
  BucketPage page;
  for (const auto& bucket : list->child("Buckets").children("Bucket")) {
    page.buckets.push_back({bucket.child_value("Name"), time_in(bucket, "CreationDate")});
  }
  page.next_token = list->child_value("ContinuationToken");
  return page;
}

Result<std::vector<ObjectItem>> ObjectList::add(std::string_view more) {
  open_ += more;
  std::string whole;
  size_t done = 0;
  for (;;) {
    const size_t begin = open_.find(kObjectBegins, done);
    const size_t end = begin == std::string::npos ? begin : open_.find(kObjectEnds, begin);
    // What is no object yet may become one.
    if (end == std::string::npos) break;
    const size_t behind = end + kObjectEnds.size();
    rest_.append(open_, done, begin - done);
    whole.append(open_, begin, behind - begin);
    done = behind;
  }
  open_.erase(0, done);
  if (rest_.size() + open_.size() > kMaxText) return make_error(Errc::kProtocol, "the reply is too long");
  std::vector<ObjectItem> out;
  if (whole.empty()) return out;
  const Reply list("<L>" + whole + "</L>", "L");
  if (!list.good()) return malformed("a list of objects");
  auto objects = objects_in(*list);
  std::move(objects.begin(), objects.end(), std::back_inserter(plain_));
  const bool encoded = is_encoded();
  const auto told = encoded ? plain_.end() : std::find_if(plain_.begin(), plain_.end(), differs_encoded);
  out.assign(std::make_move_iterator(plain_.begin()), std::make_move_iterator(told));
  plain_.erase(plain_.begin(), told);
  if (encoded) decode(out);
  return out;
}

bool ObjectList::is_encoded() const {
  return rest_.find(kEncoded) != std::string::npos;
}

Result<Page> ObjectList::finish() {
  rest_ += open_;
  auto page = parse_objects(rest_);
  if (!page) return page;
  if (is_encoded()) decode(plain_);
  page->items.insert(page->items.begin(), std::make_move_iterator(plain_.begin()),
                     std::make_move_iterator(plain_.end()));
  return page;
}

Result<Page> parse_objects(std::string_view body) {
  const Reply list(body, "ListBucketResult");
  if (!list.good()) return malformed("a list of objects");
  const Names name(*list);
  Page page;
  std::vector<ObjectItem> objects = objects_in(*list);
  for (ObjectItem& object : objects) object.key = name(object.key.c_str());
  page.items = merged(std::move(objects), prefixes_in(*list, name));
  if (!is_true(list->child_value("IsTruncated"))) return page;
  std::string token = list->child_value("NextContinuationToken");
  if (token.empty()) return malformed("the way to the next page of the list");
  page.next["continuation-token"] = std::move(token);
  return page;
}

Result<Page> parse_uploads(std::string_view body) {
  const Reply list(body, "ListMultipartUploadsResult");
  if (!list.good()) return malformed("a list of uploads");
  const Names name(*list);
  Page page;
  std::vector<ObjectItem> uploads;
  for (const auto& upload : list->children("Upload")) {
    ObjectItem item;
    item.key = name(upload.child_value("Key"));
    item.created = time_in(upload, "Initiated");
    item.metadata["upload-id"] = upload.child_value("UploadId");
    uploads.push_back(std::move(item));
  }
  page.items = merged(std::move(uploads), prefixes_in(*list, name));
  if (!is_true(list->child_value("IsTruncated"))) return page;
  page.next["key-marker"] = name(list->child_value("NextKeyMarker"));
  page.next["upload-id-marker"] = list->child_value("NextUploadIdMarker");
  if (page.next["key-marker"].empty()) return malformed("the way to the next page of the list");
  return page;
}

Result<PartPage> parse_parts(std::string_view body, const std::string& checksum) {
  const Reply list(body, "ListPartsResult");
  if (!list.good()) return malformed("a list of parts");
  PartPage page;
  for (const auto& part : list->children("Part")) {
    const uint64_t index = number(part.child_value("PartNumber"));
    if (index == 0 || index > UINT32_MAX) return malformed("a list of parts");
    StoredPart out{static_cast<unsigned>(index), number(part.child_value("Size")), part.child_value("ETag"),
                   ""};
    if (!checksum.empty()) out.checksum = part.child_value(checksum.c_str());
    page.parts.push_back(std::move(out));
  }
  if (is_true(list->child_value("IsTruncated"))) page.next_marker = list->child_value("NextPartNumberMarker");
  return page;
}

Result<std::string> parse_upload_id(std::string_view body) {
  const Reply reply(body, "InitiateMultipartUploadResult");
  std::string id = reply.good() ? reply->child_value("UploadId") : "";
  if (id.empty()) return malformed("an upload's id");
  return id;
}

Result<std::string> parse_etag(std::string_view body, std::optional<ServiceError>& failed) {
  pugi::xml_document document;
  if (!document.load_buffer(body.data(), body.size(), kParse)) return malformed("XML");
  const pugi::xml_node root = document.first_child();
  if (std::string_view(root.name()) == "Error") {
    failed = parse_error(body);
    return make_error(Errc::kNetwork, "the service failed: " + failed->code);
  }
  std::string etag = root.child_value("ETag");
  if (etag.empty()) return malformed("an ETag");
  return etag;
}

Result<std::map<std::string, ServiceError>> parse_deleted(std::string_view body) {
  const Reply reply(body, "DeleteResult");
  if (!reply.good()) return malformed("what it deleted");
  std::map<std::string, ServiceError> out;
  for (const auto& error : reply->children("Error")) {
    ServiceError why;
    why.code = error.child_value("Code");
    why.message = error.child_value("Message");
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

std::string delete_request(const std::vector<std::string>& keys, size_t begin, size_t end) {
  std::string out = R"(<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>)";
  for (size_t i = begin; i < end; ++i) {
    out += "<Object><Key>";
    append_escaped(out, keys[i]);
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
