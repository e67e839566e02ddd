#!/usr/bin/env python3
"""A cluster on one machine: up, restart, down, leader.

./dev calls this after the build; tests call it with their own --bin-dir. It
needs nothing but Python's library, openssl and the programs of Quorate.
"""

import argparse
import contextlib
import datetime
import fcntl
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import certificates
import member_process
from cluster_files import (CLIENT_OFFSET, JOIN_OFFSET, MEMBER_COUNTS,
                           MEMBER_NAMES, PEER_OFFSET, ClusterFiles)

DEFAULT_BASE_PORT = 7400
PORT_BLOCK = 20
PORT_BLOCKS_TRIED = 20

# A first election takes about one second, a start after a crash a replay
# more. On a machine that is busy with something else both may take longer.
SERVE_SECONDS = 60
CALL_SECONDS = 20

# Exit codes of `quorate` after which another try may go better.
UNAVAILABLE_CODES = (3, 124)

# What the demonstration licence allows.
DEMO_FEATURES = {"cad": "20,borrow=30d,borrow-keep=10", "solver": "8",
                 "viewer": "1000"}


class DevError(Exception):
    """A message for the person at the terminal."""


class Cluster:
    """A cluster directory together with the programs that run it."""

    def __init__(self, directory, bin_dir):
        self.files = ClusterFiles(directory)
        self.bin_dir = os.path.abspath(bin_dir)

    def quorate(self, *arguments, endpoints=None, seconds=CALL_SECONDS):
        """Runs the command line client; returns the finished process."""
        if endpoints is None and self.files.exists():
            endpoints = [m["endpoint"] for m in self.files.read_members()]
        env = dict(os.environ, **self.files.credentials())
        if endpoints:
            env["QUORATE_ENDPOINTS"] = ",".join(endpoints)
        command = [os.path.join(self.bin_dir, "quorate"), *arguments]
        try:
            return subprocess.run(command, env=env, text=True, check=False,
                                  capture_output=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(
                command, 124, "", f"no answer within {seconds} s")

    def must(self, what, *arguments, **options):
        """Runs `quorate` until the cluster is there for it, or fails.

        On a machine that is busy with something else, the members may take
        each other for dead for a moment.
        """
        deadline = time.monotonic() + SERVE_SECONDS
        while True:
            result = self.quorate(*arguments, **options)
            if (result.returncode not in UNAVAILABLE_CODES or
                    time.monotonic() > deadline):
                break
            time.sleep(0.2)
        if result.returncode != 0:
            raise DevError(
                f"{what} failed with exit code {result.returncode}:\n"
                f"  quorate {' '.join(arguments)}\n"
                f"{result.stdout}{result.stderr}")
        return result.stdout

    def status(self, member):
        """The member's own view of the cluster, or None."""
        result = self.quorate("status", "-o", "json",
                              endpoints=[member["endpoint"]], seconds=5)
        if result.returncode != 0:
            return None
        try:
            return json.loads(result.stdout)
        except json.JSONDecodeError:
            return None

    def wait_until(self, member, ready, what):
        deadline = time.monotonic() + SERVE_SECONDS
        while time.monotonic() < deadline:
            if not member_process.is_running(self.files, member):
                member_process.reap(member["pid"])
                raise DevError(
                    f"{member['name']} ended instead of serving. Its log "
                    f"({member['log']}) ends with:\n"
                    f"{member_process.log_tail(member)}")
            status = self.status(member)
            if status is not None and ready(status):
                return status
            time.sleep(0.1)
        raise DevError(
            f"{member['name']} does not {what} after {SERVE_SECONDS} s. Its "
            f"log ({member['log']}) ends with:\n"
            f"{member_process.log_tail(member)}")

    def wait_serving(self, members):
        for member in members:
            self.wait_until(member, lambda s: s.get("serving"), "serve")

    def running(self):
        return [m for m in self.files.read_members()
                if member_process.is_running(self.files, m)]

    def create(self, base_port, names):
        """Identities, certificates, keys, configurations, data directories."""
        for leftover in ("tls", "vendor", *names):
            shutil.rmtree(self.files.path(leftover), ignore_errors=True)
        cluster = self.files.create(base_port, names)
        certificates.make_certificates(
            self.files.path("tls"), cluster["cluster_id"], names)
        vendor = self.files.path("vendor")
        self.must("making the vendor's keys", "vendor", "keygen",
                  "--dir", vendor, "--vendor", "demo-vendor")
        for member in self.files.read_members():
            config = self.files.path(member["name"], "config.toml")
            result = subprocess.run(
                [os.path.join(self.bin_dir, "quorated"), "init",
                 "--config", config],
                capture_output=True, text=True, check=False)
            if result.returncode != 0:
                raise DevError(f"quorated init --config {config} failed:\n"
                               f"{result.stdout}{result.stderr}")
        return cluster

    def enrol_demo_license(self, cluster):
        """A licence for this cluster only, for one year."""
        today = datetime.datetime.now(datetime.timezone.utc).date()
        path = self.files.path("demo.license")
        features = [word for name, count in DEMO_FEATURES.items()
                    for word in ("--feature", f"{name}={count}")]
        # A cluster that began to be made, and was not finished, starts anew.
        if os.path.exists(path):
            os.remove(path)
        self.must(
            "issuing the demonstration licence", "vendor", "issue",
            "--keys", self.files.path("vendor"),
            "--cluster-id", cluster["cluster_id"],
            "--customer", "demo-customer", "--license-id", "demo",
            "--serial", "1", *features,
            "--start", (today - datetime.timedelta(days=1)).isoformat(),
            "--end", (today + datetime.timedelta(days=365)).isoformat(),
            "--out", path)
        endpoints = [m["endpoint"] for m in self.files.read_members()]
        self.must("installing the demonstration licence", "license",
                  "install", path, endpoints=endpoints)

    def try_each_member(self):
        """One seat out and in through each member alone."""
        for member in self.files.read_members():
            self.must(f"a checkout through {member['name']}", "checkout",
                      "cad", endpoints=[member["endpoint"]])

    def start_members(self, members):
        for member in members:
            member_process.start(self.files, member, self.bin_dir)

    def stop_all(self):
        return member_process.stop(self.files, self.files.read_members())


def port_is_free(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As a server would: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def ports_of(base_port, members):
    return [base_port + offset + number
            for offset in (CLIENT_OFFSET, PEER_OFFSET, JOIN_OFFSET)
            for number in range(1, members + 1)]


def taken_ports(base_port, members=len(MEMBER_NAMES)):
    return [port for port in ports_of(base_port, members)
            if not port_is_free(port)]


@contextlib.contextmanager
def ports_locked():
    """Two clusters that start at once do not choose the same ports."""
    path = os.path.join(tempfile.gettempdir(),
                        f"quorate-ports-{os.getuid()}.lock")
    with open(path, "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def choose_base_port(wanted, members):
    if wanted is not None:
        taken = taken_ports(wanted, members)
        if taken:
            raise DevError(
                "these ports are in use: " + ", ".join(map(str, taken)) +
                ". Stop what uses them, or choose others with --base-port.")
        return wanted
    for block in range(PORT_BLOCKS_TRIED):
        base_port = DEFAULT_BASE_PORT + block * PORT_BLOCK
        if not taken_ports(base_port, members):
            return base_port
    raise DevError("no free ports from "
                   f"{DEFAULT_BASE_PORT} on; choose some with --base-port.")


def print_table(cluster, members):
    leader = None
    for member in members:
        status = cluster.status(member)
        if status is not None and status.get("leader"):
            leader = status["leader"]
            break
    rows = [("MEMBER", "ROLE", "CLIENTS", "PEERS", "DATA")]
    for member in members:
        if not member_process.is_running(cluster.files, member):
            role = "stopped"
        elif member["name"] == leader:
            role = "leader"
        else:
            role = "follower"
        rows.append((member["name"], role, member["endpoint"],
                     member["peer"], member["data_dir"]))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width
                        in zip(row, widths)).rstrip())


def print_next_steps(cluster):
    directory = os.path.relpath(cluster.files.directory)
    if directory.startswith(".."):
        directory = cluster.files.directory
    directory = shlex.quote(directory)
    exports = " ".join(f"{name}={shlex.quote(value)}" for name, value
                       in cluster.files.exports().items())
    print(f"""
For demonstrations only: throw-away certificates, keys on the disk, one
machine. In a shell of yours, one of

  . {directory}/env
  export {exports}

and then:

  quorate status
  quorate pools
  quorate run cad -- sleep 30 & quorate sessions
  kill -9 $(cat {directory}/$(./dev leader --dir {directory})/pid)
  quorate checkout cad
  ./dev down --dir {directory}
""", flush=True)


def follow_logs(cluster):
    """Shows what the members log until a signal comes; then stops them."""
    stop = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.append(True))
    positions = {m["name"]: os.path.getsize(m["log"])
                 for m in cluster.files.read_members()}
    print("Following the logs; Ctrl-C stops the members.", flush=True)
    while not stop:
        time.sleep(0.2)
        for member in cluster.files.read_members():
            member_process.reap(member["pid"])
            name = member["name"]
            with open(member["log"], "rb") as log:
                log.seek(positions[name])
                fresh = log.read()
            whole = fresh.rpartition(b"\n")[0]
            if whole:
                positions[name] += len(whole) + 1
                for line in whole.decode(errors="replace").split("\n"):
                    print(f"{name} {line}")
        sys.stdout.flush()
    print("\nStopping the members.", flush=True)
    with cluster.files.locked():
        cluster.stop_all()
    print("Stopped. The data is kept; the same command starts them again.")


def up_existing(cluster, options):
    base_port = cluster.files.read_cluster()["base_port"]
    if options.base_port not in (None, base_port):
        raise DevError(
            f"the cluster in {cluster.files.directory} has base port "
            f"{base_port}. Leave --base-port out, or take another --dir.")
    members = cluster.files.read_members()
    running = cluster.running()
    if len(running) == len(members):
        print(f"The cluster in {cluster.files.directory} runs already.")
    else:
        names = {m["name"] for m in running}
        stopped = [m for m in members if m["name"] not in names]
        for member in stopped:
            for address in (member[key] for key in
                            ("endpoint", "peer", "join") if key in member):
                port = int(address.rpartition(":")[2])
                if not port_is_free(port):
                    raise DevError(f"{member['name']} needs port {port}, "
                                   "which is in use by something else.")
        cluster.start_members(stopped)
    cluster.wait_serving(cluster.files.read_members())
    cluster.files.write_env(cluster.bin_dir)


def up_new(cluster, options):
    try:
        with ports_locked():
            names = [f"m{number}"
                     for number in range(1, options.members + 1)]
            base_port = choose_base_port(options.base_port, options.members)
            description = cluster.create(base_port, names)
            cluster.start_members(cluster.files.read_members())
            cluster.wait_serving(cluster.files.read_members())
        cluster.enrol_demo_license(description)
        cluster.try_each_member()
        cluster.files.write_env(cluster.bin_dir)
        cluster.files.finish(description)
    except BaseException:
        # Half a cluster is of no use, and its processes would be in the way.
        if os.path.exists(cluster.files.path("members.json")):
            cluster.stop_all()
        raise


def command_up(options):
    cluster = Cluster(options.dir, options.bin_dir)
    with cluster.files.locked():
        if cluster.files.exists():
            up_existing(cluster, options)
        else:
            up_new(cluster, options)
        print_table(cluster, cluster.files.read_members())
    print_next_steps(cluster)
    if not options.detach:
        follow_logs(cluster)


def existing_cluster(options):
    cluster = Cluster(options.dir, options.bin_dir)
    if not cluster.files.exists():
        raise DevError(f"there is no cluster in {options.dir}; "
                       "./dev up --dir makes one.")
    return cluster


def command_restart(options):
    cluster = existing_cluster(options)
    with cluster.files.locked():
        members = {m["name"]: m for m in cluster.files.read_members()}
        if options.name not in members:
            raise DevError(f"there is no member {options.name}; there are "
                           + ", ".join(members) + ".")
        member = members[options.name]
        member_process.stop(cluster.files, [member])
        member_process.start(cluster.files, member, cluster.bin_dir)
        if 2 * len(cluster.running()) > len(members):
            cluster.wait_serving([member])
            print(f"{member['name']} serves again, pid {member['pid']}.")
        else:
            cluster.wait_until(member, lambda status: True, "answer")
            print(f"{member['name']} runs again, pid {member['pid']}, but "
                  "cannot serve until one more member runs.")


def command_down(options):
    cluster = existing_cluster(options)
    with cluster.files.locked():
        killed = cluster.stop_all()
        for name in killed:
            print(f"{name} did not stop in {member_process.STOP_SECONDS} s "
                  "and was killed.")
        if options.wipe:
            shutil.rmtree(cluster.files.directory)
            print("Stopped, and the data is removed.")
        else:
            print("Stopped; the data is kept.")


def command_leader(options):
    cluster = existing_cluster(options)
    deadline = time.monotonic() + SERVE_SECONDS
    while time.monotonic() < deadline:
        for member in cluster.running():
            status = cluster.status(member)
            # A member that was cut off may still name an old leader; it does
            # not call itself serving then.
            if status and status.get("leader") and status.get("serving"):
                print(status["leader"])
                return
        time.sleep(0.1)
    raise DevError("no member knows a leader.")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./dev", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name, run):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("--dir", required=True)
        command.add_argument("--bin-dir", required=True)
        return command

    up = add("up", command_up)
    up.add_argument("--detach", action="store_true")
    up.add_argument("--base-port", type=int)
    up.add_argument("--members", type=int, choices=MEMBER_COUNTS,
                    default=len(MEMBER_NAMES))
    add("restart", command_restart).add_argument("name")
    add("down", command_down).add_argument("--wipe", action="store_true")
    add("leader", command_leader)
    return parser.parse_args(arguments)


def main():
    options = parse(sys.argv[1:])
    # So that what was started is stopped again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        options.run(options)
    except (DevError, certificates.OpensslError) as error:
        print(f"dev: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Whoever read along has seen enough. Nothing is to be flushed to him.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
