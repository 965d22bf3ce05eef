// What the user asked for, as plain values: one struct per command.  The parser fills them; commands read
// them.
//
// Dates, ranges, metadata and locations stay text here: their meaning (and their errors) belong to the
// command.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sjcp::cli {

// Options that every command takes.
struct GlobalOptions {
  unsigned verbose = 0;            // 1: log level info; more: debug
  std::string log_level = "warn";  // trace|debug|info|warn|error|off
  std::string config_dir;          // folder of access.json; empty: the XDG folders of sjcp and uplink
  std::string retry_time;          // a period: how long a service is waited for; empty: see patience.h
};

// Bytes per second; 0: no limit.
struct Rates {
  uint64_t down = 0;
  uint64_t up = 0;
  bool operator==(const Rates&) const = default;
};

// "10M" for both, "10M/2M" for down and up; "0" and "off" set no limit.  nullopt: no rate.
std::optional<Rates> parse_rates(std::string_view text);

// How services are reached: options of every command that talks to one.
struct ServiceOptions {
  std::string access;  // sj://: a saved name, a grant, or a file with one; empty: the usual ones

  // s3://; empty: as the environment and the shared files say
  std::string profile;
  std::string region;
  std::string endpoint_url;
  bool no_sign_request = false;
  std::string request_payer;  // "requester" or nothing
  bool accelerate = false;
  bool dualstack = false;
  bool only_new = false;  // an object that exists is not replaced

  std::string hub_mirror;  // hf://: where large files are looked for first; empty: nowhere

  // Everything that speaks HTTP
  std::vector<std::string> headers;  // "Name: value", to URLs only
  std::string ca_file;               // PEM; empty: the system's
  bool insecure = false;
  bool netrc = false;
};

enum class ProgressMode { kAuto, kBar, kPlain, kJson, kNone };

struct CpOptions {
  ServiceOptions service;
  std::vector<std::string> locations;  // sources, then the destination
  bool recursive = false;
  bool dry_run = false;
  bool null = false;     // of a dry run: sources and destinations, each ended by a NUL
  std::string range;     // empty: everything
  std::string expires;   // empty or "none": never
  std::string metadata;  // JSON object of strings; empty: none

  std::vector<std::string> mirrors;    // of the one source: the same bytes
  std::vector<std::string> checksums;  // "sha256:HEX", a kind alone, or a file or URL of digests
  std::string input;                   // a list of downloads: a file, a URL or "-"; empty: none
  bool hf_cache = false;               // hf://: into the cache of huggingface_hub; no destination is given
  bool hub_layout = false;             // `sjcp mirror`: the large files of a repository, as mirrors have them
  bool remote_time = false;            // downloads get the time of the source's last change
  bool keep_bad = false;               // a download whose digest is wrong is kept aside

  bool keep_dirlinks = false;       // links to folders below a local destination are followed
  bool no_follow_symlinks = false;  // links below a local source are left out

  bool no_resume = false;   // start over, and leave nothing behind on failure
  bool no_clobber = false;  // leave destinations that exist alone
  bool if_changed = false;  // leave destinations alone that have the source's size and are not older

  unsigned parallelism = 0;      // segments in flight per file; 0: as many as pay
  unsigned transfers = 0;        // files in flight; 0: as many as pay, or as fits the services
  uint64_t memory_bytes = 0;     // 0: what the machine can spare
  unsigned max_connections = 0;  // to nodes; 0: what the machine allows
  Rates limit_rate;
  std::string limit_rate_file;  // empty: none

  ProgressMode progress = ProgressMode::kAuto;
  std::string progress_file;  // empty: none
  int progress_fd = -1;       // negative: none
};

enum class ListFormat { kTabbed, kJson, kNull };

struct LsOptions {
  ServiceOptions service;
  std::string location;  // empty: list buckets
  bool recursive = false;
  bool pending = false;
  bool utc = false;
  bool expanded = false;
  bool human = false;
  ListFormat format = ListFormat::kTabbed;
};

struct MbOptions {
  ServiceOptions service;
  std::string location;
};

struct RbOptions {
  ServiceOptions service;
  std::string location;
  bool force = false;
};

struct RmOptions {
  ServiceOptions service;
  std::vector<std::string> locations;
  bool recursive = false;
  bool pending = false;  // unfinished uploads instead of objects
  bool null = false;     // what was removed, each ended by a NUL
};

struct StatOptions {
  ServiceOptions service;
  std::vector<std::string> locations;
  bool json = false;
  bool utc = false;
};

struct PresignOptions {
  ServiceOptions service;
  std::string location;
  std::string expires = "1h";  // a period
  std::string method = "GET";
};

struct ShareOptions {
  std::string access;
  std::vector<std::string> prefixes;
  bool readonly = true;
  bool writeonly = false;
  std::optional<bool> disallow_reads;
  std::optional<bool> disallow_writes;
  std::optional<bool> disallow_lists;
  std::optional<bool> disallow_deletes;
  std::string not_before;
  std::string not_after;
  std::string max_object_ttl;
  std::string export_to;
  bool json = false;
  std::vector<std::string> edge_options;  // options given that are access register's
};

struct AccessImportOptions {
  std::string name;
  std::string value;  // grant, file, or "-" for stdin
  bool force = false;
  bool use = false;
};

struct AccessListOptions {
  bool json = false;
};

struct AccessInspectOptions {
  std::string access;  // empty: the default access
};

struct AccessUseOptions {
  std::string name;
};

enum class RegisterFormat { kText, kEnv, kAws, kJson };

struct AccessRegisterOptions {
  ServiceOptions service;  // its access is the one to register
  std::string auth_service = "https://auth.storjshare.io";
  bool public_access = false;
  RegisterFormat format = RegisterFormat::kText;
  std::string aws_profile;  // in the lines for the AWS command line; empty: its default
};

struct AccessRemoveOptions {
  std::string name;
};

struct VersionOptions {};

using CommandOptions =
    std::variant<CpOptions, LsOptions, MbOptions, RbOptions, RmOptions, StatOptions, PresignOptions,
                 ShareOptions, AccessImportOptions, AccessListOptions, AccessInspectOptions, AccessUseOptions,
                 AccessRegisterOptions, AccessRemoveOptions, VersionOptions>;

struct Invocation {
  GlobalOptions global;
  CommandOptions command;
};

}  // namespace sjcp::cli
