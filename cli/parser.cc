#include "cli/parser.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

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
    return value(names, target, "N", help)->check(CLI::Range(1U, 100'000U).description(""));
  }
  // A count, or "auto", which is 0.
  CLI::Option* count_or_auto(const char* names, unsigned& target, const char* help) {
    return app
        ->add_option_function<std::string>(
            names,
            [&target](const std::string& text) {
              unsigned count = 0;
              const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
              const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
              if (text != "auto" && (!whole || count < 1 || count > 100'000)) {
                throw CLI::ValidationError("--parallelism", "not auto or a number from 1 to 100000");
              }
              target = count;
            },
            help)
        ->type_name("N|auto")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  CLI::Option* size(const char* names, uint64_t& target, const char* help) {
    return app
        ->add_option_function<std::string>(
            names,
            [&target](const std::string& text) {
              auto bytes = parse_size(text);
              if (!bytes || *bytes == 0) throw CLI::ValidationError("--memory", "not a size; write 256MiB");
              target = *bytes;
            },
            help)
        ->type_name("SIZE");
  }
  CLI::Option* rates(const char* name, Rates& target, const char* help) {
    return app
        ->add_option_function<std::string>(
            name,
            [&target, name](const std::string& text) {
              auto rates = parse_rates(text);
              if (!rates) throw CLI::ValidationError(name, "not a rate; write 10M, or 10M/2M for down/up");
              target = *rates;
            },
            help)
        ->type_name("RATE[/RATE]")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
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
  d.flag("-v,--verbose", global.verbose, "Log what happens (same as --log-level info)");
  d.value("--log-level", global.log_level, "LEVEL",
          "Log lines shown on stderr: trace, debug, info, warn, error, off")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}).description(""))
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
  if (text == "json") return ProgressMode::kJson;
  if (text == "none" || text == "false") return ProgressMode::kNone;
  return ProgressMode::kAuto;
}

const std::vector<std::string>& progress_words() {
  static const std::vector<std::string> kWords = {"auto", "bar", "json", "none", "true", "false"};
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
      ->check(CLI::Range(0U, 1'000'000U).description(""));
  d.flag("--dry-run", o.dry_run, "Print what would be copied");
  d.app
      ->add_option_function<std::string>(
          "--progress", [&o](const std::string& text) { o.progress = progress_mode(text); },
          "auto: a bar on a terminal, else nothing; bar; json: JSON lines on stderr; none [auto]")
      ->type_name("MODE")
      ->check(CLI::IsMember(progress_words()).description(""))
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  d.value("--progress-file", o.progress_file, "FILE", "Write progress as JSON lines to this file");
  d.value("--progress-fd", o.progress_fd, "N", "Write progress as JSON lines to this open descriptor")
      ->check(CLI::Range(0, 1'000'000).description(""));
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
      ->check(CLI::IsMember({"tabbed", "json"}).description(""))
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  d.app->add_flag_function(
      "--json", [&o](int64_t count) { o.format = count > 0 ? ListFormat::kJson : ListFormat::kTabbed; },
      "Same as -o json: one object a line");
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
      ->check(CLI::IsMember({"GET", "HEAD", "PUT", "DELETE"}).description(""))
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
            "Not available: needs the auth service")
        ->group("Auth service");
  }
  for (const char* name : {"--dns", "--auth-service", "--base-url"}) {
    d.app
        ->add_option_function<std::string>(
            name, [&o, name](const std::string&) { o.edge_options.emplace_back(name); },
            "Not available: needs the auth service")
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
      ->check(CLI::IsMember({"text", "env", "aws", "json"}).description(""))
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
         "\n  --help, --version\n\nThe access is --access NAME|GRANT|FILE, else SJCP_ACCESS, else "
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

  std::vector<std::string> options;
  std::vector<std::string> operands;

 private:
  Status long_option(std::span<const std::string> args, size_t& i) {
    const std::string& arg = args[i];
    if (arg.find('=') != std::string::npos) {
      options.push_back(arg);
      return {};
    }
    if (arg == "--progress") {
      // uplink's form is a switch, so the next word is a mode only if it is one.
      bool mode = i + 1 < args.size() &&
                  std::count(progress_words().begin(), progress_words().end(), args[i + 1]) > 0;
      options.push_back(arg + "=" + (mode ? args[++i] : "auto"));
      return {};
    }
    if (!takes_value(app_.get_option_no_throw(arg))) {
      options.push_back(arg);
      return {};
    }
    if (i + 1 == args.size()) return missing(arg);
    options.push_back(arg + "=" + args[++i]);
    return {};
  }

  Status short_options(std::span<const std::string> args, size_t& i) {
    const std::string& arg = args[i];
    for (size_t n = 1; n < arg.size(); ++n) {
      std::string name = {'-', arg[n]};
      const CLI::Option* option = app_.get_option_no_throw(name);
      if (!takes_value(option)) {
        options.push_back(name);
        continue;
      }
      std::string value = arg.substr(n + 1);
      if (!value.empty() && value[0] == '=') value.erase(0, 1);
      if (n + 1 == arg.size()) {
        if (i + 1 == args.size()) return missing(name);
        value = args[++i];
      }
      options.push_back("--" + option->get_lnames().at(0) + "=" + value);
      return {};
    }
    return {};
  }

  static Status missing(const std::string& option) {
    return make_error(Errc::kUsage, option + " needs a value");
  }

  const CLI::App& app_;
};

Error usage(const CommandEntry& entry, const std::string& text) {
  return make_error(Errc::kUsage, text + "; see sjcp " + entry.name + " --help");
}

// What the option library says, as part of one line and without secrets.
std::string one_line(const CLI::ParseError& error) {
  std::string text = error.what();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return redacted(text);
}

Result<std::variant<Invocation, HelpText>> parse_command(const CommandEntry& entry,
                                                         std::span<const std::string> args) {
  Invocation invocation;
  CLI::App app;
  app.set_help_flag("-h,--help", "Print this help");
  Definition d{&app, &invocation, {}};
  entry.define(d);
  add_global(d);

  Normalizer words(app);
  if (auto ok = words.run(args); !ok) return usage(entry, ok.error().what);
  for (const auto& option : words.options) {
    std::string name = option.substr(0, option.find('='));
    if (app.get_option_no_throw(name) == nullptr) return usage(entry, "unknown option " + shown(name));
    if (option == name + "=") return usage(entry, name + " needs a value");
  }
  try {
    std::vector<std::string> reversed(words.options.rbegin(), words.options.rend());
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    return std::variant<Invocation, HelpText>(HelpText{command_help(entry, d)});
  } catch (const CLI::ParseError& error) {
    return usage(entry, one_line(error));
  } catch (const std::exception&) {
    // The library lets number conversion errors of flags through.
    return usage(entry, "an option has a value that it cannot take");
  }
  const bool fewer_will_do = d.operands.fewer && d.operands.fewer();
  if (words.operands.size() < d.operands.least && !fewer_will_do)
    return usage(entry, "expected " + d.operands.synopsis);
  if (words.operands.size() > d.operands.most) {
    return usage(entry, "unexpected argument " + shown(words.operands[d.operands.most]));
  }
  d.operands.take(std::move(words.operands));
  return std::variant<Invocation, HelpText>(std::move(invocation));
}

// Options that take a value and may stand before the command.
bool leading_value_option(const std::string& arg) {
  return arg == "--log-level" || arg == "--config-dir" || arg == "--retry-time";
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
  std::vector<std::string> rest;
  std::string command;
  size_t i = 0;
  for (; i < args.size() && args[i].starts_with("-"); ++i) {
    if (args[i] == "--version") {
      return std::variant<Invocation, HelpText>(Invocation{GlobalOptions(), VersionOptions()});
    }
    if (args[i] == "--help" || args[i] == "-h")
      return std::variant<Invocation, HelpText>(HelpText{overview()});
    rest.push_back(args[i]);
    if (leading_value_option(args[i]) && i + 1 < args.size()) rest.push_back(args[++i]);
  }
  if (i == args.size()) return make_error(Errc::kUsage, "no command given; see sjcp --help");
  command = args[i++];
  if (command == "help") return std::variant<Invocation, HelpText>(HelpText{overview()});
  if (command == "access") {
    if (i == args.size() || args[i] == "--help" || args[i] == "-h") {
      if (i < args.size()) return std::variant<Invocation, HelpText>(HelpText{overview()});
      return make_error(Errc::kUsage,
                        "access needs one of import, inspect, list, register, remove, use; see sjcp --help");
    }
    command += " " + args[i++];
  }
  rest.insert(rest.end(), args.begin() + static_cast<ptrdiff_t>(i), args.end());
  for (const auto& entry : kCommands) {
    if (command == entry.name) return parse_command(entry, rest);
  }
  return make_error(Errc::kUsage, "unknown command " + shown(command) + "; see sjcp --help");
}

std::vector<CommandDoc> documented_options() {
  std::vector<CommandDoc> docs;
  docs.push_back({"", {"--help", "--version"}});
  for (const auto& entry : kCommands) {
    Invocation invocation;
    CLI::App app;
    app.set_help_flag("-h,--help", "Print this help");
    Definition d{&app, &invocation, {}};
    entry.define(d);
    add_global(d);
    CommandDoc doc{entry.name, {}};
    for (const CLI::Option* option : app.get_options()) {
      for (const auto& name : option->get_lnames()) doc.options.push_back("--" + name);
      for (const auto& name : option->get_snames()) doc.options.push_back("-" + name);
    }
    docs.push_back(std::move(doc));
  }
  return docs;
}

}  // namespace sjcp::cli
