// What `quorate rules` prints for people.

#ifndef QUORATE_TOOLS_QUORATE_RULES_OUTPUT_H_
#define QUORATE_TOOLS_QUORATE_RULES_OUTPUT_H_

#include <ostream>
#include <string>

#include "quorate/admin/v1/policy.pb.h"

namespace quorate::cli {

// A line for each remark, "rules.toml:12: …"; those without an effect and those
// with one say so.
void PrintRemarks(const admin::v1::ImportPolicyResponse& imported,
                  const std::string& file, std::ostream& out);

// What would change, and who would notice.
void PrintPlan(const admin::v1::PlanPolicyResponse& plan, std::ostream& out);

void PrintVersions(const google::protobuf::RepeatedPtrField<
                       admin::v1::PolicyVersion>& versions,
                   std::ostream& out);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_RULES_OUTPUT_H_
