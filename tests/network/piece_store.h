// Where one node keeps its pieces: in memory, or one file a piece in a folder.
//
// Threads: any.  A piece that a reader holds stays readable after it was removed or replaced.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace sjcp::network {

class StoredPiece {
 public:
  virtual ~StoredPiece() = default;
  virtual ByteView data() const = 0;
};

class PieceStore {
 public:
  virtual ~PieceStore() = default;
  // Replaces an older piece of that id.  kLocalIo.
  virtual Status put(const std::string& id, std::string data) = 0;
  virtual std::shared_ptr<const StoredPiece> get(const std::string& id) const = 0;  // null: none
  virtual bool remove(const std::string& id) = 0;
  virtual std::vector<std::string> ids() const = 0;
};

std::unique_ptr<PieceStore> make_memory_store();
// Makes the folder if need be.  Only pieces put since then are found; they are deleted with the store.
// kLocalIo.
Result<std::unique_ptr<PieceStore>> make_folder_store(const std::string& folder);

}  // namespace sjcp::network
