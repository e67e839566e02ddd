"""./dev up, restart and down keep what they promise about a cluster's files.

usage: dev_cluster_test.py BIN_DIR

One cluster of real processes goes through a life of starts, kills and stops;
after each step DIR/members.json is compared with the processes that run.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
BIN_DIR = os.path.abspath(sys.argv.pop()) if len(sys.argv) > 1 else ""
SECONDS = 120


def runs(pid):
    """True while a process is there and is no corpse."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii",
                  errors="replace") as source:
            return source.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class DevClusterTest(unittest.TestCase):

    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="quorate-dev-")
        self.dir = os.path.join(self.scratch, "cluster")
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith("QUORATE_")}
        self.env["QUORATE_BIN_DIR"] = BIN_DIR
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)
        self.addCleanup(self.dev, "down", "--wipe", "--dir", self.dir)

    def dev(self, *arguments):
        return subprocess.run(
            ["./dev", *arguments], cwd=ROOT, env=self.env, text=True,
            capture_output=True, timeout=SECONDS, check=False)

    def must(self, *arguments):
        result = self.dev(*arguments)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout

    def members(self):
        with open(os.path.join(self.dir, "members.json"),
                  encoding="utf-8") as source:
            return {one["name"]: one for one in json.load(source)}

    def in_environment(self, command):
        """Runs a line as a person would after `. DIR/env`."""
        return subprocess.run(
            ["bash", "-ec", f". {self.dir}/env; {command}"], env=self.env,
            text=True, capture_output=True, timeout=SECONDS, check=False)

    def assert_running(self, *names):
        for name, member in self.members().items():
            self.assertEqual(runs(member["pid"]), name in names, name)

    def test_a_life(self):
        output = self.must("up", "--detach", "--dir", self.dir)
        self.assertIn("leader", output)
        self.assert_running("m1", "m2", "m3")
        for member in self.members().values():
            self.assertEqual(
                set(member), {"name", "id", "pid", "endpoint", "peer", "join",
                              "data_dir", "log"})
        status = self.in_environment("quorate status -o json")
        self.assertEqual(status.returncode, 0, status.stderr)
        self.assertEqual(len(json.loads(status.stdout)["members"]), 3)

        again = self.must("up", "--detach", "--dir", self.dir)
        self.assertIn("runs already", again)

        self.refuses_taken_ports()

        victim = self.members()["m2"]["pid"]
        os.kill(victim, signal.SIGKILL)
        self.must("restart", "m2", "--dir", self.dir)
        self.assertNotEqual(self.members()["m2"]["pid"], victim)
        self.assert_running("m1", "m2", "m3")

        self.must("down", "--dir", self.dir)
        self.assert_running()

        # The same members again, with what they knew.
        with open(os.path.join(self.dir, "cluster.json"),
                  encoding="utf-8") as source:
            before = source.read()
        self.must("up", "--detach", "--dir", self.dir)
        with open(os.path.join(self.dir, "cluster.json"),
                  encoding="utf-8") as source:
            self.assertEqual(source.read(), before)
        held = self.in_environment("quorate run solver -- true")
        self.assertEqual(held.returncode, 0, held.stderr)

        self.stops_in_the_foreground()

    def refuses_taken_ports(self):
        port = int(self.members()["m1"]["endpoint"].rpartition(":")[2]) - 1
        other = self.dev("up", "--detach", "--dir",
                         os.path.join(self.scratch, "other"),
                         "--base-port", str(port))
        self.assertEqual(other.returncode, 1)
        self.assertIn(f"these ports are in use: {port + 1}", other.stderr)

    def stops_in_the_foreground(self):
        """Without --detach, Ctrl-C ends the script and all members."""
        script = subprocess.Popen(
            ["./dev", "up", "--dir", self.dir], cwd=ROOT, env=self.env,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + SECONDS
        for line in script.stdout:
            if "Following the logs" in line:
                break
            self.assertLess(time.monotonic(), deadline)
        script.send_signal(signal.SIGINT)
        output, _ = script.communicate(timeout=SECONDS)
        self.assertEqual(script.returncode, 0, output)
        self.assert_running()


if __name__ == "__main__":
    unittest.main()
