// Multipart uploads that a run has begun, as it notes them for a later run (transfer::UploadNotes): services
// bill what is stored of them until somebody removes them.
//
// Two notes, records of these kinds:
//
//   "sjcps3as"  bucket | key | ms since 1970     before a service is asked for an upload: it has no name yet
//   "sjcps3bg"  bucket | key | upload id         once the service has named it; the other ends
//
// A run that dies between the two, or whose answer is lost, leaves an upload that carries no mark of ours:
// services show nothing of what it was begun with.  ours_among() says which may be taken for it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/transfer/upload_journal.h"
#include "net/s3/requester.h"
#include "net/s3/times.h"

namespace sjcp::s3 {

struct BegunUpload {
  std::string bucket;
  std::string key;
  std::string upload_id;

  std::string text() const;
  // Nothing: it is none.
  static std::optional<BegunUpload> parse(std::string_view text);
};

struct AskedUpload {
  std::string bucket;
  std::string key;
  WallTime asked;  // by this machine's clock

  std::string text() const;
  // Nothing: it is none.
  static std::optional<AskedUpload> parse(std::string_view text);
};

// How an upload that the same command goes on with is remembered: ObjectWriter::keep().
struct KeptUpload {
  std::string upload_id;
  uint64_t part_size = 0;
  bool checksums = false;
  bool trailing = false;

  std::string text() const;
  // Nothing: it is none.
  static std::optional<KeptUpload> parse(std::string_view text);
};

struct PendingUpload {
  std::string upload_id;
  WallTime initiated;  // by the service's clock
};

// What an unanswered request may have left.
struct MaybeOurs {
  std::vector<std::string> upload_ids;
  size_t at_most = 0;  // of them are ours
  bool wait = false;   // somebody else of ours has just asked for the same: his is not told from it
};

// Those of the pending uploads of its key that were begun in the seconds around the question and that no
// other note or journal of ours names.  at_most: as many as such questions have been noted.
// ahead: the service's clock.
MaybeOurs ours_among(const std::vector<PendingUpload>& pending, const AskedUpload& asked,
                     const std::vector<transfer::RememberedUpload>& remembered, std::chrono::seconds ahead);

// Removes what the question has left, if anything: what ours_among() names and has no part, since nobody who
// does not know its name can have stored one.  More of those than ours are left alone: without parts they
// cost nothing.  An error: it may still be there.
Status remove_asked(Requester& requester, const AskedUpload& asked,
                    const transfer::RememberedUploads& remembered, const transfer::Context& context);

// Done too where there is none.
Status remove_upload(Requester& requester, const BegunUpload& upload, const transfer::Context& context);

// The notes of one upload; none where nothing is noted.  Threads: one at a time.
class Note final : public Tries {
 public:
  // service: as Store::service() has it.  notes outlives this; null: nothing is noted.
  Note(transfer::UploadNotes* notes, std::string service, std::string bucket, std::string key)
      : notes_(notes), service_(std::move(service)), bucket_(std::move(bucket)), key_(std::move(key)) {}
  Note(const Note&) = delete;
  Note& operator=(const Note&) = delete;

  void asking(std::chrono::system_clock::time_point now) override;
  void refused() override;
  void begun(const std::string& upload_id);
  // It was put together or removed, or somebody else remembers it.  Not called: a later run removes it.
  void ended();

 private:
  transfer::UploadNotes* const notes_;
  const std::string service_;
  const std::string bucket_;
  const std::string key_;
  uint64_t asked_ = 0;
  uint64_t begun_ = 0;
};

}  // namespace sjcp::s3
