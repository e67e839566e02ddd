#include "server/rpc/reason_rows.h"

#include <algorithm>
#include <iterator>

namespace quorate::server {
namespace {

using grpc::StatusCode;
using type::v1::ErrorReason;

constexpr ReasonRow kReasons[] = {
    {type::v1::ERROR_REASON_NO_QUORUM, StatusCode::UNAVAILABLE, Extra::kRetry,
     "", "too few members agree at the moment; nothing was done"},
    {type::v1::ERROR_REASON_OUTCOME_UNKNOWN, StatusCode::UNAVAILABLE,
     Extra::kRetry, "",
     "the outcome is not known yet; ask again with the same request_id"},
    {type::v1::ERROR_REASON_OVERLOADED, StatusCode::UNAVAILABLE, Extra::kRetry,
     "", "this member has too much to do; nothing was done"},
    {type::v1::ERROR_REASON_STOPPING, StatusCode::UNAVAILABLE, Extra::kRetry,
     "", "this member is stopping; ask another one, with the same request_id"},
    {type::v1::ERROR_REASON_BAD_REQUEST, StatusCode::INVALID_ARGUMENT,
     Extra::kFields, "", "the request is not valid"},
    {type::v1::ERROR_REASON_REQUEST_ID_REUSED, StatusCode::ABORTED,
     Extra::kNothing, "",
     "this request_id was used for another request before; take a new one"},
    {type::v1::ERROR_REASON_REQUEST_EXPIRED, StatusCode::UNAVAILABLE,
     Extra::kRetry, "",
     "the attempt was under way for too long and had no effect; ask again "
     "with the same request_id"},
    {type::v1::ERROR_REASON_SESSION_NOT_FOUND, StatusCode::NOT_FOUND,
     Extra::kNothing, "there is no session {session} (any more)",
     "the session is not there (any more)"},
    {type::v1::ERROR_REASON_SESSION_NOT_YOURS, StatusCode::PERMISSION_DENIED,
     Extra::kNothing, "{session} was opened with another client certificate",
     "the session was opened with another client certificate"},
    {type::v1::ERROR_REASON_SEAT_NOT_FOUND, StatusCode::NOT_FOUND,
     Extra::kNothing, "the session holds no seat {seat}",
     "the session does not hold one of these seats"},
    {type::v1::ERROR_REASON_FEATURE_UNKNOWN, StatusCode::NOT_FOUND,
     Extra::kNothing, "no installed licence has a feature {feature}",
     "no installed licence has one of these features"},
    {type::v1::ERROR_REASON_POOL_EXHAUSTED, StatusCode::RESOURCE_EXHAUSTED,
     Extra::kQuota,
     "{asked} seats of {feature} asked for, but {out} of {total} are in use",
     "too few seats are free now"},
    {type::v1::ERROR_REASON_COUNT_OVER_TOTAL, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "{asked} seats of {feature} asked for, but there are only {total} in all",
     "more seats were asked for than there are"},
    {type::v1::ERROR_REASON_LICENSE_EXPIRED, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition, "the licence of {feature} ended at {end_time}",
     "the licence has ended"},
    {type::v1::ERROR_REASON_LICENSE_NOT_STARTED,
     StatusCode::FAILED_PRECONDITION, Extra::kPrecondition,
     "the licence of {feature} begins at {start_time}",
     "the licence has not begun yet"},
    {type::v1::ERROR_REASON_VERSION_NOT_COVERED,
     StatusCode::FAILED_PRECONDITION, Extra::kPrecondition,
     "the licence of {feature} covers versions up to {version_max}, not "
     "'{version}'",
     "the licence covers older versions only"},
    {type::v1::ERROR_REASON_RELEASE_NOT_COVERED,
     StatusCode::FAILED_PRECONDITION, Extra::kPrecondition,
     "maintenance of {feature} ended at {maintenance_end_time}, and the "
     "application was released at {release_time}",
     "maintenance ended, and the application does not say when it was "
     "released"},
    {type::v1::ERROR_REASON_ATTRIBUTE_NOT_OFFERED,
     StatusCode::FAILED_PRECONDITION, Extra::kPrecondition,
     "no licence of {feature} has {attribute}",
     "no licence of the feature has this attribute"},
    {type::v1::ERROR_REASON_HOST_NOT_COVERED, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition, "the licence of {feature} is not for host {host}",
     "the licence is for other hosts"},
    {type::v1::ERROR_REASON_LICENSE_FOREIGN, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "{license} was issued for another cluster; this one is {cluster_id}, "
     "epoch {cluster_epoch}",
     "the licence was issued for another cluster"},
    {type::v1::ERROR_REASON_SERIAL_ROLLBACK, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "serial {serial} of {license} is older than serial {installed_serial}, "
     "which is installed",
     "a newer serial of the licence is installed"},
    {type::v1::ERROR_REASON_SERIAL_FORK, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "another document with serial {serial} of {license} is installed",
     "another document with the same serial of the licence is installed"},
    {type::v1::ERROR_REASON_LICENSE_INVALID, StatusCode::INVALID_ARGUMENT,
     Extra::kFields, "", "the licence file cannot be trusted"},
    {type::v1::ERROR_REASON_LIMIT_REACHED, StatusCode::RESOURCE_EXHAUSTED,
     Extra::kQuota, "the limit of {max} {limit} is reached",
     "a limit of the cluster is reached"},
    {type::v1::ERROR_REASON_LICENSE_NOT_FOUND, StatusCode::NOT_FOUND,
     Extra::kNothing, "{license} is not installed",
     "no such licence is installed"},
    {type::v1::ERROR_REASON_POLICY_DENIED, StatusCode::PERMISSION_DENIED,
     Extra::kNothing,
     "rule \"{rule}\" of the policy (version {policy_version}) denies "
     "{feature}",
     "the policy allows this feature only to others; `quorate explain` says to "
     "whom"},
    {type::v1::ERROR_REASON_POLICY_LIMIT, StatusCode::RESOURCE_EXHAUSTED,
     Extra::kQuota,
     "{asked} of {feature} asked for, but rule \"{rule}\" of the policy limits "
     "to {units}, of which {used} are out",
     "a rule of the policy limits how much is out at a time"},
    {type::v1::ERROR_REASON_SEATS_RESERVED, StatusCode::RESOURCE_EXHAUSTED,
     Extra::kQuota,
     "{asked} of {feature} asked for; {out} of {total} are in use and "
     "{reserved} kept for others, most by rule \"{rule}\" of the policy",
     "what is free is reserved for others"},
    {type::v1::ERROR_REASON_POLICY_CHANGED, StatusCode::ABORTED,
     Extra::kNothing,
     "the policy was changed meanwhile: version {policy_version} is in force, "
     "not {base_version}",
     "the policy was changed meanwhile"},
    {type::v1::ERROR_REASON_ALERT_SETTINGS_CHANGED, StatusCode::ABORTED,
     Extra::kNothing,
     "the settings of alerts were changed meanwhile: version {version} is in "
     "force, not {base_version}",
     "the settings of alerts were changed meanwhile"},
    {type::v1::ERROR_REASON_MAIL_NOT_CONFIGURED,
     StatusCode::FAILED_PRECONDITION, Extra::kPrecondition,
     "the configuration of {member} names no mail server: it has no [mail]",
     "this member's configuration names no mail server"},
    {type::v1::ERROR_REASON_POLICY_VERSION_NOT_FOUND, StatusCode::NOT_FOUND,
     Extra::kNothing, "version {policy_version} of the policy is not kept",
     "there is no such version of the policy"},
    {type::v1::ERROR_REASON_DISK_FULL, StatusCode::RESOURCE_EXHAUSTED,
     Extra::kRetry,
     "the disk of {member}, which leads, is nearly full: nothing new is begun; "
     "seats can be given back and renewed",
     "the leader's disk is nearly full: nothing new is begun; seats can be "
     "given back and renewed"},
    {type::v1::ERROR_REASON_UNAUTHENTICATED, StatusCode::UNAUTHENTICATED,
     Extra::kNothing, "",
     "the connection carries no client identity of this cluster"},
    {type::v1::ERROR_REASON_CHANGE_UNDER_WAY, StatusCode::UNAVAILABLE,
     Extra::kRetry, "",
     "another change of the members is under way; nothing was done"},
    {type::v1::ERROR_REASON_MEMBER_NOT_FOUND, StatusCode::NOT_FOUND,
     Extra::kNothing, "there is no member {member}", "there is no such member"},
    {type::v1::ERROR_REASON_MEMBER_EXISTS, StatusCode::ALREADY_EXISTS,
     Extra::kNothing, "{member} has the same {same}",
     "name, id or address are another member's"},
    {type::v1::ERROR_REASON_MEMBER_BEHIND, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition, "{member} has not caught up yet",
     "the member has not caught up yet"},
    {type::v1::ERROR_REASON_QUORUM_WOULD_BE_LOST,
     StatusCode::FAILED_PRECONDITION, Extra::kPrecondition,
     "without {member}, the voters that answer would be no majority",
     "the voters that answer would be no majority"},
    {type::v1::ERROR_REASON_JOIN_TOKEN_INVALID, StatusCode::PERMISSION_DENIED,
     Extra::kNothing, "",
     "there is no such join token, or it is for another name"},
    {type::v1::ERROR_REASON_JOIN_TOKEN_EXPIRED, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition, "",
     "the join token's time is over; make another one"},
    {type::v1::ERROR_REASON_JOIN_TOKEN_USED, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition, "",
     "another machine has used the join token; make another one"},
    {type::v1::ERROR_REASON_JOIN_NOT_SERVED, StatusCode::UNAVAILABLE,
     Extra::kRetry, "",
     "this member has no join port ([listen] join in its configuration)"},
    {type::v1::ERROR_REASON_CLOCKS_BEYOND, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition, "",
     "the clocks of a majority show more than was accepted"},
    {type::v1::ERROR_REASON_RESTORED_ON_HOLD, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "restored from a backup of epoch {old_epoch}: no seat is granted for "
     "{seconds_left} s yet, until the old cluster's leases have ended",
     "this cluster was restored from a backup and is on hold; an administrator "
     "lets it serve by `quorate restore release`"},
    {type::v1::ERROR_REASON_CLUSTER_RETIRED, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "this cluster was retired by {retired_by}: epoch {retired_for_epoch}, "
     "restored from its backup, serves in its place",
     "this cluster was retired for one restored from its backup"},
    {type::v1::ERROR_REASON_WAIT_TIMED_OUT, StatusCode::RESOURCE_EXHAUSTED,
     Extra::kNothing, "", "the wait is over, and no seat came free for it"},
    {type::v1::ERROR_REASON_WAIT_CANCELLED, StatusCode::ABORTED,
     Extra::kNothing, "", "the checkout was taken back while it waited"},
    {type::v1::ERROR_REASON_QUEUE_PLACE_NOT_FOUND, StatusCode::NOT_FOUND,
     Extra::kNothing, "", "no checkout of this request_id waits"},
    {type::v1::ERROR_REASON_SESSION_TERMINATED, StatusCode::NOT_FOUND,
     Extra::kNothing, "{session} was terminated by {terminated_by}: {why}",
     "the session was terminated by an administrator"},
    {type::v1::ERROR_REASON_COOLING_DOWN, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "a session of yours that used {feature} was terminated; it can be had "
     "again in {seconds_left} s",
     "a session of this client was terminated a short time ago"},
    {type::v1::ERROR_REASON_GRANT_IS_BORROWED, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "it is borrowed as {session} until {until_time}: who borrowed it may "
     "return it, an administrator may write it off",
     "the seat is borrowed"},
    {type::v1::ERROR_REASON_BORROW_NOT_ALLOWED, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "no licence in force lets seats of {feature} be borrowed",
     "no licence in force lets it be borrowed"},
    {type::v1::ERROR_REASON_BORROW_TOO_LONG, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition, "{feature} can be borrowed until {latest_time} only",
     "it cannot be borrowed for so long"},
    {type::v1::ERROR_REASON_BORROW_LIMIT, StatusCode::RESOURCE_EXHAUSTED,
     Extra::kQuota,
     "{asked} units of {feature} cannot be borrowed: {borrowed} are, and "
     "{max} may be, for so long",
     "as many units are borrowed as may be"},
    {type::v1::ERROR_REASON_BORROW_NOT_FOUND, StatusCode::NOT_FOUND,
     Extra::kNothing, "{session} is no borrow (any more)",
     "there is no such borrow (any more)"},
    {type::v1::ERROR_REASON_NAMES_EXHAUSTED, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "the licence of {feature} is for {total} named users, and others have all "
     "of these names",
     "all names of the licence are others'"},
    {type::v1::ERROR_REASON_RECYCLING_LIMIT, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "the licence of {feature} lets {max} names be freed in {days} days: the "
     "next one at {next_time}",
     "the licence lets no name be freed"},
    {type::v1::ERROR_REASON_NAME_IN_USE, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition, "{user} has a seat of {feature} out",
     "the user has a seat out by this name"},
    {type::v1::ERROR_REASON_NAME_NOT_FOUND, StatusCode::NOT_FOUND,
     Extra::kNothing, "{user} has no name of {feature}",
     "the user has no name of this feature"},
    {type::v1::ERROR_REASON_CASUAL_MINUTES_USED,
     StatusCode::FAILED_PRECONDITION, Extra::kPrecondition,
     "the {minutes} minutes of {feature} that a user has each month are used "
     "up "
     "until {next_time}",
     "the user's minutes of this month are used up"},
    {type::v1::ERROR_REASON_SEAT_CALLED_BACK, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "seat {seat} is called back by rule \"{rule}\" of the policy: it cannot "
     "be "
     "borrowed",
     "a seat that is called back cannot be borrowed"},
    {type::v1::ERROR_REASON_CREDITS_EXHAUSTED, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "{asked} credits of {feature} asked for, but {used} of {total} are used "
     "up",
     "too few credits are left"},
    {type::v1::ERROR_REASON_BOOKING_NOT_FOUND, StatusCode::NOT_FOUND,
     Extra::kNothing, "{session} is no booking (any more)",
     "there is no such booking (any more)"},
    {type::v1::ERROR_REASON_GRANT_IS_BOOKED, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "{session} is a booking: it can be confirmed or cancelled",
     "a booking holds it"},
    {type::v1::ERROR_REASON_EPOCH_MISMATCH, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "epoch {epoch} is not the one that this cluster, of epoch "
     "{cluster_epoch}, can do this for",
     "another epoch of the cluster is meant"},
    {type::v1::ERROR_REASON_PERMISSION_MISSING, StatusCode::PERMISSION_DENIED,
     Extra::kNothing, "", "your roles do not let you do this"},
    {type::v1::ERROR_REASON_ACCOUNT_CHANGED, StatusCode::ABORTED,
     Extra::kNothing,
     "the account {account} was changed meanwhile: look at it again",
     "the account was changed meanwhile"},
    {type::v1::ERROR_REASON_ACCOUNT_NOT_FOUND, StatusCode::NOT_FOUND,
     Extra::kNothing, "there is no account {account}",
     "there is no such account"},
    {type::v1::ERROR_REASON_LAST_ADMINISTRATOR, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "{account} is the last administrator, and this member's configuration "
     "names none",
     "nobody would be an administrator any more"},
};

}  // namespace

const ReasonRow* FindRow(ErrorReason reason) {
  const auto* row = std::find_if(
      std::begin(kReasons), std::end(kReasons),
      [reason](const ReasonRow& each) { return each.reason == reason; });
  return row == std::end(kReasons) ? nullptr : row;
}

absl::string_view SentenceByRule(ErrorReason reason) {
  switch (reason) {
    case type::v1::ERROR_REASON_BORROW_NOT_ALLOWED:
      return "rule \"{rule}\" keeps you from borrowing {feature}";
    case type::v1::ERROR_REASON_BORROW_TOO_LONG:
      return "rule \"{rule}\" lets {feature} be borrowed until {latest_time} "
             "only";
    case type::v1::ERROR_REASON_BORROW_LIMIT:
      return "{asked} units of {feature} cannot be borrowed: {borrowed} are, "
             "and "
             "rule \"{rule}\" lets {max} be";
    default:
      return "";
  }
}

}  // namespace quorate::server
