// What a licence must look like to be installed, whatever is installed yet.

#ifndef QUORATE_SERVER_LICENSING_LICENSE_RULES_H_
#define QUORATE_SERVER_LICENSING_LICENSE_RULES_H_

#include <optional>

#include "quorate/internal/v1/command.pb.h"

#include "server/licensing/ledger.h"

namespace quorate::licensing {

// The refusal of the first field that is wrong; nothing where all are right.
// The signature was checked by the member that proposed the command.
std::optional<LedgerAnswer> CheckLicenseFields(
    const internal::v1::InstallLicense& body);

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_LICENSE_RULES_H_
