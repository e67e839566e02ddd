#!/usr/bin/env python3
"""./dev bench history: how long a month of a million checkouts takes to tell.

Prints first what the records take, and how long one process takes to add them
up (history_size). Then starts three members, gives each of them while it is
stopped a million checkouts of one feature in the last 30 days (history_load),
and asks each member alone through gRPC, by the command line: so a time is also
that of a program's start and of a TLS handshake, which `quorate status` shows
for itself. All members have to give the same answer.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import bench
import cluster

FEATURE = "feature_0"
GROUPS = ("feature", "user", "host", "project", "hour", "day")


def load(bin_dir, members, checkouts):
    # To the hour, so that all members are asked for the same span.
    end_ms = int(time.time()) // 3600 * 3600 * 1000
    for member in members:
        subprocess.run([os.path.join(bin_dir, "history_load"),
                        member["data_dir"], str(end_ms), str(checkouts)],
                       check=True, stderr=subprocess.DEVNULL)


def timed(target, member, arguments, rounds):
    """The last output, and the milliseconds of each round."""
    spans = []
    for _ in range(rounds):
        began = time.monotonic()
        out = target.must("asking", *arguments,
                          endpoints=[member["endpoint"]])
        spans.append(1000 * (time.monotonic() - began))
    return out, spans


def ask(target, members, rounds):
    print(f"{'question':<18}{'member':<8}{'rows':>6}{'median ms':>11}"
          f"{'most ms':>9}")
    for group in (None, *GROUPS):
        answers = set()
        for member in members:
            if group is None:
                what, arguments = "status", ("status",)
            else:
                what = f"usage by {group}"
                arguments = ("usage", FEATURE, "--by", group, "--from", "31d",
                             "--format", "csv")
            out, spans = timed(target, member, arguments, rounds)
            rows = "" if group is None else out.count("\n") - 1
            print(f"{what:<18}{member['name']:<8}{rows:>6}"
                  f"{statistics.median(spans):>11.0f}{max(spans):>9.0f}")
            answers.add(out)
        if group is not None and len(answers) > 1:
            raise RuntimeError(f"members differ in the usage by {group}")


def measure(directory, build_dir, options):
    bin_dir = os.path.join(build_dir, "bin")
    sizes = os.path.join(directory, "sizes")
    subprocess.run([os.path.join(bin_dir, "history_size"), sizes,
                    str(options.checkouts)],
                   check=True, stderr=subprocess.DEVNULL)
    shutil.rmtree(sizes)
    run = bench.Bench(directory, build_dir)
    with run.quorate():
        target = cluster.Cluster(run.path("quorate"), bin_dir)
        members = target.files.read_members()
        where = ("--dir", run.path("quorate"), "--bin-dir", bin_dir)
        run.script("cluster.py", "down", *where)
        load(bin_dir, members, options.checkouts)
        run.script("cluster.py", "up", "--detach", *where)
        ask(target, target.files.read_members(), options.rounds)


def main():
    parser = argparse.ArgumentParser(prog="./dev bench history",
                                     description=__doc__)
    parser.add_argument("--checkouts", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--build-dir",
                        default=os.path.join(bench.ROOT, "build", "release"))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    directory = tempfile.mkdtemp(prefix="bench-",
                                 dir=os.path.join(bench.ROOT, "build"))
    try:
        measure(directory, os.path.abspath(options.build_dir), options)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (RuntimeError, cluster.DevError,
            subprocess.CalledProcessError) as error:
        print(f"dev: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
