#include "cli/definition.h"

#include <algorithm>
#include <charconv>

#include "cli/nearest.h"
#include "core/base/units.h"

namespace sjcp::cli {

std::optional<uint64_t> whole_number(std::string_view text) {
  uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

Check number_between(uint64_t least, uint64_t most) {
  return [least, most](const std::string& text) {
    const auto number = whole_number(text);
    if (number && *number >= least && *number <= most) return std::string();
    return "not a number from " + std::to_string(least) + " to " + std::to_string(most);
  };
}

Check one_of(std::vector<std::string> words) {
  return [words = std::move(words)](const std::string& text) {
    if (std::find(words.begin(), words.end(), text) != words.end()) return std::string();
    std::string all;
    for (const auto& word : words) all += (all.empty() ? "" : ", ") + word;
    return "not one of " + all + suggestion(text, words);
  };
}

std::optional<uint64_t> positive_size(const std::string& text) {
  const auto bytes = parse_size(text);
  return bytes && *bytes > 0 ? bytes : std::nullopt;
}

void add_global(Definition& d) {
  auto& global = d.invocation->global;
  d.app->add_flag_function(
      "-v,--verbose",
      [&global](int64_t count) { global.verbose = static_cast<unsigned>(std::max<int64_t>(count, 0)); },
      "Tell of each file and of waits; twice: also of requests, answers and repetitions");
  d.value("--log-level", global.log_level, "LEVEL",
          "Log lines shown on stderr: trace, debug, info, warn, error, off")
      ->check(one_of({"trace", "debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
  d.value("--config-dir", global.config_dir, "DIR", "Folder of access.json instead of the usual ones");
  d.value("--retry-time", global.retry_time, "PERIOD",
          "Wait so long for a service that is away: 90s, 5m; 0 asks once [60s]");
  d.ignored_flag("--interactive", "Nothing is ever asked");
  d.ignored_flag("--analytics", "Nothing is ever sent");
}

const std::vector<std::string>& progress_words() {
  static const std::vector<std::string> kWords = {"auto", "bar", "json", "none", "plain", "true", "false"};
  return kWords;
}

namespace {

void add_access(Definition& d, std::string& target) {
  d.value("--access", target, "NAME|GRANT|FILE",
          "Access to use: a saved name, a grant, or a file that holds one");
}

// Options of commands that talk to services.
void add_services(Definition& d, ServiceOptions& o) {
  add_access(d, o.access);
  d.value("--profile", o.profile, "NAME", "s3://: profile of the shared AWS files")->group("S3");
  d.value("--region", o.region, "NAME", "s3://: region of the buckets")->group("S3");
  d.value("--endpoint-url", o.endpoint_url, "URL", "s3://: endpoint instead of Amazon's")->group("S3");
  d.value("--request-payer", o.request_payer, "requester",
          "s3://: pay for requests where the bucket's owner does not")
      ->group("S3");
  d.flag("--no-sign-request", o.no_sign_request, "s3://: ask without credentials")->group("S3");
  d.flag("--accelerate", o.accelerate, "s3://: use transfer acceleration")->group("S3");
  d.flag("--dualstack", o.dualstack, "s3://: use endpoints that have IPv6 too")->group("S3");
  d.app->add_option("--header", o.headers, "URLs: send this header too, as in \"Name: value\"; repeatable")
      ->type_name("HEADER")
      ->group("HTTP");
  d.value("--cacert", o.ca_file, "FILE", "Trust the certificates in this PEM file instead of the system's")
      ->group("HTTP");
  d.flag("-k,--insecure", o.insecure, "Do not check certificates")->group("HTTP");
  d.flag("--netrc", o.netrc, "URLs: names and passwords from ~/.netrc")->group("HTTP");
}

ProgressMode progress_mode(const std::string& text) {
  if (text == "bar") return ProgressMode::kBar;
  if (text == "plain") return ProgressMode::kPlain;
  if (text == "json") return ProgressMode::kJson;
  if (text == "none" || text == "false") return ProgressMode::kNone;
  return ProgressMode::kAuto;
}

// Options of commands that move bytes.
void add_transfer(Definition& d, CpOptions& o) {
  d.count_or_auto("-p,--parallelism", o.parallelism,
                  "Segments or ranges of a file in flight; auto: of all files, as many as pay [auto]");
  d.count_or_auto("-t,-j,--transfers", o.transfers,
                  "Files in flight; auto: with s3:// as many as pay, 4 with sj:// only, else 16 [auto]");
  d.size("--memory", o.memory_bytes, "Bytes of buffers for all of it [a quarter of RAM, at most 512MiB]");
  d.rates("--limit-rate", o.limit_rate, "Bytes per second at most: 10M, or 10M/2M for down/up");
  d.value("--limit-rate-file", o.limit_rate_file, "FILE", "The same, from a file that may change meanwhile");
  d.value("--max-connections,--maximum-concurrent-pieces", o.max_connections, "N",
          "Connections at most; 0: as many as descriptors allow, up to 2048 [0]")
      ->check(number_between(0, 1'000'000));
  d.flag("--dry-run", o.dry_run, "Print what would be copied");
  d.flag("-0,--null", o.null,
         "With --dry-run: sources and destinations as they are, each ended by a NUL byte");
  d.app
      ->add_option_function<std::string>(
          "--progress", [&o](const std::string& text) { o.progress = progress_mode(text); },
          "auto: a bar on a terminal, else nothing (with -v: plain); bar; plain: a line every 10 s; json: "
          "JSON lines on stderr; none [auto]")
      ->type_name("MODE")
      ->check(one_of(progress_words()))
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  d.value("--progress-file", o.progress_file, "FILE", "Write progress as JSON lines to this file");
  d.value("--progress-fd", o.progress_fd, "N", "Write progress as JSON lines to this open descriptor")
      ->check(number_between(0, 1'000'000));
}

void define_mirror(Definition& d) {
  auto& o = d.command<CpOptions>();
  o.hub_layout = true;
  o.recursive = true;
  // A mirrored file is named after its contents: one that is there is the same.
  o.no_clobber = true;
  d.operands = {"hf://OWNER/NAME[@REVISION] sj://BUCKET/PREFIX|s3://BUCKET/PREFIX", 2, 2,
                [&o](auto all) { o.locations = std::move(all); }};
  add_services(d, o.service);
  add_transfer(d, o);
}

void define_cp(Definition& d) {
  auto& o = d.command<CpOptions>();
  d.operands = {"SRC... DST", 2, SIZE_MAX, [&o](auto all) { o.locations = std::move(all); },
                [&o] { return !o.input.empty() || o.hf_cache; }};
  add_services(d, o.service);
  d.flag("-r,--recursive", o.recursive, "Copy everything below a prefix or folder");
  add_transfer(d, o);
  d.value("--range", o.range, "bytes=A-B",
          "Download a part: A-B (B included), A- or -N for the last N bytes");
  d.value("--expires", o.expires, "TIME",
          "Uploads are deleted after this: +24h, 2006-01-02, 2006-01-02T15:04:05Z");
  d.value("--metadata", o.metadata, "JSON", "Uploads carry this: {\"key\":\"value\",...}");
  d.app
      ->add_option(
          "--mirror", o.mirrors,
          "Another place with the bytes of the one source; repeatable.  hf://: where large files are "
          "looked for first")
      ->type_name("LOCATION");
  d.app
      ->add_option("--checksum", o.checksums,
                   "What the file must be: sha256:HEX (or sha1, sha512, md5, crc32c), or a file or URL of "
                   "digests; a kind alone prints the digest")
      ->type_name("DIGEST");
  d.flag("--hf-cache", o.hf_cache, "hf://: into the cache of huggingface_hub; no DST");
  d.value("-i,--input", o.input, "FILE|URL|-",
          "Download what a list asks for: Metalink, or as aria2c -i reads");
  d.flag("-R,--remote-time", o.remote_time, "Downloads get the time of the source's last change");
  d.flag("--keep-bad", o.keep_bad, "Keep a download with a wrong digest, as NAME.sjcp-bad");
  d.flag("--keep-dirlinks", o.keep_dirlinks, "Follow links to folders below a local destination");
  d.flag("--no-follow-symlinks", o.no_follow_symlinks, "Leave out links below a local source");
  d.flag("--no-resume", o.no_resume, "Start over, and leave nothing to resume on failure");
  d.flag("--no-clobber", o.no_clobber, "Skip what exists at the destination");
  d.flag("--if-changed", o.if_changed,
         "Skip what has the same size at the destination and is not older there");
  d.ignored_value("--parallelism-chunk-size", "Parts are always whole segments");
  d.ignored_value("--maximum-concurrent-segments", "Use --parallelism");
  d.ignored_flag("--inmemory-erasure-coding", "Pieces never touch the disk");
}

void define_ls(Definition& d) {
  auto& o = d.command<LsOptions>();
  d.operands = {"[sj://[BUCKET[/PREFIX]]|s3://...|hf://...]", 0, 1, [&o](auto all) {
                  if (!all.empty()) o.location = all[0];
                }};
  add_services(d, o.service);
  d.flag("-r,--recursive", o.recursive, "List everything below the prefix");
  auto set_format = [&o](const std::string& text) {
    o.format = text == "json" ? ListFormat::kJson : ListFormat::kTabbed;
  };
  d.app->add_option_function<std::string>("-o,--output", set_format, "tabbed or json [tabbed]")
      ->type_name("FORMAT")
      ->check(one_of({"tabbed", "json"}))
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  d.app->add_flag_function(
      "--json", [&o](int64_t count) { o.format = count > 0 ? ListFormat::kJson : ListFormat::kTabbed; },
      "Same as -o json: one object a line");
  d.app->add_flag_function(
      "-0,--null", [&o](int64_t count) { o.format = count > 0 ? ListFormat::kNull : ListFormat::kTabbed; },
      "Names only, as they are, each ended by a NUL byte");
  d.flag("-H,--human", o.human, "Sizes as 1.40 GiB (tabbed output)");
  d.flag("--pending", o.pending, "List uploads in progress instead");
  d.flag("-x,--expanded", o.expanded, "Also show expiration and size of metadata");
  d.flag("--utc", o.utc, "Times in UTC instead of local time");
}

void define_mb(Definition& d) {
  auto& o = d.command<MbOptions>();
  d.operands = {"sj://BUCKET", 1, 1, [&o](auto all) { o.location = all[0]; }};
  add_services(d, o.service);
}

void define_rb(Definition& d) {
  auto& o = d.command<RbOptions>();
  d.operands = {"sj://BUCKET", 1, 1, [&o](auto all) { o.location = all[0]; }};
  add_services(d, o.service);
  d.flag("--force", o.force, "Delete the objects in it first");
}

void define_rm(Definition& d) {
  auto& o = d.command<RmOptions>();
  d.operands = {"sj://BUCKET/KEY...", 1, SIZE_MAX, [&o](auto all) { o.locations = std::move(all); }};
  add_services(d, o.service);
  d.flag("-r,--recursive", o.recursive, "Remove everything below a prefix");
  d.flag("--pending", o.pending, "Remove unfinished uploads instead of objects");
  d.flag("-0,--null", o.null, "Print what was removed as it is, each ended by a NUL byte");
  d.app
      ->add_option_function<std::string>(
          "-p,--parallelism", [](const std::string&) {}, "Removes go in batches")
      ->group("Without effect");
}

void define_stat(Definition& d) {
  auto& o = d.command<StatOptions>();
  d.operands = {"LOCATION...", 1, SIZE_MAX, [&o](auto all) { o.locations = std::move(all); }};
  add_services(d, o.service);
  d.flag("--json", o.json, "One JSON object a line");
  d.flag("--utc", o.utc, "Times in UTC instead of local time");
}

void define_presign(Definition& d) {
  auto& o = d.command<PresignOptions>();
  d.operands = {"s3://BUCKET/KEY", 1, 1, [&o](auto all) { o.location = all[0]; }};
  add_services(d, o.service);
  d.value("--expires", o.expires, "PERIOD", "The URL works for so long: 15m, 1h, 168h at most")
      ->capture_default_str();
  d.value("--method", o.method, "METHOD", "GET, HEAD, PUT or DELETE")
      ->check(one_of({"GET", "HEAD", "PUT", "DELETE"}))
      ->capture_default_str();
}

void define_share(Definition& d) {
  auto& o = d.command<ShareOptions>();
  d.operands = {"sj://BUCKET[/PREFIX]...", 1, SIZE_MAX, [&o](auto all) { o.prefixes = std::move(all); }};
  add_access(d, o.access);
  d.flag("--readonly", o.readonly, "Implies --disallow-writes and --disallow-deletes [true]");
  d.flag("--writeonly", o.writeonly, "Implies --disallow-reads and --disallow-lists");
  d.flag("--disallow-reads", o.disallow_reads, "No downloads with the new access");
  d.flag("--disallow-writes", o.disallow_writes, "No uploads with the new access");
  d.flag("--disallow-lists", o.disallow_lists, "No listings with the new access");
  d.flag("--disallow-deletes", o.disallow_deletes, "No deletes with the new access");
  d.value("--not-before", o.not_before, "TIME",
          "No access before this: +2h, now, 2006-01-02T15:04:05Z, none");
  d.value("--not-after", o.not_after, "TIME", "No access after this: +2h, now, 2006-01-02T15:04:05Z, none");
  d.value("--max-object-ttl", o.max_object_ttl, "PERIOD", "Uploads are deleted after this: 1h30m, 24h, 720h");
  d.value("--export-to", o.export_to, "FILE", "Also write the new access to this file (mode 0600)");
  d.flag("--json", o.json, "Print one JSON object instead of text");
  for (const char* name : {"--register", "--url", "--tls", "--public"}) {
    d.app
        ->add_flag_function(
            name,
            [&o, name](int64_t count) {
              if (count > 0) o.edge_options.emplace_back(name);
            },
            "Not here: see sjcp access register")
        ->group("Auth service");
  }
  for (const char* name : {"--dns", "--auth-service", "--base-url"}) {
    d.app
        ->add_option_function<std::string>(
            name, [&o, name](const std::string&) { o.edge_options.emplace_back(name); },
            "Not here: see sjcp access register")
        ->group("Auth service");
  }
}

void define_access_import(Definition& d) {
  auto& o = d.command<AccessImportOptions>();
  d.operands = {"NAME GRANT|FILE|-", 2, 2, [&o](auto all) {
                  o.name = all[0];
                  o.value = all[1];
                }};
  d.flag("-f,--force", o.force, "Replace a saved access of that name");
  d.flag("--use", o.use, "Make it the default access");
}

void define_access_list(Definition& d) {
  auto& o = d.command<AccessListOptions>();
  d.operands = {"", 0, 0, [](auto) {}};
  d.flag("--json", o.json, "One JSON object a line");
}

void define_access_inspect(Definition& d) {
  auto& o = d.command<AccessInspectOptions>();
  d.operands = {"[NAME|GRANT|FILE]", 0, 1, [&o](auto all) {
                  if (!all.empty()) o.access = all[0];
                }};
  add_access(d, o.access);
}

void define_access_use(Definition& d) {
  auto& o = d.command<AccessUseOptions>();
  d.operands = {"NAME", 1, 1, [&o](auto all) { o.name = all[0]; }};
}

void define_access_register(Definition& d) {
  auto& o = d.command<AccessRegisterOptions>();
  d.operands = {"[NAME|GRANT|FILE]", 0, 1, [&o](auto all) {
                  if (!all.empty()) o.service.access = all[0];
                }};
  add_access(d, o.service.access);
  d.value("--auth-service", o.auth_service, "URL", "The service that keeps it")->capture_default_str();
  d.flag("--public", o.public_access, "Whoever has the key id may read through link sharing");
  const auto set_format = [&o](const std::string& text) {
    o.format = text == "env"    ? RegisterFormat::kEnv
               : text == "aws"  ? RegisterFormat::kAws
               : text == "json" ? RegisterFormat::kJson
                                : RegisterFormat::kText;
  };
  d.app
      ->add_option_function<std::string>("--format", set_format,
                                         "text, env, aws (commands for it) or json [text]")
      ->type_name("FORMAT")
      ->check(one_of({"text", "env", "aws", "json"}))
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  d.value("--aws-profile", o.aws_profile, "NAME", "With --format aws: the profile to set");
  d.value("--cacert,--ca-cert", o.service.ca_file, "FILE", "Trust the certificates in this PEM file");
}

void define_access_remove(Definition& d) {
  auto& o = d.command<AccessRemoveOptions>();
  d.operands = {"NAME", 1, 1, [&o](auto all) { o.name = all[0]; }};
}

void define_version(Definition& d) {
  d.command<VersionOptions>();
  d.operands = {"", 0, 0, [](auto) {}};
}

constexpr CommandEntry kCommands[] = {
    {"cp", "Copy between files, stdin, stdout, sj://, s3://, hf:// and URLs", define_cp},
    {"ls", "List buckets, prefixes and objects", define_ls},
    {"mb", "Create a bucket", define_mb},
    {"rb", "Remove a bucket", define_rb},
    {"rm", "Remove objects", define_rm},
    {"mirror", "Copy the large files of a Hugging Face repository to a mirror", define_mirror},
    {"stat", "Show size, times and metadata of objects and URLs", define_stat},
    {"presign", "Make a URL that opens an S3 object for a while", define_presign},
    {"share", "Make a restricted access grant", define_share},
    {"access import", "Save an access grant under a name", define_access_import},
    {"access inspect", "Show what an access grant holds, keys included", define_access_inspect},
    {"access list", "List saved accesses", define_access_list},
    {"access register", "Get keys for the S3 gateway from the auth service", define_access_register},
    {"access remove", "Forget a saved access", define_access_remove},
    {"access use", "Choose the default access", define_access_use},
    {"version", "Print version, libraries and code paths", define_version},
};

}  // namespace

std::span<const CommandEntry> commands() {
  return kCommands;
}

}  // namespace sjcp::cli
