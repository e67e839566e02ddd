#include "tools/quorate/invocation.h"

#include <cstdlib>
#include <iostream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "client/error.h"
#include "nlohmann/json.hpp"
#include "tools/quorate/duration.h"
#include "tools/quorate/exit_code.h"

namespace quorate::cli {
namespace {

absl::StatusOr<std::string> FlagOrVariable(const std::string& flag,
                                           const char* flag_name,
                                           const char* variable) {
  if (!flag.empty()) return flag;
  // Nothing in this program sets variables.
  const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe)
  if (value != nullptr && *value != '\0') return std::string(value);
  return absl::InvalidArgumentError(
      absl::StrCat("no ", flag_name, " and no ", variable,
                   ": load the environment of a cluster first (\". DIR/env\" "
                   "after \"./dev up --dir DIR\")"));
}

absl::StatusOr<bool> IsRestricted(const Invocation& invocation) {
  if (invocation.restricted) return true;
  const char* value =
      std::getenv("QUORATE_RESTRICTED");  // NOLINT(concurrency-mt-unsafe)
  const absl::string_view word = value == nullptr ? "" : value;
  if (word.empty() || word == "0") return false;
  if (word == "1") return true;
  return absl::InvalidArgumentError(
      "QUORATE_RESTRICTED must be 1 (look only) or 0");
}

// Of what is about accounts.
absl::string_view AdviceOnAccess(ErrorReason reason) {
  switch (reason) {
    case ErrorReason::kPermissionMissing:
      return "\"quorate whoami\" shows what you may do.";
    case ErrorReason::kAccountChanged:
    case ErrorReason::kAccountNotFound:
      return "\"quorate accounts list\" shows them.";
    case ErrorReason::kLastAdministrator:
      return "Make somebody else an administrator first, or name one in "
             "[access] administrators of a member's configuration.";
    default:
      return "";
  }
}

// What a person does about it; empty where the message says it all.
absl::string_view AdviceFor(const absl::Status& status) {
  switch (ReasonOf(status)) {
    case ErrorReason::kNoQuorum:
      return "Fewer than two members agree. Seats that are held stay valid; "
             "see \"quorate status\", and start a member that is down.";
    case ErrorReason::kFeatureUnknown:
      return "\"quorate pools\" lists the features that are licensed.";
    case ErrorReason::kPoolExhausted:
      return "\"quorate seats FEATURE\" shows who holds them.";
    case ErrorReason::kUnauthenticated:
      return "The certificate in QUORATE_CERT is not one of this cluster.";
    case ErrorReason::kLicenseForeign:
      return "Ask the vendor for a licence with the id of this cluster: "
             "\"quorate status\" shows it.";
    case ErrorReason::kLicenseInvalid:
      return "Use the file exactly as the vendor sent it.";
    case ErrorReason::kChangeUnderWay:
      return "\"quorate members list\" shows what is under way, and who can be "
             "reached.";
    case ErrorReason::kMemberNotFound:
      return "\"quorate members list\" shows the names.";
    case ErrorReason::kMemberExists:
      return "To put another machine in a member's place: \"quorate members "
             "replace NAME\".";
    case ErrorReason::kMemberBehind:
      return "\"quorate members list\" shows how far it is behind; try again "
             "when it is near 0.";
    case ErrorReason::kQuorumWouldBeLost:
      return "Bring the members back that \"quorate members list\" shows as "
             "not "
             "reachable, or add a member first.";
    case ErrorReason::kJoinNotServed:
      return "Set [listen] join, and ca_key in [tls.peer] and [tls.client], in "
             "the configuration of one or more members.";
    case ErrorReason::kClocksBeyond:
      return "Mend the clocks if they are wrong; else accept a later moment.";
    case ErrorReason::kUnspecified:
      break;
    default:
      return AdviceOnAccess(ReasonOf(status));
  }
  const absl::string_view message = status.message();
  if (absl::IsUnauthenticated(status)) {
    return "Is QUORATE_CA the CA of this cluster, and do QUORATE_CERT and "
           "QUORATE_KEY belong together and to it?";
  }
  if (!absl::IsUnavailable(status)) return "";
  if (absl::StrContains(message, "Connection refused")) {
    return "Nothing listens there: is QUORATE_ENDPOINTS right, and does a "
           "member run?";
  }
  if (absl::StrContains(message, "DNS resolution failed")) {
    return "Is the name of the host in QUORATE_ENDPOINTS right?";
  }
  // In TLS 1.3 a client learns only afterwards that it is not wanted, and
  // then no more than that.
  for (const char* sign : {"Socket closed", "Connection reset",
                           "Handshake read failed", "handshaker shutdown"}) {
    if (absl::StrContains(message, sign)) {
      return "A member hung up at once: is QUORATE_CERT a client's "
             "certificate, signed by the CA of this cluster?";
    }
  }
  return "";
}

}  // namespace

absl::StatusOr<ClientOptions> OptionsOf(const Invocation& invocation) {
  ClientOptions options;
  QUORATE_ASSIGN_OR_RETURN(
      const std::string endpoints,
      FlagOrVariable(invocation.endpoints, "--endpoints", "QUORATE_ENDPOINTS"));
  QUORATE_ASSIGN_OR_RETURN(const std::string ca,
                           FlagOrVariable(invocation.ca, "--ca", "QUORATE_CA"));
  QUORATE_ASSIGN_OR_RETURN(
      const std::string cert,
      FlagOrVariable(invocation.cert, "--cert", "QUORATE_CERT"));
  QUORATE_ASSIGN_OR_RETURN(
      const std::string key,
      FlagOrVariable(invocation.key, "--key", "QUORATE_KEY"));
  options.endpoints = SplitEndpoints(endpoints);
  const absl::Status files = options.ReadFiles(ca, cert, key);
  if (!files.ok()) {
    // A file that is not there is a mistake of the command line here, and not
    // something that the cluster did not find.
    return absl::InvalidArgumentError(files.message());
  }
  QUORATE_ASSIGN_OR_RETURN(
      options.deadline, ParsePositiveDuration("--timeout", invocation.timeout));
  QUORATE_ASSIGN_OR_RETURN(options.restricted, IsRestricted(invocation));
  QUORATE_RETURN_IF_ERROR(options.Validate());
  return options;
}

int Fail(const Invocation& invocation, const absl::Status& status) {
  const int exit_code = ExitCodeOf(status);
  const absl::string_view advice = AdviceFor(status);
  if (invocation.output == OutputFormat::kJson) {
    nlohmann::ordered_json error;
    error["code"] = absl::StatusCodeToString(status.code());
    error["reason"] = ReasonNameOf(status);
    error["message"] = std::string(status.message());
    error["advice"] = std::string(advice);
    error["metadata"] = MetadataOf(status);
    error["exitCode"] = exit_code;
    std::cerr << nlohmann::ordered_json{{"error", error}}.dump(
                     2, ' ', false,
                     nlohmann::ordered_json::error_handler_t::replace)
              << std::endl;
    return exit_code;
  }
  const std::string reason = ReasonNameOf(status);
  Say(absl::StrCat(status.message(), reason.empty() ? "" : " [", reason,
                   reason.empty() ? "" : "]"));
  if (!advice.empty()) std::cerr << advice << std::endl;
  return exit_code;
}

void Say(absl::string_view message) {
  std::cerr << absl::StrCat("quorate: ", message, "\n") << std::flush;
}

}  // namespace quorate::cli
