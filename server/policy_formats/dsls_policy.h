// Policies in the layout of DSLS's authorization files, as XML.
//
// Users, hosts, address ranges and their groups stand as in Dassault's own
// files, with numbers by which groups and rules name them; dsls_schema.h says
// what of it is this project's.

#ifndef QUORATE_SERVER_POLICY_FORMATS_DSLS_POLICY_H_
#define QUORATE_SERVER_POLICY_FORMATS_DSLS_POLICY_H_

#include <string>

#include "absl/strings/string_view.h"

#include "server/policy_formats/imported_policy.h"

namespace quorate::policy {

// What does not fit the schema, or names a number that is not there, is a fault
// with its line; names of single ranges are not kept, and the remark says so.
ImportedPolicy ReadDslsPolicy(absl::string_view text);

// The file of a policy: reads back as the same policy, but for a range of one
// address, and that writes the same file. Groups come back by kind.
std::string WriteDslsPolicy(const internal::v1::Policy& policy);

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_FORMATS_DSLS_POLICY_H_
