#include "net/hf/hub_file.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/local/key_path.h"
#include "net/hf/repo.h"
#include "net/http/status.h"

namespace sjcp::hf {
namespace {

using nlohmann::json;

bool is_hex(std::string_view text, size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

Error unexpected(const std::string& where, const char* what) {
  return make_error(Errc::kProtocol, where + ": the hub's answer " + what);
}

// Reads JSON event by event and keeps nothing but what it is asked to: what the hub sends may be many times
// as large as what is wanted of it.  A value is known by its depth and the keys that lead to it.
class Events : public nlohmann::json_sax<json> {
 public:
  bool null() override { return scalar({}); }
  bool boolean(bool) override { return scalar({}); }
  bool number_integer(number_integer_t) override { return scalar({}); }
  bool number_unsigned(number_unsigned_t value) override { return scalar({.number = value}); }
  bool number_float(number_float_t, const string_t&) override { return scalar({}); }
  bool string(string_t& value) override { return scalar({.text = &value}); }
  bool binary(binary_t&) override { return false; }
  bool key(string_t& name) override { return named(name); }
  bool start_object(size_t) override { return open(true, ++depth_); }
  bool end_object() override { return close(depth_--); }
  bool start_array(size_t) override { return open(false, ++depth_); }
  bool end_array() override { return close(depth_--); }
  bool parse_error(size_t, const std::string&, const json::exception&) override { return false; }

 protected:
  // Neither text nor number: something else, also a number that is negative or has a fraction.
  struct Scalar {
    std::string* text = nullptr;
    std::optional<uint64_t> number = {};
  };
  // Each returns false to end the reading.  depth: 1 for the outermost object or array.
  virtual bool open(bool object, unsigned depth) = 0;
  virtual bool close(unsigned depth) = 0;
  virtual bool named(std::string& key) = 0;
  virtual bool scalar(Scalar value) = 0;
  unsigned depth() const { return depth_; }

 private:
  unsigned depth_ = 0;
};

// The files of a page: [{"type":, "path":, "size":, "oid":, "lfs":{"oid":, "size":}}]
class TreePage final : public Events {
 public:
  std::vector<HubFile> take() { return std::move(files_); }
  const char* fault() const { return fault_; }

 private:
  static constexpr unsigned kEntry = 2, kLarge = 3;

  // What an entry says.  A size that is there and is none is another thing than one that is missing.
  struct Sizes {
    std::optional<uint64_t> size;
    bool odd = false;

    void take(std::optional<uint64_t> number) {
      // Offsets are signed in more than one place on the way.
      odd = odd || !number || *number > INT64_MAX;
      size = number;
    }
  };

  bool open(bool object, unsigned depth) override {
    if (depth == 1 && object) return refuse("is no listing");
    if (depth == kEntry) {
      if (!object) return refuse(kIncomplete);
      file_ = {};
      type_.clear();
      plain_ = linked_ = {};
      linked_there_ = false;
    }
    if (depth == kLarge) {
      inside_large_ = object && key_ == "lfs";
      linked_there_ = linked_there_ || inside_large_;
      plain_.odd = plain_.odd || key_ == "size";
    }
    if (depth == kLarge + 1 && inside_large_) linked_.odd = linked_.odd || large_key_ == "size";
    return true;
  }

  bool close(unsigned depth) override {
    if (depth == kLarge) inside_large_ = false;
    return depth != kEntry || add();
  }

  bool named(std::string& key) override {
    if (depth() == kEntry)
      key_.swap(key);
    else if (depth() == kLarge && inside_large_)
      large_key_.swap(key);
    return true;
  }

  bool scalar(Scalar value) override {
    if (depth() < kEntry) return refuse(depth() == 0 ? "is no listing" : kIncomplete);
    if (depth() == kEntry) {
      if (key_ == "size") plain_.take(value.number);
      if (value.text == nullptr) return true;
      if (key_ == "path") file_.path.swap(*value.text);
      if (key_ == "type") type_.swap(*value.text);
      if (key_ == "oid") file_.oid.swap(*value.text);
    } else if (depth() == kLarge && inside_large_) {
      if (large_key_ == "size") linked_.take(value.number);
      if (large_key_ == "oid" && value.text != nullptr) file_.sha256.swap(*value.text);
    }
    return true;
  }

  bool add() {
    file_.folder = type_ == "directory";
    if (file_.path.empty() || (!file_.folder && type_ != "file")) return refuse(kIncomplete);
    if (file_.folder) {
      files_.push_back({std::move(file_.path), true, 0, "", ""});
      return true;
    }
    if (file_.sha256.starts_with("sha256:")) file_.sha256.erase(0, 7);
    if (linked_there_ && !is_hex(file_.sha256, 64)) return refuse(kIncomplete);
    const auto size = linked_.size ? linked_.size : plain_.size;
    if (plain_.odd || linked_.odd || !size || !is_hex(file_.oid, 40)) return refuse(kIncomplete);
    file_.size = *size;
    files_.push_back(std::move(file_));
    return true;
  }

  bool refuse(const char* why) {
    fault_ = why;
    return false;
  }

  static constexpr const char* kIncomplete = "lists a file without path, size or digest";

  std::vector<HubFile> files_;
  const char* fault_ = nullptr;
  HubFile file_;  // the entry that is being read
  std::string type_;
  Sizes plain_;
  Sizes linked_;  // of a large file: plain_ may be that of its pointer
  bool linked_there_ = false;
  bool inside_large_ = false;
  std::string key_;
  std::string large_key_;
};

// The commit of a description, which names all files of a repository beside it: reading ends at the commit.
class Description final : public Events {
 public:
  const std::string& commit() const { return commit_; }

 private:
  bool open(bool object, unsigned depth) override { return depth > 1 || object; }
  bool close(unsigned) override { return true; }
  bool named(std::string& key) override {
    wanted_ = depth() == 1 && key == "sha";
    return true;
  }
  bool scalar(Scalar value) override {
    if (depth() != 1 || !wanted_) return depth() > 0;
    if (value.text != nullptr) commit_.swap(*value.text);
    return false;
  }

  bool wanted_ = false;
  std::string commit_;
};

Error refused_gated(const http::Head& head, const Asked& asked) {
  const char* advice = asked.with_token ? "; accept them there with the account of the token (HF_TOKEN)"
                                        : "; accept them there and set HF_TOKEN to a token of that account";
  return make_error(Errc::kDenied,
                    asked.where + ": the repository is gated: its terms are at " + asked.page + advice,
                    head.status);
}

Error refused_repo(const http::Head& head, const Asked& asked) {
  const char* advice = asked.with_token ? " does not exist, or the token (HF_TOKEN) gives no access to it"
                                        : " does not exist, or is private: then set HF_TOKEN";
  return make_error(Errc::kNotFound, asked.where + ": the repository " + asked.repo + advice, head.status);
}

}  // namespace

transfer::Digest HubFile::digest() const {
  return {large() ? transfer::DigestKind::kSha256 : transfer::DigestKind::kGitBlob, etag()};
}

Result<std::vector<HubFile>> parse_tree(std::string_view text, const std::string& where) {
  TreePage page;
  if (!json::sax_parse(text, &page)) {
    return unexpected(where, page.fault() != nullptr ? page.fault() : "is no listing");
  }
  return page.take();
}

Result<std::string> parse_commit(std::string_view text, const std::string& where) {
  Description description;
  json::sax_parse(text, &description);
  if (!is_commit(description.commit())) return unexpected(where, "names no commit");
  return description.commit();
}

std::string plain_etag(std::string_view value) {
  if (value.starts_with("W/")) value.remove_prefix(2);
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    value = value.substr(1, value.size() - 2);
  return std::string(value);
}

Result<HubFile> described_file(const http::Head& head, const std::string& path, const std::string& where) {
  HubFile file;
  file.path = path;
  // A redirect, and what is packed on the way, have another length and tag than the file.
  const bool other =
      head.status / 100 == 3 || head.header("Content-Encoding").value_or("identity") != "identity";
  const auto own = [&](const char* name) { return other ? std::nullopt : head.header(name); };
  const auto linked = head.header("X-Linked-ETag");
  const std::string etag = plain_etag(linked ? *linked : own("ETag").value_or(""));
  if (is_hex(etag, 64)) {
    file.sha256 = etag;
  } else if (is_hex(etag, 40)) {
    file.oid = etag;
  } else {
    return unexpected(where, "gives no digest of the file");
  }
  const auto linked_size = head.header("X-Linked-Size");
  const std::string size = linked_size ? *linked_size : own("Content-Length").value_or("");
  const auto [stopped, error] = std::from_chars(size.data(), size.data() + size.size(), file.size);
  if (size.empty() || error != std::errc() || stopped != size.data() + size.size() || file.size > INT64_MAX) {
    return unexpected(where, "gives no size of the file");
  }
  return file;
}

std::optional<std::string> next_page(const http::Head& head) {
  const std::string value = head.header("Link").value_or("");
  for (size_t open = value.find('<'); open != std::string::npos; open = value.find('<', open)) {
    const size_t close = value.find('>', open);
    if (close == std::string::npos) return std::nullopt;
    // Up to the next link, so that each byte is looked at once.
    const size_t end = std::min(value.find_first_of(",<", close), value.size());
    const std::string_view parameters = std::string_view(value).substr(close + 1, end - close - 1);
    if (parameters.find("rel=\"next\"") != std::string_view::npos ||
        parameters.find("rel=next") != std::string_view::npos) {
      return value.substr(open + 1, close - open - 1);
    }
    open = end;
  }
  return std::nullopt;
}

Error refused(const http::Head& head, const Asked& asked) {
  const std::string code = head.header("X-Error-Code").value_or("");
  const std::string message = http::one_line(head.header("X-Error-Message").value_or(""));
  const int status = head.status;
  if (code == "GatedRepo") return refused_gated(head, asked);
  if (code == "RepoNotFound") return refused_repo(head, asked);
  if (code == "RevisionNotFound") {
    return make_error(Errc::kNotFound,
                      asked.where + ": " + asked.repo + " has no revision \"" +
                          local::printable(asked.revision) + "\"; a slash in a revision is written %2F",
                      status);
  }
  if (code == "EntryNotFound") return make_error(Errc::kNotFound, asked.where + ": does not exist", status);
  if (status == 401 && asked.with_token) {
    return make_error(Errc::kDenied, asked.where + ": the hub refuses the token; check HF_TOKEN", status);
  }
  if (status == 401) return refused_repo(head, asked);
  if (status == 429) {
    const char* advice = asked.with_token ? "" : "; with a token (HF_TOKEN) the limits are higher";
    return make_error(Errc::kLimited, asked.where + ": the hub's rate limit is reached" + advice, status,
                      Fault::kBusy);
  }
  return http::status_error(asked.where, status, message);
}

}  // namespace sjcp::hf
