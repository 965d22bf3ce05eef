#include "cli/services.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>

#include "cli/redact.h"
#include "cli/text.h"
#include "cli/version.h"
#include "core/local/descriptor.h"
#include "net/http/ask.h"
#include "net/http/headers.h"
#include "net/http/source.h"
#include "net/http/target.h"

namespace sjcp::cli {
namespace {

using Kind = Location::Kind;

// "Name: value", as curl's -H takes it.  Whoever gives one by hand means the server of the URL.
Result<std::vector<http::Header>> parse_headers(const std::vector<std::string>& texts) {
  std::vector<http::Header> headers;
  for (const std::string& text : texts) {
    const size_t colon = text.find(':');
    const std::string name = text.substr(0, colon);
    const bool token = !name.empty() && name.find_first_of(" \t\r\n\"(),/;<=>?@[\\]{}") == std::string::npos;
    if (colon == std::string::npos || !token || text.find_first_of("\r\n") != std::string::npos) {
      return make_error(Errc::kUsage, "--header: no header; write \"Name: value\"");
    }
    if (const char* instead = http::reserved_header(name)) {
      return make_error(Errc::kUsage, "--header: " + name + " is for sjcp to say; " + instead);
    }
    const size_t begin = text.find_first_not_of(" \t", colon + 1);
    headers.push_back({name, begin == std::string::npos ? "" : text.substr(begin), true});
  }
  return headers;
}

std::string origin_of_token(const hf::Settings& settings, const Io& io) {
  if (settings.token.empty()) return "no token";
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    if (!io.env(name).value_or("").empty()) return std::string("the token is from ") + name;
  }
  return "the token is from its file";
}

}  // namespace

Services::~Services() {
  for (const auto& [kind, store] : stores_) remove_left_uploads(*store);
  if (!options_.headers.empty() && !stores_.empty() && !for_urls_) {
    warn("--header goes with requests to URLs, and there was none");
  }
}

void Services::remove_left_uploads(transfer::Store& store) const {
  const std::stop_token stop = session_.io().stop;
  bool away = false;  // then nothing else is asked of it
  const auto remove = [&](const std::string& pending, const transfer::RememberedUploads& remembered) {
    if (away || stop.stop_requested()) return false;
    const Status removed = store.remove_begun(pending, remembered, stop);
    away = !removed && removed.error().code == Errc::kNetwork;
    if (!removed) spdlog::info("{}; what an earlier run began stays for now", removed.error().what);
    return removed.has_value();
  };
  local::remove_left_uploads(uploads_folder(session_.io()), store.service(), remove);
}

void Services::warn(const std::string& text) {
  spdlog::warn("{}", text);
}

Result<transfer::Store*> Services::store(const Location& at) {
  if (!at.is_in_store()) {
    return make_error(Errc::kUsage, shown(at.text()) + " is in no store; write sj://BUCKET or s3://BUCKET");
  }
  std::lock_guard lock(mutex_);
  auto found = stores_.find(at.kind);
  if (found != stores_.end()) return found->second.get();
  auto opened = open_store(at.kind);
  if (!opened) return opened.error();
  return (stores_[at.kind] = std::move(*opened)).get();
}

Result<std::unique_ptr<transfer::Store>> Services::open_store(Kind kind) {
  if (kind == Kind::kStorj) {
    auto project = session_.open_project(options_.access, notes_);
    if (!project) return project.error();
    return std::unique_ptr<transfer::Store>(std::move(*project));
  }
  // The hub's clients read these, in this order.
  if (kind == Kind::kS3) {
    auto opened = open_s3();
    if (!opened) return opened.error();
    return std::unique_ptr<transfer::Store>(std::move(*opened));
  }
  auto speaker = open_client({"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"});
  if (!speaker) return speaker.error();
  auto opened = open_hub(**speaker);
  if (!opened) return opened.error();
  return std::unique_ptr<transfer::Store>(std::move(*opened));
}

Result<std::unique_ptr<s3::Store>> Services::open_s3() {
  s3::StoreOptions options;
  options.wishes.profile = options_.profile;
  options.wishes.region = options_.region;
  options.wishes.endpoint = options_.endpoint_url;
  options.wishes.accelerate = options_.accelerate;
  options.wishes.dualstack = options_.dualstack;
  options.sign = !options_.no_sign_request;
  options.only_new = options_.only_new;
  options.requester_pays = !options_.request_payer.empty();
  if (options.requester_pays && options_.request_payer != "requester") {
    return make_error(Errc::kUsage, "--request-payer: the only one who can be named is requester");
  }
  options.notes = &notes_;
  auto trusted = s3::Store::ca_bundle(options.wishes, session_.io().env);
  if (!trusted) return trusted.error();
  auto client = open_client_trusting(trusted->origin, trusted->file);
  if (!client) return client.error();
  auto opened = s3::Store::open(options, session_.io().env, **client);
  if (opened) s3_ = opened->get();
  return opened;
}

Result<std::unique_ptr<hf::Hub>> Services::open_hub(http::Client& client) {
  auto settings = hf::Settings::read(session_.io().env);
  if (!settings) return settings.error();
  spdlog::debug("hf://: {}", origin_of_token(*settings, session_.io()));
  hf::HubOptions options;
  options.settings = std::move(*settings);
  options.mirror = options_.hub_mirror;
  options.open = [this](const std::string& text) -> Result<std::unique_ptr<transfer::Source>> {
    auto at = Location::parse(text);
    if (!at) return at.error();
    return open(*at);
  };
  auto opened = hf::Hub::create(client, std::move(options));
  if (opened) hub_ = opened->get();
  return opened;
}

Result<hf::Hub*> Services::hub(const Location& at) {
  if (at.kind != Kind::kHub) {
    return make_error(Errc::kUsage, at.text() + " is in no hub; write hf://OWNER/NAME");
  }
  auto opened = store(at);
  if (!opened) return opened.error();
  std::lock_guard lock(mutex_);
  return hub_;
}

Result<http::Client*> Services::open_client() {
  if (client_) return client_.get();
  auto headers = parse_headers(options_.headers);
  if (!headers) return headers.error();
  headers_ = std::move(*headers);
  auto client = make_client(options_.ca_file, {});
  if (!client) return client.error();
  client_ = std::move(*client);
  return client_.get();
}

Result<http::Client*> Services::open_client(std::initializer_list<const char*> ca_variables) {
  for (const char* name : ca_variables) {
    const std::string file = session_.io().env(name).value_or("");
    if (!file.empty()) return open_client_trusting(name, file);
  }
  return open_client();
}

Result<http::Client*> Services::open_client_trusting(const std::string& origin, const std::string& file) {
  // What the command line says counts for every service.
  if (file.empty() || !options_.ca_file.empty() || options_.insecure) return open_client();
  if (::access(file.c_str(), R_OK) != 0) return with_context(errno_error(file, errno), origin);
  auto client = make_client(file, origin);
  if (!client) return client.error();
  return own_clients_.emplace_back(std::move(*client)).get();
}

Result<std::unique_ptr<http::Client>> Services::make_client(const std::string& ca_file,
                                                            const std::string& ca_named_by) const {
  http::ClientOptions options;
  options.user_agent = user_agent();
  options.ca_file = ca_file;
  options.ca_named_by = ca_named_by;
  options.insecure = options_.insecure;
  options.netrc = options_.netrc;
  options.retry = session_.waits().policy;
  options.tell = [](const std::string& line) { spdlog::warn("{}", line); };
  return http::Client::create(options);
}

Result<http::Client*> Services::client() {
  std::lock_guard lock(mutex_);
  return open_client();
}

Result<std::unique_ptr<transfer::Source>> Services::open(const Location& at,
                                                         const std::vector<http::Header>& headers,
                                                         bool digest_known) {
  if (at.is_url()) {
    for_urls_ = true;
    auto speaker = client();
    if (!speaker) return speaker.error();
    std::vector<http::Header> all = headers_;
    all.insert(all.end(), headers.begin(), headers.end());
    http::Request request;
    request.url = at.path;
    request.headers = std::move(all);
    return http::make_source(**speaker, std::move(request), digest_known);
  }
  auto in = store(at);
  if (!in) return in.error();
  return (*in)->open_object(at.bucket, at.path);
}

Result<std::unique_ptr<transfer::ObjectWriter>> Services::create(const Location& at,
                                                                 const transfer::ObjectOptions& object,
                                                                 std::optional<uint64_t> size,
                                                                 const transfer::Context& context) {
  if (at.is_url()) {
    for_urls_ = true;
    auto speaker = client();
    if (!speaker) return speaker.error();
    http::Request request;
    request.method = "PUT";
    request.url = at.path;
    request.headers = headers_;
    return http::make_target(**speaker, std::move(request), size, context);
  }
  auto in = store(at);
  if (!in) return in.error();
  return (*in)->create_object(at.bucket, at.path, object, size);
}

transfer::Context Services::context() {
  transfer::Context context;
  context.stop = session_.io().stop;
  context.counters = &counters_;
  return context;
}

Result<std::string> Services::read_text(const Location& at, size_t limit) {
  if (at.is_std()) return cli::read_text(session_.io().in_fd, "standard input", limit);
  if (at.is_local()) {
    const local::Descriptor file(::open(at.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return errno_error(at.path, errno);
    return cli::read_text(file.get(), at.path, limit);
  }
  if (!at.is_url()) return make_error(Errc::kUsage, at.text() + ": lists come from files and URLs");
  for_urls_ = true;
  auto speaker = client();
  if (!speaker) return speaker.error();
  http::Request request;
  request.url = at.path;
  request.headers = headers_;
  auto reply = http::ask(**speaker, request, flow::Question::kSafe, at.text(), context(), limit);
  if (!reply) return reply.error();
  return std::move(reply->body);
}

Result<std::string> Services::presign(const Location& at, const std::string& method,
                                      std::chrono::seconds period) {
  if (at.kind != Kind::kS3) return make_error(Errc::kUnsupported, at.text() + ": no presigned URLs here");
  auto opened = store(at);
  if (!opened) return opened.error();
  s3::Store* signer = nullptr;
  {
    std::lock_guard lock(mutex_);
    signer = s3_;
  }
  return signer->presign(method, at.bucket, at.path, period, session_.io().stop);
}

}  // namespace sjcp::cli
