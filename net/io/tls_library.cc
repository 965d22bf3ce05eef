#include "net/io/tls_library.h"

#include <openssl/core_dispatch.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include <string_view>
#include <vector>

namespace sjcp::io {
namespace {

// The default provider, loaded into a context of its own, is what everything comes from.
struct Library {
  OSSL_LIB_CTX* context = nullptr;
  OSSL_LIB_CTX* whole = nullptr;
  OSSL_PROVIDER* origin = nullptr;
  OSSL_PROVIDER* selected = nullptr;
  void* origin_context = nullptr;
  OSSL_FUNC_provider_query_operation_fn* query = nullptr;
  OSSL_FUNC_provider_get_capabilities_fn* capabilities = nullptr;
  std::vector<OSSL_ALGORITHM> decoders;
};

Library& library() {
  // Never destroyed: connections may end after everything else.
  static Library* const the_library = new Library;
  return *the_library;
}

bool reads_keys_of_peers(const OSSL_ALGORITHM& decoder) {
  const std::string_view name = decoder.algorithm_names;
  const std::string_view properties = decoder.property_definition;
  return (name == "EC" || name == "RSA" || name == "RSA-PSS") &&
         properties.find("structure=SubjectPublicKeyInfo") != properties.npos;
}

const OSSL_ALGORITHM* query(void* context, int operation, int* no_cache) {
  if (operation != OSSL_OP_DECODER) return library().query(context, operation, no_cache);
  *no_cache = 0;
  return library().decoders.data();
}

// Which groups of TLS there are, for one.
int capabilities(void* context, const char* name, OSSL_CALLBACK* callback, void* argument) {
  return library().capabilities(context, name, callback, argument);
}

int set_up(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out, void** context) {
  using Function = void (*)();
  static const OSSL_DISPATCH list[] = {
      {OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<Function>(query)},
      {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, reinterpret_cast<Function>(capabilities)},
      {0, nullptr}};
  *out = list;
  // Algorithms are made by the default provider's functions, which expect their own.
  *context = library().origin_context;
  return 1;
}

bool load_origin(Library& made) {
  made.whole = OSSL_LIB_CTX_new();
  made.origin = made.whole != nullptr ? OSSL_PROVIDER_load(made.whole, "default") : nullptr;
  if (made.origin == nullptr) return false;
  made.origin_context = OSSL_PROVIDER_get0_provider_ctx(made.origin);
  const OSSL_DISPATCH* function = OSSL_PROVIDER_get0_dispatch(made.origin);
  for (; function != nullptr && function->function_id != 0; ++function) {
    if (function->function_id == OSSL_FUNC_PROVIDER_QUERY_OPERATION)
      made.query = OSSL_FUNC_provider_query_operation(function);
    if (function->function_id == OSSL_FUNC_PROVIDER_GET_CAPABILITIES)
      made.capabilities = OSSL_FUNC_provider_get_capabilities(function);
  }
  if (made.query == nullptr || made.capabilities == nullptr) return false;
  int no_cache = 0;
  const OSSL_ALGORITHM* decoder = made.query(made.origin_context, OSSL_OP_DECODER, &no_cache);
  for (; decoder != nullptr && decoder->algorithm_names != nullptr; ++decoder) {
    if (reads_keys_of_peers(*decoder)) made.decoders.push_back(*decoder);
  }
  if (made.decoders.empty()) return false;
  made.decoders.push_back({nullptr, nullptr, nullptr, nullptr});
  return true;
}

}  // namespace

OSSL_LIB_CTX* tls_library() {
  static OSSL_LIB_CTX* const context = []() -> OSSL_LIB_CTX* {
    if (EVP_default_properties_is_fips_enabled(nullptr) == 1) return nullptr;
    Library& made = library();
    if (!load_origin(made)) return nullptr;
    made.context = OSSL_LIB_CTX_new();
    if (made.context == nullptr || OSSL_PROVIDER_add_builtin(made.context, "sjcp-tls", set_up) != 1)
      return nullptr;
    made.selected = OSSL_PROVIDER_load(made.context, "sjcp-tls");
    return made.selected != nullptr ? made.context : nullptr;
  }();
  return context;
}

}  // namespace sjcp::io
