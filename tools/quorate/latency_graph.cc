#include "tools/quorate/latency_graph.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace quorate::cli {
namespace {

constexpr int kRows = 9;
constexpr int kLabelledRows = 4;  // Each fourth row, from the lowest on.
constexpr int kMarkColumns = 15;  // Between two times below.

// A scale needs some height, also where all is alike.
constexpr double kLeastRatio = 2;

// The scale: the lowest row is `low_us`, each further one a constant times the
// one below it.
class Scale {
 public:
  explicit Scale(const std::vector<LatencyBar>& bars) {
    double high_us = 1;
    for (const LatencyBar& bar : bars) {
      low_us_ = std::min(low_us_, Micros(bar.p50));
      high_us = std::max(high_us, Micros(bar.p99));
    }
    low_us_ = std::min(low_us_, high_us);
    high_us = std::max(high_us, low_us_ * kLeastRatio);
    factor_ = std::pow(high_us / low_us_, 1.0 / (kRows - 1));
  }

  // 1 for the lowest.
  int RowOf(absl::Duration span) const {
    const double rows = std::log(Micros(span) / low_us_) / std::log(factor_);
    return std::clamp(1 + static_cast<int>(std::lround(rows)), 1, kRows);
  }

  absl::Duration SpanOf(int row) const {
    return absl::Microseconds(low_us_ * std::pow(factor_, row - 1));
  }

 private:
  static double Micros(absl::Duration span) {
    return std::max(absl::ToDoubleMicroseconds(span), 1.0);
  }

  double low_us_ = 1e15;
  double factor_ = 1;
};

std::string Times(const LatencyAxis& axis) {
  std::string line;
  for (int column = 0; column < axis.columns; column += kMarkColumns) {
    const absl::Time time = axis.from + column * axis.step;
    line.resize(static_cast<size_t>(column), ' ');
    absl::StrAppend(&line, absl::FormatTime("%H:%M", time, axis.zone));
  }
  return line;
}

void TrimRight(std::string* line) {
  line->erase(line->find_last_not_of(' ') + 1);
}

}  // namespace

std::string ShowSpan(absl::Duration span) {
  struct Unit {
    double us = 1;
    const char* name = "us";
  };

  constexpr Unit kUnits[] = {{1e6, "s"}, {1e3, "ms"}, {1, "us"}};
  const double us = absl::ToDoubleMicroseconds(span);
  Unit unit = kUnits[2];
  for (const Unit& each : kUnits) {
    // What would be shown as 1000 of the smaller unit belongs to this one.
    if (us < 0.9995 * each.us) continue;
    unit = each;
    break;
  }
  const double value = us / unit.us;
  const int decimals = unit.us == 1 || value >= 99.95 ? 0
                       : value >= 9.995               ? 1
                                                      : 2;
  return absl::StrFormat("%.*f%s", decimals, value, unit.name);
}

std::string DrawLatency(const std::vector<LatencyBar>& bars,
                        const LatencyAxis& axis) {
  if (bars.empty()) return "";
  const Scale scale(bars);
  std::vector<std::string> rows(
      kRows + 1, std::string(static_cast<size_t>(axis.columns), ' '));
  for (const LatencyBar& bar : bars) {
    const auto column = absl::ToInt64Nanoseconds(
                            absl::Floor(bar.begin - axis.from, axis.step)) /
                        absl::ToInt64Nanoseconds(axis.step);
    if (column < 0 || column >= axis.columns) continue;
    const int half = scale.RowOf(bar.p50);
    const int most = std::max(scale.RowOf(bar.p99), half);
    for (int row = 1; row <= most; ++row) {
      rows[static_cast<size_t>(row)][static_cast<size_t>(column)] =
          row <= half ? '#' : ':';
    }
  }
  std::string graph;
  for (int row = kRows; row >= 1; --row) {
    std::string line = absl::StrFormat(
        "%7s |%s",
        (row - 1) % kLabelledRows == 0 ? ShowSpan(scale.SpanOf(row)) : "",
        rows[static_cast<size_t>(row)]);
    TrimRight(&line);
    absl::StrAppend(&graph, line, "\n");
  }
  absl::StrAppend(&graph, "        +",
                  std::string(static_cast<size_t>(axis.columns), '-'), "\n",
                  "         ", Times(axis), "\n");
  return graph;
}

}  // namespace quorate::cli
