#include "tools/quorate/rules_output.h"

#include "absl/strings/str_cat.h"

#include "tools/quorate/output.h"

namespace quorate::cli {

using admin::v1::ImportRemark;

void PrintRemarks(const admin::v1::ImportPolicyResponse& imported,
                  const std::string& file, std::ostream& out) {
  for (const ImportRemark& remark : imported.remarks()) {
    out << file << ":";
    if (remark.line() != 0) out << remark.line() << ":";
    if (remark.kind() == ImportRemark::KIND_IGNORED) out << " no effect:";
    out << " " << remark.text() << "\n";
  }
}

void PrintPlan(const admin::v1::PlanPolicyResponse& plan, std::ostream& out) {
  if (plan.changes().empty()) out << "nothing changes\n";
  for (const admin::v1::PlannedChange& change : plan.changes()) {
    out << change.change() << " " << change.subject() << "\n";
  }
  for (const std::string& warning : plan.warnings()) {
    out << "note: " << warning << "\n";
  }
  if (plan.affected_count() > 0) {
    out << "\n"
        << plan.affected_count()
        << " seats that are out could not be taken again (they stay out):\n";
    Table table({"SESSION", "USER", "HOST", "FEATURE", "REASON", "RULE"});
    for (const admin::v1::AffectedHolder& each : plan.affected()) {
      table.AddRow({each.session(), each.user(), each.host(), each.feature(),
                    each.reason(), each.rule()});
    }
    table.Print(out);
  }
  if (!plan.exceeded().empty()) {
    out << "\nlimits below what is out (nothing is taken away):\n";
    Table table({"RULE", "FEATURE", "OF", "LIMIT", "OUT"});
    for (const admin::v1::ExceededLimit& each : plan.exceeded()) {
      table.AddRow({each.rule(), each.feature(),
                    each.key().empty() ? "all" : each.key(),
                    absl::StrCat(each.units()), absl::StrCat(each.used())});
    }
    table.Print(out);
  }
  if (!plan.complete()) {
    out << "\nonly the first " << plan.seats_seen()
        << " seats that are out were looked at\n";
  }
}

void PrintVersions(const google::protobuf::RepeatedPtrField<
                       admin::v1::PolicyVersion>& versions,
                   std::ostream& out) {
  Table table({"VERSION", "APPLIED", "RULES", "AUTHOR", "COMMENT"});
  for (const admin::v1::PolicyVersion& version : versions) {
    std::string comment = version.comment();
    if (version.rolled_back_to() != 0) {
      comment = absl::StrCat("(version ", version.rolled_back_to(), " again) ",
                             comment);
    }
    table.AddRow(
        {absl::StrCat(version.version()), ShowTime(version.apply_time()),
         absl::StrCat(version.rule_count()), version.author(), comment});
  }
  table.Print(out);
}

}  // namespace quorate::cli
