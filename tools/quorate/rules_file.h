// A file of rules, as the cluster understands it.

#ifndef QUORATE_TOOLS_QUORATE_RULES_FILE_H_
#define QUORATE_TOOLS_QUORATE_RULES_FILE_H_

#include <string>

#include "absl/status/statusor.h"

#include "quorate/admin/v1/policy.pb.h"

#include "tools/quorate/cluster.h"

namespace quorate::cli {

// "toml", "dsls" or "flexnet".
admin::v1::PolicyFormat RulesFormat(const std::string& word);

// What the file says, once it is known to be sound; else it is said on stderr
// what is wrong, and nothing is returned but a word of it.
absl::StatusOr<admin::v1::Policy> ImportRules(const std::string& file,
                                              const std::string& format,
                                              Cluster* cluster);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_RULES_FILE_H_
