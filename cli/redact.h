// Keeps secrets out of messages that repeat what the user typed.
#pragma once

#include <string>
#include <string_view>

namespace sjcp::cli {

// True when the text could be a grant, an API key or a part of one: a run of 24 or more base58 characters.
bool may_hold_secret(std::string_view text);

// `"text"` for messages, control characters replaced; "the value given" when it may hold a secret.
std::string shown(std::string_view text);

// The text with every run that may be a secret replaced by "<hidden>".
std::string redacted(std::string_view text);

}  // namespace sjcp::cli
