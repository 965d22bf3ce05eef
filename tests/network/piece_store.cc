#include "tests/network/piece_store.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>

namespace sjcp::network {
namespace {

class MemoryPiece : public StoredPiece {
 public:
  explicit MemoryPiece(std::string data) : data_(std::move(data)) {}
  ByteView data() const override { return data_; }

 private:
  std::string data_;
};

class MemoryStore : public PieceStore {
 public:
  Status put(const std::string& id, std::string data) override {
    // Uploads grow their buffer as data comes; what stays should not keep the slack.
    if (data.capacity() > data.size() + data.size() / 4) data.shrink_to_fit();
    auto piece = std::make_shared<MemoryPiece>(std::move(data));
    std::lock_guard lock(mutex_);
    pieces_[id] = std::move(piece);
    return {};
  }
  std::shared_ptr<const StoredPiece> get(const std::string& id) const override {
    std::lock_guard lock(mutex_);
    const auto at = pieces_.find(id);
    return at == pieces_.end() ? nullptr : at->second;
  }
  bool remove(const std::string& id) override {
    std::lock_guard lock(mutex_);
    return pieces_.erase(id) != 0;
  }
  std::vector<std::string> ids() const override {
    std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    out.reserve(pieces_.size());
    for (const auto& [id, piece] : pieces_) out.push_back(id);
    return out;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const StoredPiece>> pieces_;
};

// A file mapped into memory.
class MappedPiece : public StoredPiece {
 public:
  MappedPiece(void* address, size_t size) : address_(address), size_(size) {}
  ~MappedPiece() override {
    if (size_ > 0) munmap(address_, size_);
  }
  ByteView data() const override { return ByteView(static_cast<const uint8_t*>(address_), size_); }

 private:
  void* address_;
  size_t size_;
};

class FolderStore : public PieceStore {
 public:
  explicit FolderStore(std::string folder) : folder_(std::move(folder)) {}
  ~FolderStore() override {
    for (const std::string& id : ids_) ::unlink(path(id).c_str());
    ::rmdir(folder_.c_str());  // stays when it holds anything else
  }

  Status put(const std::string& id, std::string data) override {
    const std::string target = path(id);
    const std::string temporary = target + ".part";
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return errno_error(temporary, errno);
    size_t done = 0;
    int error = 0;
    while (done < data.size() && error == 0) {
      const ssize_t n = ::write(fd, data.data() + done, data.size() - done);
      if (n >= 0) {
        done += static_cast<size_t>(n);
      } else if (errno != EINTR) {
        error = errno;
      }
    }
    ::close(fd);
    if (error == 0 && ::rename(temporary.c_str(), target.c_str()) != 0) error = errno;
    if (error != 0) {
      ::unlink(temporary.c_str());
      return errno_error(target, error);
    }
    std::lock_guard lock(mutex_);
    ids_.insert(id);
    return {};
  }

  std::shared_ptr<const StoredPiece> get(const std::string& id) const override {
    const int fd = ::open(path(id).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return nullptr;
    struct stat info{};
    void* address = MAP_FAILED;
    size_t size = 0;
    if (::fstat(fd, &info) == 0) {
      size = static_cast<size_t>(info.st_size);
      address = size == 0 ? nullptr : ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    }
    ::close(fd);
    if (address == MAP_FAILED) return nullptr;
    return std::make_shared<MappedPiece>(address, size);
  }

  bool remove(const std::string& id) override {
    std::lock_guard lock(mutex_);
    return ids_.erase(id) != 0 && ::unlink(path(id).c_str()) == 0;
  }

  std::vector<std::string> ids() const override {
    std::lock_guard lock(mutex_);
    return {ids_.begin(), ids_.end()};
  }

 private:
  std::string path(const std::string& id) const { return folder_ + "/" + to_hex(id); }

  const std::string folder_;
  mutable std::mutex mutex_;
  std::set<std::string> ids_;
};

}  // namespace

std::unique_ptr<PieceStore> make_memory_store() {
  return std::make_unique<MemoryStore>();
}

Result<std::unique_ptr<PieceStore>> make_folder_store(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return errno_error(folder, error.value());
  return std::unique_ptr<PieceStore>(std::make_unique<FolderStore>(folder));
}

}  // namespace sjcp::network
