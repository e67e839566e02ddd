// Whatever text stands in a request where a name, a filter, a token or a
// certificate request is wanted, it is refused with a sentence or means one
// thing. libFuzzer makes the text, or edits a good token.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "base/check.h"
#include "server/join/certificate_authority.h"
#include "server/rpc/join_token.h"
#include "server/rpc/list_filter.h"
#include "server/rpc/member_fields.h"
#include "server/rpc/page_token.h"
#include "server/rpc/validation.h"
#include "tests/fuzz/edited.h"

namespace quorate::server {
namespace {

void CheckNames(absl::string_view text) {
  if (const auto id = ParseMemberId(text)) {
    QUORATE_CHECK(absl::StrCat(id->value()) == text);
  }
  if (const auto session = ParseSessionName(text)) {
    QUORATE_CHECK(SessionName(*session) == text);
  }
  if (const auto license = ParseLicenseName(text)) {
    QUORATE_CHECK(LicenseName(*license) == text);
  }
  if (IsEndpoint(text)) QUORATE_CHECK(!HostOf(text).empty());
  FieldFaults faults;
  CheckRequestId(text, &faults);
  CheckFeature(text, "feature", &faults);
}

void CheckFilter(absl::string_view text) {
  static constexpr absl::string_view kFields[] = {"user", "host"};
  FieldFaults faults;
  const ListFilter filter = ParseListFilter(text, kFields, &faults);
  QUORATE_CHECK(faults.empty() || filter.field.empty());
  QUORATE_CHECK(filter.value.size() <= text.size());
  // Whatever the key, its token leads back to it, and to nothing else. No key
  // is longer than a name.
  const absl::string_view key = text.substr(0, 64);
  const std::string token = MakePageToken("seats", "", key);
  QUORATE_CHECK(ParsePageToken("seats", "", token) == key);
  QUORATE_CHECK(!ParsePageToken("pools", "", token).has_value());
  ParsePageToken("seats", "", text);
}

void CheckToken(absl::string_view text) {
  const auto token = ParseJoinToken(text);
  if (!token.ok()) {
    QUORATE_CHECK(!token.status().message().empty());
    return;
  }
  const auto again = ParseJoinToken(FormatJoinToken(*token));
  QUORATE_CHECK_OK(again.status());
  QUORATE_CHECK(again->id == token->id && again->secret == token->secret &&
                again->join.endpoints == token->join.endpoints &&
                again->join.ca_pin == token->join.ca_pin);
}

void CheckCertificateRequest(absl::string_view bytes) {
  if (CheckRequest(bytes).ok()) QUORATE_CHECK(KeyHashOf(bytes).size() == 32);
}

struct Good {
  std::string token = FormatJoinToken(DrawJoinToken(
      {.endpoints = {"m1.example:7003"}, .ca_pin = std::string(32, 'p')}));
  std::string request = NewRequest(NewPrivateKeyPem()).value();
};

}  // namespace
}  // namespace quorate::server

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto* const kGood = new quorate::server::Good;
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  quorate::server::CheckNames(input);
  quorate::server::CheckFilter(input);
  quorate::server::CheckToken(input);
  quorate::server::CheckToken(quorate::Edited(kGood->token, input));
  quorate::server::CheckCertificateRequest(input);
  quorate::server::CheckCertificateRequest(
      quorate::Edited(kGood->request, input));
  return 0;
}
