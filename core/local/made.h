// What a run has made, or is making, in local folders, shared by its sinks.
//
//   names    Some folders do not tell all names apart: not by case, or not by the form of accented letters
//            (NFC, NFD).  There a second object could replace a first one of the same run under another
//            spelling.  Only for such folders, and such names, names are remembered.
//   folders  made for files that then did not come are removed again.
//
// Threads: any.
#pragma once

#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/result.h"
#include "core/local/below.h"

namespace sjcp::local {

// A file on its way: where it goes, its name until then, and where it comes from, for messages.
struct Making {
  std::string target;
  std::string part;
  std::string source;
};

class Made {
 public:
  // How a folder is examined; tests play others.
  struct Eyes {
    // Whether the folder of this file, which exists, does not tell names apart by case.
    std::function<bool(const std::string& file)> blind_to_case;
    // Whether two names are of one file, or could be and the file is still `changing`.
    std::function<bool(const std::string& a, const std::string& b, bool changing)> same_file;
  };

  Made();
  explicit Made(Eyes eyes) : eyes_(std::move(eyes)) {}
  Made(const Made&) = delete;
  Made& operator=(const Made&) = delete;

  // `open` makes file.part.  kConflict, with both sources, when the folder takes the name of the file for
  // that of another which this run has made or is making; `open` is not called then.
  Status begin(const Making& file, const std::function<Status()>& open);
  // The file is there, and its folders stay.
  void finished(const std::string& target);
  // It has not come after all.  Removes the folders that were made for it, and for nothing that came.
  void dropped(const std::string& target);

  // As make_folders(), for a file that is about to begin.
  Status make(const Below& folder);

 private:
  struct Known {
    Making file;
    bool finished = false;
  };
  using Names = std::unordered_multimap<uint64_t, Known>;

  Status look_for_twin(const Making& file, uint64_t hash) const;
  Names::iterator find(const std::string& target);
  bool is_blind(const std::string& folder, const std::string& part);

  const Eyes eyes_;
  std::mutex mutex_;                             // guards what follows
  Names names_;                                  // by the hash of the folded path
  std::unordered_map<std::string, bool> blind_;  // folders that were examined
  std::mutex making_;                            // taken after mutex_, if both are; guards
  std::set<std::string> folders_;                // made by this run, without a file that stays
};

// What two names have in common that some folder takes for one: case and accents removed.  Others may have it
// in common as well.
std::string folded_name(std::string_view name);
// Whether the name has letters that Unicode writes in several ways.
bool has_forms(std::string_view name);

}  // namespace sjcp::local
