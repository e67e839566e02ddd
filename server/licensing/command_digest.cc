#include "server/licensing/command_digest.h"

#include <algorithm>
#include <string>

#include "absl/strings/string_view.h"

// The header alone: no library to link, and the hash is inlined.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace quorate::licensing {
namespace {

using internal::v1::Command;

// Collects the encoding of one body. What a body did not have in an earlier
// version follows behind the rest, and only where it is set: members of two
// versions must remember the same digest.
class BodyEncoder {
 public:
  BodyEncoder() { bytes_.reserve(160); }

  void Number(uint64_t value) {
    char bytes[8];
    for (int i = 0; i < 8; ++i) {
      bytes[i] = static_cast<char>(value >> (56 - 8 * i));
    }
    bytes_.append(bytes, sizeof(bytes));
  }

  void Signed(int64_t value) { Number(static_cast<uint64_t>(value)); }

  void Text(absl::string_view text) {
    Number(text.size());
    bytes_.append(text.data(), text.size());
  }

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

void Encode(const internal::v1::SessionDescription& description,
            BodyEncoder* out) {
  out->Text(description.user());
  out->Text(description.host());
  out->Text(description.display());
  out->Text(description.application());
  out->Text(description.version());
  out->Text(description.project());
  out->Signed(description.process_id());
}

void Encode(const internal::v1::OpenSession& body, BodyEncoder* out) {
  Encode(body.description(), out);
  out->Signed(body.ttl_ms());
}

void Encode(
    const google::protobuf::RepeatedPtrField<internal::v1::Attribute>& list,
    BodyEncoder* out) {
  out->Number(static_cast<uint64_t>(list.size()));
  for (const internal::v1::Attribute& attribute : list) {
    out->Text(attribute.name());
    out->Text(attribute.value());
  }
}

void EncodeItems(
    const google::protobuf::RepeatedPtrField<internal::v1::CheckoutItem>& items,
    BodyEncoder* out) {
  out->Number(static_cast<uint64_t>(items.size()));
  for (const internal::v1::CheckoutItem& item : items) {
    out->Text(item.feature());
    out->Number(item.count());
  }
  for (int i = 0; i < items.size(); ++i) {
    const internal::v1::CheckoutItem& item = items[i];
    if (item.version().empty() && item.released_ms() == 0 &&
        item.attributes().empty() && item.share_key().empty()) {
      continue;
    }
    out->Number(static_cast<uint64_t>(i));
    out->Text(item.version());
    out->Signed(item.released_ms());
    Encode(item.attributes(), out);
    out->Text(item.share_key());
  }
}

void Encode(const internal::v1::Checkout& body, BodyEncoder* out) {
  out->Number(body.session_id());
  EncodeItems(body.items(), out);
  if (body.wait_ms() == 0) return;
  out->Signed(body.wait_ms());
  out->Number(body.priority());
}

void Encode(const internal::v1::CancelCheckout& body, BodyEncoder* out) {
  out->Number(body.session_id());
  out->Text(body.checkout_request_id());
}

void Encode(const internal::v1::ResizeSeat& body, BodyEncoder* out) {
  out->Number(body.session_id());
  out->Number(body.seat_handle());
  out->Number(body.count());
}

void Encode(const internal::v1::TerminateSession& body, BodyEncoder* out) {
  out->Number(body.session_id());
  out->Text(body.reason());
  out->Signed(body.cool_down_ms());
  out->Number(body.at_once() ? 1 : 0);
}

void Encode(const internal::v1::ReleaseSeat& body, BodyEncoder* out) {
  out->Number(body.seat_handle());
  out->Text(body.reason());
}

void Encode(const internal::v1::Borrow& body, BodyEncoder* out) {
  out->Number(body.session_id());
  out->Number(static_cast<uint64_t>(body.seat_handles_size()));
  for (const uint64_t handle : body.seat_handles())
    out->Number(handle);
  out->Signed(body.until_ms());
  out->Signed(body.span_ms());
}

void Encode(const internal::v1::ReleaseNamedUser& body, BodyEncoder* out) {
  out->Text(body.feature());
  out->Text(body.user());
  out->Text(body.reason());
}

void Encode(const internal::v1::Checkin& body, BodyEncoder* out) {
  out->Number(body.session_id());
  out->Number(static_cast<uint64_t>(body.seat_handles_size()));
  for (const uint64_t handle : body.seat_handles())
    out->Number(handle);
}

void Encode(const internal::v1::RenewSessions& body, BodyEncoder* out) {
  out->Number(static_cast<uint64_t>(body.renewals_size()));
  for (const internal::v1::Renewal& renewal : body.renewals()) {
    out->Number(renewal.session_id());
    out->Text(renewal.principal());
    out->Number(renewal.has_idle_ms()
                    ? static_cast<uint64_t>(renewal.idle_ms()) + 1
                    : 0);
  }
}

void Encode(const internal::v1::InstallLicense& body, BodyEncoder* out) {
  out->Text(body.license_file());
  out->Text(body.payload_sha256());
  const internal::v1::LicenseTerms& terms = body.terms();
  out->Text(terms.license_id());
  out->Number(terms.serial());
  out->Text(terms.vendor_id());
  out->Text(terms.customer_id());
  out->Signed(terms.issued_ms());
  out->Signed(terms.not_before_ms());
  out->Signed(terms.not_after_ms());
  out->Text(terms.cluster_id());
  out->Number(terms.cluster_epoch());
  out->Number(static_cast<uint64_t>(terms.features_size()));
  for (const internal::v1::FeatureTerms& feature : terms.features()) {
    out->Text(feature.name());
    out->Number(feature.count());
    out->Signed(feature.start_ms());
    out->Signed(feature.end_ms());
  }
}

void Encode(const internal::v1::ReleaseRestored& body, BodyEncoder* out) {
  out->Number(body.old_epoch());
  out->Signed(body.longest_lease_ms());
  out->Number(body.old_cluster_is_gone() ? 1 : 0);
  out->Signed(body.stopped_for_ms());
}

void Encode(const internal::v1::RetireCluster& body, BodyEncoder* out) {
  out->Number(body.cluster_epoch());
  out->Number(body.epoch());
  out->Text(body.restore_id());
}

void Encode(const internal::v1::PolicyRule& rule, BodyEncoder* out) {
  out->Text(rule.name());
  out->Number(static_cast<uint64_t>(rule.kind()));
  out->Text(rule.feature());
  out->Number(rule.units());
  out->Number(rule.lend() ? 1 : 0);
  out->Number(static_cast<uint64_t>(rule.each()));
  out->Number(static_cast<uint64_t>(rule.parts_size()));
  for (const internal::v1::PolicyPart& part : rule.parts()) {
    out->Number(static_cast<uint64_t>(part.field()));
    out->Number(part.negated() ? 1 : 0);
    out->Number(static_cast<uint64_t>(part.values_size()));
    for (const std::string& value : part.values())
      out->Text(value);
  }
}

void Encode(const internal::v1::ApplyPolicy& body, BodyEncoder* out) {
  out->Number(body.base_version());
  const internal::v1::Policy& policy = body.policy();
  out->Number(static_cast<uint64_t>(policy.rules_size()));
  for (const internal::v1::PolicyRule& rule : policy.rules())
    Encode(rule, out);
  out->Number(static_cast<uint64_t>(policy.groups_size()));
  for (const internal::v1::PolicyGroup& group : policy.groups()) {
    out->Text(group.name());
    out->Number(static_cast<uint64_t>(group.kind()));
    out->Number(static_cast<uint64_t>(group.members_size()));
    for (const std::string& member : group.members())
      out->Text(member);
  }
  out->Number(policy.ignore_case() ? 1 : 0);
  out->Text(body.comment());
}

void Encode(const internal::v1::RollBackPolicy& body, BodyEncoder* out) {
  out->Number(body.base_version());
  out->Number(body.version());
  out->Text(body.comment());
}

void Encode(const internal::v1::CloseSession& body, BodyEncoder* out) {
  out->Number(body.session_id());
}

void Encode(const internal::v1::ReturnBorrow& body, BodyEncoder* out) {
  out->Number(body.session_id());
}

void Encode(const internal::v1::WriteOffBorrow& body, BodyEncoder* out) {
  out->Number(body.session_id());
  out->Text(body.reason());
}

void Encode(const internal::v1::Book& body, BodyEncoder* out) {
  Encode(body.description(), out);
  EncodeItems(body.items(), out);
  out->Signed(body.hold_ms());
  out->Text(body.job());
}

void Encode(const internal::v1::ConfirmBooking& body, BodyEncoder* out) {
  out->Number(body.booking_id());
  out->Number(body.session_id());
}

void Encode(const internal::v1::CancelBooking& body, BodyEncoder* out) {
  out->Number(body.booking_id());
}

void Encode(const internal::v1::SetAccount& body, BodyEncoder* out) {
  out->Text(body.account());
  out->Number(static_cast<uint64_t>(body.roles_size()));
  for (const int role : body.roles())
    out->Number(static_cast<uint64_t>(role));
  out->Text(body.remark());
  out->Number(body.base_version());
}

void Encode(const internal::v1::DeleteAccount& body, BodyEncoder* out) {
  out->Text(body.account());
  out->Number(body.base_version());
}

void EncodeBody(const Command& command, BodyEncoder* out) {
  switch (command.body_case()) {
    case Command::kOpenSession:
      return Encode(command.open_session(), out);
    case Command::kCloseSession:
      return Encode(command.close_session(), out);
    case Command::kCheckout:
      return Encode(command.checkout(), out);
    case Command::kCheckin:
      return Encode(command.checkin(), out);
    case Command::kRenewSessions:
      return Encode(command.renew_sessions(), out);
    case Command::kInstallLicense:
      return Encode(command.install_license(), out);
    case Command::kCancelCheckout:
      return Encode(command.cancel_checkout(), out);
    case Command::kResizeSeat:
      return Encode(command.resize_seat(), out);
    case Command::kTerminateSession:
      return Encode(command.terminate_session(), out);
    case Command::kReleaseSeat:
      return Encode(command.release_seat(), out);
    case Command::kReleaseNamedUser:
      return Encode(command.release_named_user(), out);
    case Command::kBorrow:
      return Encode(command.borrow(), out);
    case Command::kReturnBorrow:
      return Encode(command.return_borrow(), out);
    case Command::kWriteOffBorrow:
      return Encode(command.write_off_borrow(), out);
    case Command::kBook:
      return Encode(command.book(), out);
    case Command::kConfirmBooking:
      return Encode(command.confirm_booking(), out);
    case Command::kCancelBooking:
      return Encode(command.cancel_booking(), out);
    case Command::kReleaseRestored:
      return Encode(command.release_restored(), out);
    case Command::kRetireCluster:
      return Encode(command.retire_cluster(), out);
    case Command::kApplyPolicy:
      return Encode(command.apply_policy(), out);
    case Command::kRollBackPolicy:
      return Encode(command.roll_back_policy(), out);
    case Command::kSetAccount:
      return Encode(command.set_account(), out);
    case Command::kDeleteAccount:
      return Encode(command.delete_account(), out);
    case Command::kAdvanceClock:
    case Command::kCreateJoinToken:
    case Command::kUseJoinToken:
    case Command::kUpdateAlertSettings:
    case Command::kRaiseAlerts:
    case Command::kRecordAlertMail:
    case Command::BODY_NOT_SET:
      return;
  }
}

}  // namespace

CommandDigest DigestCommand(const Command& command) {
  BodyEncoder out;
  out.Number(static_cast<uint64_t>(command.body_case()));
  EncodeBody(command, &out);
  const XXH128_hash_t hash =
      XXH3_128bits(out.bytes().data(), out.bytes().size());
  // The canonical form is the same on machines of either byte order.
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  CommandDigest digest;
  static_assert(sizeof(canonical.digest) == sizeof(digest));
  std::copy(std::begin(canonical.digest), std::end(canonical.digest),
            digest.begin());
  return digest;
}

}  // namespace quorate::licensing
