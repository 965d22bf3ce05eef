// Keeps secrets out of messages that repeat what the user typed.
#pragma once

#include <string>
#include <string_view>

namespace sjcp::cli {

// True when the text could be a grant, an API key or a part of one: a run of 24 or more base58 characters.
bool may_hold_secret(std::string_view text);

// `"text"` for messages; "the value given" when it may hold a secret.
std::string shown(std::string_view text);

// The text with every run that may be a secret replaced by "<hidden>".
std::string redacted(std::string_view text);

// For messages, whatever they are made of: what is certainly long enough for a grant or an API key, and what
// looks like a token of the hub, is "the value given", whether it was typed in place of a name or a peer
// repeats it.  Names with digests in them, and identifiers of satellites, stay.
std::string masked(std::string_view text);

}  // namespace sjcp::cli
