// Uploads that runs have begun and not ended: a file for each run, in a folder of the user's.
//
//   FOLDER/run-PID-RANDOM.begun   mode 0600, held with flock() while the run lives; lines, appended:
//       begun NUMBER SERVICE PENDING      the last two in hexadecimal
//       ended NUMBER
//
// The kernel drops the lock of a run that dies, however it dies; whoever gets it then may remove what the run
// left at the service.  A last line that was cut short is none: its upload was not begun.
//
// Errors: none.  What cannot be noted is not: an upload does not fail for it.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "core/local/descriptor.h"
#include "core/transfer/upload_journal.h"

namespace sjcp::local {

// Of this run.  Threads: any.
class BegunUploads final : public transfer::UploadNotes {
 public:
  // folder: empty: nothing is noted.  The file is made with the first note and goes with the last.
  explicit BegunUploads(std::string folder) : folder_(std::move(folder)) {}
  ~BegunUploads() override;

  uint64_t begun(std::string_view service, std::string_view pending) override;
  void ended(uint64_t note) override;

 private:
  bool make_file();
  bool append(const std::string& line);
  void shorten();

  const std::string folder_;
  std::mutex mutex_;
  Descriptor file_;
  std::string path_;
  std::map<uint64_t, std::string> open_;  // lines by number
  uint64_t last_ = 0;
  size_t bytes_ = 0;
};

// Calls `remove` for every upload at `service` that a dead run left.  True: it is gone, and forgotten; false:
// it is kept for another time.  What nobody has removed for a week is forgotten: services remove it by then.
// remembered: what runs, dead and alive, have noted of this service, that upload among it, and what journals
// of the folder name, of any service.
using RemoveLeft =
    std::function<bool(const std::string& pending, const transfer::RememberedUploads& remembered)>;
void remove_left_uploads(const std::string& folder, const std::string& service, const RemoveLeft& remove);

}  // namespace sjcp::local
