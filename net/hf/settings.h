// What the environment says about the hub, as the hub's own client reads it: in the names of folders and
// files
// ~, ~NAME, $NAME and ${NAME} are expanded; variables that are empty count as not set.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/base/result.h"

namespace sjcp::hf {

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

struct Settings {
  std::string endpoint = "https://huggingface.co";  // HF_ENDPOINT, without a trailing slash
  // HF_TOKEN, HUGGING_FACE_HUB_TOKEN, or the file HF_TOKEN_PATH (by default HF_HOME/token).  Empty: none, or
  // HF_HUB_DISABLE_IMPLICIT_TOKEN.
  std::string token;
  // HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, or HF_HOME/hub; empty: the environment names no home.
  std::string cache;
  bool cache_links = true;    // not HF_HUB_DISABLE_SYMLINKS
  bool warn_of_links = true;  // not HF_HUB_DISABLE_SYMLINKS_WARNING
  std::string offline;        // the variable that forbids to ask the hub; empty: none does

  // kUsage: an endpoint that is no URL, a token with blanks or control characters; no text repeats a token.
  static Result<Settings> read(const Environment& environment);
};

}  // namespace sjcp::hf
