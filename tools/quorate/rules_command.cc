#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/list_output.h"
#include "tools/quorate/output.h"
#include "tools/quorate/rules_file.h"
#include "tools/quorate/rules_output.h"

namespace quorate::cli {
namespace {

// What the flags say.
struct RulesFlags {
  std::string file;
  std::string format = "toml";
  std::string comment;
  uint64_t version = 0;
};

using SharedFlags = std::shared_ptr<RulesFlags>;

int Plan(const Invocation& invocation, const RulesFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  Cluster cluster(*options);
  auto policy = ImportRules(flags.file, flags.format, &cluster);
  if (!policy.ok()) return Fail(invocation, policy.status());
  admin::v1::PlanPolicyRequest request;
  *request.mutable_policy() = *std::move(policy);
  const auto plan = cluster.PlanPolicy(request);
  if (!plan.ok()) return Fail(invocation, plan.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*plan, std::cout);
  } else {
    PrintPlan(*plan, std::cout);
  }
  return kExitOk;
}

int Apply(const Invocation& invocation, const RulesFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  Cluster cluster(*options);
  auto policy = ImportRules(flags.file, flags.format, &cluster);
  if (!policy.ok()) return Fail(invocation, policy.status());
  admin::v1::PlanPolicyRequest planned;
  *planned.mutable_policy() = *policy;
  const auto plan = cluster.PlanPolicy(planned);
  if (!plan.ok()) return Fail(invocation, plan.status());
  admin::v1::ApplyPolicyRequest request;
  *request.mutable_policy() = *std::move(policy);
  request.set_etag(plan->etag());
  request.set_comment(flags.comment);
  const auto response = cluster.ApplyPolicy(std::move(request));
  if (!response.ok()) return Fail(invocation, response.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*response, std::cout);
    return kExitOk;
  }
  PrintPlan(*plan, std::cout);
  std::cout << "\nversion " << response->version().version()
            << " of the policy is in force\n";
  return kExitOk;
}

int Export(const Invocation& invocation, const RulesFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  admin::v1::ExportPolicyRequest request;
  request.set_version(flags.version);
  request.set_format(RulesFormat(flags.format));
  const auto response = Cluster(*options).ExportPolicy(request);
  if (!response.ok()) return Fail(invocation, response.status());
  std::cout << response->document();
  return kExitOk;
}

int History(const Invocation& invocation) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const auto response = Cluster(*options).ListPolicyVersions({});
  if (!response.ok()) return Fail(invocation, response.status());
  if (!PrintForPrograms(invocation.output, *response, std::cout)) {
    PrintVersions(response->versions(), std::cout);
  }
  return kExitOk;
}

int RollBack(const Invocation& invocation, const RulesFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  Cluster cluster(*options);
  const auto in_force = cluster.GetPolicy();
  if (!in_force.ok()) return Fail(invocation, in_force.status());
  admin::v1::RollBackPolicyRequest request;
  request.set_version(flags.version);
  request.set_etag(in_force->etag());
  request.set_comment(flags.comment);
  const auto response = cluster.RollBackPolicy(std::move(request));
  if (!response.ok()) return Fail(invocation, response.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*response, std::cout);
  } else {
    std::cout << "version " << response->version().version()
              << " of the policy is in force, with what version "
              << flags.version << " said\n";
  }
  return kExitOk;
}

void AddFileFlags(CLI::App* command, const SharedFlags& flags) {
  command->add_option("FILE", flags->file, "The rules")->required();
  command
      ->add_option("--format", flags->format,
                   "toml; dsls for an authorization file of DSLS, flexnet for "
                   "an options file of FlexNet")
      ->type_name("WORD")
      ->check(CLI::IsMember({"toml", "dsls", "flexnet"}))
      ->capture_default_str();
}

void AddCommentFlag(CLI::App* command, const SharedFlags& flags) {
  command
      ->add_option("--comment", flags->comment,
                   "Why, for the history; at most 256 bytes")
      ->type_name("TEXT");
}

void AddHistoryCommands(CLI::App* rules, Invocation* invocation) {
  const auto flags = std::make_shared<RulesFlags>();  // With the callbacks.
  CLI::App* history =
      rules->add_subcommand("history", "The versions: who, when and why");
  history->footer(
      "The last hundred are kept.\n\nExample: quorate rules history");
  history->callback([invocation] {
    invocation->is_list = true;
    invocation->run = [invocation] { return History(*invocation); };
  });

  CLI::App* rollback = rules->add_subcommand(
      "rollback", "Put an earlier version in force again, as a new one");
  rollback
      ->add_option("VERSION", flags->version,
                   "From the history; 0 for no rule at all")
      ->required();
  AddCommentFlag(rollback, flags);
  rollback->footer("Example: quorate rules rollback 7 --comment \"as before\"");
  rollback->callback([invocation, flags] {
    invocation->run = [invocation, flags] {
      return RollBack(*invocation, *flags);
    };
  });
}

}  // namespace

void AddRulesCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* rules = app->add_subcommand(
      "rules", "Who may take which seats, and how many: the policy");
  rules->require_subcommand(1);
  const auto flags = std::make_shared<RulesFlags>();  // With the callbacks.

  CLI::App* plan = rules->add_subcommand(
      "plan", "Show what a file would change, and whom; changes nothing");
  AddFileFlags(plan, flags);
  plan->footer(
      "A file that is wrong is refused (exit 2) with each line and its fault.\n"
      "docs/operations.md says how rules are written. Of an options file of "
      "FlexNet it\nis said what each line comes to.\n\n"
      "Example: quorate rules plan rules.toml");
  plan->callback([invocation, flags] {
    invocation->run = [invocation, flags] { return Plan(*invocation, *flags); };
  });

  CLI::App* apply =
      rules->add_subcommand("apply", "Put the rules of a file in force");
  AddFileFlags(apply, flags);
  AddCommentFlag(apply, flags);
  apply->footer(
      "Takes the place of all rules in force, and shows what changed. No seat\n"
      "that is out is taken away. Refused (exit 7) where somebody else "
      "changed\n"
      "the rules meanwhile.\n\n"
      "Example: quorate rules apply rules.toml --comment \"night shift\"");
  apply->callback([invocation, flags] {
    invocation->run = [invocation, flags] {
      return Apply(*invocation, *flags);
    };
  });

  CLI::App* exported = rules->add_subcommand(
      "export", "Write the rules in force to standard output, as a file");
  exported
      ->add_option("--version", flags->version, "Those of an earlier version")
      ->type_name("VERSION");
  exported->add_option("--format", flags->format, "toml or dsls")
      ->type_name("WORD")
      ->check(CLI::IsMember({"toml", "dsls"}))
      ->capture_default_str();
  exported->footer("Example: quorate rules export > rules.toml");
  exported->callback([invocation, flags] {
    invocation->run = [invocation, flags] {
      return Export(*invocation, *flags);
    };
  });
  AddHistoryCommands(rules, invocation);
}

}  // namespace quorate::cli
