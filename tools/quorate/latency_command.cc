#include <algorithm>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "base/status.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/csv.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/history_flags.h"
#include "tools/quorate/latency_graph.h"
#include "tools/quorate/list_output.h"
#include "tools/quorate/one_member.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

using monitoring::v1::GetLatencyRequest;
using monitoring::v1::GetLatencyResponse;
using monitoring::v1::LatencyKind;
using monitoring::v1::LatencyPoint;
using monitoring::v1::LatencySeries;

// What members keep.
constexpr absl::Duration kLongest = absl::Hours(24);

struct LatencyFlags : HistoryFlags {
  std::string member;
  std::string kind = "checkout";
  std::string step;
};

struct KindNames {
  LatencyKind kind = monitoring::v1::LATENCY_KIND_UNSPECIFIED;
  const char* name = "";   // On the command line, and in columns.
  const char* title = "";  // Of a graph.
};

constexpr KindNames kKinds[] = {
    {monitoring::v1::LATENCY_KIND_CHECKOUT, "checkout", "checkouts"},
    {monitoring::v1::LATENCY_KIND_CHANGE, "change", "other changes"},
    {monitoring::v1::LATENCY_KIND_COMMIT, "commit", "proposal to commit"},
    {monitoring::v1::LATENCY_KIND_SYNC, "sync", "synced writes of the log"},
    {monitoring::v1::LATENCY_KIND_ROUND_TRIP, "round-trip", "round trips"}};

KindNames NamesOf(LatencyKind kind) {
  for (const KindNames& names : kKinds) {
    if (names.kind == kind) return names;
  }
  return {.kind = kind, .name = "?", .title = "?"};
}

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) +
         absl::Nanoseconds(time.nanos());
}

absl::Duration SpanOf(const google::protobuf::Duration& span) {
  return absl::Seconds(span.seconds()) + absl::Nanoseconds(span.nanos());
}

std::string ShowMicros(const google::protobuf::Duration& span) {
  return absl::StrFormat("%.6f", absl::ToDoubleSeconds(SpanOf(span)));
}

// What the graph has room for, in whole minutes.
absl::Duration StepFor(absl::Duration span) {
  // The last column may be one that has just begun.
  const int64_t minutes = absl::ToInt64Minutes(absl::Ceil(
      (span - absl::Minutes(1)) / (kMostLatencyColumns - 1), absl::Minutes(1)));
  return absl::Minutes(std::max<int64_t>(minutes, 1));
}

absl::StatusOr<GetLatencyRequest> RequestOf(const LatencyFlags& flags) {
  GetLatencyRequest request;
  if (const absl::Status status = SetSpan(flags, &request); !status.ok()) {
    return status;
  }
  // The same for all members, whatever time passes between them.
  const absl::Time now = SystemClock().Calendar();
  if (!request.has_end_time()) {
    request.mutable_end_time()->set_seconds(absl::ToUnixSeconds(now) + 1);
  }
  const absl::Time until = TimeOf(request.end_time());
  absl::Time from = until - absl::Hours(1);
  if (request.has_start_time()) from = TimeOf(request.start_time());
  from = std::max(from, now - kLongest);
  if (from >= until) {
    return absl::InvalidArgumentError(
        "the time that is asked for is empty; a day is kept");
  }
  const int64_t from_seconds = absl::ToUnixSeconds(from);
  request.mutable_start_time()->set_seconds(from_seconds - from_seconds % 60);
  absl::Duration step = StepFor(until - TimeOf(request.start_time()));
  if (!flags.step.empty() && (!absl::ParseDuration(flags.step, &step) ||
                              step < absl::Minutes(1) || step > kLongest)) {
    return absl::InvalidArgumentError(
        "--step must be whole minutes, at most a day: 1m, 15m, 1h");
  }
  request.mutable_step()->set_seconds(absl::ToInt64Seconds(step));
  return request;
}

void PrintGraph(const LatencySeries& series, const GetLatencyResponse& all) {
  std::vector<LatencyBar> bars;
  for (const LatencyPoint& point : series.points()) {
    bars.push_back({.begin = TimeOf(point.start_time()),
                    .p50 = SpanOf(point.p50()),
                    .p99 = SpanOf(point.p99())});
  }
  const absl::Time from = TimeOf(all.start_time());
  const absl::Duration step = SpanOf(all.step());
  const int64_t columns = absl::ToInt64Nanoseconds(
                              absl::Ceil(TimeOf(all.end_time()) - from, step)) /
                          absl::ToInt64Nanoseconds(step);
  const LatencyPoint& total = series.total();
  std::cout << series.member() << ": " << NamesOf(series.kind()).title
            << (series.peer().empty() ? "" : " to ") << series.peer()
            << ", a column is " << absl::FormatDuration(step) << "\n"
            << total.count() << " in all, p50 " << ShowSpan(SpanOf(total.p50()))
            << ", p90 " << ShowSpan(SpanOf(total.p90())) << ", p99 "
            << ShowSpan(SpanOf(total.p99())) << ", longest "
            << ShowSpan(SpanOf(total.max())) << "\n\n"
            << DrawLatency(bars, {.from = from,
                                  .step = step,
                                  .columns = static_cast<int>(std::min<int64_t>(
                                      columns, kMostLatencyColumns)),
                                  .zone = absl::LocalTimeZone()})
            << "\n";
}

void PrintTotals(const GetLatencyResponse& all) {
  Table table(
      {"MEMBER", "WHAT", "PEER", "COUNT", "P50", "P90", "P99", "LONGEST"});
  for (const LatencySeries& series : all.series()) {
    const LatencyPoint& total = series.total();
    table.AddRow({series.member(), NamesOf(series.kind()).name, series.peer(),
                  absl::StrCat(total.count()), ShowSpan(SpanOf(total.p50())),
                  ShowSpan(SpanOf(total.p90())), ShowSpan(SpanOf(total.p99())),
                  ShowSpan(SpanOf(total.max()))});
  }
  table.Print(std::cout);
}

void PrintGraphs(const GetLatencyResponse& all, const std::string& kind) {
  bool any = false;
  for (const LatencySeries& series : all.series()) {
    if (NamesOf(series.kind()).name != kind) continue;
    PrintGraph(series, all);
    any = true;
  }
  if (any) {
    std::cout << "# half of them took no longer, : 99 of 100 took no longer"
              << "\n\n";
  } else {
    Say(absl::StrCat("nothing was measured of \"", kind, "\" in this time"));
  }
  PrintTotals(all);
}

void PrintCsv(const GetLatencyResponse& all) {
  std::cout << CsvLine({"start_time", "step_seconds", "member", "kind", "peer",
                        "count", "p50_seconds", "p90_seconds", "p99_seconds",
                        "max_seconds"});
  for (const LatencySeries& series : all.series()) {
    for (const LatencyPoint& point : series.points()) {
      std::cout << CsvLine({CsvTime(point.start_time()),
                            absl::StrCat(all.step().seconds()), series.member(),
                            NamesOf(series.kind()).name, series.peer(),
                            absl::StrCat(point.count()),
                            ShowMicros(point.p50()), ShowMicros(point.p90()),
                            ShowMicros(point.p99()), ShowMicros(point.max())});
    }
  }
}

void Print(const Invocation& invocation, const LatencyFlags& flags,
           const GetLatencyResponse& all) {
  if (flags.format == "graph" ||
      (flags.format.empty() && invocation.output == OutputFormat::kTable)) {
    PrintGraphs(all, flags.kind);
    return;
  }
  switch (FormatOf(invocation, flags)) {
    case RowFormat::kTable:
      PrintTotals(all);
      break;
    case RowFormat::kCsv:
      PrintCsv(all);
      break;
    case RowFormat::kJson:
      PrintJson(all, std::cout);
      break;
    case RowFormat::kJsonLines:
      for (const LatencySeries& series : all.series())
        PrintJsonLine(series, std::cout);
      break;
  }
}

int Run(const Invocation& invocation, const LatencyFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const auto request = RequestOf(flags);
  if (!request.ok()) return Fail(invocation, request.status());
  GetLatencyResponse all;
  google::protobuf::RepeatedPtrField<LatencySeries> series;
  const absl::Status asked = AskEachMember(
      *options, flags.member, [&](const MemberPlace& place) -> absl::Status {
        // The span and the step are those of the request, and so the same.
        QUORATE_ASSIGN_OR_RETURN(
            all, OneMember(*options, place.endpoint).GetLatency(*request));
        series.MergeFrom(all.series());
        return absl::OkStatus();
      });
  if (!asked.ok()) return Fail(invocation, asked);
  all.mutable_series()->Swap(&series);
  all.clear_header();
  Print(invocation, flags, all);
  std::cout << std::flush;
  return kExitOk;
}

}  // namespace

void AddLatencyCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "latency", "Show how long checkouts take, and what they wait for");
  const auto flags = std::make_shared<LatencyFlags>();  // Shared with callback.
  AddSpanFlags(command,
               "Since when: 1h, 30m, 2026-11-01T08:00; an hour before the end "
               "where not given. A day is kept",
               flags.get());
  command
      ->add_option("--step", flags->step,
                   "A point for each: 1m, 15m; what the graph has room for "
                   "where not given")
      ->type_name("DURATION");
  command->add_option("--member", flags->member, "Only of this member")
      ->type_name("NAME");
  command
      ->add_option("--kind", flags->kind,
                   "What the graph is of: checkout, change (all other calls "
                   "that change something), commit, sync or round-trip")
      ->type_name("WORD")
      ->check(
          CLI::IsMember({"checkout", "change", "commit", "sync", "round-trip"}))
      ->capture_default_str();
  command
      ->add_option("--format", flags->format,
                   "graph, table, json, jsonl (a line for each series) or csv "
                   "(a line for each point); as -o says where not given")
      ->type_name("WORD")
      ->check(CLI::IsMember({"graph", "table", "json", "jsonl", "csv"}));
  command->footer(
      "Each member measures what it answers, since its start, a day at most. "
      "`commit` and\n`round-trip` are those of the time in which it led. "
      "Quantiles are at most an eighth\ntoo long. Who does not answer is named "
      "on stderr.\n\n"
      "Example: quorate latency --since 6h --kind sync");
  command->callback([invocation, flags] {
    invocation->is_list = true;
    invocation->run = [invocation, flags] { return Run(*invocation, *flags); };
  });
}

}  // namespace quorate::cli
