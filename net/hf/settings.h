// What the environment says about the hub, as the hub's own client reads it.
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
  bool offline = false;  // HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE

  // kUsage: an endpoint that is no URL, a token with blanks or control characters; no text repeats a token.
  static Result<Settings> read(const Environment& environment);
};

}  // namespace sjcp::hf
