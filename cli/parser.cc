#include "cli/parser.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <optional>

#include "cli/nearest.h"
#include "cli/redact.h"
#include "core/base/units.h"

namespace sjcp::cli {
namespace {

// The operands of a command, by what they are called in messages.
struct Operands {
  std::string synopsis;  // "SRC... DST"
  size_t least = 0;
  size_t most = 0;
  std::function<void(std::vector<std::string>)> take;
  std::function<bool()> fewer =
      {};  // after the options are read: whether fewer than `least` will do; may be empty
};

// What a value must be; the text says what it is not, after the option as it was typed and the value.
using Check = std::function<std::string(const std::string&)>;

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

// One command while it is being parsed: its options write straight into the invocation.
struct Definition {
  CLI::App* app;
  Invocation* invocation;
  Operands operands;

  template <class T>
  T& command() {
    invocation->command = T();
    return *std::get_if<T>(&invocation->command);
  }
  CLI::Option* flag(const char* names, bool& target, const char* help) {
    return app->add_flag(names, target, help)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  CLI::Option* flag(const char* names, std::optional<bool>& target, const char* help) {
    return app->add_flag_function(
                  names, [&target](int64_t count) { target = count > 0; }, help)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  template <class T>
  CLI::Option* value(const char* names, T& target, const char* type, const char* help) {
    return app->add_option(names, target, help)
        ->type_name(type)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  CLI::Option* count(const char* names, unsigned& target, const char* help) {
    return value(names, target, "N", help)->check(number_between(1, 100'000));
  }
  // A value that is understood by `read`, which says what it is not.
  template <class T>
  CLI::Option* understood(const char* names, T& target, std::optional<T> (*read)(const std::string&),
                          const char* wrong, const char* type, const char* help) {
    return app
        ->add_option_function<std::string>(
            names, [&target, read](const std::string& text) { target = read(text).value_or(T()); }, help)
        ->check([read, wrong](const std::string& text) { return std::string(read(text) ? "" : wrong); })
        ->type_name(type)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  // A count, or "auto", which is 0.
  CLI::Option* count_or_auto(const char* names, unsigned& target, const char* help) {
    const auto read = [](const std::string& text) -> std::optional<unsigned> {
      if (text == "auto") return 0U;
      const auto count = whole_number(text);
      return count && *count >= 1 && *count <= 100'000 ? std::optional<unsigned>(*count) : std::nullopt;
    };
    return understood<unsigned>(names, target, read, "not auto or a number from 1 to 100000", "N|auto", help);
  }
  CLI::Option* size(const char* names, uint64_t& target, const char* help) {
    const auto read = [](const std::string& text) {
      const auto bytes = parse_size(text);
      return bytes && *bytes > 0 ? bytes : std::nullopt;
    };
    return understood<uint64_t>(names, target, read, "not a size; write 256MiB", "SIZE", help);
  }
  CLI::Option* rates(const char* names, Rates& target, const char* help) {
    const auto read = [](const std::string& text) { return parse_rates(text); };
    return understood<Rates>(names, target, read, "not a rate; write 10M, or 10M/2M for down/up",
                             "RATE[/RATE]", help);
  }
  // Accepted because uplink takes it; changes nothing here.
  void ignored_value(const char* names, const char* help) {
    app->add_option_function<std::string>(names, [](const std::string&) {}, help)->group("Without effect");
  }
  void ignored_flag(const char* names, const char* help) {
    app->add_flag_function(names, [](int64_t) {}, help)->group("Without effect");
  }
};

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

const std::vector<std::string>& progress_words() {
  static const std::vector<std::string> kWords = {"auto", "bar", "json", "none", "plain", "true", "false"};
  return kWords;
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

struct CommandEntry {
  const char* name;
  const char* summary;
  void (*define)(Definition&);
};

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

std::string overview() {
  std::string text =
      "sjcp copies files to and from Storj, S3, Hugging Face and web servers.\n\nUsage: sjcp COMMAND "
      "[OPTIONS] ...\n\nCommands:\n";
  for (const auto& command : kCommands) {
    std::string name = command.name;
    name.resize(16, ' ');
    text += "  " + name + command.summary + "\n";
  }
  return text +
         "\n  help COMMAND, --help, --version, -V\n\nThe access is --access NAME|GRANT|FILE, else "
         "SJCP_ACCESS, else "
         "UPLINK_ACCESS, else "
         "the default access.\n`sjcp COMMAND --help` lists a command's options; `man sjcp` explains them.\n";
}

std::string command_help(const CommandEntry& entry, const Definition& d) {
  std::string text = std::string(entry.summary) + ".\n\nUsage: sjcp " + entry.name + " [OPTIONS] " +
                     d.operands.synopsis + "\n";
  CLI::Formatter formatter;
  formatter.column_width(34);
  return text + formatter.make_groups(d.app, CLI::AppFormatMode::Normal);
}

bool takes_value(const CLI::Option* option) {
  return option != nullptr && option->get_items_expected_max() > 0;
}

// An option with its value in one word, and as it was typed.
struct OptionWord {
  std::string word;   // "--transfers=lots", "-r"
  std::string typed;  // "-t"
};

// Separates operands from options and writes every option with its value in one word, so that values may
// begin with '-' and operands may look like anything.
class Normalizer {
 public:
  explicit Normalizer(const CLI::App& app) : app_(app) {}

  // kUsage: an option without its value.
  Status run(std::span<const std::string> args) {
    for (size_t i = 0; i < args.size(); ++i) {
      const std::string& arg = args[i];
      if (arg == "--") {
        operands.insert(operands.end(), args.begin() + static_cast<ptrdiff_t>(i) + 1, args.end());
        return {};
      }
      Status ok;
      if (arg.size() > 2 && arg.starts_with("--")) {
        ok = long_option(args, i);
      } else if (arg.size() > 1 && arg[0] == '-') {
        ok = short_options(args, i);
      } else {
        operands.push_back(arg);
      }
      if (!ok) return ok;
    }
    return {};
  }

  std::vector<OptionWord> options;
  std::vector<std::string> operands;

 private:
  Status long_option(std::span<const std::string> args, size_t& i) {
    const std::string& arg = args[i];
    if (const size_t equal = arg.find('='); equal != std::string::npos) {
      options.push_back({arg, arg.substr(0, equal)});
      return {};
    }
    if (arg == "--progress") return progress(args, i);
    if (!takes_value(app_.get_option_no_throw(arg))) {
      options.push_back({arg, arg});
      return {};
    }
    if (i + 1 == args.size()) return missing(arg);
    options.push_back({arg + "=" + args[++i], arg});
    return {};
  }

  // uplink's form is a switch, so the next word is a mode only if it is one.
  Status progress(std::span<const std::string> args, size_t& i) {
    const std::string next = i + 1 < args.size() ? args[i + 1] : "";
    const auto& modes = progress_words();
    const bool mode = std::find(modes.begin(), modes.end(), next) != modes.end();
    if (const std::string meant = mode ? "" : nearest(next, modes); !meant.empty()) {
      return make_error(Errc::kUsage, "--progress " + shown(next) + ": not a mode; did you mean " + meant +
                                          "? A file of that name is ./" + next);
    }
    options.push_back({"--progress=" + (mode ? args[++i] : "auto"), "--progress"});
    return {};
  }

  Status short_options(std::span<const std::string> args, size_t& i) {
    const std::string& arg = args[i];
    for (size_t n = 1; n < arg.size(); ++n) {
      std::string name = {'-', arg[n]};
      const CLI::Option* option = app_.get_option_no_throw(name);
      const bool given = n + 1 < arg.size() && arg[n + 1] == '=';  // "-r=false", "-t=4"
      if (!takes_value(option) && !(given && option != nullptr)) {
        options.push_back({name, name});
        continue;
      }
      std::string value = arg.substr(n + (given ? 2 : 1));
      if (n + 1 == arg.size()) {
        if (i + 1 == args.size()) return missing(name);
        value = args[++i];
      }
      options.push_back({"--" + option->get_lnames().at(0) + "=" + value, name});
      return {};
    }
    return {};
  }

  static Status missing(const std::string& option) {
    return make_error(Errc::kUsage, option + " needs a value");
  }

  const CLI::App& app_;
};

// One command with its options, ready to parse.
struct CommandParser {
  explicit CommandParser(const CommandEntry& entry) {
    app.set_help_flag("-h,--help", "Print this help");
    entry.define(d);
    add_global(d);
  }

  std::vector<std::string> long_options() const {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    }
    return names;
  }
  // The words as the library takes them.
  void parse(std::span<const OptionWord> words) {
    std::vector<std::string> reversed;
    for (size_t i = words.size(); i > 0; --i) reversed.push_back(words[i - 1].word);
    app.parse(reversed);
  }

  Invocation invocation;
  CLI::App app;
  Definition d{&app, &invocation, {}};
};

Error usage(const CommandEntry& entry, const std::string& text) {
  return make_error(Errc::kUsage, text + "; see sjcp " + entry.name + " --help");
}

// What is wrong with an option that the library does not take, without its name for it.
std::string reason(const CLI::ParseError& error) {
  const auto* wrong = dynamic_cast<const CLI::ValidationError*>(&error);
  if (wrong == nullptr) return "not a value that it takes";
  const std::string text = wrong->what();
  const size_t colon = text.find(": ");
  return colon == std::string::npos ? text : text.substr(colon + 2);
}

// The first of the options that cannot be taken.
Error wrong_option(const CommandEntry& entry, std::span<const OptionWord> words) {
  for (const OptionWord& word : words) {
    CommandParser alone(entry);
    try {
      alone.parse({&word, 1});
    } catch (const CLI::ParseError& error) {
      const size_t equal = word.word.find('=');
      const std::string value = equal == std::string::npos ? "" : " " + shown(word.word.substr(equal + 1));
      return usage(entry, word.typed + value + ": " + reason(error));
    } catch (const std::exception&) {
      // The library lets number conversion errors of flags through.
      return usage(entry, word.typed + ": not a value that it takes");
    }
  }
  return usage(entry, "the options do not go together");
}

Status check_names(const CommandEntry& entry, const CommandParser& parser,
                   const std::vector<OptionWord>& words) {
  for (const auto& option : words) {
    const std::string name = option.word.substr(0, option.word.find('='));
    if (parser.app.get_option_no_throw(name) == nullptr) {
      const std::string meant = name.starts_with("--") ? suggestion(name, parser.long_options()) : "";
      return usage(entry, "unknown option " + shown(name) + meant);
    }
    if (option.word == name + "=") return usage(entry, option.typed + " needs a value");
  }
  return {};
}

Result<std::variant<Invocation, HelpText>> parse_command(const CommandEntry& entry,
                                                         std::span<const std::string> args) {
  CommandParser parser(entry);
  Normalizer words(parser.app);
  if (auto ok = words.run(args); !ok) return usage(entry, ok.error().what);
  if (auto ok = check_names(entry, parser, words.options); !ok) return ok.error();
  try {
    parser.parse(words.options);
  } catch (const CLI::CallForHelp&) {
    return std::variant<Invocation, HelpText>(HelpText{command_help(entry, parser.d)});
  } catch (const std::exception&) {
    return wrong_option(entry, words.options);
  }
  const Operands& operands = parser.d.operands;
  const bool fewer_will_do = operands.fewer && operands.fewer();
  if (words.operands.size() < operands.least && !fewer_will_do)
    return usage(entry, "expected " + operands.synopsis);
  if (words.operands.size() > operands.most) {
    return usage(entry, "unexpected argument " + shown(words.operands[operands.most]));
  }
  operands.take(std::move(words.operands));
  return std::variant<Invocation, HelpText>(std::move(parser.invocation));
}

// Whether an option takes a value, before it is known whose it is: none does in one command and not in
// another.
bool takes_value_somewhere(const std::string& name) {
  return std::any_of(std::begin(kCommands), std::end(kCommands), [&name](const CommandEntry& entry) {
    const CommandParser parser(entry);
    return takes_value(parser.app.get_option_no_throw(name));
  });
}

// How many words an option before the command has.
size_t words_of_option(std::span<const std::string> args) {
  const std::string& arg = args.front();
  bool next = false;
  if (arg == "--progress") {
    const auto& modes = progress_words();
    next = args.size() > 1 && std::find(modes.begin(), modes.end(), args[1]) != modes.end();
  } else if (arg.starts_with("--")) {
    next = arg.find('=') == std::string::npos && takes_value_somewhere(arg);
  } else {
    size_t n = 1;
    while (n + 1 < arg.size() && !takes_value_somewhere({'-', arg[n]})) ++n;
    next = n + 1 == arg.size() && takes_value_somewhere({'-', arg[n]});
  }
  return next && args.size() > 1 ? 2 : 1;
}

const CommandEntry* find_command(const std::string& name) {
  for (const auto& entry : kCommands) {
    if (name == entry.name) return &entry;
  }
  return nullptr;
}

// How others call it.
struct OtherName {
  const char* word;
  const char* command;
};
constexpr OtherName kOtherNames[] = {
    {"copy", "cp"},
    {"upload", "cp"},
    {"download", "cp"},
    {"get", "cp"},
    {"put", "cp"},
    {"list", "ls"},
    {"dir", "ls"},
    {"del", "rm"},
    {"delete", "rm"},
    {"remove", "rm"},
    {"mkdir", "mb"},
    {"make-bucket", "mb"},
    {"remove-bucket", "rb"},
    {"info", "stat"},
    {"head", "stat"},
    {"import", "access import"},
    {"inspect", "access inspect"},
    {"register", "access register"},
    {"use", "access use"},
};

Error unknown_command(const std::string& command) {
  std::string meant;
  for (const auto& other : kOtherNames) {
    if (command == other.word) meant = std::string("; did you mean ") + other.command + "?";
  }
  std::vector<std::string> names = {"help"};
  for (const auto& entry : kCommands) names.emplace_back(entry.name);
  if (meant.empty()) meant = suggestion(command, names);
  return make_error(Errc::kUsage, "unknown command " + shown(command) + meant + "; see sjcp --help");
}

// `sjcp help [COMMAND]`.
Result<std::variant<Invocation, HelpText>> help_of(std::span<const std::string> words) {
  if (words.empty() || (words.size() == 1 && words[0] == "access")) {
    return std::variant<Invocation, HelpText>(HelpText{overview()});
  }
  std::string name = words[0];
  if (name == "access") name += " " + words[1];
  const CommandEntry* entry = find_command(name);
  if (entry == nullptr) return unknown_command(name);
  const CommandParser parser(*entry);
  return std::variant<Invocation, HelpText>(HelpText{command_help(*entry, parser.d)});
}

std::optional<uint64_t> parse_rate(std::string_view text) {
  if (text == "off") return 0;
  return parse_size(text);
}

}  // namespace

std::optional<Rates> parse_rates(std::string_view text) {
  const size_t slash = std::min(text.find('/'), text.size());
  const auto down = parse_rate(text.substr(0, slash));
  const auto up = slash == text.size() ? down : parse_rate(text.substr(slash + 1));
  if (!down || !up) return std::nullopt;
  return Rates{*down, *up};
}

Result<std::variant<Invocation, HelpText>> parse_arguments(std::span<const std::string> args) {
  using Parsed = std::variant<Invocation, HelpText>;
  const auto is_help = [](const std::string& arg) { return arg == "--help" || arg == "-h"; };
  size_t i = 0;
  while (i < args.size() && args[i].size() > 1 && args[i][0] == '-') {
    if (args[i] == "--version" || args[i] == "-V")
      return Parsed(Invocation{GlobalOptions(), VersionOptions()});
    if (is_help(args[i])) return Parsed(HelpText{overview()});
    i += words_of_option(args.subspan(i));
  }
  if (i >= args.size()) return make_error(Errc::kUsage, "no command given; see sjcp --help");
  std::vector<std::string> rest(args.begin(), args.begin() + static_cast<ptrdiff_t>(i));
  std::string command = args[i++];
  if (command == "help") return help_of(args.subspan(i));
  if (command == "access") {
    if (i < args.size() && is_help(args[i])) return Parsed(HelpText{overview()});
    if (i == args.size()) {
      return make_error(Errc::kUsage,
                        "access needs one of import, inspect, list, register, remove, use; see sjcp --help");
    }
    command += " " + args[i++];
  }
  const CommandEntry* entry = find_command(command);
  if (entry == nullptr) return unknown_command(command);
  rest.insert(rest.end(), args.begin() + static_cast<ptrdiff_t>(i), args.end());
  return parse_command(*entry, rest);
}

std::vector<CommandDoc> documented_options() {
  std::vector<CommandDoc> docs;
  docs.push_back({"", {"--help", "--version", "-V"}, {}});
  for (const auto& entry : kCommands) {
    const CommandParser parser(entry);
    CommandDoc doc{entry.name, {}, {}};
    for (const CLI::Option* option : parser.app.get_options()) {
      std::vector<std::string> names;
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
      for (const auto& name : option->get_snames()) names.push_back("-" + name);
      auto& valued = doc.valued;
      if (takes_value(option)) valued.insert(valued.end(), names.begin(), names.end());
      doc.options.insert(doc.options.end(), names.begin(), names.end());
    }
    docs.push_back(std::move(doc));
  }
  return docs;
}

}  // namespace sjcp::cli
