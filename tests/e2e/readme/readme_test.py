"""What the README tells people to type works.

usage: readme_test.py BIN_DIR

All commands of its console blocks are run in one shell, in order, with the
programs of BIN_DIR against a cluster in a scratch folder; each has to succeed.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
README_DIRECTORY = "build/demo"
SECONDS = 240

# Without these the README would not show what it promises to show.
EXPECTED = ("./dev up --detach", "kill -9 ", "./dev restart ", "./dev down ",
            "quorate status", "quorate run ")


def console_commands(text):
    """The lines after "$ " in the fenced blocks that are tagged console."""
    commands = []
    for block in re.findall(r"^```console\n(.*?)^```", text,
                            re.MULTILINE | re.DOTALL):
        for line in block.split("\n"):
            if commands and commands[-1].endswith("\\"):
                commands[-1] += "\n" + line
            elif line.startswith("$ "):
                commands.append(line[2:])
    return commands


def script_of(commands, directory):
    lines = ["set -euo pipefail"]
    for command in commands:
        command = command.replace(README_DIRECTORY, directory)
        shown = command.replace("'", "'\\''")
        lines += [f"printf '%s\\n' '$ {shown}'", command]
    # What the blocks leave in their variables is looked at, too.
    lines += ['echo "the killed leader was: $leader"']
    return "\n".join(lines) + "\n"


def main():
    bin_dir = os.path.abspath(sys.argv[1])
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as source:
        commands = console_commands(source.read())
    for wanted in EXPECTED:
        if not any(wanted in command for command in commands):
            print(f"the README has no console command with {wanted}")
            return 1
    scratch = tempfile.mkdtemp(prefix="quorate-readme-")
    directory = os.path.join(scratch, "cluster")
    env = dict(os.environ, QUORATE_BIN_DIR=bin_dir)
    for name in list(env):
        if name.startswith("QUORATE_") and name != "QUORATE_BIN_DIR":
            del env[name]
    try:
        result = subprocess.run(
            ["bash", "-c", script_of(commands, directory)], cwd=ROOT, env=env,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=SECONDS, check=False)
    finally:
        subprocess.run(["./dev", "down", "--wipe", "--dir", directory],
                       cwd=ROOT, env=env, check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(scratch, ignore_errors=True)
    print(result.stdout)
    if result.returncode != 0:
        print(f"the last command above failed: exit {result.returncode}")
        return 1
    if not re.search(r"the killed leader was: m[123]$", result.stdout,
                     re.MULTILINE):
        print("no leader was killed")
        return 1
    if "another leader, another seat" not in result.stdout:
        print("no seat was taken after the leader's death")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
