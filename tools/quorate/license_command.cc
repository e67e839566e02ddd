#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

#include "base/status.h"
#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/list_output.h"
#include "tools/quorate/noun_list.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

// InstallLicenseRequest.license_file takes no more.
constexpr size_t kMaxLicenseBytes = size_t{1024} * 1024;

absl::StatusOr<std::string> ReadLicense(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read ", path, ": no such file, or no permission"));
  }
  std::string bytes(kMaxLicenseBytes + 1, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(file.gcount()));
  if (bytes.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is empty"));
  }
  if (bytes.size() > kMaxLicenseBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is over 1 MiB: not a licence file"));
  }
  return bytes;
}

std::string ShowFeatures(const admin::v1::License& license) {
  return absl::StrJoin(
      license.features(), " ", [](std::string* out, const auto& feature) {
        // The pool says what the conditions are; of an older member, nothing.
        absl::StrAppend(
            out, feature.pool().empty() ? feature.name() : feature.pool());
        // What is not counted has no count.
        if (feature.count() > 0) absl::StrAppend(out, "=", feature.count());
        if (feature.has_borrow_max()) {
          absl::StrAppend(out, ",borrow=", ShowDuration(feature.borrow_max()));
        }
      });
}

void PrintLicenses(const std::vector<admin::v1::License>& licenses) {
  Table table(
      {"LICENSE", "SERIAL", "STATE", "VENDOR", "CUSTOMER", "ENDS", "FEATURES"});
  for (const admin::v1::License& license : licenses) {
    const std::string state = admin::v1::LicenseState_Name(license.state());
    table.AddRow(
        {license.name(), absl::StrCat(license.serial()),
         absl::AsciiStrToLower(absl::StripPrefix(state, "LICENSE_STATE_")),
         license.vendor_id(), license.customer_id(),
         license.has_end_time() ? ShowTime(license.end_time()) : "never",
         ShowFeatures(license)});
  }
  table.Print(std::cout);
}

int Install(const Invocation& invocation, const std::string& path) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const auto file = ReadLicense(path);
  if (!file.ok()) return Fail(invocation, file.status());
  const auto response = Cluster(*options).InstallLicense(*file);
  if (!response.ok()) return Fail(invocation, response.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*response, std::cout);
  } else {
    PrintLicenses({response->license()});
  }
  return kExitOk;
}

int List(const Invocation& invocation, bool local) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const auto response = Cluster(*options).ListLicenses({.local = local});
  if (!response.ok()) return Fail(invocation, response.status());
  if (!PrintForPrograms(invocation.output, *response, std::cout)) {
    PrintLicenses({response->licenses().begin(), response->licenses().end()});
  }
  return kExitOk;
}

}  // namespace

void AddLicenseCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* license =
      app->add_subcommand("license", "Install and show licences");

  CLI::App* install = license->add_subcommand(
      "install", "Install the licence that a vendor sent");
  const auto path = std::make_shared<std::string>();  // With the callback.
  install->add_option("FILE", *path, "The licence file")->required();
  install->footer(
      "The members verify it; a tampered, foreign, expired or older licence "
      "is refused\n(exit 7) and changes nothing. The same file again is no "
      "error.\n\nExample: quorate license install acme.lic");
  install->callback([invocation, path] {
    invocation->run = [invocation, path] {
      return Install(*invocation, *path);
    };
  });

  CLI::App* list =
      license->add_subcommand("list", "Show the licences that are installed");
  const auto local = std::make_shared<bool>(false);  // With the callback.
  list->add_flag("--local", *local,
                 "What the member has that answers: may be old, works "
                 "without a quorum");
  list->footer("Example: quorate license list -o json");
  RunList(license, list, invocation,
          [invocation, local] { return List(*invocation, *local); });
}

}  // namespace quorate::cli
