"""The layer check refuses an include that goes upwards.

The real sources are copied to a scratch folder, one forbidden include is
planted there, and exactly that one has to be reported.
"""

import os
import shutil
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
sys.path.insert(0, os.path.join(ROOT, "tools", "checks"))

import check_layers  # noqa: E402
from source_tree import files_below  # noqa: E402

# Where an include is planted, which, and a part of the reason.
REFUSED = (
    ("base/check.h", '"replication/raft/types.h"', "base/"),
    ("base/check.h", '"grpcpp/grpcpp.h"', "grpc"),
    ("replication/raft/raft.h", '"server/licensing/ledger.h"', "raft/"),
    ("replication/raft/raft.h", '"replication/node/node.h"', "raft/"),
    ("replication/raft/raft.h", "<thread>", "pure"),
    ("replication/raft/raft.h", "<mutex>", "pure"),
    ("replication/raft/raft.h", '"base/clock.h"', "pure"),
    ("replication/raft/raft.h", '"absl/time/clock.h"', "pure"),
    ("replication/raft/raft.h", '"google/protobuf/message.h"', "protobuf"),
    ("replication/raft/raft.h", '"quorate/internal/v1/raft.pb.h"',
     "messages"),
    ("replication/storage/log_store.h", '"grpcpp/grpcpp.h"', "grpc"),
    ("replication/transport/transport.h", '"rocksdb/db.h"', "rocksdb"),
    ("replication/transport/transport.h",
     '"replication/storage/log_store.h"', "transport/"),
    ("replication/node/node.h", '"rocksdb/db.h"', "rocksdb"),
    ("replication/node/node.h", '"server/licensing/ledger.h"', "node/"),
    ("replication/node/node.h", '"quorate/internal/v1/peer.pb.h"', "peers"),
    ("server/licensing/ledger.h", '"replication/state_machine.h"',
     "licensing/"),
    ("server/licensing/ledger.h", "<chrono>", "pure"),
    ("server/licensing/ledger.h", '"quorate/checkout/v1/checkout.pb.h"',
     "messages"),
    ("trust/keys.h", '"grpcpp/grpcpp.h"', "grpc"),
    ("trust/keys.h", '"trust_neighbour.h"', "root of the tree"),
)
ALLOWED = (
    ("base/check.h", '"absl/status/status.h"'),
    ("base/check.h", "<mutex>"),
    ("replication/raft/raft.h", '"base/random.h"'),
    ("replication/node/node.h", '"replication/storage/log_store.h"'),
    ("server/licensing/ledger.h", '"quorate/internal/v1/command.pb.h"'),
    ("trust/keys.h", '"openssl/evp.h"'),
)


class LayersTest(unittest.TestCase):

    def setUp(self):
        self.copy = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.copy)
        for path in files_below(ROOT, (".h", ".cc")):
            target = os.path.join(self.copy, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(os.path.join(ROOT, path), target)
        self.before = {str(one) for one in check_layers.check(self.copy)}

    def findings_with(self, path, include):
        """What is newly found with one more include at the file's end."""
        target = os.path.join(self.copy, path)
        with open(target, encoding="utf-8") as source:
            text = source.read()
        with open(target, "a", encoding="utf-8") as out:
            out.write(f"#include {include}\n")
        found = {str(one) for one in check_layers.check(self.copy)}
        with open(target, "w", encoding="utf-8") as out:
            out.write(text)
        return found - self.before

    def test_refuses_what_the_table_does_not_list(self):
        for path, include, reason in REFUSED:
            with self.subTest(path=path, include=include):
                found = self.findings_with(path, include)
                self.assertEqual(len(found), 1, found)
                self.assertIn(path, min(found))
                self.assertIn(reason, min(found))

    def test_allows_what_the_table_lists(self):
        for path, include in ALLOWED:
            with self.subTest(path=path, include=include):
                self.assertEqual(self.findings_with(path, include), set())

    def test_refuses_a_folder_without_a_layer(self):
        os.makedirs(os.path.join(self.copy, "novelty"))
        with open(os.path.join(self.copy, "novelty/a.cc"), "w",
                  encoding="utf-8") as out:
            out.write("\n")
        found = {str(one) for one in check_layers.check(self.copy)}
        self.assertEqual(len(found - self.before), 1)


if __name__ == "__main__":
    unittest.main()
