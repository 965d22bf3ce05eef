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

TEST_CASE("An <Error> is never taken for what was asked for, blanks before it or not") {
  const std::string body =
      "  \n <?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><UploadId>u</UploadId></Error>";
  CHECK(parse_etag(body).error().code == Errc::kDenied);
  CHECK(parse_objects(body).error().code == Errc::kDenied);
  CHECK(parse_uploads(body).error().code == Errc::kDenied);
  CHECK(parse_buckets(body).error().code == Errc::kDenied);
  CHECK(parse_parts(body, "").error().code == Errc::kDenied);
  CHECK(parse_upload_id(body).error().code == Errc::kDenied);
  CHECK(parse_deleted(body).error().code == Errc::kDenied);
  ObjectList list;
  REQUIRE(list.add(body));
  CHECK(list.finish().error().code == Errc::kDenied);
  CHECK(parse_etag("<Error><Code>Unheard</Code></Error>").error().fault == Fault::kServerError);
}

TEST_CASE("Roots may have any name: what counts is what is in them") {
  CHECK(*parse_etag("<CompleteMultipartUploadResult><ETag>\"x-2\"</ETag></CompleteMultipartUploadResult>") ==
        "\"x-2\"");
  CHECK(*parse_etag("<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>") == "");
  CHECK(*parse_upload_id("<InitiateMultipartUpload><UploadId> u </UploadId></InitiateMultipartUpload>") ==
        "u");
  auto parts = parse_parts(
      "<ListPartsResponse><Part><PartNumber>1</PartNumber><Size>5</Size><ETag>e</ETag></Part>"
      "</ListPartsResponse>",
      "");
  REQUIRE(parts);
  CHECK(parts->parts.size() == 1);
  CHECK(parse_objects("<Listing><IsTruncated>false</IsTruncated></Listing>"));
}

TEST_CASE("A size with blanks is read, one that is not told is unknown, one that is none is an error") {
  const auto size = [](const std::string& element) -> std::string {
    const std::string object = "<Contents><Key>a</Key>" + element + "</Contents>";
    auto page = parse_objects(kObjects + object + "</ListBucketResult>");
    ObjectList list;
    auto items = list.add(kObjects + object);
    CHECK(items.has_value() == page.has_value());
    if (!page) return to_string(page.error().code);
    CHECK(items->at(0).size == page->items.at(0).size);
    return page->items[0].size == transfer::kUnknownSize ? "unknown" : std::to_string(page->items[0].size);
  };
  CHECK(size("<Size>3</Size>") == "3");
  CHECK(size("<Size> 3</Size>") == "3");
  CHECK(size("<Size>\n  3\n</Size>") == "3");
  CHECK(size("") == "unknown");
  for (const char* none :
       {"<Size></Size>", "<Size/>", "<Size>3x</Size>", "<Size>-1</Size>", "<Size>1e3</Size>",
        "<Size>18446744073709551615</Size>", "<Size>99999999999999999999</Size>"}) {
    INFO(none);
    CHECK(size(none) == "protocol");
  }
  const auto part = [](const std::string& text) {
    return parse_parts("<ListPartsResult><Part>" + text + "</Part></ListPartsResult>", "");
  };
  CHECK(part("<PartNumber> 2 </PartNumber><Size> 5 </Size>")->parts.at(0).size == 5);
  CHECK(part("<PartNumber>2</PartNumber>")->parts.at(0).size == transfer::kUnknownSize);
  CHECK_FALSE(part("<Size>5</Size>"));
  CHECK_FALSE(part("<PartNumber>two</PartNumber>"));
  CHECK_FALSE(part("<PartNumber>2</PartNumber><Size>x</Size>"));
}

TEST_CASE("Whether a list goes on is read with blanks, and never guessed") {
  const auto list = [](const std::string& said) {
    return parse_objects(kObjects + "<Contents><Key>a</Key></Contents>" + said + "</ListBucketResult>");
  };
  CHECK(list("<IsTruncated> true\n</IsTruncated>")->next.at("marker") == "a");
  CHECK(list("<IsTruncated> false </IsTruncated>")->next.empty());
  CHECK(list("<NextContinuationToken>T</NextContinuationToken>")->next.at("continuation-token") == "T");
  CHECK_FALSE(list("<IsTruncated>maybe</IsTruncated>"));
  CHECK(list("<Contents><Key>b</Key><LastModified> 2026-01-02T03:04:05Z </LastModified></Contents>")
            ->items.at(1)
            .created.time_since_epoch() == std::chrono::seconds(1767323045));
}

TEST_CASE("A page of megabytes without an object is read in one pass, and has an end") {
  const std::string block = "<Other>" + std::string(8'000, 'x') + "</Other>";
  ObjectList list;
  REQUIRE(list.add(kObjects));
  size_t taken = 0;
  Result<std::vector<transfer::ObjectItem>> got = std::vector<transfer::ObjectItem>();
  for (; got && taken < 100'000'000; taken += block.size()) got = list.add(block);
  REQUIRE_FALSE(got);
  CHECK(got.error().code == Errc::kProtocol);
  CHECK(taken < 2 * ObjectList::kMostRest);
  ObjectList endless;
  REQUIRE(endless.add(kObjects + "<Contents><Key>"));
  got = std::vector<transfer::ObjectItem>();
  for (taken = 0; got && taken < 100'000'000; taken += block.size())
    got = endless.add(std::string(8'000, 'x'));
  CHECK_FALSE(got);
}

TEST_CASE("XML carries text, and neither control characters nor what is no UTF-8") {
  for (const char* key : {"a", "a\tb\n\r", "\xc3\xbc/\xe6\x97\xa5\xf0\x9f\x98\x80"}) CHECK(fits_xml(key));
  for (const char* key : {"a\x01", "\x1b[0m", "\xff", "\xc3", "\xed\xa0\x80", "\xef\xbf\xbf", "\xc0\x80"}) {
    INFO(key);
    CHECK_FALSE(fits_xml(key));
  }
  CHECK_FALSE(fits_xml(std::string_view("a\0b", 3)));
}

TEST_CASE("Requests escape keys for XML") {
  const std::vector<std::string> keys{"a", "b<&>\"\n\r", "c"};
  const auto body = delete_request({keys[1]});
  CHECK(body.find("<Object><Key>b&lt;&amp;&gt;&quot;&#10;&#13;</Key></Object>") != std::string::npos);
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
