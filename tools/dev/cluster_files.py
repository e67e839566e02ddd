"""The files of a development cluster: what lies where below its directory.

    DIR/cluster.json       what the cluster was made with; never changes
    DIR/members.json       the members and their process ids, always true
    DIR/env                exports for a shell: . DIR/env
    DIR/tls/               certificates        DIR/vendor/   vendor's keys
    DIR/demo.license       the demonstration licence
    DIR/m1/config.toml     a member's configuration
    DIR/m1/data/           its data            DIR/m1/log    its output
    DIR/m1/pid             its process id
"""

import contextlib
import fcntl
import json
import os
import secrets
import shlex

MEMBER_NAMES = ("m1", "m2", "m3")

# Clusters are made with one, three or five members; others may join later.
MEMBER_COUNTS = (1, 3, 5)

# A cluster takes the ports base+1..5 for clients, base+11..15 for peers, and
# base+16..20 for machines that join.
CLIENT_OFFSET = 0
PEER_OFFSET = 10
JOIN_OFFSET = 15


def write_atomically(path, text):
    """A reader of `path` sees the old text or the new, never a part."""
    scratch = f"{path}.new"
    with open(scratch, "w", encoding="utf-8") as out:
        out.write(text)
    os.replace(scratch, path)


class ClusterFiles:
    """Paths and texts of one cluster directory."""

    def __init__(self, directory):
        self.directory = os.path.abspath(directory)

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def exists(self):
        return os.path.exists(self.path("cluster.json"))

    @contextlib.contextmanager
    def locked(self):
        """One command at a time works on a cluster."""
        os.makedirs(self.directory, exist_ok=True)
        with open(self.path("lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def read_members(self):
        with open(self.path("members.json"), encoding="utf-8") as source:
            return json.load(source)

    def write_members(self, members):
        write_atomically(self.path("members.json"),
                         json.dumps(members, indent=2) + "\n")

    def read_cluster(self):
        with open(self.path("cluster.json"), encoding="utf-8") as source:
            return json.load(source)

    def create(self, base_port, names):
        """Draws the identities and writes everything but certificates."""
        cluster = {
            "cluster_id": secrets.token_hex(16),
            "base_port": base_port,
            # Zero means "none" in Raft's state, so it is nobody's id.
            "member_ids": {name: str(1 + secrets.randbelow(2**64 - 1))
                           for name in names},
        }
        members = []
        for number, name in enumerate(names, start=1):
            os.makedirs(self.path(name), exist_ok=True)
            client_port = base_port + CLIENT_OFFSET + number
            peer_port = base_port + PEER_OFFSET + number
            join_port = base_port + JOIN_OFFSET + number
            members.append({
                "name": name,
                "id": cluster["member_ids"][name],
                "pid": 0,
                "endpoint": f"127.0.0.1:{client_port}",
                "peer": f"127.0.0.1:{peer_port}",
                "join": f"127.0.0.1:{join_port}",
                "data_dir": self.path(name, "data"),
                "log": self.path(name, "log"),
            })
        for member in members:
            write_atomically(self.path(member["name"], "config.toml"),
                             member_config(cluster, members, member))
        self.write_members(members)
        return cluster

    def finish(self, cluster):
        """The last act of a creation: from now on the cluster exists."""
        write_atomically(self.path("cluster.json"),
                         json.dumps(cluster, indent=2) + "\n")

    def exports(self):
        """What a client's environment needs."""
        endpoints = ",".join(m["endpoint"] for m in self.read_members())
        return {"QUORATE_ENDPOINTS": endpoints, **self.credentials()}

    def write_env(self, bin_dir):
        lines = [f"export {name}={shlex.quote(value)}"
                 for name, value in self.exports().items()]
        lines.append(f'export PATH={shlex.quote(bin_dir)}:"$PATH"')
        write_atomically(self.path("env"), "\n".join(lines) + "\n")

    def credentials(self):
        return {
            "QUORATE_CA": self.path("tls", "ca.pem"),
            "QUORATE_CERT": self.path("tls", "client.pem"),
            "QUORATE_KEY": self.path("tls", "client.key"),
        }


def member_config(cluster, members, member):
    """The TOML text of one member; paths are relative to its file."""
    lines = ["# Written by ./dev up for a cluster on one machine.",
             "[cluster]", f'id = "{cluster["cluster_id"]}"', "epoch = 1", ""]
    for one in members:
        lines += ["[[cluster.members]]", f'name = "{one["name"]}"',
                  f'id = "{one["id"]}"', f'peer = "{one["peer"]}"',
                  f'client = "{one["endpoint"]}"', ""]
    name = member["name"]
    lines += [
        "[member]", f'name = "{name}"', 'data_dir = "data"', "",
        "[listen]", f'client = "{member["endpoint"]}"',
        f'peer = "{member["peer"]}"', f'join = "{member["join"]}"', "",
        "[tls.client]", 'ca = "../tls/ca.pem"', 'ca_key = "../tls/ca.key"',
        f'cert = "../tls/{name}.pem"', f'key = "../tls/{name}.key"', "",
        "[tls.peer]", 'ca = "../tls/peer-ca.pem"',
        'ca_key = "../tls/peer-ca.key"',
        f'cert = "../tls/{name}-peer.pem"',
        f'key = "../tls/{name}-peer.key"', "",
        "[trust]", 'root = "../vendor/root.pem"', "",
        "[log]", 'level = "info"', "",
        "[access]", 'administrators = ["developer"]',
    ]
    return "\n".join(lines) + "\n"
