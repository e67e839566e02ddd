// Whatever bytes arrive as a licence file, the verifier says yes or no and
// believes only the pinned vendor. libFuzzer makes the bytes; the first one
// says how deep they are put, since no fuzzer finds a signature by itself.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/stubs/logging.h"

#include "quorate/document/v1/document.pb.h"

#include "base/check.h"
#include "tests/trust/demo_vendor.h"
#include "trust/armor.h"
#include "trust/document_rules.h"
#include "trust/license_verifier.h"
#include "trust/refusal.h"

namespace quorate::trust {
namespace {

using document::v1::LicenseFile;

// Where the input stands.
enum class Depth : uint8_t { kText, kContainer, kLicense, kCertificate, kRoot };

constexpr int kDepths = 5;

struct Fixture {
  google::protobuf::LogSilencer quiet;  // It reports each bad UTF-8.
  DemoVendor vendor;
  LicenseFile container = vendor.Container();
  std::unique_ptr<LicenseVerifier> verifier =
      LicenseVerifier::Create(vendor.RootFile()).value();
};

// Signs `input` with the right keys as the part that `depth` names.
std::string FileWith(const Fixture& fixture, Depth depth,
                     absl::string_view input) {
  LicenseFile container = fixture.container;
  switch (depth) {
    case Depth::kText:
      return std::string(input);
    case Depth::kContainer:
      return Armor(ArmorLabel::kLicense, input);
    case Depth::kLicense:
      *container.mutable_license() =
          MustSign(PayloadType::kLicense, input, {&fixture.vendor.product_key});
      break;
    case Depth::kCertificate:
      *container.mutable_key_certificate() = MustSign(
          PayloadType::kKeyCertificate, input, fixture.vendor.Signers(2));
      break;
    case Depth::kRoot:
      *container.add_root_chain() =
          MustSign(PayloadType::kRoot, input, fixture.vendor.Signers(3));
      break;
  }
  return ToText(container);
}

void CheckOne(const Fixture& fixture, Depth depth, absl::string_view input) {
  // The pieces that others call alone.
  for (const ArmorLabel label : {ArmorLabel::kRoot, ArmorLabel::kLicense}) {
    const auto bytes = Dearmor(label, input);
    if (bytes.ok()) QUORATE_CHECK(Dearmor(label, Armor(label, *bytes)).ok());
  }
  const auto verified =
      fixture.verifier->Verify(FileWith(fixture, depth, input));
  if (!verified.ok()) {
    QUORATE_CHECK(RefusalOf(verified.status()).has_value());
    return;
  }
  QUORATE_CHECK_OK(CheckLicense(verified->license));
  QUORATE_CHECK(verified->license.vendor_id() ==
                fixture.vendor.root.vendor_id());
  // Only where we signed the input may it say something of its own.
  if (depth == Depth::kText || depth == Depth::kContainer) {
    QUORATE_CHECK(verified->license.SerializeAsString() ==
                  fixture.vendor.license.SerializeAsString());
  }
}

}  // namespace
}  // namespace quorate::trust

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto* const kFixture = new quorate::trust::Fixture;
  if (size == 0) return 0;
  const auto depth =
      static_cast<quorate::trust::Depth>(data[0] % quorate::trust::kDepths);
  quorate::trust::CheckOne(
      *kFixture, depth,
      absl::string_view(reinterpret_cast<const char*>(data) + 1, size - 1));
  return 0;
}
