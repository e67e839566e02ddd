#!/usr/bin/env python3
"""./dev bench: our cluster, etcd and bare echo servers beside each other.

Starts all of them in a directory of their own below build/ (on the disk, since
/tmp may be memory), lets quorate-bench make the load, prints the report, and
stops and removes everything again, also after Ctrl-C.
"""

import argparse
import contextlib
import datetime
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import bench_report

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
ECHO_START_SECONDS = 20


def output_of(*command):
    result = subprocess.run(command, capture_output=True, text=True,
                            check=False, cwd=ROOT)
    return result.stdout.strip() if result.returncode == 0 else "unknown"


def memory_gib():
    with open("/proc/meminfo", encoding="ascii") as source:
        kib = int(re.search(r"MemTotal:\s+(\d+)", source.read()).group(1))
    return round(kib / 2**20)


def load_average():
    return round(os.getloadavg()[0], 2)


def describe_machine():
    changed = output_of("git", "status", "--porcelain",
                        "--untracked-files=no")
    commit = output_of("git", "rev-parse", "--short", "HEAD")
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime(
            "%Y-%m-%d %H:%M UTC"),
        "commit": commit + (" with changes" if changed else ""),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": memory_gib(),
        "etcd": output_of("etcd", "--version").split("\n", maxsplit=1)[0],
        # Of the minute before anything was started.
        "load_before": load_average(),
    }


def ignore_interrupts():
    """From now on everything is being stopped; a second Ctrl-C must not."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


class Bench:
    """What is started for one run, below one directory."""

    def __init__(self, directory, build_dir):
        self.directory = directory
        self.bin_dir = os.path.join(build_dir, "bin")
        self.program = os.path.join(build_dir, "tests", "quorate-bench")

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def script(self, name, *arguments):
        """Runs one of our scripts; interrupted, it gets time to tidy up."""
        with subprocess.Popen(
                [sys.executable, os.path.join(HERE, name), *arguments],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True) as process:
            try:
                output, _ = process.communicate()
            except KeyboardInterrupt:
                process.communicate()  # Ctrl-C has reached it, too.
                raise
            except SystemExit:
                process.terminate()
                process.communicate()
                raise
        if process.returncode != 0:
            raise RuntimeError(f"{name} {arguments[0]}:\n{output}")

    @contextlib.contextmanager
    def quorate(self):
        where = ("--dir", self.path("quorate"), "--bin-dir", self.bin_dir)
        try:
            self.script("cluster.py", "up", "--detach", *where)
            yield
        finally:
            if os.path.exists(self.path("quorate", "cluster.json")):
                ignore_interrupts()
                self.script("cluster.py", "down", *where)

    @contextlib.contextmanager
    def etcd(self):
        where = ("--dir", self.path("etcd"))
        try:
            self.script("etcd_cluster.py", "up", *where)
            yield
        finally:
            if os.path.exists(self.path("etcd", "members.json")):
                ignore_interrupts()
                self.script("etcd_cluster.py", "down", *where)

    @contextlib.contextmanager
    def echo(self):
        """The echo servers, in a directory like a cluster's."""
        os.makedirs(self.path("echo"))
        os.symlink(self.path("quorate", "tls"), self.path("echo", "tls"))
        with subprocess.Popen(
                [self.program, "serve-echo", "--dir", self.path("quorate")],
                stdout=subprocess.PIPE, text=True,
                start_new_session=True) as process:
            try:
                ports = process.stdout.readline().split()
                members = [{"name": name, "endpoint": f"127.0.0.1:{port}",
                            "pid": process.pid}
                           for name, port in zip(("tls", "plain"), ports)]
                with open(self.path("echo", "members.json"), "w",
                          encoding="utf-8") as out:
                    json.dump(members, out)
                yield
            finally:
                process.kill()

    def run(self, *arguments):
        subprocess.run([self.program, *arguments], check=True)


def compare(bench, options, out):
    arguments = ["compare", "--quorate", bench.path("quorate"),
                 "--etcd", bench.path("etcd"), "--echo", bench.path("echo"),
                 "--rounds", str(options.rounds or (1 if options.quick else 5)),
                 "--seconds", str(options.seconds or
                                  (0.5 if options.quick else 2)),
                 "--out", out]
    if options.filter:
        arguments += ["--filter", options.filter]
    if options.outstanding:
        arguments += ["--outstanding", options.outstanding]
    with bench.quorate(), bench.etcd(), bench.echo():
        bench.run(*arguments)


def failover(bench, options, out):
    rounds = options.rounds or (3 if options.quick else 15)
    with bench.quorate(), bench.etcd():
        bench.run("failover", "--quorate", bench.path("quorate"),
                  "--etcd", bench.path("etcd"), "--rounds", str(rounds),
                  "--out", out)


def parse():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("what", nargs="?", default="compare",
                        choices=("compare", "failover"))
    parser.add_argument("--quick", action="store_true",
                        help="short rounds: to see that it works")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float,
                        help="of each measurement (compare)")
    parser.add_argument("--outstanding", help="1,16,64 (compare)")
    parser.add_argument("--filter",
                        help="scenarios with this in the name (compare)")
    parser.add_argument("--json", help="also keep all figures in this file")
    parser.add_argument("--build-dir",
                        default=os.path.join(ROOT, "build", "release"))
    return parser.parse_args()


def main():
    options = parse()
    # So that what was started is stopped again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    machine = describe_machine()
    directory = tempfile.mkdtemp(prefix="bench-",
                                 dir=os.path.join(ROOT, "build"))
    out = os.path.join(directory, "figures.json")
    try:
        bench = Bench(directory, os.path.abspath(options.build_dir))
        run = failover if options.what == "failover" else compare
        run(bench, options, out)
        with open(out, encoding="utf-8") as source:
            figures = json.load(source)
        figures["machine"] = dict(machine, load_after=load_average())
        bench_report.print_report(figures)
        if options.json:
            with open(options.json, "w", encoding="utf-8") as target:
                json.dump(figures, target, indent=1)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (RuntimeError, subprocess.CalledProcessError) as error:
        print(f"dev: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
