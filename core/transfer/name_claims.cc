#include "core/transfer/name_claims.h"

#include <functional>

namespace sjcp::transfer {

std::optional<NameClaims::Holder> NameClaims::take(std::string_view name, std::string_view source,
                                                   uint32_t origin) {
  // Two names with one hash would be a refusal without a reason, which 64 bits make a matter of theory.
  const std::hash<std::string_view> hash;
  const Claim mine{hash(source), origin};
  const std::lock_guard lock(mutex_);
  const auto [claim, fresh] = claims_.emplace(hash(name), mine);
  if (fresh) return std::nullopt;
  return Holder{claim->second.origin, claim->second.source == mine.source};
}

}  // namespace sjcp::transfer
