#include "net/storj/project.h"

#include <algorithm>

#include "core/access/caveat.h"
#include "core/base/clock.h"
#include "net/storj/listing.h"
#include "net/storj/node_file.h"
#include "net/storj/object_copy.h"
#include "net/storj/object_source.h"
#include "net/storj/object_upload.h"
#include "net/storj/pending_uploads.h"
#include "net/storj/session.h"
#include "net/storj/small_objects.h"

namespace sjcp::storj {
namespace {

constexpr int kMaxDeleteBatch = 1000;
// The satellite's clock and ours.
constexpr auto kClocksDiffer = std::chrono::minutes(10);
constexpr int kDirectionForward = 1;
constexpr int kDirectionAfter = 2;

enum DeleteStatus : int32_t {
  kDeleteUnauthorized = 1,
  kDeleteNotFound = 2,
  kDeleteOk = 3,
  kDeleteLocked = 4
};

std::string bucket_url(const std::string& bucket) {
  return "sj://" + bucket;
}

class SatelliteProject final : public Project {
 public:
  explicit SatelliteProject(Session session) : session_(std::move(session)) {
    if (!nodes_file().empty()) session_.nodes->recall(load_nodes(nodes_file()));
  }
  ~SatelliteProject() override {
    if (nodes_file().empty()) return;
    keep_nodes(nodes_file(), session_.nodes->findings(), system_clock().wall_now());
  }

  Result<std::vector<BucketItem>> list_buckets(const std::stop_token& stop) override {
    std::vector<BucketItem> out;
    pb::ListBucketsRequest request;
    request.set_direction(kDirectionForward);
    for (;;) {
      auto response =
          session_.metainfo->call<pb::ListBucketsResponse>("ListBuckets", request, Asking(), "buckets", stop);
      if (!response) return std::move(response).error();
      for (const auto& item : response->items()) out.push_back({item.name(), time_of(item.created_at())});
      if (!response->more() || response->items_size() == 0) return out;
      request.set_cursor(response->items(response->items_size() - 1).name());
      request.set_direction(kDirectionAfter);
    }
  }

  Status check_bucket(const std::string& bucket) const override { return check_bucket_name(bucket); }

  const GroupCosts* group_costs() const override {
    // The satellite counts each step of a small upload.
    static constexpr GroupCosts kCosts{3, 1};
    return &kCosts;
  }

  Status create_bucket(const std::string& bucket, const std::stop_token& stop) override {
    if (auto status = check_bucket_name(bucket); !status) return status;
    pb::CreateBucketRequest request;
    request.set_name(bucket);
    const auto began = system_clock().wall_now();
    auto response = session_.metainfo->traced_call<pb::CreateBucketResponse>(
        "CreateBucket", std::move(request), {flow::Question::kTraceable}, bucket_url(bucket),
        [&](const std::stop_token& token) { return find_bucket(bucket, began, token); }, stop);
    if (!response) return std::move(response).error();
    return {};
  }

  Status delete_bucket(const std::string& bucket, bool force, const std::stop_token& stop) override {
    if (auto status = check_bucket_name(bucket); !status) return status;
    pb::DeleteBucketRequest request;
    request.set_name(bucket);
    request.set_delete_all(force);
    Asking asking{flow::Question::kTraceable};
    if (force) asking.silence = Asking::kEndless;
    // Whoever removed it: it is gone, as was wanted.
    const Look gone = [&](const std::stop_token& token) {
      const auto there = get_bucket(bucket, token);
      if (there) return Trace::kNotDone;
      return there.error().code == Errc::kNotFound ? Trace::kDone : Trace::kUnknown;
    };
    auto response = session_.metainfo->traced_call<pb::DeleteBucketResponse>(
        "DeleteBucket", std::move(request), asking, bucket_url(bucket), gone, stop);
    if (!response) {
      Error error = std::move(response).error();
      if (!force && error.cause == kRpcFailedPrecondition)
        error.what += "; use --force to delete what is in it";
      // The satellite does not tell this from a grant that may not delete.
      if (force && error.cause == kRpcPermissionDenied) {
        error.what += "; if the bucket has Object Lock, --force cannot empty it";
      }
      return error;
    }
    return {};
  }

  Status list_objects(const std::string& bucket, const ListOptions& options,
                      const std::function<Status(const ObjectItem&)>& item,
                      const std::stop_token& stop) override {
    if (auto status = check_bucket_name(bucket); !status) return status;
    return storj::list_objects(session_, bucket, options, item, stop);
  }

  Result<ObjectItem> stat_object(const std::string& bucket, const std::string& key,
                                 const std::stop_token& stop) override {
    if (auto status = check_bucket_name(bucket); !status) return std::move(status).error();
    auto item = storj::stat_object(session_, bucket, key, stop);
    if (!item) return missing_bucket_or(std::move(item).error(), bucket, stop);
    return item;
  }

  Status delete_pending(const std::string& bucket, const std::string& key,
                        const std::stop_token& stop) override {
    const std::string url = object_url(bucket, key);
    if (auto status = check_bucket_name(bucket); !status) return status;
    auto encrypted = session_.grant.store.encrypt_path(bucket, key);
    if (!encrypted) return with_context(std::move(encrypted).error(), url);
    return remove_streams(session_, {bucket, *encrypted, url}, std::nullopt, Asking(), stop);
  }

  std::string service() const override { return service_name(session_); }

  // The mark in the note tells it from all others.
  Status remove_begun(const std::string& pending, const transfer::RememberedUploads&,
                      const std::stop_token& stop) override {
    return storj::remove_begun(session_, pending, stop);
  }

  Status delete_object(const std::string& bucket, const std::string& key,
                       const std::stop_token& stop) override {
    std::string url = object_url(bucket, key);
    if (auto status = check_bucket_name(bucket); !status) return status;
    auto encrypted = session_.grant.store.encrypt_path(bucket, key);
    if (!encrypted) return with_context(std::move(encrypted).error(), url);
    pb::BeginDeleteObjectRequest request;
    request.set_bucket(bucket);
    request.set_encrypted_object_key(*encrypted);
    // To remove it twice is as good as once; that nothing is left for the second time is no failure.
    bool again = false;
    const Look look = [&](const std::stop_token&) {
      again = true;
      return Trace::kNotDone;
    };
    auto response = session_.metainfo->traced_call<pb::BeginDeleteObjectResponse>(
        "BeginDeleteObject", std::move(request), {flow::Question::kTraceable}, url, look, stop);
    if (!response) return std::move(response).error();
    // The satellite shows what it deleted only to those who may see it; to others silence means nothing.
    if (!again && !(*response)->has_object() && may_see(bucket, *encrypted)) {
      return missing_bucket_or(make_error(Errc::kNotFound, url + ": object not found"), bucket, stop);
    }
    return {};
  }

  Status delete_objects(const std::string& bucket, const std::vector<std::string>& keys,
                        const std::function<void(const std::string&, const Status&)>& result,
                        const std::stop_token& stop) override {
    if (auto status = check_bucket_name(bucket); !status) return status;
    for (size_t begin = 0; begin < keys.size(); begin += kMaxDeleteBatch) {
      size_t end = std::min(keys.size(), begin + kMaxDeleteBatch);
      if (auto status = delete_some(bucket, std::span(keys).subspan(begin, end - begin), result, stop);
          !status) {
        return status;
      }
    }
    return {};
  }

  std::unique_ptr<transfer::Source> open_object(const std::string& bucket, const std::string& key) override {
    return std::make_unique<CheckedSource>(*this, bucket, key, ObjectSource::Finder());
  }

  std::vector<std::unique_ptr<transfer::Source>> open_objects(const std::string& bucket,
                                                              std::vector<std::string> keys,
                                                              transfer::GroupSize& sizes) override {
    auto group = std::make_shared<OpenGroup>(session_, bucket, keys, sizes);
    std::vector<std::unique_ptr<transfer::Source>> sources;
    for (size_t i = 0; i < keys.size(); ++i) {
      auto find = [group, i](const transfer::Context& context) { return group->take(i, context); };
      sources.push_back(std::make_unique<CheckedSource>(*this, bucket, std::move(keys[i]), std::move(find)));
    }
    return sources;
  }

  void put_small_objects(const std::string& bucket, const std::vector<SmallObject>& objects,
                         const ObjectOptions& options, transfer::GroupSize& sizes,
                         const std::function<void(size_t, const Status&)>& result,
                         const transfer::Context& context) override {
    if (auto status = check_bucket_name(bucket); !status) {
      for (size_t i = 0; i < objects.size(); ++i) result(i, status);
      return;
    }
    storj::put_small_objects(session_, bucket, objects, options, sizes, result, context);
  }

  Status copy_object(const std::string& from_bucket, const std::string& from_key,
                     const std::string& to_bucket, const std::string& to_key, const ObjectOptions& options,
                     const transfer::Context& context) override {
    for (const std::string& bucket : {from_bucket, to_bucket}) {
      if (auto status = check_bucket_name(bucket); !status) return status;
    }
    auto copied =
        storj::copy_object(session_, {from_bucket, from_key}, {to_bucket, to_key}, options, copies_, context);
    if (copied) return {};
    Error error = copied.error();
    if (to_bucket != from_bucket) error = missing_bucket_or(std::move(error), to_bucket, context.stop);
    return missing_bucket_or(std::move(error), from_bucket, context.stop);
  }

  Result<std::unique_ptr<transfer::ObjectWriter>> create_object(const std::string& bucket,
                                                                const std::string& key,
                                                                const ObjectOptions& options,
                                                                std::optional<uint64_t>) override {
    if (auto status = check_bucket_name(bucket); !status) return std::move(status).error();
    auto upload = ObjectUpload::create(session_, bucket, key, options);
    if (!upload) return std::move(upload).error();
    return std::unique_ptr<transfer::ObjectWriter>(std::move(*upload));
  }

 private:
  // Adds to a source what needs a second question: whether the bucket or the object is missing.
  class CheckedSource final : public transfer::Source {
   public:
    CheckedSource(SatelliteProject& project, std::string bucket, std::string key, ObjectSource::Finder find)
        : project_(project),
          bucket_(std::move(bucket)),
          source_(project.session_, bucket_, std::move(key), std::move(find)) {}

    Result<transfer::ObjectInfo> open(const transfer::RangeRequest& range,
                                      const transfer::Context& context) override {
      if (auto status = check_bucket_name(bucket_); !status) return std::move(status).error();
      auto info = source_.open(range, context);
      if (!info) return project_.missing_bucket_or(std::move(info).error(), bucket_, context.stop);
      return info;
    }
    const std::vector<transfer::Segment>& segments() const override { return source_.segments(); }
    void expect(std::span<const transfer::Segment> next) override { source_.expect(next); }
    uint64_t memory_per_segment() const override { return source_.memory_per_segment(); }
    Status fetch(const transfer::Segment& segment, transfer::Output& output,
                 const transfer::Context& context) override {
      return source_.fetch(segment, output, context);
    }

   private:
    SatelliteProject& project_;
    const std::string bucket_;
    ObjectSource source_;
  };

  const std::string& nodes_file() const { return session_.options.nodes_file; }

  bool may_see(const std::string& bucket, const std::string& encrypted_key) const {
    auto now = system_clock().wall_now();
    return access::check(session_.grant.api_key, {access::Op::kRead, bucket, encrypted_key, now}) ||
           access::check(session_.grant.api_key, {access::Op::kList, bucket, encrypted_key, now});
  }

  // The satellite says "object not found" for a missing bucket too; a second question tells them apart.
  Error missing_bucket_or(Error error, const std::string& bucket, const std::stop_token& stop) {
    if (error.code != Errc::kNotFound) return error;
    auto response = get_bucket(bucket, stop);
    return !response && response.error().code == Errc::kNotFound ? std::move(response).error() : error;
  }

  Result<pb::Bucket> get_bucket(const std::string& bucket, const std::stop_token& stop) {
    pb::BatchRequest request;
    request.add_requests()->mutable_bucket_get()->set_name(bucket);
    auto response = session_.metainfo->batch(std::move(request), Asking(), bucket_url(bucket), stop);
    if (!response) return std::move(response).error();
    return std::move(*response->mutable_responses(0)->mutable_bucket_get()->mutable_bucket());
  }

  // Buckets carry no mark; one that is as young as the question is taken for ours.
  Trace find_bucket(const std::string& bucket, Clock::Wall began, const std::stop_token& stop) {
    const auto there = get_bucket(bucket, stop);
    if (!there) return there.error().code == Errc::kNotFound ? Trace::kNotDone : Trace::kUnknown;
    return time_of(there->created_at()) > began - kClocksDiffer ? Trace::kDone : Trace::kNotDone;
  }

  Status delete_some(const std::string& bucket, std::span<const std::string> keys,
                     const std::function<void(const std::string&, const Status&)>& result,
                     const std::stop_token& stop) {
    pb::DeleteObjectsRequest request;
    request.set_bucket(bucket);
    std::map<std::string, std::string> plain;
    for (const auto& key : keys) {
      auto encrypted = session_.grant.store.encrypt_path(bucket, key);
      if (!encrypted) {
        result(key, with_context(std::move(encrypted).error(), object_url(bucket, key)));
        continue;
      }
      request.add_items()->set_encrypted_object_key(*encrypted);
      plain[std::move(*encrypted)] = key;
    }
    if (request.items_size() == 0) return {};
    auto response = session_.metainfo->call<pb::DeleteObjectsResponse>(
        "DeleteObjects", std::move(request), Asking::large(), bucket_url(bucket), stop);
    if (!response) return std::move(response).error();
    for (const auto& item : response->items()) {
      auto key = plain.find(item.encrypted_object_key());
      if (key == plain.end()) continue;
      result(key->second, delete_status(item.status(), object_url(bucket, key->second)));
      plain.erase(key);
    }
    for (const auto& [encrypted, key] : plain) {
      result(key,
             make_error(Errc::kProtocol, object_url(bucket, key) + ": the satellite did not answer for it"));
    }
    return {};
  }

  static Status delete_status(int32_t status, const std::string& url) {
    switch (status) {
      case kDeleteOk:
        return {};
      case kDeleteNotFound:
        return make_error(Errc::kNotFound, url + ": object not found");
      case kDeleteUnauthorized:
        return make_error(Errc::kDenied, url + ": the grant does not allow deleting it");
      case kDeleteLocked:
        return make_error(Errc::kConflict, url + ": the object is locked");
      default:
        return make_error(Errc::kInternal, url + ": the satellite could not delete it");
    }
  }

  Session session_;
  transfer::GroupSize copies_{kCopyCost};
};

Status bad_bucket(std::string_view bucket, const char* why) {
  return make_error(Errc::kUsage, "bucket name \"" + std::string(bucket.substr(0, 80)) + "\" " + why);
}

bool lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool looks_like_ipv4(std::string_view name) {
  int dots = 0;
  for (char c : name) {
    if (c == '.') {
      ++dots;
    } else if (c < '0' || c > '9') {
      return false;
    }
  }
  return dots == 3;
}

}  // namespace

Status check_bucket_name(std::string_view bucket) {
  if (bucket.size() < 3 || bucket.size() > 63) return bad_bucket(bucket, "must have 3 to 63 characters");
  if (looks_like_ipv4(bucket)) return bad_bucket(bucket, "must not look like an IP address");
  size_t begin = 0;
  while (begin <= bucket.size()) {
    size_t end = std::min(bucket.find('.', begin), bucket.size());
    std::string_view label = bucket.substr(begin, end - begin);
    if (label.empty()) return bad_bucket(bucket, "must not have an empty label");
    if (!lower_or_digit(label.front()) || !lower_or_digit(label.back())) {
      return bad_bucket(bucket, "must begin and end each label with a lower-case letter or a digit");
    }
    if (!std::all_of(label.begin(), label.end(), [](char c) { return lower_or_digit(c) || c == '-'; })) {
      return bad_bucket(bucket, "may have lower-case letters, digits, hyphens and dots only");
    }
    begin = end + 1;
  }
  return {};
}

std::string object_url(const std::string& bucket, const std::string& key) {
  return key.empty() ? "sj://" + bucket : "sj://" + bucket + "/" + key;
}

Time time_of(const pb::Timestamp& time) {
  return Time(std::chrono::seconds(std::clamp<int64_t>(time.seconds(), -9'000'000'000, 9'000'000'000)) +
              std::chrono::nanoseconds(time.nanos()));
}

pb::Timestamp timestamp_of(Time time) {
  auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  pb::Timestamp out;
  out.set_seconds(seconds.time_since_epoch().count());
  out.set_nanos(static_cast<int32_t>((time - seconds).count()));
  return out;
}

Result<std::unique_ptr<Project>> Project::open(const access::Grant& grant, const ProjectOptions& options) {
  auto url = access::NodeUrl::parse(grant.satellite_url);
  if (!url) return with_context(std::move(url).error(), "the grant's satellite");
  auto identity = io::Identity::generate();
  if (!identity) return std::move(identity).error();
  auto tls = io::TlsContext::client(*identity);
  if (!tls) return std::move(tls).error();
  Session session{.grant = grant, .options = options, .pool = nullptr, .metainfo = nullptr};
  session.nodes = std::make_unique<NodeMemory>();
  session.satellite = std::make_unique<SatelliteMemory>(options.satellites_file, url->id);
  session.pool = std::make_unique<drpc::Pool>(*tls, drpc::Pool::Options{.noise = options.noise});
  session.own_waits = std::make_unique<flow::Waits>();
  flow::Waits& waits = options.waits != nullptr ? *options.waits : *session.own_waits;
  session.metainfo = std::make_unique<MetainfoClient>(*session.pool, waits, drpc::Peer{url->id, url->address},
                                                      grant.api_key, options.user_agent);
  return std::unique_ptr<Project>(std::make_unique<SatelliteProject>(std::move(session)));
}

}  // namespace sjcp::storj
