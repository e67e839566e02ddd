// Commands as tests write them.

#ifndef QUORATE_TESTS_SERVER_LICENSING_COMMANDS_H_
#define QUORATE_TESTS_SERVER_LICENSING_COMMANDS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "quorate/internal/v1/command.pb.h"

namespace quorate::licensing {

inline constexpr char kClusterId[] = "0123456789abcdef0123456789abcdef";
inline constexpr char kAlice[] = "quorate://c/client/alice";
// What a client's belief can last at most: an hour, and its margin.
inline constexpr int64_t kLongestLeaseMs = 75 * 60 * 1000;
inline constexpr char kBob[] = "quorate://c/client/bob";

internal::v1::Command OpenCommand(int64_t ttl_ms);
internal::v1::Command CloseCommand(uint64_t session_id);
internal::v1::Command CheckoutCommand(
    uint64_t session_id,
    const std::vector<std::pair<std::string, uint32_t>>& items);
// As CheckoutCommand, and may wait.
internal::v1::Command WaitCommand(
    uint64_t session_id,
    const std::vector<std::pair<std::string, uint32_t>>& items, int64_t wait_ms,
    uint32_t priority = 5);
internal::v1::Command CancelCommand(uint64_t session_id,
                                    const std::string& checkout_request_id);
internal::v1::Command CheckinCommand(uint64_t session_id,
                                     const std::vector<uint64_t>& handles);
internal::v1::Command ResizeCommand(uint64_t session_id, uint64_t handle,
                                    uint32_t count);
internal::v1::Command TerminateCommand(uint64_t session_id,
                                       int64_t cool_down_ms,
                                       bool at_once = false);
internal::v1::Command ReleaseSeatCommand(uint64_t handle);
internal::v1::Command ReleaseUserCommand(const std::string& feature,
                                         const std::string& user);
// For so long from now by the calendar.
internal::v1::Command BorrowCommand(uint64_t session_id,
                                    const std::vector<uint64_t>& handles,
                                    int64_t span_ms);
internal::v1::Command ReturnCommand(uint64_t session_id);
internal::v1::Command WriteOffCommand(uint64_t session_id);
// For alice.
internal::v1::Command BookCommand(
    const std::vector<std::pair<std::string, uint32_t>>& items,
    int64_t hold_ms);
internal::v1::Command ConfirmCommand(uint64_t booking_id, uint64_t session_id);
internal::v1::Command CancelBookingCommand(uint64_t booking_id);
internal::v1::Command RenewCommand(const std::string& principal,
                                   const std::vector<uint64_t>& sessions);
// Of one session, whose user did something so long ago.
internal::v1::Command IdleCommand(const std::string& principal,
                                  uint64_t session_id, int64_t idle_ms);
internal::v1::Command AdvanceCommand();

// Of a cluster that was restored, once the old one was retired.
internal::v1::Command ReleaseCommand(uint32_t old_epoch,
                                     int64_t longest_lease_ms);
// And where the old one is gone.
internal::v1::Command GoneCommand(uint32_t old_epoch, int64_t stopped_for_ms);
internal::v1::Command RetireCommand(uint32_t cluster_epoch, uint32_t epoch,
                                    const std::string& restore_id);

// A licence of this cluster without an end, its bytes made from id and serial.
internal::v1::Command InstallCommand(
    const std::string& license_id, uint64_t serial,
    const std::vector<std::pair<std::string, uint32_t>>& features);

}  // namespace quorate::licensing

#endif  // QUORATE_TESTS_SERVER_LICENSING_COMMANDS_H_
