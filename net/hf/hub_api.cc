#include "net/hf/hub_api.h"

#include <utility>

#include "core/flow/repeats.h"
#include "core/local/key_path.h"
#include "net/hf/page_limits.h"
#include "net/http/retry_after.h"
#include "net/http/status.h"
#include "net/http/url.h"

namespace sjcp::hf {
namespace {

// Of 1,000 files a page has a quarter of a MiB; other hubs send all of a repository at once.
constexpr size_t kLargestPage = 32 << 20;
// It names every file of the repository.
constexpr size_t kLargestDescription = 64 << 20;
constexpr unsigned kMostMoves = 5;  // redirects of one question within the hub

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// The page's address on the hub, whatever host it names: only the hub gets the token.
Result<std::string> next_url(const std::string& link, const http::Head& head, const std::string& endpoint,
                             const std::string& where) {
  auto base = http::Url::parse(head.url);
  if (!base) return std::move(base).error();
  auto next = http::resolve_location(*base, link);
  auto hub = http::Url::parse(endpoint);
  if (!next || !hub)
    return make_error(Errc::kProtocol, where + ": the next page of the listing has no address");
  if (next->same_origin(*hub)) return next->text();
  return endpoint + next->target;
}

}  // namespace

HubApi::HubApi(http::Client& client, Settings settings) : client_(client), settings_(std::move(settings)) {}

std::string HubApi::name(const Repo& repo, const std::string& path) {
  return "hf://" + repo.text() + "/" + local::printable(path);
}

std::vector<http::Header> HubApi::token_header() const {
  if (settings_.token.empty()) return {};
  return {{"Authorization", "Bearer " + settings_.token, true}};
}

std::string HubApi::file_url(const Repo& repo, const std::string& commit, const std::string& path) const {
  return settings_.endpoint + repo.page_path() + "/resolve/" + percent_encoded(commit, false) + "/" +
         percent_encoded(path, true);
}

Asked HubApi::asked(const Repo& repo, const std::string& revision, const std::string& path) const {
  Repo plain = repo;
  plain.revision = "main";
  return {path.empty() ? "hf://" + repo.text() : name(repo, path), plain.text(), revision,
          settings_.endpoint + repo.page_path(), !settings_.token.empty()};
}

// A reply of a status below 400, or what the hub has against it.
Result<http::Reply> HubApi::ask(http::Request request, const Asked& asked, size_t limit,
                                const transfer::Context& context) {
  if (!settings_.offline.empty()) {
    return make_error(Errc::kUsage,
                      asked.where + ": " + settings_.offline + " forbids to ask the hub; unset it");
  }
  for (http::Header& header : token_header()) request.headers.push_back(std::move(header));
  std::optional<flow::Repeats> repeats;
  while (true) {
    auto reply = client_.call(request, context, limit);
    std::optional<Error> error;
    std::optional<std::chrono::seconds> wait_asked;
    if (!reply) {
      error = std::move(reply).error();
    } else if (reply->status >= 400) {
      error = refused(*reply, asked);
      wait_asked = http::retry_after(*reply, context.clock->wall_now());
    }
    if (!error) {
      if (repeats) repeats->progress();
      return reply;
    }
    if (!repeats) {
      const auto url = http::Url::parse(settings_.endpoint);
      repeats.emplace(client_.waits(), url ? url->shown_origin() : settings_.endpoint, nullptr,
                      &context.counters->retries);
    }
    const auto next = repeats->after(*error, flow::Question::kSafe, context.stop, wait_asked);
    if (!next) return next.error();
  }
}

Result<std::string> HubApi::commit(const Repo& repo, const transfer::Context& context) {
  http::Request request;
  request.url = settings_.endpoint + repo.api_path() + "/revision/" + repo.escaped_revision();
  const Asked question = asked(repo, repo.revision, "");
  auto reply = ask(std::move(request), question, kLargestDescription, context);
  if (!reply) return std::move(reply).error();
  return parse_commit(reply->body, question.where);
}

Status HubApi::list(const Repo& repo, const std::string& commit, const std::string& folder, bool recursive,
                    const std::function<Status(HubFile)>& file, const transfer::Context& context) {
  const std::string path = folder.substr(0, folder.empty() ? 0 : folder.size() - 1);
  const Asked question = asked(repo, commit, folder);
  http::Request request;
  request.url = settings_.endpoint + repo.api_path() + "/tree/" + percent_encoded(commit, false) +
                (path.empty() ? "" : "/" + percent_encoded(path, true)) +
                "?recursive=" + (recursive ? "true" : "false") + "&expand=false";
  PageLimits limits(question.where, request.url);
  while (true) {
    const auto begun = context.clock->steady_now();
    auto reply = ask(request, question, kLargestPage, context);
    const auto waited = context.clock->steady_now() - begun;
    if (!reply) {
      // A revision that has just been found does not vanish: what is missing is the folder.
      if (!folder.empty() && !repo.pinned() && reply.error().code == Errc::kNotFound) return {};
      return std::move(reply).error();
    }
    auto files = parse_tree(reply->body, question.where);
    if (!files) return std::move(files).error();
    for (HubFile& entry : *files) {
      if (Status taken = file(std::move(entry)); !taken) return taken;
    }
    const auto next = next_page(*reply);
    if (!next) return {};
    auto url = next_url(*next, *reply, settings_.endpoint, question.where);
    if (!url) return std::move(url).error();
    if (Status more = limits.another(*url, files->size(), waited); !more) return more;
    request.url = *std::move(url);
  }
}

Result<Place> HubApi::resolve(const Repo& repo, const std::string& revision, const std::string& path,
                              const transfer::Context& context) {
  const Asked question = asked(repo, revision, path);
  http::Request request;
  request.method = "HEAD";
  request.url = file_url(repo, revision, path);
  request.headers.push_back({"Accept-Encoding", "identity"});
  request.redirects = 0;
  Place place;
  http::Head seen;  // headers of all replies: a moved repository answers in steps
  for (unsigned moves = 0; moves <= kMostMoves; ++moves) {
    auto reply = ask(request, question, kLargestPage, context);
    if (!reply) return std::move(reply).error();
    seen.headers.insert(seen.headers.end(), reply->headers.begin(), reply->headers.end());
    seen.status = reply->status;
    place.url = request.url;
    place.headers = token_header();
    if (is_redirect(reply->status)) {
      auto here = http::Url::parse(request.url);
      auto there = here ? http::resolve_location(*here, reply->header("Location").value_or("")) : here;
      if (!there) return with_context(std::move(there).error(), question.where);
      if (there->same_origin(*here)) {
        request.url = there->text();
        continue;
      }
      place.url = there->text();
      place.headers.clear();
    }
    place.commit = seen.header("X-Repo-Commit").value_or("");
    if (!is_commit(place.commit)) {
      return make_error(Errc::kProtocol, question.where + ": the hub's answer names no commit");
    }
    auto file = described_file(seen, path, question.where);
    if (!file) return std::move(file).error();
    place.file = *std::move(file);
    return place;
  }
  return make_error(Errc::kProtocol, question.where + ": the hub redirects in circles");
}

}  // namespace sjcp::hf
