#include "server/rpc/validation.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "server/licensing/field_rules.h"
#include "server/rpc/response_header.h"

namespace quorate::server {
namespace {

// Faults of one request beyond these help nobody.
constexpr size_t kMaxFaults = 16;

constexpr absl::string_view kSessionPrefix = "sessions/";
constexpr absl::string_view kLicensePrefix = "licenses/";

bool IsNameByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
         c == '-';
}

bool IsLicenseByte(char c) {
  return IsNameByte(c) || c == '.';
}

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

void CheckRequiredText(absl::string_view text, absl::string_view field,
                       FieldFaults* faults) {
  if (text.empty()) {
    faults->Add(field, "is required");
  } else {
    CheckText(text, field, faults);
  }
}

// In ms; -1 for what is no span of 0 to max_ms.
int64_t SpanMs(const google::protobuf::Duration& span, int64_t max_ms) {
  // The bound on the seconds comes first: it keeps the product from wrapping.
  const bool whole = span.nanos() >= 0 && span.nanos() < 1'000'000'000 &&
                     span.seconds() >= 0 && span.seconds() <= max_ms / 1000;
  const int64_t ms =
      whole ? span.seconds() * 1000 + span.nanos() / 1'000'000 : -1;
  return ms > max_ms ? -1 : ms;
}

}  // namespace

void CheckText(absl::string_view text, absl::string_view field,
               FieldFaults* faults) {
  if (text.size() > licensing::kMaxTextBytes) {
    faults->Add(field, absl::StrCat("has ", text.size(), " bytes; at most ",
                                    licensing::kMaxTextBytes, " are allowed"));
  } else if (std::any_of(text.begin(), text.end(), IsControl)) {
    faults->Add(field, "has a control character");
  }
}

void FieldFaults::Add(absl::string_view field, absl::string_view description) {
  if (faults_.size() >= kMaxFaults) return;
  faults_.push_back({std::string(field), std::string(description)});
}

Refusal FieldFaults::ToRefusal() && {
  return {.reason = type::v1::ERROR_REASON_BAD_REQUEST,
          .fields = std::move(faults_)};
}

void CheckRequestId(absl::string_view request_id, FieldFaults* faults,
                    absl::string_view field) {
  if (request_id.empty()) {
    faults->Add(field, "is required: a UUID, the same one for each repeat");
    return;
  }
  const bool printable =
      std::all_of(request_id.begin(), request_id.end(), [](char c) {
        return absl::ascii_isgraph(static_cast<unsigned char>(c));
      });
  if (request_id.size() > licensing::kMaxNameBytes || !printable) {
    faults->Add(field,
                absl::StrCat("must be 1 to ", licensing::kMaxNameBytes,
                             " printable ASCII characters without spaces"));
  }
}

std::optional<uint64_t> ParseSessionName(absl::string_view name) {
  uint64_t id = 0;
  if (!absl::ConsumePrefix(&name, kSessionPrefix)) return std::nullopt;
  // Nineteen digits hold what the ledger can count to in any time.
  if (name.empty() || name.size() > 19 || name[0] == '0') return std::nullopt;
  if (!std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_isdigit(static_cast<unsigned char>(c));
      })) {
    return std::nullopt;
  }
  if (!absl::SimpleAtoi(name, &id)) return std::nullopt;
  return id;
}

std::string SessionName(uint64_t session_id) {
  return absl::StrCat(kSessionPrefix, session_id);
}

uint64_t CheckSessionName(absl::string_view name, absl::string_view field,
                          FieldFaults* faults) {
  const std::optional<uint64_t> id = ParseSessionName(name);
  if (id.has_value()) return *id;
  faults->Add(field, name.empty() ? "is required: \"sessions/\" and a number"
                                  : "must be \"sessions/\" and a number");
  return 0;
}

std::optional<absl::string_view> ParseLicenseName(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, kLicensePrefix)) return std::nullopt;
  if (name.empty() || name.size() > licensing::kMaxNameBytes ||
      !std::all_of(name.begin(), name.end(), IsLicenseByte)) {
    return std::nullopt;
  }
  return name;
}

std::string LicenseName(absl::string_view license_id) {
  return absl::StrCat(kLicensePrefix, license_id);
}

void CheckFeature(absl::string_view name, absl::string_view field,
                  FieldFaults* faults) {
  if (name.empty()) {
    faults->Add(field, "is required");
  } else if (name.size() > licensing::kMaxNameBytes ||
             !std::all_of(name.begin(), name.end(), IsNameByte)) {
    faults->Add(field, absl::StrCat("must be 1 to ", licensing::kMaxNameBytes,
                                    " of A-Z a-z 0-9 _ -"));
  }
}

void CheckClient(const checkout::v1::ClientDescription& client,
                 FieldFaults* faults) {
  CheckRequiredText(client.user(), "client.user", faults);
  CheckRequiredText(client.host(), "client.host", faults);
  CheckText(client.display(), "client.display", faults);
  CheckText(client.application(), "client.application", faults);
  CheckText(client.version(), "client.version", faults);
  CheckText(client.project(), "client.project", faults);
  if (client.process_id() < 0) {
    faults->Add("client.process_id", "must not be negative");
  }
}

int64_t CheckTtl(const checkout::v1::OpenSessionRequest& request,
                 FieldFaults* faults) {
  if (!request.has_ttl()) return licensing::kDefaultTtlMs;
  const int64_t ms = SpanMs(request.ttl(), licensing::kMaxTtlMs);
  if (ms < licensing::kMinTtlMs) {
    faults->Add("ttl",
                absl::StrCat("must be ", licensing::kMinTtlMs / 1000, " s to ",
                             licensing::kMaxTtlMs / 1000, " s"));
  }
  return ms;
}

int64_t CheckSpan(const google::protobuf::Duration& span, int64_t max_ms,
                  absl::string_view field, FieldFaults* faults) {
  const int64_t ms = SpanMs(span, max_ms);
  if (ms < 0) {
    faults->Add(field, absl::StrCat("must be 0 s to ", max_ms / 1000, " s"));
  }
  return ms;
}

int64_t CheckWait(const checkout::v1::CheckoutRequest& request,
                  FieldFaults* faults) {
  return CheckSpan(request.wait(), licensing::kMaxWaitMs, "wait", faults);
}

uint32_t CheckPriority(const checkout::v1::CheckoutRequest& request,
                       FieldFaults* faults) {
  const uint32_t priority =
      request.has_priority() ? request.priority() : kDefaultPriority;
  if (priority > licensing::kMaxPriority) {
    faults->Add("priority",
                absl::StrCat("must be 0 to ", licensing::kMaxPriority));
  }
  return priority;
}

void CheckItem(const checkout::v1::CheckoutItem& item, const std::string& path,
               FieldFaults* faults) {
  CheckFeature(item.feature(), absl::StrCat(path, "feature"), faults);
  CheckText(item.version(), absl::StrCat(path, "version"), faults);
  CheckText(item.share_key(), absl::StrCat(path, "share_key"), faults);
  if (!IsTime(item.release_time())) {
    faults->Add(absl::StrCat(path, "release_time"),
                "must be from 1970 to 9999");
  }
  if (item.attributes_size() > licensing::kMaxAttributes) {
    faults->Add(absl::StrCat(path, "attributes"),
                absl::StrCat("must be at most ", licensing::kMaxAttributes));
    return;
  }
  for (const auto& [name, value] : item.attributes()) {
    if (licensing::IsLicenseId(name) && licensing::IsLicenseId(value)) continue;
    faults->Add(absl::StrCat(path, "attributes"),
                "must have names and values of 1 to 64 of A-Z a-z 0-9 . _ -");
    return;
  }
}

void CheckItems(
    const google::protobuf::RepeatedPtrField<checkout::v1::CheckoutItem>& items,
    FieldFaults* faults) {
  if (items.empty() || items.size() > licensing::kMaxItems) {
    faults->Add("items", absl::StrCat("must be 1 to ", licensing::kMaxItems));
    return;
  }
  for (int i = 0; i < items.size(); ++i) {
    CheckItem(items[i], absl::StrCat("items[", i, "]."), faults);
  }
}

void CheckSeats(const google::protobuf::RepeatedField<uint64_t>& seats,
                FieldFaults* faults) {
  if (seats.empty() || seats.size() > licensing::kMaxCheckinSeats) {
    faults->Add("seats",
                absl::StrCat("must be 1 to ", licensing::kMaxCheckinSeats));
    return;
  }
  for (int i = 0; i < seats.size(); ++i) {
    if (seats[i] == 0) {
      faults->Add(absl::StrCat("seats[", i, "]"), "must not be zero");
    }
  }
}

void CheckConsistency(const type::v1::Consistency& consistency,
                      FieldFaults* faults) {
  using type::v1::Consistency;
  if (!Consistency::Kind_IsValid(consistency.kind())) {
    faults->Add("consistency.kind", "is not one that this member knows");
  }
  const bool at_least = consistency.kind() == Consistency::KIND_AT_LEAST;
  if (at_least && consistency.index() == 0) {
    faults->Add("consistency.index", "is required with AT_LEAST");
  }
  if (!at_least && consistency.index() != 0) {
    faults->Add("consistency.index", "means nothing without AT_LEAST");
  }
}

int CheckPageSize(int page_size, FieldFaults* faults) {
  if (page_size < 0) {
    faults->Add("page_size", "must not be negative");
    return 0;
  }
  if (page_size == 0) return kDefaultPageSize;
  return std::min(page_size, kMaxPageSize);
}

void CheckOrderBy(absl::string_view order_by, absl::string_view only,
                  FieldFaults* faults) {
  if (order_by.empty() || order_by == only) return;
  faults->Add("order_by", absl::StrCat("must be empty or \"", only, "\""));
}

}  // namespace quorate::server
