// Whatever stands in a file of rules, it is read as a policy that may be put in
// force, or the remarks say what is wrong. The first byte chooses the format;
// libFuzzer makes the rest from a corpus.

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

#include "base/check.h"
#include "server/policy/policy_check.h"
#include "server/policy_formats/flexnet_options.h"
#include "server/policy_formats/toml_policy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using quorate::policy::ImportedPolicy;
  if (size == 0) return 0;
  const absl::string_view text(reinterpret_cast<const char*>(data) + 1,
                               size - 1);
  const ImportedPolicy imported =
      data[0] % 2 == 0 ? quorate::policy::ReadTomlPolicy(text, "rules.toml")
                       : quorate::policy::ReadFlexnetOptions(text);
  if (!imported.policy.has_value()) {
    QUORATE_CHECK(!imported.remarks.empty());
    return 0;
  }
  QUORATE_CHECK(quorate::policy::CheckPolicy(*imported.policy).empty());
  // What was read is written, and read again.
  const std::string written =
      quorate::policy::WriteTomlPolicy(*imported.policy);
  const ImportedPolicy again =
      quorate::policy::ReadTomlPolicy(written, "rules.toml");
  QUORATE_CHECK(again.policy.has_value());
  QUORATE_CHECK(quorate::policy::WriteTomlPolicy(*again.policy) == written);
  return 0;
}
