// A file system that has no symbolic links, for a program that is started with this library: whoever makes
// one gets the error number in SJCP_NO_LINKS.
#include <cerrno>
#include <cstdlib>

extern "C" int symlink(const char*, const char*) noexcept {
  const char* error = std::getenv("SJCP_NO_LINKS");
  errno = error != nullptr ? std::atoi(error) : EPERM;
  return -1;
}

extern "C" int symlinkat(const char* target, int, const char* path) noexcept {
  return symlink(target, path);
}
