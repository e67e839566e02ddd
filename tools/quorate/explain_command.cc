#include <cstdint>
#include <iostream>
#include <memory>
#include <string>

#include "absl/time/time.h"

#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

// What the flags say of the checkout.
struct ExplainFlags {
  monitoring::v1::ExplainCheckoutRequest request;
  std::string at;
};

void PrintExplanation(
    const monitoring::v1::ExplainCheckoutRequest& request,
    const monitoring::v1::ExplainCheckoutResponse& explanation) {
  std::cout << (explanation.granted() ? "granted: " : "NOT granted: ")
            << explanation.message();
  if (!explanation.reason().empty()) {
    std::cout << " (" << explanation.reason() << ")";
  }
  std::cout << "\n";
  for (const std::string& help : explanation.help())
    std::cout << "  " << help << "\n";
  std::cout << "\n"
            << request.feature() << ": " << explanation.out() << " of "
            << explanation.total() << " out; ";
  if (explanation.policy_version() == 0) {
    std::cout << "there is no policy\n";
    return;
  }
  std::cout << "policy version " << explanation.policy_version() << "\n";
  if (!explanation.borrow().empty()) {
    std::cout << "borrowing: " << explanation.borrow() << "\n";
  }
  if (!explanation.priority().empty()) {
    std::cout << "priority in the queue: " << explanation.priority() << "\n";
  }
  if (explanation.rules().empty()) {
    std::cout << "no rule decides about " << request.feature() << "\n";
    return;
  }
  Table table({"RULE", "KIND", "MATCHES", "WHAT IT DOES"});
  for (const monitoring::v1::ExplainedRule& rule : explanation.rules()) {
    table.AddRow(
        {rule.rule(), rule.kind(), rule.matches() ? "yes" : "no", rule.text()});
  }
  table.Print(std::cout);
}

int Explain(const Invocation& invocation, ExplainFlags* flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  if (!flags->at.empty()) {
    absl::Time at;
    std::string problem;
    if (!absl::ParseTime("%Y-%m-%d %H:%M", flags->at, absl::UTCTimeZone(), &at,
                         &problem)) {
      return Fail(invocation, absl::InvalidArgumentError(
                                  "--at must be like \"2026-11-24 10:45\", in "
                                  "UTC"));
    }
    flags->request.mutable_time()->set_seconds(absl::ToUnixSeconds(at));
  }
  const auto response = Cluster(*options).ExplainCheckout(flags->request);
  if (!response.ok()) return Fail(invocation, response.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*response, std::cout);
  } else {
    PrintExplanation(flags->request, *response);
  }
  return kExitOk;
}

template <typename Set>
CLI::Option* AddText(CLI::App* command, const char* flag, const char* about,
                     Set set) {
  return command->add_option_function<std::string>(flag, std::move(set), about)
      ->type_name("TEXT");
}

void AddClientFlags(CLI::App* command,
                    const std::shared_ptr<ExplainFlags>& flags) {
  const auto client = [flags] { return flags->request.mutable_client(); };
  AddText(command, "--user", "The login name",
          [client](const std::string& text) { client()->set_user(text); })
      ->required();
  AddText(command, "--host", "The machine's name",
          [client](const std::string& text) { client()->set_host(text); })
      ->required();
  AddText(command, "--project", "The project",
          [client](const std::string& text) { client()->set_project(text); });
  AddText(
      command, "--application", "The application's name",
      [client](const std::string& text) { client()->set_application(text); });
  AddText(command, "--app-version", "The application's version",
          [client](const std::string& text) { client()->set_version(text); });
  AddText(command, "--display", "The display or terminal",
          [client](const std::string& text) { client()->set_display(text); });
  AddText(
      command, "--address", "The address that the connection comes from",
      [flags](const std::string& text) { flags->request.set_address(text); });
}

}  // namespace

void AddExplainCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* explain = app->add_subcommand(
      "explain",
      "Would somebody get a seat now, by which rule, and if not why");
  const auto flags = std::make_shared<ExplainFlags>();  // With the callback.
  AddText(
      explain, "--feature", "What is asked for",
      [flags](const std::string& text) { flags->request.set_feature(text); })
      ->required();
  explain->add_option_function<uint32_t>(
      "--count", [flags](uint32_t count) { flags->request.set_count(count); },
      "How many units; 1 where not given");
  AddClientFlags(explain, flags);
  explain
      ->add_option("--at", flags->at,
                   "When, in UTC, for rules with times; now where not given")
      ->type_name("TIME");
  explain->footer(
      "Takes nothing. What is not given is not known, as with an application\n"
      "that does not say it.\n\n"
      "Example: quorate explain --user ann --host pc7 --feature cad");
  explain->callback([invocation, flags] {
    invocation->run = [invocation, flags] {
      return Explain(*invocation, flags.get());
    };
  });
}

}  // namespace quorate::cli
