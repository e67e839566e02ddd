"""One member of a development cluster as a process of this machine."""

import os
import signal
import subprocess
import time

# An orderly stop flushes and hands nothing over yet; it takes well under a
# second. After this long something hangs, and the process is killed.
STOP_SECONDS = 10


def is_running(files, member):
    """True if the noted process lives and is this member.

    A process id may have been given to another program since; so the command
    line has to name this member's configuration, too.
    """
    if member["pid"] <= 0:
        return False
    try:
        with open(f"/proc/{member['pid']}/stat", encoding="ascii",
                  errors="replace") as source:
            # The state follows the program's name, which is in parentheses.
            state = source.read().rpartition(")")[2].split()[0]
        with open(f"/proc/{member['pid']}/cmdline", "rb") as source:
            arguments = source.read().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
    config = files.path(member["name"], "config.toml").encode()
    # Between its exec and its first instruction a process has no arguments yet;
    # on a busy machine that is long enough to be seen.
    starting = arguments == [b""]
    return state not in "ZX" and (starting or config in arguments)


def start(files, member, bin_dir):
    """Starts the member and notes its process id in `member` and DIR."""
    config = files.path(member["name"], "config.toml")
    with open(member["log"], "ab") as log:
        # A session of its own: Ctrl-C at the terminal reaches only the
        # script, which stops the members in order.
        process = subprocess.Popen(
            [os.path.join(bin_dir, "quorated"), "run", "--config", config],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True)
    member["pid"] = process.pid
    members = files.read_members()
    for one in members:
        if one["name"] == member["name"]:
            one["pid"] = process.pid
    files.write_members(members)
    with open(files.path(member["name"], "pid"), "w", encoding="ascii") as out:
        out.write(f"{process.pid}\n")
    return process


def reap(pid):
    """Takes the exit of a child of ours; others are for init to take."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def stop(files, members):
    """SIGTERM to all, then SIGKILL to who is still there after a while.

    Returns the names of those that had to be killed.
    """
    running = [m for m in members if is_running(files, m)]
    for member in running:
        # One that was stopped by SIGSTOP would never see the SIGTERM.
        for number in (signal.SIGTERM, signal.SIGCONT):
            _signal(member["pid"], number)
    deadline = time.monotonic() + STOP_SECONDS
    while running and time.monotonic() < deadline:
        time.sleep(0.05)
        for member in running:
            reap(member["pid"])
        running = [m for m in running if is_running(files, m)]
    for member in running:
        _signal(member["pid"], signal.SIGKILL)
    for member in running:
        while is_running(files, member):
            time.sleep(0.05)
            reap(member["pid"])
    return [m["name"] for m in running]


def _signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def log_tail(member, lines=15):
    """The last lines of a member's output, for a message."""
    try:
        with open(member["log"], encoding="utf-8", errors="replace") as source:
            return "".join(source.readlines()[-lines:])
    except FileNotFoundError:
        return ""
