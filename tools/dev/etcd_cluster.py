#!/usr/bin/env python3
"""Three members of etcd on one machine: up, restart, down. For ./dev bench.

Debian's etcd with its default settings but for names, ports, directories and
mTLS everywhere, as our own members have it. The directory looks like one of
cluster.py's as far as the benchmark reads it:

    DIR/members.json       the members, their endpoints and process ids
    DIR/tls/               certificates
    DIR/m1/data/           a member's data        DIR/m1/log    its output
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time

import certificates
import cluster
from cluster_files import (CLIENT_OFFSET, MEMBER_NAMES, PEER_OFFSET,
                           write_atomically)

DEFAULT_BASE_PORT = 7900
START_SECONDS = 60
STOP_SECONDS = 10


class EtcdCluster:
    """A directory and the processes that its members.json names."""

    def __init__(self, directory):
        self.directory = os.path.abspath(directory)
        self._started = {}  # By the name of the member.

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def read_members(self):
        with open(self.path("members.json"), encoding="utf-8") as source:
            return json.load(source)

    def write_members(self, members):
        write_atomically(self.path("members.json"),
                         json.dumps(members, indent=2) + "\n")

    def create(self, base_port):
        tls = self.path("tls")
        os.makedirs(tls, mode=0o700, exist_ok=True)
        authority = certificates.Authority(tls, "ca", "etcd")
        members = []
        for number, name in enumerate(MEMBER_NAMES, start=1):
            os.makedirs(self.path(name), exist_ok=True)
            # etcd calls itself with its own certificate, too.
            authority.issue(os.path.join(tls, name), name,
                            ["IP:127.0.0.1", "DNS:localhost"],
                            "serverAuth,clientAuth")
            members.append({
                "name": name,
                "pid": 0,
                "endpoint": f"127.0.0.1:{base_port + CLIENT_OFFSET + number}",
                "peer": f"127.0.0.1:{base_port + PEER_OFFSET + number}",
                "log": self.path(name, "log"),
            })
        authority.issue(os.path.join(tls, "client"), "client",
                        ["DNS:client"], "clientAuth")
        self.write_members(members)

    def _command(self, member, members):
        tls, name = self.path("tls"), member["name"]
        client, peer = (f"https://{member[kind]}"
                        for kind in ("endpoint", "peer"))
        authority = os.path.join(tls, "ca.pem")
        certificate, key = (os.path.join(tls, f"{name}{suffix}")
                            for suffix in (".pem", ".key"))
        everyone = ",".join(f"{one['name']}=https://{one['peer']}"
                            for one in members)
        return [
            "etcd", "--name", name, "--data-dir", self.path(name, "data"),
            "--listen-client-urls", client,
            "--advertise-client-urls", client,
            "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls", peer,
            "--initial-cluster", everyone, "--logger", "zap",
            "--cert-file", certificate, "--key-file", key,
            "--trusted-ca-file", authority, "--client-cert-auth",
            "--peer-cert-file", certificate, "--peer-key-file", key,
            "--peer-trusted-ca-file", authority, "--peer-client-cert-auth",
        ]

    def start(self, name):
        members = self.read_members()
        member = next(m for m in members if m["name"] == name)
        # What ETCD_ variables say elsewhere is not for these members.
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("ETCD_")}
        with open(member["log"], "ab") as log:
            process = subprocess.Popen(
                self._command(member, members), env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        self._started[name] = process
        member["pid"] = process.pid
        self.write_members(members)

    def is_running(self, member):
        """True if the noted process lives and is this member."""
        try:
            with open(f"/proc/{member['pid']}/cmdline", "rb") as source:
                arguments = source.read().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return False
        return self.path(member["name"], "data").encode() in arguments

    def signal(self, member, number):
        if self.is_running(member):
            os.kill(member["pid"], number)

    def wait_listening(self, member):
        """Waits for a member that this script has started."""
        deadline = time.monotonic() + START_SECONDS
        port = int(member["endpoint"].rpartition(":")[2])
        # The client port is opened once the member has joined the cluster.
        while cluster.port_is_free(port):
            ended = self._started[member["name"]].poll() is not None
            if ended or time.monotonic() > deadline:
                with open(member["log"], encoding="utf-8",
                          errors="replace") as log:
                    end = "".join(log.readlines()[-15:])
                raise cluster.DevError(
                    f"etcd's member {member['name']} does not serve. Its log "
                    f"ends with:\n{end}")
            time.sleep(0.05)

    def stop(self):
        members = self.read_members()
        for member in members:
            self.signal(member, signal.SIGTERM)
            self.signal(member, signal.SIGCONT)
        deadline = time.monotonic() + STOP_SECONDS
        while any(self.is_running(m) for m in members):
            if time.monotonic() > deadline:
                for member in members:
                    self.signal(member, signal.SIGKILL)
            for member in members:
                cluster.member_process.reap(member["pid"])
            time.sleep(0.05)


def command_up(etcd, _options):
    with cluster.ports_locked():
        for block in range(cluster.PORT_BLOCKS_TRIED):
            base_port = DEFAULT_BASE_PORT + block * cluster.PORT_BLOCK
            if not cluster.taken_ports(base_port):
                break
        else:
            raise cluster.DevError(f"no free ports from {DEFAULT_BASE_PORT} "
                                   "on.")
        etcd.create(base_port)
        for name in MEMBER_NAMES:
            etcd.start(name)
        for member in etcd.read_members():
            etcd.wait_listening(member)


def command_restart(etcd, options):
    etcd.start(options.name)
    member = next(m for m in etcd.read_members()
                  if m["name"] == options.name)
    etcd.wait_listening(member)


def command_down(etcd, _options):
    etcd.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run in (("up", command_up), ("restart", command_restart),
                      ("down", command_down)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("--dir", required=True)
        if name == "restart":
            command.add_argument("name", choices=MEMBER_NAMES)
    options = parser.parse_args()
    try:
        options.run(EtcdCluster(options.dir), options)
    except (cluster.DevError, certificates.OpensslError) as error:
        print(f"dev: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
