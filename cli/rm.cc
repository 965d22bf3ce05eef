#include <set>

#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/listing.h"
#include "cli/services.h"
#include "core/transfer/error_rank.h"

namespace sjcp::cli {
namespace {

// Keys per call of delete_objects: bounds memory, and lets deleting begin while a long listing goes on.
constexpr size_t kBatchKeys = 500;

// Removes objects of one location and counts what happened.
class Remover {
 public:
  Remover(Services& services, const Session& session, bool null)
      : services_(services), session_(session), null_(null) {}

  void remove_one(const Location& at) {
    auto store = services_.store(at);
    if (!store) return failed(store.error());
    const auto& stop = session_.io().stop;
    Status removed;
    // S3 does not tell whether there was anything.
    if (at.kind == Location::Kind::kS3) {
      auto object = (*store)->stat_object(at.bucket, at.path, stop);
      if (!object && object.error().code == Errc::kNotFound) removed = object.error();
    }
    if (removed) removed = (*store)->delete_object(at.bucket, at.path, stop);
    if (!removed) {
      removed = explain_missing(removed.error(), **store, at, "-r removes what is below it", stop);
    }
    result(at, removed);
  }

  void remove_below(const Location& at) {
    auto store = services_.store(at);
    if (!store) return failed(store.error());
    std::vector<std::string> keys;
    uint64_t hidden = 0;
    bool found = false;
    auto listed = list_location(
        **store, ListRequest{at, true, false, false, &hidden},
        [&](const transfer::ObjectItem& item) {
          if (item.is_prefix) return Status();
          found = true;
          keys.push_back(item.key);
          return keys.size() < kBatchKeys ? Status() : flush(**store, at, keys);
        },
        session_.io().stop);
    if (listed) listed = flush(**store, at, keys);
    if (!listed) return failed(listed.error());
    if (hidden > 0 && !found) return failed(make_error(Errc::kDenied, hidden_text(at, hidden)));
    if (hidden > 0) services_.warn(hidden_text(at, hidden));
  }

  // Unfinished uploads of this key, or with `recursive` of all below.
  void remove_pending(const Location& at, bool recursive) {
    auto store = services_.store(at);
    if (!store) return failed(store.error());
    std::set<std::string> keys;  // several uploads may have one
    const Status listed = list_location(
        **store, ListRequest{at, recursive, true, false},
        [&](const transfer::ObjectItem& item) {
          if (!item.is_prefix && (recursive || item.key == at.path)) keys.insert(item.key);
          return Status();
        },
        session_.io().stop);
    if (!listed) return failed(listed.error());
    for (const std::string& key : keys) {
      const Status removed = (*store)->delete_pending(at.bucket, key, session_.io().stop);
      result(Location::in_store(at.kind, at.bucket, key), removed, "removed the unfinished upload of ");
      if (cancelled_) return;
    }
  }

  // The exit code for everything so far.
  int exit() const {
    if (cancelled_) return kExitInterrupted;
    if (!worst_.get()) return kExitOk;
    return removed_ > 0 ? static_cast<int>(kExitSomeFailed) : exit_code(worst_.get()->code);
  }

 private:
  Status flush(transfer::Store& store, const Location& at, std::vector<std::string>& keys) {
    if (keys.empty()) return {};
    auto status = store.delete_objects(
        at.bucket, keys,
        [&](const std::string& key, const Status& one) {
          // Gone already is what was wanted: another client was faster.
          bool gone = !one && one.error().code == Errc::kNotFound;
          result(Location::in_store(at.kind, at.bucket, key), gone ? Status() : one);
        },
        session_.io().stop);
    keys.clear();
    return status;
  }

  void result(const Location& at, const Status& status, const char* said = "removed ") {
    if (!status) return failed(status.error());
    ++removed_;
    if (null_) {
      session_.out().exact(at.text() + '\0');
    } else {
      session_.out().line(said + at.text());
    }
  }

  void failed(const Error& error) {
    if (error.code == Errc::kCancelled) {
      cancelled_ = true;
      return;
    }
    session_.fail(error);
    worst_.add(error);
  }

  Services& services_;
  const Session& session_;
  const bool null_;
  size_t removed_ = 0;
  transfer::WorstError worst_;
  bool cancelled_ = false;
};

Result<Location> parse_target(const std::string& text, bool recursive) {
  auto at = parse_remote(text);
  if (!at) return at;
  if (at->path.empty() && !recursive) {
    return make_error(Errc::kUsage,
                      at->bucket_text() + " is a bucket; rm -r removes what is in it, rb the bucket");
  }
  return at;
}

}  // namespace

int run_command(const RmOptions& options, const Session& session) {
  std::vector<Location> targets;
  for (const auto& text : options.locations) {
    auto at = parse_target(text, options.recursive);
    if (!at) return session.fail(at.error());
    targets.push_back(std::move(*at));
  }
  Services services(session, options.service);
  for (const auto& at : targets) {
    if (auto store = services.store(at); !store) return session.fail(store.error());
  }
  Remover remover(services, session, options.null);
  for (const auto& at : targets) {
    if (session.io().stop.stop_requested()) return session.fail(make_error(Errc::kCancelled, "interrupted"));
    if (options.pending) {
      remover.remove_pending(at, options.recursive);
    } else if (options.recursive) {
      remover.remove_below(at);
    } else {
      remover.remove_one(at);
    }
  }
  int code = remover.exit();
  if (code == kExitInterrupted) return session.fail(make_error(Errc::kCancelled, "interrupted"));
  return code;
}

}  // namespace sjcp::cli
