#!/usr/bin/env python3
"""The figures of ./dev bench as Markdown tables, the ratios first.

usage: bench_report.py FIGURES.json
"""

import json
import statistics
import sys

# What a scenario of ours is compared with, and in which words.
RATIOS = (
    ("checkout or check-in", "quorate checkout {where}", (
        ("etcd plain put", "etcd put {where}"),
        ("etcd transaction, pool each", "etcd checkout, pool each, {where}"),
        ("etcd transaction, one pool", "etcd checkout, one pool, {where}"),
        ("bare echo", "echo with TLS"))),
    ("linearizable read", "quorate read {where}", (
        ("etcd linearizable read", "etcd read {where}"),
        ("bare echo", "echo with TLS"))),
)
PLACES = ("leader", "spread")


def median(rounds, figure):
    return statistics.median(one[figure] for one in rounds)


def table(head, rows):
    """A Markdown table; the first column is text, the others are figures."""
    print("| " + " | ".join(head) + " |")
    print("|" + "|".join(["---"] + ["--:"] * (len(head) - 1)) + "|")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


def ratio_of_rounds(ours, theirs, figure):
    """Median, least and most of the ratios of each round."""
    ratios = [a[figure] / b[figure] for a, b in zip(ours, theirs)
              if b[figure] > 0]
    if not ratios:
        return "–"
    text = f"{statistics.median(ratios):.2f}"
    if len(ratios) > 1:
        text += f" ({min(ratios):.2f}–{max(ratios):.2f})"
    return text


def print_ratios(cells, outstanding):
    for figure, label in (("rate", "operations a second"),
                          ("p50_us", "median latency"),
                          ("p99_us", "99th percentile of latency"),
                          ("server_cpu_us", "processor time of the members "
                           "for one operation")):
        rows = []
        for what, ours, others in RATIOS:
            for where in PLACES:
                for name, theirs in others:
                    pairs = [(cells.get((ours.format(where=where), count)),
                              cells.get((theirs.format(where=where), count)))
                             for count in outstanding]
                    if any(all(pair) for pair in pairs):
                        rows.append([f"{what}, {where} / {name}"] + [
                            ratio_of_rounds(*pair, figure) if all(pair)
                            else "–" for pair in pairs])
        if rows:
            table([f"ratio of {label}"] +
                  [f"{n} outstanding" for n in outstanding], rows)


def print_cells(cells, outstanding):
    for count in outstanding:
        rows = []
        for (name, n), rounds in cells.items():
            if n != count:
                continue
            rates = [one["rate"] for one in rounds]
            rows.append([
                name, f"{statistics.median(rates):.0f}",
                f"{min(rates):.0f}–{max(rates):.0f}",
                *(f"{median(rounds, key) / 1000:.2f}" for key in
                  ("p50_us", "p90_us", "p99_us", "p999_us", "max_us")),
                *(f"{median(rounds, key):.0f}" for key in
                  ("server_cpu_us", "client_cpu_us")),
                sum(one["failures"] for one in rounds)])
        table([f"{count} outstanding", "ops/s", "least–most", "p50 ms", "p90",
               "p99", "p99.9", "max", "server CPU µs/op", "client CPU µs/op",
               "failures"], rows)


def print_comparison(figures):
    cells = {(cell["scenario"], cell["outstanding"]): cell["rounds"]
             for cell in figures["cells"]}
    outstanding = sorted({count for _, count in cells})
    rounds = len(figures["cells"][0]["rounds"])
    print(f"{rounds} rounds of {figures['measured_s']:g} s for each line; "
          "medians of the rounds.\n")
    print_ratios(cells, outstanding)
    print_cells(cells, outstanding)


def print_failover(figures):
    rows = []
    firsts = {}
    for signal in ("SIGKILL", "SIGSTOP"):
        for system in ("quorate", "etcd"):
            rounds = [one for one in figures["rounds"]
                      if (one["signal"], one["system"]) == (signal, system)]
            first = sorted(one["first_ms"] for one in rounds)
            pauses = sorted(pause for one in rounds
                            for pause in one["pauses_ms"])
            firsts[signal, system] = first
            rows.append([
                f"{signal} of the leader, {system}", len(rounds),
                f"{first[0]:.0f}", f"{statistics.median(first):.0f}",
                f"{first[-1]:.0f}", f"{statistics.median(pauses):.0f}",
                f"{pauses[-1]:.0f}"])
    ratio_rows = []
    for signal in ("SIGKILL", "SIGSTOP"):
        ours, theirs = (firsts[signal, system]
                        for system in ("quorate", "etcd"))
        ratio_rows.append([
            f"{signal} of the leader",
            f"{statistics.median(ours) / statistics.median(theirs):.3f}",
            f"{ours[-1] / theirs[-1]:.3f}"])
    table(["time until the next acknowledged write, ours / etcd's",
           "medians", "worst"], ratio_rows)
    table(["ms until the next acknowledged write", "rounds", "least", "median",
           "most", "a client's pause, median", "most"], rows)
    for (signal, system), first in firsts.items():
        print(f"{signal} {system}: " + " ".join(f"{ms:.0f}" for ms in first))


def print_report(figures):
    machine = figures.get("machine", {})
    if machine:
        print("{date}, commit {commit}; {cores} cores, {memory_gib} GiB, "
              "shared by clients and members; {etcd}; load average "
              "{load_before} before, {load_after} after.\n".format(**machine))
    if figures["kind"] == "failover":
        print_failover(figures)
    else:
        print_comparison(figures)


def main():
    with open(sys.argv[1], encoding="utf-8") as source:
        print_report(json.load(source))


if __name__ == "__main__":
    main()
