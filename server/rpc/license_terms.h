// A verified licence as the ledger and as the public API know it.

#ifndef QUORATE_SERVER_RPC_LICENSE_TERMS_H_
#define QUORATE_SERVER_RPC_LICENSE_TERMS_H_

#include <cstdint>

#include "quorate/admin/v1/license.pb.h"
#include "quorate/document/v1/document.pb.h"
#include "quorate/internal/v1/command.pb.h"
#include "quorate/internal/v1/record.pb.h"

namespace quorate::server {

// What of a licence the ledger decides by. Whether it is this cluster's, and
// in force, is for the ledger.
internal::v1::LicenseTerms TermsOf(const document::v1::License& license);

// An installed licence as it is shown, with its state at `calendar_ms`.
void DescribeLicense(const internal::v1::LicenseRecord& record,
                     int64_t calendar_ms, admin::v1::License* license);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_LICENSE_TERMS_H_
