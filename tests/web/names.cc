// Preloaded into a program, it gives one name several addresses, without root and without a name server:
// SJCP_TEST_ADDRESSES="127.0.0.2 127.0.0.3" is what "many.test" resolves to, in this order.
#include <dlfcn.h>
#include <netdb.h>

#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
  using Resolve = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto resolve = reinterpret_cast<Resolve>(dlsym(RTLD_NEXT, "getaddrinfo"));
  const char* addresses = std::getenv("SJCP_TEST_ADDRESSES");
  if (node == nullptr || addresses == nullptr || std::strcmp(node, "many.test") != 0) {
    return resolve(node, service, hints, result);
  }
  addrinfo** end = result;
  *result = nullptr;
  std::istringstream words(addresses);
  for (std::string address; words >> address;) {
    if (const int failed = resolve(address.c_str(), service, hints, end); failed != 0) return failed;
    // The system's freeaddrinfo() frees what hangs together, one by one.
    while (*end != nullptr) end = &(*end)->ai_next;
  }
  return *result == nullptr ? EAI_NONAME : 0;
}
