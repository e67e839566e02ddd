// Whatever stands in a file of rules, it is read as a policy that may be put in
// force, or the remarks say what is wrong. The first byte chooses the format;
// libFuzzer makes the rest from a corpus.

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

#include "base/check.h"
#include "server/policy/policy_check.h"
#include "server/policy_formats/dsls_policy.h"
#include "server/policy_formats/flexnet_options.h"
#include "server/policy_formats/toml_policy.h"

namespace {

quorate::policy::ImportedPolicy Read(int format, absl::string_view text) {
  if (format == 0) return quorate::policy::ReadTomlPolicy(text, "rules.toml");
  return format == 1 ? quorate::policy::ReadFlexnetOptions(text)
                     : quorate::policy::ReadDslsPolicy(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using quorate::policy::ImportedPolicy;
  if (size == 0) return 0;
  const absl::string_view text(reinterpret_cast<const char*>(data) + 1,
                               size - 1);
  const ImportedPolicy imported = Read(data[0] % 3, text);
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
  const std::string xml = quorate::policy::WriteDslsPolicy(*imported.policy);
  const ImportedPolicy other = quorate::policy::ReadDslsPolicy(xml);
  // XML has no place for some characters that UTF-8 has.
  if (other.policy.has_value()) {
    QUORATE_CHECK(quorate::policy::WriteDslsPolicy(*other.policy) == xml);
  }
  return 0;
}
