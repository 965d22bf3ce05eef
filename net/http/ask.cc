#include "net/http/ask.h"

#include <optional>

#include "net/http/retry_after.h"
#include "net/http/status.h"

namespace sjcp::http {

Result<Reply> ask(Client& client, const Request& request, flow::Question question, const Explain& explain,
                  const transfer::Context& context, size_t limit) {
  const auto url = Url::parse(request.url);
  if (!url) return url.error();
  flow::Repeats repeats(client.waits(), url->shown_origin(), nullptr, &context.counters->retries);
  for (;;) {
    auto reply = client.call(request, context, limit);
    std::optional<std::chrono::seconds> asked;
    if (reply && reply->status < 300) {
      repeats.progress();
      return reply;
    }
    if (reply) asked = retry_after(*reply, context.clock->wall_now());
    const Error error = reply ? explain(*reply) : reply.error();
    const auto next = repeats.after(error, question, context.stop, asked);
    if (!next) return next.error();
  }
}

Result<Reply> ask(Client& client, const Request& request, flow::Question question, const std::string& object,
                  const transfer::Context& context, size_t limit) {
  const auto explain = [&](const Reply& reply) { return status_error(object, reply.status); };
  return ask(client, request, question, explain, context, limit);
}

}  // namespace sjcp::http
