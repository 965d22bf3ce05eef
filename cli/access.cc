#include <istream>
#include <set>

#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/json.h"
#include "cli/redact.h"
#include "cli/saved_accesses.h"
#include "cli/table.h"
#include "cli/text.h"

namespace sjcp::cli {
namespace {

// A name in a message: one that cannot be a name may be a grant in the wrong place.
std::string named(const std::string& name) {
  return "access " + shown(name);
}

Result<access::Grant> grant_to_import(const AccessImportOptions& options, const Session& session) {
  if (options.value != "-") return read_grant(options.value);
  constexpr size_t kLargestGrant = 1 << 20;
  auto text = read_text(session.io().in_fd, "standard input", kLargestGrant);
  if (!text) return text.error();
  return read_grant(*text);
}

}  // namespace

int run_command(const AccessImportOptions& options, const Session& session) {
  if (!access::valid_access_name(options.name) || may_hold_secret(options.name)) {
    return session.fail(make_error(
        Errc::kUsage, shown(options.name) + " cannot be the name of an access; use up to 64 letters, "
                                            "digits, '-', '_' and '.'"));
  }
  auto grant = grant_to_import(options, session);
  if (!grant) return session.fail(grant.error());
  auto saved = SavedAccesses::load(session.io(), session.global());
  if (!saved) return session.fail(saved.error());
  if (saved->own.accesses().count(options.name) > 0 && !options.force) {
    return session.fail(make_error(Errc::kConflict, named(options.name) + " exists; --force replaces it"));
  }
  auto done = saved->own.add(options.name, grant->serialize(), options.force);
  if (done && options.use) done = saved->own.use(options.name);
  if (done) done = saved->save_own();
  if (!done) return session.fail(done.error());
  session.out().line("Imported access \"" + options.name + "\" to \"" + saved->paths.own.string() + "\"");
  return kExitOk;
}

int run_command(const AccessListOptions& options, const Session& session) {
  auto saved = SavedAccesses::load(session.io(), session.global());
  if (!saved) return session.fail(saved.error());
  std::set<std::string> names;
  for (const auto* file : {&saved->own, &saved->uplink}) {
    for (const auto& [name, grant] : file->accesses()) names.insert(name);
  }
  std::string current = saved->default_name();
  Table table(session.out(), {"CURRENT", "NAME", "SATELLITE"});
  for (const auto& name : names) {
    auto grant = access::Grant::parse(*saved->find(name));
    std::string satellite = grant ? grant->satellite_url : "<access parse error>";
    if (options.json) {
      session.out().exact(
          to_line(Json{{"current", name == current}, {"name", name}, {"satellite", satellite}}));
      continue;
    }
    if (size_t at = satellite.find('@'); at != std::string::npos && session.global().verbose == 0) {
      satellite.erase(0, at + 1);
    }
    table.add({name == current ? "*" : " ", name, satellite});
  }
  table.flush();
  return kExitOk;
}

int run_command(const AccessUseOptions& options, const Session& session) {
  auto saved = SavedAccesses::load(session.io(), session.global());
  if (!saved) return session.fail(saved.error());
  auto grant = saved->find(options.name);
  if (options.name.empty() || !grant) {
    return session.fail(make_error(Errc::kNotFound, "no saved access is called " + shown(options.name) +
                                                        saved->near(options.name) +
                                                        "; see sjcp access list"));
  }
  // A default that only uplink's file holds is copied: that file is never written.
  Status done;
  if (saved->own.accesses().count(options.name) == 0) done = saved->own.add(options.name, *grant);
  if (done) done = saved->own.use(options.name);
  if (done) done = saved->save_own();
  if (!done) return session.fail(done.error());
  session.out().line("Switched default access to \"" + options.name + "\"");
  return kExitOk;
}

int run_command(const AccessRemoveOptions& options, const Session& session) {
  auto saved = SavedAccesses::load(session.io(), session.global());
  if (!saved) return session.fail(saved.error());
  if (saved->own.accesses().count(options.name) == 0) {
    bool uplinks = saved->uplink.accesses().count(options.name) > 0;
    return session.fail(
        make_error(Errc::kNotFound, "no saved access is called " + shown(options.name) +
                                        (uplinks ? "; it is uplink's, remove it there"
                                                 : saved->near(options.name) + "; see sjcp access list")));
  }
  if (options.name == saved->own.default_name() && saved->own.accesses().size() > 1) {
    return session.fail(make_error(
        Errc::kConflict, named(options.name) + " is the default; choose another with sjcp access use first"));
  }
  auto done = saved->own.remove(options.name);
  if (done) done = saved->save_own();
  if (!done) return session.fail(done.error());
  session.out().line("Removed access \"" + options.name + "\" from \"" + saved->paths.own.string() + "\"");
  return kExitOk;
}

}  // namespace sjcp::cli
