// The configuration and credentials files of the AWS tools.
#include "net/s3/profiles.h"
#include "tests/fuzz/require.h"

using namespace sjcp;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = ByteView(data, size).text();
  s3::Profiles profiles;
  const Status config = profiles.add_config(text, "config");
  const Status credentials = profiles.add_credentials(text, "credentials");
  for (const Status* status : {&config, &credentials}) {
    fuzz::require(status->has_value() || status->error().what.find('\n') == std::string::npos);
  }
  const auto* section = profiles.profile("default");
  (void)s3::value_of(section, "region");
  return 0;
}
