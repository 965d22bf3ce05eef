#include "net/http/status.h"

namespace sjcp::http {
namespace {

const char* phrase(int status) {
  switch (status) {
    case 400:
      return "bad request";
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not found";
    case 405:
      return "method not allowed";
    case 407:
      return "the proxy wants a password";
    case 408:
      return "request timeout";
    case 409:
      return "conflict";
    case 410:
      return "gone";
    case 411:
      return "length required";
    case 412:
      return "precondition failed";
    case 413:
      return "too large";
    case 416:
      return "range not satisfiable";
    case 429:
      return "too many requests";
    case 500:
      return "internal error";
    case 501:
      return "not implemented";
    case 502:
      return "bad gateway";
    case 503:
      return "unavailable";
    case 504:
      return "gateway timeout";
    case 507:
      return "no space left";
    default:
      return "";
  }
}

// "https://h/f?X-Amz-Signature=***": such links hold for a while.
bool is_signed(std::string_view url) {
  const size_t query = url.find('?');
  if (query == std::string_view::npos) return false;
  const std::string_view fields = url.substr(query);
  return fields.find("ignature=") != std::string_view::npos || fields.find("sig=") != std::string_view::npos;
}

const char* advice(int status, std::string_view object) {
  switch (status) {
    case 403:
      return is_signed(object) ? "; the link is signed and may have expired" : "";
    case 401:
      return "; give a name and password or a token";
    case 407:
      return "; put it into the proxy's URL";
    case 412:
      return "; the object has changed";
    case 416:
      return "; the range lies outside the object";
    case 429:
    case 503:
      return "; try again later or with fewer connections";
    default:
      return "";
  }
}

}  // namespace

Errc status_kind(int status) {
  switch (status) {
    case 401:
    case 403:
    case 407:
      return Errc::kDenied;
    case 404:
    case 410:
      return Errc::kNotFound;
    case 409:
    case 412:
      return Errc::kConflict;
    case 405:
    case 501:
    case 505:
      return Errc::kUnsupported;
    case 408:
    case 425:
      return Errc::kNetwork;
    case 429:
    case 507:
      return Errc::kLimited;
    default:
      break;
  }
  if (status >= 400 && status < 500) return Errc::kUsage;
  if (status >= 500 && status < 600) return Errc::kNetwork;
  return Errc::kProtocol;
}

Fault status_fault(int status) {
  switch (status) {
    case 408:
    case 425:
    case 502:
    case 503:
    case 504:
      return Fault::kUnavailable;
    case 429:
      return Fault::kBusy;
    case 501:
    case 505:
    case 507:
    case 508:
    case 510:
    case 511:
      return Fault::kNone;
    default:
      break;
  }
  if (status >= 520 && status <= 530) return Fault::kUnavailable;
  return status >= 500 && status < 600 ? Fault::kServerError : Fault::kNone;
}

std::string one_line(std::string_view text, size_t most) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else {
      out += c;
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  if (out.size() > most) {
    size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end;
    out.resize(end);
    out += "...";
  }
  return out;
}

Error status_error(const std::string& object, int status, std::string_view detail) {
  std::string what = object + ": the server answers " + std::to_string(status);
  if (const std::string_view words = phrase(status); !words.empty()) what += " (" + std::string(words) + ")";
  if (const std::string said = one_line(detail); !said.empty()) what += ": " + said;
  return make_error(status_kind(status), what + advice(status, object), status, status_fault(status));
}

Error proxy_error(const std::string& object, int status) {
  std::string what = object + ": the proxy answers " + std::to_string(status);
  if (const std::string_view words = phrase(status); !words.empty()) what += " (" + std::string(words) + ")";
  if (status == 407) what += advice(status, object);
  return make_error(status_kind(status), what, status, status_fault(status));
}

}  // namespace sjcp::http
