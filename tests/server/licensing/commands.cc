#include "tests/server/licensing/commands.h"

#include "absl/strings/str_cat.h"

namespace quorate::licensing {

using internal::v1::Command;

Command OpenCommand(int64_t ttl_ms) {
  Command command;
  command.mutable_open_session()->set_ttl_ms(ttl_ms);
  command.mutable_open_session()->mutable_description()->set_user("alice");
  return command;
}

Command CloseCommand(uint64_t session_id) {
  Command command;
  command.mutable_close_session()->set_session_id(session_id);
  return command;
}

Command CheckoutCommand(
    uint64_t session_id,
    const std::vector<std::pair<std::string, uint32_t>>& items) {
  Command command;
  command.mutable_checkout()->set_session_id(session_id);
  for (const auto& [feature, count] : items) {
    internal::v1::CheckoutItem* const item =
        command.mutable_checkout()->add_items();
    item->set_feature(feature);
    item->set_count(count);
  }
  return command;
}

Command WaitCommand(uint64_t session_id,
                    const std::vector<std::pair<std::string, uint32_t>>& items,
                    int64_t wait_ms, uint32_t priority) {
  Command command = CheckoutCommand(session_id, items);
  command.mutable_checkout()->set_wait_ms(wait_ms);
  command.mutable_checkout()->set_priority(priority);
  return command;
}

Command CancelCommand(uint64_t session_id,
                      const std::string& checkout_request_id) {
  Command command;
  command.mutable_cancel_checkout()->set_session_id(session_id);
  command.mutable_cancel_checkout()->set_checkout_request_id(
      checkout_request_id);
  return command;
}

Command CheckinCommand(uint64_t session_id,
                       const std::vector<uint64_t>& handles) {
  Command command;
  command.mutable_checkin()->set_session_id(session_id);
  for (const uint64_t handle : handles) {
    command.mutable_checkin()->add_seat_handles(handle);
  }
  return command;
}

Command ResizeCommand(uint64_t session_id, uint64_t handle, uint32_t count) {
  Command command;
  command.mutable_resize_seat()->set_session_id(session_id);
  command.mutable_resize_seat()->set_seat_handle(handle);
  command.mutable_resize_seat()->set_count(count);
  return command;
}

Command TerminateCommand(uint64_t session_id, int64_t cool_down_ms,
                         bool at_once) {
  Command command;
  internal::v1::TerminateSession* body = command.mutable_terminate_session();
  body->set_session_id(session_id);
  body->set_reason("needed elsewhere");
  body->set_cool_down_ms(cool_down_ms);
  body->set_at_once(at_once);
  return command;
}

Command ReleaseUserCommand(const std::string& feature,
                           const std::string& user) {
  Command command;
  command.mutable_release_named_user()->set_feature(feature);
  command.mutable_release_named_user()->set_user(user);
  return command;
}

Command ReleaseSeatCommand(uint64_t handle) {
  Command command;
  command.mutable_release_seat()->set_seat_handle(handle);
  command.mutable_release_seat()->set_reason("needed elsewhere");
  return command;
}

Command BorrowCommand(uint64_t session_id, const std::vector<uint64_t>& handles,
                      int64_t span_ms) {
  Command command;
  internal::v1::Borrow* const body = command.mutable_borrow();
  body->set_session_id(session_id);
  body->mutable_seat_handles()->Add(handles.begin(), handles.end());
  body->set_span_ms(span_ms);
  return command;
}

Command ReturnCommand(uint64_t session_id) {
  Command command;
  command.mutable_return_borrow()->set_session_id(session_id);
  return command;
}

Command WriteOffCommand(uint64_t session_id) {
  Command command;
  command.mutable_write_off_borrow()->set_session_id(session_id);
  command.mutable_write_off_borrow()->set_reason("lost on a train");
  return command;
}

Command BookCommand(const std::vector<std::pair<std::string, uint32_t>>& items,
                    int64_t hold_ms) {
  Command command;
  internal::v1::Book* const body = command.mutable_book();
  body->mutable_description()->set_user("alice");
  *body->mutable_items() = CheckoutCommand(0, items).checkout().items();
  body->set_hold_ms(hold_ms);
  body->set_job("j7");
  return command;
}

Command ConfirmCommand(uint64_t booking_id, uint64_t session_id) {
  Command command;
  command.mutable_confirm_booking()->set_booking_id(booking_id);
  command.mutable_confirm_booking()->set_session_id(session_id);
  return command;
}

Command CancelBookingCommand(uint64_t booking_id) {
  Command command;
  command.mutable_cancel_booking()->set_booking_id(booking_id);
  return command;
}

Command RenewCommand(const std::string& principal,
                     const std::vector<uint64_t>& sessions) {
  Command command;
  command.mutable_renew_sessions();
  for (const uint64_t session : sessions) {
    internal::v1::Renewal* const renewal =
        command.mutable_renew_sessions()->add_renewals();
    renewal->set_session_id(session);
    renewal->set_principal(principal);
  }
  return command;
}

Command ReleaseCommand(uint32_t old_epoch, int64_t longest_lease_ms) {
  Command command;
  internal::v1::ReleaseRestored* body = command.mutable_release_restored();
  body->set_old_epoch(old_epoch);
  body->set_longest_lease_ms(longest_lease_ms);
  return command;
}

Command GoneCommand(uint32_t old_epoch, int64_t stopped_for_ms) {
  Command command;
  internal::v1::ReleaseRestored* body = command.mutable_release_restored();
  body->set_old_epoch(old_epoch);
  body->set_old_cluster_is_gone(true);
  body->set_stopped_for_ms(stopped_for_ms);
  return command;
}

Command RetireCommand(uint32_t cluster_epoch, uint32_t epoch,
                      const std::string& restore_id) {
  Command command;
  internal::v1::RetireCluster* body = command.mutable_retire_cluster();
  body->set_cluster_epoch(cluster_epoch);
  body->set_epoch(epoch);
  body->set_restore_id(restore_id);
  return command;
}

Command IdleCommand(const std::string& principal, uint64_t session_id,
                    int64_t idle_ms) {
  Command command = RenewCommand(principal, {session_id});
  command.mutable_renew_sessions()->mutable_renewals(0)->set_idle_ms(idle_ms);
  return command;
}

Command AdvanceCommand() {
  Command command;
  command.mutable_advance_clock();
  return command;
}

Command InstallCommand(
    const std::string& license_id, uint64_t serial,
    const std::vector<std::pair<std::string, uint32_t>>& features) {
  Command command;
  internal::v1::InstallLicense* const body = command.mutable_install_license();
  body->set_license_file(absl::StrCat(license_id, " ", serial));
  std::string digest = absl::StrCat(license_id, " ", serial);
  digest.resize(32);
  body->set_payload_sha256(digest);
  internal::v1::LicenseTerms* const terms = body->mutable_terms();
  terms->set_license_id(license_id);
  terms->set_serial(serial);
  terms->set_vendor_id("vendor");
  terms->set_customer_id("customer");
  terms->set_cluster_id(kClusterId);
  terms->set_cluster_epoch(1);
  for (const auto& [name, count] : features) {
    internal::v1::FeatureTerms* const feature = terms->add_features();
    feature->set_name(name);
    feature->set_count(count);
  }
  return command;
}

}  // namespace quorate::licensing
