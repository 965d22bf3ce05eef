#include "net/s3/store.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "core/segment/buffer.h"
#include "core/transfer/digest.h"
#include "net/s3/begun_uploads.h"
#include "net/s3/listing.h"
#include "net/s3/listing_memory.h"
#include "net/s3/object_copy.h"
#include "net/s3/object_info.h"
#include "net/s3/object_source.h"
#include "net/s3/object_upload.h"
#include "net/s3/replies.h"
#include "net/s3/requester.h"

namespace sjcp::s3 {

using transfer::BucketItem;
using transfer::Context;
using transfer::ListOptions;
using transfer::ObjectItem;
using transfer::ObjectOptions;

namespace {

constexpr size_t kMostDeleted = 1000;  // with one request
constexpr auto kLongestUrl = std::chrono::hours(7 * 24);

// For calls that belong to no transfer.
class Loose {
 public:
  explicit Loose(std::stop_token stop) : context_{std::move(stop), nullptr, &counters_} {}
  const Context& operator*() const { return context_; }

 private:
  transfer::Counters counters_;
  Context context_;
};

class ServiceStore final : public Store {
 public:
  ServiceStore(StoreOptions options, Settings settings, std::unique_ptr<Credentials> credentials,
               http::Client& client, const Clock& clock)
      : options_(std::move(options)),
        requester_(std::move(settings), std::move(credentials), client, clock, options_.requester_pays) {}

  Status check_bucket(const std::string& bucket) const override { return check_bucket_name(bucket); }

  Result<std::vector<BucketItem>> list_buckets(const std::stop_token& stop) override {
    const Loose context(stop);
    std::vector<BucketItem> out;
    std::string token;
    do {
      Call call;
      if (!token.empty()) call.query.emplace_back("continuation-token", token);
      auto reply = requester_.call(call, *context);
      if (!reply) return std::move(reply).error();
      auto page = parse_buckets(reply->body);
      if (!page) return with_context(std::move(page).error(), "s3://");
      std::move(page->buckets.begin(), page->buckets.end(), std::back_inserter(out));
      if (page->next_token == token) break;
      token = std::move(page->next_token);
    } while (!token.empty());
    return out;
  }

  Status create_bucket(const std::string& bucket, const std::stop_token& stop) override {
    if (auto status = check_bucket_name(bucket); !status) return status;
    Call call = bucket_call("PUT", bucket);
    call.deed = Deed::kMakeBucket;
    const Settings& settings = requester_.settings();
    const bool elsewhere = settings.endpoint.empty() && settings.region != "us-east-1";
    const std::string body = elsewhere ? create_bucket_request(settings.region) : "";
    call.body = body;
    if (!body.empty()) call.headers.push_back({"content-type", "application/xml"});
    return done(call, stop);
  }

  Status delete_bucket(const std::string& bucket, bool force, const std::stop_token& stop) override {
    if (auto status = check_bucket_name(bucket); !status) return status;
    if (force) {
      if (auto status = empty_bucket(bucket, stop); !status) return status;
    }
    Call call = bucket_call("DELETE", bucket);
    call.deed = Deed::kDelete;
    auto removed = done(call, stop);
    if (removed || !force || removed.error().code != Errc::kConflict) return removed;
    return make_error(Errc::kConflict, shown(bucket, "") +
                                           ": old versions of its objects are still in it; a rule of the "
                                           "bucket that lets them expire removes them");
  }

  Status list_objects(const std::string& bucket, const ListOptions& options,
                      const std::function<Status(const ObjectItem&)>& item,
                      const std::stop_token& stop) override {
    if (auto status = check_bucket_name(bucket); !status) return status;
    Listing listing(requester_, bucket, options, stop);
    for (;;) {
      auto found = listing.next();
      if (!found) return std::move(found).error();
      if (!*found) return {};
      ObjectItem& one = **found;
      // What the listing does not tell of an object is asked.
      const bool ask = options.metadata || one.size == transfer::kUnknownSize;
      if (ask && !one.is_prefix && !options.pending) {
        auto full = stat_object(bucket, one.key, stop);
        if (!full) return std::move(full).error();
        one.metadata = std::move(full->metadata);
        one.size = full->size;
      }
      if (!options.pending) listed_.add(bucket, one);
      if (auto status = item(one); !status) return status;
    }
  }

  Result<ObjectItem> stat_object(const std::string& bucket, const std::string& key,
                                 const std::stop_token& stop) override {
    if (auto status = check_bucket_name(bucket); !status) return std::move(status).error();
    const Loose context(stop);
    auto head = requester_.call(object_call("HEAD", bucket, key), *context);
    if (!head) return missing_bucket_or(std::move(head).error(), bucket, *context);
    const auto size = content_length(*head);
    if (!size)
      return make_error(Errc::kProtocol, shown(bucket, key) + ": the service does not tell its size");
    ObjectItem item;
    item.key = key;
    item.size = *size;
    item.created = modified(*head).value_or(transfer::Time());
    item.metadata = metadata_of(*head);
    item.etag = unquoted(head->header("ETag").value_or(""));
    item.digests = digests_of(*head, requester_.settings().read_checksums, requester_.etags_are_md5());
    const auto md5 = item.digests.empty() ? md5_in_etag(*head) : std::nullopt;
    if (md5) item.digests.push_back(*md5);
    return item;
  }

  // The service does not tell whether there was anything.
  Status delete_object(const std::string& bucket, const std::string& key,
                       const std::stop_token& stop) override {
    if (auto status = check_bucket_name(bucket); !status) return status;
    listed_.forget(bucket, key);
    Call call = object_call("DELETE", bucket, key);
    call.deed = Deed::kDelete;
    return done(call, stop);
  }

  Status delete_objects(const std::string& bucket, const std::vector<std::string>& keys,
                        const std::function<void(const std::string&, const Status&)>& result,
                        const std::stop_token& stop) override {
    if (auto status = check_bucket_name(bucket); !status) return status;
    for (size_t begin = 0; begin < keys.size(); begin += kMostDeleted) {
      const size_t end = std::min(keys.size(), begin + kMostDeleted);
      const std::vector<std::string> some(keys.begin() + static_cast<ptrdiff_t>(begin),
                                          keys.begin() + static_cast<ptrdiff_t>(end));
      if (auto status = delete_some(bucket, some, result, stop); !status) return status;
    }
    return {};
  }

  // The same for the same profile at the same endpoint.
  std::string service() const override {
    const Settings& settings = requester_.settings();
    return "s3 " + (settings.endpoint.empty() ? "amazon" : settings.endpoint) + " " + settings.profile;
  }

  Status remove_begun(const std::string& pending, const transfer::RememberedUploads& remembered,
                      const std::stop_token& stop) override {
    const Loose context(stop);
    if (const auto asked = AskedUpload::parse(pending))
      return remove_asked(requester_, *asked, remembered, *context);
    const auto begun = BegunUpload::parse(pending);
    if (!begun) return {};
    Status removed = remove_upload(requester_, *begun, *context);
    if (removed) spdlog::info("{}: removed what an earlier run had begun", shown(begun->bucket, begun->key));
    return removed;
  }

  Status delete_pending(const std::string& bucket, const std::string& key,
                        const std::stop_token& stop) override {
    if (auto status = check_bucket_name(bucket); !status) return status;
    ListOptions of_key;
    of_key.prefix = key;
    of_key.recursive = true;
    of_key.pending = true;
    bool found = false;
    Status removed = list_objects(
        bucket, of_key,
        [&](const ObjectItem& item) {
          if (item.key != key) return Status();
          found = true;
          return remove_upload(requester_, {bucket, key, item.metadata.at("upload-id")}, *Loose(stop));
        },
        stop);
    if (!removed || found) return removed;
    return make_error(Errc::kNotFound, shown(bucket, key) + ": no unfinished upload");
  }

  std::unique_ptr<transfer::Source> open_object(const std::string& bucket, const std::string& key) override {
    return std::make_unique<ObjectSource>(requester_, bucket, key, listed_.take(bucket, key));
  }

  Result<std::unique_ptr<transfer::ObjectWriter>> create_object(const std::string& bucket,
                                                                const std::string& key,
                                                                const ObjectOptions& options,
                                                                std::optional<uint64_t> size) override {
    if (auto status = check_bucket_name(bucket); !status) return std::move(status).error();
    if (key.empty()) return make_error(Errc::kUsage, shown(bucket, key) + ": names no object");
    if (auto status = check_metadata(options.metadata); !status) return std::move(status).error();
    listed_.forget(bucket, key);
    UploadOptions upload{options, options_.only_new, options_.notes, service()};
    if (options.expires) {
      if (!requester_.settings().storj_gateway()) {
        return make_error(
            Errc::kUnsupported,
            shown(bucket, key) + ": S3 objects do not expire one by one; give the bucket a rule");
      }
      const auto expires = std::chrono::time_point_cast<WallTime::duration>(*options.expires);
      upload.object.metadata["storj-expires"] = iso_time(expires);
    }
    return std::unique_ptr<transfer::ObjectWriter>(
        std::make_unique<ObjectUpload>(requester_, bucket, key, std::move(upload), size, buffers_));
  }

  Status copy_object(const std::string& from_bucket, const std::string& from_key,
                     const std::string& to_bucket, const std::string& to_key, const ObjectOptions& options,
                     const Context& context) override {
    for (const auto& bucket : {from_bucket, to_bucket}) {
      if (auto status = check_bucket_name(bucket); !status) return status;
    }
    // Where objects expire one by one, they do by what they are stored with.
    if (options.expires) return make_error(Errc::kUnsupported, shown(to_bucket, to_key) + ": expires");
    if (auto status = check_metadata(options.metadata); !status) return status;
    listed_.forget(to_bucket, to_key);
    Note note(options_.notes, service(), to_bucket, to_key);
    return s3::copy_object(requester_, {from_bucket, from_key}, {to_bucket, to_key}, options, note, context);
  }

  Result<std::string> presign(const std::string& method, const std::string& bucket, const std::string& key,
                              std::chrono::seconds expires, const std::stop_token& stop) override {
    if (auto status = check_bucket_name(bucket); !status) return std::move(status).error();
    if (expires.count() <= 0 || expires > kLongestUrl) {
      return make_error(Errc::kUsage, shown(bucket, key) + ": a URL may hold for a second to a week");
    }
    const Loose context(stop);
    return requester_.presign(object_call(method.c_str(), bucket, key), expires, *context);
  }

 private:
  static Call object_call(const char* method, const std::string& bucket, const std::string& key) {
    Call call;
    call.method = method;
    call.bucket = bucket;
    call.key = key;
    return call;
  }
  static Call bucket_call(const char* method, const std::string& bucket) {
    Call call = object_call(method, bucket, "");
    call.whole_bucket = true;
    return call;
  }

  Status done(const Call& call, const std::stop_token& stop) {
    const Loose context(stop);
    auto reply = requester_.call(call, *context);
    if (!reply) return std::move(reply).error();
    return {};
  }

  // A HEAD has no body that would tell which of them is missing.
  Error missing_bucket_or(Error error, const std::string& bucket, const Context& context) {
    if (error.code != Errc::kNotFound) return error;
    auto head = requester_.call(bucket_call("HEAD", bucket), context);
    return !head && head.error().code == Errc::kNotFound ? std::move(head).error() : error;
  }

  // Those that XML can carry with one request, the others each by its own; all of them so where the service
  // knows no other way.
  Status delete_some(const std::string& bucket, const std::vector<std::string>& keys,
                     const std::function<void(const std::string&, const Status&)>& result,
                     const std::stop_token& stop) {
    std::vector<std::string> together;
    std::copy_if(keys.begin(), keys.end(), std::back_inserter(together), fits_xml);
    std::map<std::string, ServiceError> refused;
    bool singly = together.empty();
    if (!singly) {
      auto deleted = delete_together(bucket, together, stop);
      singly = !deleted && keys.size() > 1 &&
               (deleted.error().code == Errc::kUsage || deleted.error().code == Errc::kUnsupported);
      if (!deleted && !singly) return std::move(deleted).error();
      if (deleted) refused = *std::move(deleted);
    }
    for (const auto& key : keys) {
      listed_.forget(bucket, key);
      const auto why = refused.find(key);
      if (singly || !fits_xml(key)) {
        Status deleted = delete_object(bucket, key, stop);
        if (!deleted && deleted.error().code == Errc::kCancelled) return deleted;
        result(key, deleted);
      } else if (why == refused.end()) {
        result(key, Status());
      } else {
        result(key, to_error(why->second, shown(bucket, key), true));
      }
    }
    return {};
  }

  // Those that were not deleted, and why.
  Result<std::map<std::string, ServiceError>> delete_together(const std::string& bucket,
                                                              const std::vector<std::string>& keys,
                                                              const std::stop_token& stop) {
    const Loose context(stop);
    Call call = bucket_call("POST", bucket);
    call.query.emplace_back("delete", "");
    const std::string body = delete_request(keys);
    call.body = body;
    auto hasher = transfer::Hasher::create(transfer::DigestKind::kMd5, body.size());
    hasher->update(body);
    call.headers.push_back({"content-md5", base64(from_hex(hasher->finish().hex).value_or(""))});
    call.headers.push_back({"content-type", "application/xml"});
    auto reply = requester_.call(call, *context);
    if (!reply) return std::move(reply).error();
    auto refused = parse_deleted(reply->body);
    if (!refused) return with_context(std::move(refused).error(), shown(bucket, ""));
    return refused;
  }

  // Objects, and uploads in progress: both keep a bucket from being deleted.
  Status empty_bucket(const std::string& bucket, const std::stop_token& stop) {
    std::vector<std::string> keys;
    Status failed;
    const auto flush = [&]() -> Status {
      auto status = delete_objects(
          bucket, keys,
          [&](const std::string&, const Status& deleted) {
            if (!deleted && failed) failed = deleted;
          },
          stop);
      keys.clear();
      return status ? failed : status;
    };
    ListOptions all;
    all.recursive = true;
    auto status = list_objects(
        bucket, all,
        [&](const ObjectItem& item) -> Status {
          keys.push_back(item.key);
          return keys.size() < kMostDeleted ? Status() : flush();
        },
        stop);
    if (status) status = flush();
    if (!status) return status;
    all.pending = true;
    status = list_objects(
        bucket, all,
        [&](const ObjectItem& item) {
          return remove_upload(requester_, {bucket, item.key, item.metadata.at("upload-id")}, *Loose(stop));
        },
        stop);
    // Some services list none, or say that there is none: deleting the bucket shows whether that is so.
    const bool no_list =
        !status && (status.error().code == Errc::kNotFound || status.error().code == Errc::kUnsupported);
    return no_list ? Status() : status;
  }

  const StoreOptions options_;
  Requester requester_;
  ListingMemory listed_;
  const std::shared_ptr<segment::BufferCache> buffers_ = std::make_shared<segment::BufferCache>();
};

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options, const Surroundings& surroundings) {
  auto profiles = read_profiles(surroundings);
  if (!profiles) return std::move(profiles).error();
  auto settings = Settings::find(options.wishes, surroundings.env, *profiles);
  if (!settings) return std::move(settings).error();
  auto credentials = options.sign
                         ? std::make_unique<Credentials>(surroundings, *std::move(profiles), *settings)
                         : Credentials::none();
  return std::unique_ptr<Store>(std::make_unique<ServiceStore>(
      options, *std::move(settings), std::move(credentials), *surroundings.client, *surroundings.clock));
}

Status check_metadata(const std::map<std::string, std::string>& metadata) {
  constexpr std::string_view kToken =
      "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr size_t kShown = 40;
  for (const auto& [name, value] : metadata) {
    const auto bad = [&, &named = name](const char* why) {
      return make_error(Errc::kUsage, "metadata \"" + one_line(named.substr(0, kShown)) + "\" " + why);
    };
    if (name.empty() || name.find_first_not_of(kToken) != std::string::npos) {
      return bad("cannot be a header of S3: names are letters, digits and hyphens");
    }
    const bool controls = std::any_of(value.begin(), value.end(), [](char c) {
      return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f;
    });
    if (controls) return bad("cannot be a header of S3: its value has line ends or other control characters");
  }
  return {};
}

Result<CaBundle> Store::ca_bundle(const Wishes& wishes, Environment env) {
  auto profiles = read_profiles(real_surroundings(env, nullptr));
  if (!profiles) return std::move(profiles).error();
  return s3::ca_bundle(wishes.profile, env, *profiles);
}

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options, Environment env,
                                           http::Client& client) {
  return open(options, real_surroundings(std::move(env), &client));
}

}  // namespace sjcp::s3
