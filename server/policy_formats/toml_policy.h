// Policies as TOML: the format of this project, which says everything.
//
//   ignore_case = true
//
//   [[group]]
//   name = "night shift"
//   kind = "users"                       # users, hosts, addresses, projects
//   members = ["ann", "bob"]
//
//   [[rule]]
//   name = "four for the night shift"
//   kind = "reserve"                     # deny, reserve, limit, allow
//   feature = "cad"                      # left out: each feature by itself
//   units = 4
//   lend = true
//   span = "5m"                          # how long to give back what is lent
//   user_group = "night shift"           # or a list; any of them
//   not_host = ["pc1", "pc2"]            # none of them
//   time = "mon-fri 22:00-06:00"
//
// A rule matches where all of its parts do. One that looks twice at the same
// thing has [[rule.part]] sections with field, not and values.

#ifndef QUORATE_SERVER_POLICY_FORMATS_TOML_POLICY_H_
#define QUORATE_SERVER_POLICY_FORMATS_TOML_POLICY_H_

#include <string>

#include "absl/strings/string_view.h"

#include "server/policy_formats/imported_policy.h"

namespace quorate::policy {

// All that is wrong is named at once, each with its line. `file` is its name,
// for messages.
ImportedPolicy ReadTomlPolicy(absl::string_view text, absl::string_view file);

// The file of a policy: it reads back as the same policy, but for the order of
// a rule's parts, and that writes the same file.
std::string WriteTomlPolicy(const internal::v1::Policy& policy);

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_FORMATS_TOML_POLICY_H_
