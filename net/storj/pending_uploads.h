// Uploads that have begun at the satellite and were not committed, found by the mark of whoever began them.
//
// The mark of an upload is the nonce of the metadata that it begins with: random, ours from before the
// request is sent, and shown by every listing of pending uploads.  It tells an upload whose answer was lost,
// or whose process died, from those of others to the same key.
//
// Threads: any.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "net/storj/session.h"

namespace sjcp::storj {

struct PendingPlace {
  std::string bucket;
  std::string encrypted_key;
  std::string url;  // for messages
};

// Stream ids of the pending uploads to this key with this mark; no mark: all.
Result<std::vector<std::string>> pending_streams(const Session& session, const PendingPlace& place,
                                                 const std::optional<std::string>& mark, const Asking& asking,
                                                 const std::stop_token& stop);

// Also when there is none any more.
Status remove_stream(const Session& session, const PendingPlace& place, const std::string& stream_id,
                     const Asking& asking, const std::stop_token& stop);

// All of this mark; no mark: all.
Status remove_streams(const Session& session, const PendingPlace& place,
                      const std::optional<std::string>& mark, const Asking& asking,
                      const std::stop_token& stop);

// Whether the object at this place is the one whose metadata we sealed with this nonce.
Trace find_object(const Session& session, const PendingPlace& place, const std::string& nonce,
                  const std::stop_token& stop);

// A note for a later run (transfer::UploadNotes), and what that run does with it.
std::string begun_note(const PendingPlace& place, const std::string& mark);
Status remove_begun(const Session& session, const std::string& note, const std::stop_token& stop);

// Whose notes a project with this grant can remove: the satellite, and the public part of the API key.
std::string service_name(const Session& session);

}  // namespace sjcp::storj
