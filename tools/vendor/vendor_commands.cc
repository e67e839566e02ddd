#include "tools/vendor/vendor_commands.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"

#include "base/clock.h"
#include "tools/vendor/description.h"
#include "tools/vendor/feature_text.h"
#include "tools/vendor/files.h"
#include "tools/vendor/inspect.h"
#include "tools/vendor/issue.h"
#include "tools/vendor/key_folder.h"
#include "tools/vendor/keygen.h"

namespace quorate::vendor {
namespace {

// The CLI has one small table of exit codes for all its commands.
int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 0;
    case absl::StatusCode::kInvalidArgument:
      return 2;
    case absl::StatusCode::kPermissionDenied:
      return 4;
    case absl::StatusCode::kNotFound:
      return 5;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
      return 7;
    default:
      return 1;
  }
}

int Fail(const absl::Status& status) {
  std::cerr << "quorate vendor: " << status.message() << "\n";
  return ExitCodeOf(status);
}

int Report(const absl::StatusOr<Description>& result, OutputFormat format) {
  if (!result.ok()) return Fail(result.status());
  Print(*result, format, std::cout);
  return 0;
}

void AddFormat(CLI::App* command, OutputFormat* format) {
  command->add_option("-o,--output", *format, "table or json, for stdout")
      ->transform(CLI::CheckedTransformer(std::map<std::string, OutputFormat>{
                                              {"table", OutputFormat::kTable},
                                              {"json", OutputFormat::kJson}})
                      .description("{table,json}"));
}

void AddKeygen(CLI::App* vendor, int* exit_code) {
  struct Line {
    KeygenOptions options = {.folder = "", .vendor = "", .product = "default"};
    OutputFormat format = OutputFormat::kTable;
  };

  const auto line = std::make_shared<Line>();
  CLI::App* command = vendor->add_subcommand(
      "keygen", "Make a vendor's root keys, root document and product key");
  command->add_option("--dir", line->options.folder, "where; made if missing")
      ->required();
  command->add_option("--vendor", line->options.vendor, "the vendor's name")
      ->required();
  command
      ->add_option("--product", line->options.product,
                   "the product that the product key is for; * for every "
                   "one")
      ->capture_default_str();
  AddFormat(command, &line->format);
  command->callback([line, exit_code] {
    *exit_code = Report(Keygen(line->options, SystemClock()), line->format);
    if (*exit_code != 0) return;
    std::cerr << "Move root-1.key, root-2.key and root-3.key to three separate "
                 "places that are offline; two of them are needed to make the "
                 "next product key or root. Only product.key, product.cert.pem "
                 "and root.pem are needed to issue licences. Ship root.pem.\n";
  });
}

// CLI11 reads numbers with strtoull, which takes "-1" for 2^64 - 1: a serial
// after which there is no other.
std::string CheckDecimal(const std::string& text) {
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(),
                                                   absl::ascii_isdigit);
  return digits ? "" : "is not a decimal number";
}

void AddIssueOptions(CLI::App* command, IssueOptions* options) {
  command->add_option("--keys", options->folder, "the folder keygen wrote")
      ->required();
  command
      ->add_option("--cluster-id", options->cluster_id,
                   "the cluster that may use it: 32 hex digits")
      ->required();
  command
      ->add_option("--cluster-epoch", options->cluster_epoch,
                   "the cluster's epoch")
      ->check(CheckDecimal)
      ->capture_default_str();
  command->add_option("--customer", options->customer, "who bought")
      ->required();
  command
      ->add_option("--license-id", options->license_id,
                   "letters, digits, dots, underscores and hyphens")
      ->required();
  command
      ->add_option("--serial", options->serial,
                   "1, and more with each new issue of this licence id")
      ->check(CheckDecimal)
      ->required();
  command->add_option("--feature", options->features, kFeatureSyntax)
      ->required()
      ->allow_extra_args(false);
  command->add_option("--product", options->product,
                      "the product; the product key's where it has one");
  command->add_option("--start", options->start,
                      "first day, YYYY-MM-DD in UTC; today if not given");
  command->add_option("--end", options->end,
                      "last day, YYYY-MM-DD in UTC, itself included; no end if "
                      "not given");
  command->add_option("--out", options->out, "the licence file to write")
      ->required();
}

void AddIssue(CLI::App* vendor, int* exit_code) {
  struct Line {
    IssueOptions options;
    OutputFormat format = OutputFormat::kTable;
  };

  const auto line = std::make_shared<Line>();
  CLI::App* command =
      vendor->add_subcommand("issue", "Sign a licence for one cluster");
  AddIssueOptions(command, &line->options);
  AddFormat(command, &line->format);
  command->callback([line, exit_code] {
    const std::string key = ProductKeyPath(line->options.folder);
    if (OthersMayRead(key)) {
      std::cerr << "warning: others than the owner may read " << key
                << "; chmod 600 it\n";
    }
    *exit_code = Report(Issue(line->options, SystemClock()), line->format);
  });
}

void AddInspect(CLI::App* vendor, int* exit_code) {
  struct Line {
    InspectOptions options;
    OutputFormat format = OutputFormat::kTable;
  };

  const auto line = std::make_shared<Line>();
  CLI::App* command = vendor->add_subcommand(
      "inspect", "Show a licence, root or key certificate");
  command->add_option("file", line->options.file, "the document")->required();
  command->add_option("--root", line->options.root,
                      "verify it from this pinned root; exit code 1 where it "
                      "does not verify");
  AddFormat(command, &line->format);
  command->callback([line, exit_code] {
    const auto inspection = Inspect(line->options);
    if (!inspection.ok()) {
      *exit_code = Fail(inspection.status());
      return;
    }
    Print(inspection->description, line->format, std::cout);
    *exit_code = 0;
    if (inspection->verdict.ok()) return;
    std::cerr << "quorate vendor: not verified: "
              << inspection->verdict.message() << "\n";
    *exit_code = 1;
  });
}

}  // namespace

void AddVendorCommands(CLI::App* app, int* exit_code) {
  CLI::App* vendor =
      app->add_subcommand("vendor", "For software vendors: keys and licences");
  vendor->require_subcommand(1);
  AddKeygen(vendor, exit_code);
  AddIssue(vendor, exit_code);
  AddInspect(vendor, exit_code);
}

}  // namespace quorate::vendor
