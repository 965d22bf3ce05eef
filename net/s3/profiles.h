// The configuration and credentials files that AWS's tools share.
//
//   config:       [default]  [profile NAME]  [sso-session NAME]  [services NAME]
//   credentials:  [NAME]
//   key = value           the value is everything to the end of the line, '#' and ';' too
//   key =                 then indented lines hold keys of their own: "key.nested"
//   # and ; at the beginning of a line begin a comment
//
// Keys are lower-cased.  Where both files hold a key of a profile, the credentials file's wins.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace sjcp::s3 {

using Section = std::map<std::string, std::string>;

class Profiles {
 public:
  // Adds what a file says.  kUsage with its name and the line.
  Status add_config(std::string_view text, const std::string& file);
  Status add_credentials(std::string_view text, const std::string& file);

  // Null: there is none of this name.
  const Section* profile(const std::string& name) const { return find(profiles_, name); }
  // Only what the credentials file says of it.
  const Section* credentials(const std::string& name) const { return find(credentials_, name); }
  const Section* sso_session(const std::string& name) const { return find(sso_sessions_, name); }
  const Section* services(const std::string& name) const { return find(services_, name); }

 private:
  using Sections = std::map<std::string, Section>;
  static const Section* find(const Sections& sections, const std::string& name);

  Sections profiles_;
  Sections credentials_;
  Sections sso_sessions_;
  Sections services_;
};

// The value, or nothing when it is missing or empty.
std::optional<std::string> value_of(const Section* section, const std::string& key);

}  // namespace sjcp::s3
