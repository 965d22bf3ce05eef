// The few calls to a file system that some do not know: exFAT, network disks and the like refuse them in ways
// of their own, which tests play.
//
// Each returns 0 or an errno.  Threads: any.
#pragma once

#include <cstdint>
#include <string>

namespace sjcp::local {

class Disk {
 public:
  virtual ~Disk() = default;

  virtual int lock(int fd) const;  // exclusively, without waiting: EWOULDBLOCK
  virtual int allocate(int fd, uint64_t offset, uint64_t size) const;
  virtual int rename(const std::string& from, const std::string& to) const;
  // EEXIST when there is something at `to`, and nothing else: what does not know the call looks before.
  int rename_new(const std::string& from, const std::string& to) const;

 protected:
  virtual int rename_noreplace(const std::string& from, const std::string& to) const;
};

const Disk& system_disk();

}  // namespace sjcp::local
