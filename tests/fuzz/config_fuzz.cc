// Whatever stands in a configuration file, a member starts with a configuration
// or says what is wrong with it. libFuzzer makes the text from a corpus.

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

#include "base/check.h"
#include "server/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto config = quorate::server::ParseConfig(
      absl::string_view(reinterpret_cast<const char*>(data), size),
      "quorated.toml", "/etc/quorate");
  if (config.ok()) {
    QUORATE_CHECK(!config->data_dir.empty());
  } else {
    QUORATE_CHECK(!config.status().message().empty());
  }
  return 0;
}
