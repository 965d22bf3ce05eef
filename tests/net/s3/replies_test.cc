#include "net/s3/replies.h"
#include "tests/support/catch.h"

namespace sjcp::s3 {
namespace {

const std::string kObjects = R"(<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)";

TEST_CASE("Keys of a list are decoded only when the reply says that they are encoded") {
  const std::string contents =
      "<Contents><Key>a%20b+c.txt</Key><Size>7</Size><ETag>&#34;e-1&#34;</ETag>"
      "<LastModified>2026-01-02T03:04:05.678Z</LastModified></Contents></ListBucketResult>";
  auto plain = parse_objects(kObjects + contents);
  REQUIRE(plain);
  REQUIRE(plain->items.size() == 1);
  CHECK(plain->items[0].key == "a%20b+c.txt");
  CHECK(plain->items[0].size == 7);
  CHECK(plain->items[0].etag == "e-1");
  CHECK(plain->items[0].created.time_since_epoch() == std::chrono::milliseconds(1767323045678));
  CHECK(plain->next.empty());
  auto encoded = parse_objects(kObjects + "<EncodingType>url</EncodingType>" + contents);
  REQUIRE(encoded);
  CHECK(encoded->items[0].key == "a b c.txt");
}

TEST_CASE("Objects and prefixes of a page come in the order of their keys") {
  auto page = parse_objects(kObjects +
                            "<Contents><Key>a</Key></Contents><Contents><Key>z</Key></Contents>"
                            "<CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>"
                            "<CommonPrefixes><Prefix>zz/</Prefix></CommonPrefixes></ListBucketResult>");
  REQUIRE(page);
  std::string order;
  for (const auto& item : page->items) order += item.key + (item.is_prefix ? "! " : " ");
  CHECK(order == "a b/! z zz/! ");
}

std::string keys_of(const std::vector<transfer::ObjectItem>& items) {
  std::string out;
  for (const auto& item : items) out += item.key + " ";
  return out;
}

TEST_CASE("Objects are there as soon as they are whole, wherever the body is cut") {
  const std::string body =
      kObjects +
      "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\n"
      "<Contents><Key>a%20b</Key><Size>7</Size></Contents>\n<Contents><Key>c</Key></Contents>"
      "<NextContinuationToken>T</NextContinuationToken></ListBucketResult>";
  const size_t first = body.find("</Contents>") + 11;
  for (size_t cut = 0; cut <= body.size(); ++cut) {
    INFO(cut);
    ObjectList list;
    auto before = list.add(std::string_view(body).substr(0, cut));
    auto behind = list.add(std::string_view(body).substr(cut));
    REQUIRE(before);
    REQUIRE(behind);
    if (cut >= first) CHECK(before->at(0).size == 7);
    CHECK(keys_of(*before) + keys_of(*behind) == "a b c ");
    auto page = list.finish();
    REQUIRE(page);
    CHECK(page->items.empty());
    CHECK(page->next.at("continuation-token") == "T");
  }
}

TEST_CASE("Keys that may be encoded wait until the reply says whether they are, in their order") {
  const std::string objects =
      "<Contents><Key>a</Key></Contents><Contents><Key>b+c</Key></Contents>"
      "<Contents><Key>d</Key></Contents>";
  ObjectList plain;
  CHECK(keys_of(*plain.add(kObjects + objects)) == "a ");
  REQUIRE(plain.add("</ListBucketResult>"));
  CHECK(keys_of(plain.finish()->items) == "b+c d ");
  ObjectList encoded;
  CHECK(keys_of(*encoded.add(kObjects + objects)) == "a ");
  REQUIRE(encoded.add("<EncodingType>url</EncodingType></ListBucketResult>"));
  CHECK(keys_of(encoded.finish()->items) == "b c d ");
  ObjectList between;
  CHECK(keys_of(*between.add(kObjects + objects)) == "a ");
  CHECK(keys_of(*between.add("<EncodingType>url</EncodingType><Contents><Key>%25</Key></Contents>")) ==
        "b c d % ");
}

TEST_CASE("A page that is not whole is an error, whatever it has told") {
  ObjectList list;
  CHECK(list.add(kObjects + "<Contents><Key>a</Key></Contents><Contents><Key>")->size() == 1);
  const auto page = list.finish();
  REQUIRE_FALSE(page);
  CHECK(page.error().code == Errc::kProtocol);
}

TEST_CASE("A key of blanks or with entities is kept as it is") {
  auto page =
      parse_objects(kObjects +
                    "<Contents><Key> </Key></Contents><Contents><Key> a &lt;&amp;&gt; </Key></Contents>"
                    "</ListBucketResult>");
  REQUIRE(page);
  REQUIRE(page->items.size() == 2);
  CHECK(page->items[0].key == " ");
  CHECK(page->items[1].key == " a <&> ");
}

TEST_CASE("A page that is cut off without a way to the next is an error") {
  const std::string truncated = "<IsTruncated>true</IsTruncated>";
  CHECK_FALSE(parse_objects(kObjects + truncated + "</ListBucketResult>"));
  auto page = parse_objects(kObjects + truncated +
                            "<NextContinuationToken>T/+=</NextContinuationToken></ListBucketResult>");
  REQUIRE(page);
  CHECK(page->items.empty());
  CHECK(page->next.at("continuation-token") == "T/+=");
}

TEST_CASE("What is not the XML that was asked for is a protocol error") {
  for (const char* body : {"", "<html>", "<ListBucketResult>", "not xml", "<Other></Other>"}) {
    INFO(body);
    const auto page = parse_objects(body);
    REQUIRE_FALSE(page);
    CHECK(page.error().code == Errc::kProtocol);
    CHECK_FALSE(parse_buckets(body));
    CHECK_FALSE(parse_uploads(body));
    CHECK_FALSE(parse_parts(body, ""));
    CHECK_FALSE(parse_upload_id(body));
    CHECK_FALSE(parse_deleted(body));
    CHECK_FALSE(parse_assumed_role(body));
  }
}

TEST_CASE("An upload that fails after its 200 is an error of the service, blanks before it or not") {
  std::optional<ServiceError> failed;
  CHECK_FALSE(parse_etag("  \n <?xml version=\"1.0\"?><Error><Code>InternalError</Code></Error>", failed));
  REQUIRE(failed);
  CHECK(failed->code == "InternalError");
  failed.reset();
  auto etag = parse_etag(
      "<CompleteMultipartUploadResult><ETag>\"x-2\"</ETag></CompleteMultipartUploadResult>", failed);
  REQUIRE(etag);
  CHECK(*etag == "\"x-2\"");
  CHECK_FALSE(failed);
}

TEST_CASE("Requests escape keys for XML") {
  const std::vector<std::string> keys{"a", "b<&>\"\n\r", "c"};
  const auto body = delete_request(keys, 1, 2);
  CHECK(body.find("<Object><Key>b&lt;&amp;&gt;&quot;&#10;&#13;</Key></Object>") != std::string::npos);
  CHECK(body.find("<Key>a</Key>") == std::string::npos);
  CHECK(complete_request({{7, 1, "\"e\"", "c="}}, "ChecksumCRC64NVME")
            .find("<Part><PartNumber>7</PartNumber><ETag>&quot;e&quot;</ETag>"
                  "<ChecksumCRC64NVME>c=</ChecksumCRC64NVME></Part>") != std::string::npos);
}

TEST_CASE("Parts and uploads name where the next page begins") {
  auto parts = parse_parts(
      "<ListPartsResult><Part><PartNumber>2</PartNumber><Size>5</Size><ETag>\"e\"</ETag>"
      "<ChecksumCRC64NVME>c=</ChecksumCRC64NVME></Part><IsTruncated>true</IsTruncated>"
      "<NextPartNumberMarker>2</NextPartNumberMarker></ListPartsResult>",
      "ChecksumCRC64NVME");
  REQUIRE(parts);
  REQUIRE(parts->parts.size() == 1);
  CHECK(parts->parts[0].checksum == "c=");
  CHECK(parts->next_marker == "2");
  auto uploads = parse_uploads(
      "<ListMultipartUploadsResult><Upload><Key>k</Key><UploadId>u</UploadId></Upload>"
      "<IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker>"
      "<NextUploadIdMarker>u</NextUploadIdMarker></ListMultipartUploadsResult>");
  REQUIRE(uploads);
  CHECK(uploads->items[0].metadata.at("upload-id") == "u");
  CHECK(uploads->next.at("upload-id-marker") == "u");
}

}  // namespace
}  // namespace sjcp::s3
