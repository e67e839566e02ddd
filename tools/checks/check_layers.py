#!/usr/bin/env python3
"""Which folder may include what: the table of the layers, as a test.

usage: check_layers.py [ROOT]

The longest entry of LAYERS that begins a file's path is its layer. A file may
include its own layer and what the entry lists, and nothing else of ours or of
other libraries. docs/architecture.md says why the table is as it is.
"""

import os
import re
import sys
from dataclasses import dataclass

from source_tree import Finding, files_below, read

# Libraries by the beginning of what one includes of them.
LIBRARIES = {
    "absl": ("absl/",),
    "protobuf": ("google/protobuf/",),
    "grpc": ("grpc/", "grpcpp/"),
    "rocksdb": ("rocksdb/",),
    "openssl": ("openssl/",),
    "spdlog": ("spdlog/",),
    "cli11": ("CLI/",),
    "toml": ("toml++/",),
    "json": ("nlohmann/",),
    "xml": ("libxml/",),
    "xxhash": ("xxhash.h",),
    "curl": ("curl/",),
    "testing": ("gtest/", "gmock/", "rapidcheck/", "rapidcheck.h"),
}

# What a pure folder must not see: threads, clocks, chance, sockets, files.
IMPURE_HEADERS = {
    "thread", "mutex", "shared_mutex", "chrono", "atomic", "random", "future",
    "condition_variable", "semaphore", "latch", "barrier", "stop_token",
    "filesystem", "fstream", "iostream", "ctime", "time.h", "unistd.h",
    "pthread.h", "fcntl.h", "poll.h", "signal.h", "sys/socket.h",
    "sys/time.h", "sys/stat.h",
}
IMPURE_OURS = {"base/bounded_queue.h", "base/clock.h", "base/folder.h",
               "base/log.h", "base/mutex.h"}
IMPURE_ABSL = {"absl/time/clock.h", "absl/synchronization/",
               "absl/random/"}

PUBLIC_PROTO = (
    "google/rpc/", "quorate/admin/", "quorate/checkout/",
    "quorate/monitoring/", "quorate/options/", "quorate/type/")
INTERNAL_PROTO = ("quorate/internal/",)
PEER_PROTO = "quorate/internal/v1/peer."
DOCUMENT_PROTO = ("quorate/document/",)
HEALTH_PROTO = ("grpc/health/", "health.")


@dataclass(frozen=True)
class Layer:
    """What files below a folder may include beside their own folder."""
    ours: tuple = ()
    generated: tuple = ()
    libraries: tuple = ()
    pure: bool = False


LAYERS = {
    "base/": Layer(libraries=("absl", "spdlog")),
    "replication/": Layer(
        ours=("base/", "replication/raft/"), libraries=("absl",)),
    "replication/raft/": Layer(
        ours=("base/",), libraries=("absl",), pure=True),
    "replication/wire/": Layer(
        ours=("base/", "replication/raft/",
              "replication/transport/transport.h"),
        generated=INTERNAL_PROTO, libraries=("absl", "protobuf")),
    "replication/storage/": Layer(
        ours=("base/", "replication/raft/", "replication/wire/",
              "replication/snapshot_stream.h",
              "replication/state_machine.h", "replication/state_store.h"),
        generated=INTERNAL_PROTO,
        libraries=("absl", "protobuf", "rocksdb", "xxhash")),
    "replication/snapshot/": Layer(
        ours=("base/", "replication/raft/", "replication/snapshot_files.h",
              "replication/snapshot_stream.h", "replication/storage/",
              "replication/wire/"),
        generated=INTERNAL_PROTO,
        libraries=("absl", "protobuf", "rocksdb", "xxhash")),
    "replication/transport/": Layer(
        ours=("base/", "replication/raft/", "replication/snapshot_stream.h",
              "replication/wire/"),
        generated=INTERNAL_PROTO,
        # xxhash: each chunk of a snapshot has a checksum of its own.
        libraries=("absl", "protobuf", "grpc", "openssl", "xxhash")),
    "replication/node/": Layer(
        ours=("base/", "replication/raft/", "replication/snapshot_files.h",
              "replication/snapshot_stream.h", "replication/state_machine.h",
              "replication/storage/append_merge.h",
              "replication/storage/fatal.h",
              "replication/storage/log_store.h",
              "replication/transport/message_cost.h",
              "replication/transport/transport.h",
              "replication/wire/limits.h"),
        libraries=("absl",)),
    "trust/": Layer(
        ours=("base/",), generated=DOCUMENT_PROTO,
        libraries=("absl", "protobuf", "openssl")),
    # What a member writes, and programs without RocksDB look at.
    "backup/": Layer(
        ours=("base/",), generated=INTERNAL_PROTO,
        libraries=("absl", "protobuf", "openssl")),
    # Who may take what, by rules: below the ledger, which counts.
    "server/policy/": Layer(
        ours=("base/",), generated=("quorate/internal/v1/policy.pb.h",),
        libraries=("absl", "protobuf"), pure=True),
    # Policies as files.
    "server/policy_formats/": Layer(
        ours=("base/", "server/policy/", "server/toml_section.h"),
        generated=("quorate/internal/v1/policy.pb.h",),
        libraries=("absl", "protobuf", "xml")),
    "server/licensing/": Layer(
        ours=("base/", "server/policy/"),
        generated=INTERNAL_PROTO + ("quorate/type/v1/error_reason.pb.h",),
        libraries=("absl", "protobuf", "xxhash"), pure=True),
    # What was used and refused, in records beside the ledger's.
    "server/history/": Layer(
        ours=("base/", "server/licensing/", "server/policy/",
              "replication/state_store.h"),
        generated=INTERNAL_PROTO + ("quorate/type/v1/error_reason.pb.h",),
        libraries=("absl", "protobuf"), pure=True),
    # What a member prints, kept and searched.
    "server/logs/": Layer(
        ours=("base/",), libraries=("absl", "json", "spdlog", "xxhash")),
    # What people are told by mail, and in which words.
    "server/alerts/": Layer(
        ours=("base/", "server/licensing/"),
        generated=INTERNAL_PROTO + ("quorate/type/v1/error_reason.pb.h",),
        libraries=("absl", "protobuf"), pure=True),
    # One letter to one mail server; knows nothing of ours.
    "server/mail/": Layer(libraries=("absl", "curl")),
    "server/rpc/": Layer(
        ours=("base/", "backup/", "server/alerts/", "trust/", "server/licensing/",
              "server/logs/",
              "server/history/", "replication/state_store.h",
              "server/policy/", "server/policy_formats/",
              "replication/node/membership_rules.h",
              "replication/node/node.h", "replication/snapshot_stream.h",
              "replication/state_machine.h",
              "replication/raft/types.h"),
        generated=PUBLIC_PROTO + INTERNAL_PROTO + DOCUMENT_PROTO
        + HEALTH_PROTO,
        libraries=("absl", "protobuf", "grpc")),
    # What wires a member together sees all of its parts.
    "server/": Layer(
        ours=("base/", "backup/", "replication/", "trust/", "server/"),
        generated=PUBLIC_PROTO + INTERNAL_PROTO + DOCUMENT_PROTO
        + HEALTH_PROTO,
        libraries=("absl", "protobuf", "grpc", "openssl", "cli11", "toml",
                   "spdlog")),
    "client/": Layer(
        ours=("base/", "trust/"), generated=PUBLIC_PROTO,
        libraries=("absl", "protobuf", "grpc")),
    "tools/": Layer(
        ours=("base/", "backup/", "client/", "tools/foreign/", "trust/"),
        generated=PUBLIC_PROTO + DOCUMENT_PROTO,
        libraries=("absl", "protobuf", "grpc", "openssl", "cli11", "json")),
    # Values in, text out.
    "tools/foreign/": Layer(
        ours=("base/", "client/error.h"), generated=PUBLIC_PROTO,
        libraries=("absl", "protobuf")),
    # Others' scripts run against the core itself.
    "tools/raft_script/": Layer(
        ours=("base/", "replication/raft/"), libraries=("absl", "cli11")),
}
# Tests look everywhere; a folder of tests is no layer.
FREE = ("tests/",)

INCLUDE = re.compile(r'^\s*#\s*include\s*(<([^>]+)>|"([^"]+)")')


def layer_of(path):
    names = [name for name in LAYERS if path.startswith(name)]
    return max(names, key=len) if names else None


def library_of(target):
    for name, beginnings in LIBRARIES.items():
        if target.startswith(beginnings):
            return name
    return None


def objection(path, target, quoted):
    """Why the file at `path` may not include `target`; None if it may."""
    name = layer_of(path)
    layer = LAYERS[name]
    library = library_of(target)
    generated = target.endswith(".pb.h")
    if generated:
        if target.startswith(PEER_PROTO) and name != "replication/transport/":
            return "only replication/transport speaks to peers"
        if target.startswith("google/protobuf/"):
            return None if "protobuf" in layer.libraries else (
                f"{name} does not see protobuf")
        if target.startswith(layer.generated):
            return None
        return f"{name} does not see these messages"
    if library is not None:
        if library not in layer.libraries:
            return f"{name} does not see {library}"
        if layer.pure and target.startswith(tuple(IMPURE_ABSL)):
            return f"{name} is pure: no thread, clock or chance in it"
        return None
    if not quoted:
        if layer.pure and target in IMPURE_HEADERS:
            return f"{name} is pure: no thread, clock, chance or file in it"
        return None
    if "/" not in target:
        return "an include of ours is written from the root of the tree"
    if layer.pure and target in IMPURE_OURS:
        return f"{name} is pure: no thread, clock or log line in it"
    # Its own layer: the file's layer and the target's are the same one.
    if layer_of(target) == name or target.startswith(layer.ours):
        return None
    return f"{name} does not see it"


def check(root):
    findings = []
    for path in files_below(root, (".h", ".cc")):
        if path.startswith(FREE):
            continue
        if layer_of(path) is None:
            findings.append(Finding(
                path, 1, "no layer has this folder; give it one in LAYERS "
                "(tools/checks/check_layers.py) and in docs/architecture.md"))
            continue
        for number, line in enumerate(read(root, path).split("\n"), start=1):
            match = INCLUDE.match(line)
            if not match:
                continue
            target = match.group(2) or match.group(3)
            why = objection(path, target, quoted=match.group(3) is not None)
            if why:
                findings.append(Finding(
                    path, number, f'may not include "{target}": {why} '
                    "(docs/architecture.md, Layers)"))
    return findings


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "..", "..")
    findings = check(root)
    for finding in findings:
        print(finding)
    print(f"layers: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
