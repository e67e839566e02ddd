#!/usr/bin/env python3
"""plants.py [NAME...]: shows that the simulator finds what it is there for.

Each plant below is a bug: a text of the tree and what to write in its place. In
a copy of the tree below build/ the bug is planted, the simulator is run, and
what failed is printed as a row for docs/robustness.md. Without names all are
planted, one after the other. Exit code 1 where a plant was not found, or no
longer fits the code.
"""
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COPY = ROOT / "build" / "plants"
SHOWN = 6  # Seeds in a row.

# Worlds in which a bug comes to light more often than in those that seeds draw.
SMALL_SNAPSHOTS = "snapshot_entries=5"
ELECTIONS = (
    "max_message_bytes=1,network_delay_max=3000,disk_delay_max=8000,"
    "leader_crash_every=1500000,"
    "cut_after_election_per_mille=400,crash_after_election_per_mille=300"
)
POWER_CUTS = "snapshot_entries=5,crash_at_failpoint_per_10000=60,power_percent=100"
CHANGES = (
    "change_at_election_per_mille=1000,cut_after_election_per_mille=400,"
    "change_every=1000000,leader_crash_every=2000000,snapshot_entries=5"
)
INSTALLS = (
    "members=3,snapshot_entries=5,clients=6,think_time_max=5000,"
    "partition_every=1500000,pause_every=2000000"
)
# A first voter and a second: what the second lacks is made for nobody else.
TWO_VOTERS = (
    "members=1,faulty_time=4000000,change_every=500000,loss_per_mille=300,"
    "snapshot_entries=5,clients=4,think_time_max=50000"
)


class Plant:
    def __init__(self, what, file, good, bad, seeds="1..600", worlds=""):
        self.what = what
        self.file = file
        self.good = good
        self.bad = bad
        self.seeds = seeds
        self.worlds = worlds


PLANTS = {
    "figure8": Plant(
        "an entry of an old term is committed by counting (figure 8)",
        "replication/raft/raft_replication.cc",
        "  if (log_.TermAt(index) != term_) return;\n",
        "",
        seeds="1..2000",
        worlds=ELECTIONS,
    ),
    "early_vote": Plant(
        "a vote is sent before it is durable",
        "replication/raft/raft_election.cc",
        "  SendWhenDurable(message.from, term,\n                  VoteReply{",
        "  Send(message.from, term,\n                  VoteReply{",
    ),
    "early_acknowledgement": Plant(
        "an acknowledgement is sent before the entries are durable",
        "tests/sim/sim_member_disk.cc",
        "  in_flight_.swap(disk_queue_);\n",
        """  in_flight_.swap(disk_queue_);
  for (raft::AppendWork& work : in_flight_) {
    std::vector<PeerMessage> early;
    for (raft::Message& message : work.messages) {
      const raft::MemberId to = message.to;
      early.push_back({id_, to, std::move(message)});
    }
    work.messages.clear();
    SendAll(early);
  }
""",
        seeds="1..100",
    ),
    "forgotten_vote": Plant(
        "a vote is forgotten by a restart",
        "replication/storage/log_recovery.cc",
        "  QUORATE_ASSIGN_OR_RETURN(recovered.hard_state, "
        "OpenHardState(hard_state));\n",
        "  QUORATE_ASSIGN_OR_RETURN(recovered.hard_state, "
        "OpenHardState(hard_state));\n"
        "  recovered.hard_state.vote = raft::kNobody;\n",
        seeds="1..300",
    ),
    "forgotten_answers": Plant(
        "a request's answer is forgotten after half a second of cluster time",
        "server/licensing/ledger.cc",
        "requests.oldest().answered_cluster_ms, kAnswerMemoryMs) <",
        "requests.oldest().answered_cluster_ms, 500) <",
        seeds="1..100",
    ),
    "voting_learner": Plant(
        "a learner's acknowledgement counts",
        "replication/raft/quorum.cc",
        "  return std::min(MajorityIndex(membership.voters, acknowledged),\n",
        """  std::vector<MemberId> all = membership.voters;
  all.insert(all.end(), membership.learners.begin(),
             membership.learners.end());
  return std::min(MajorityIndex(all, acknowledged),
""",
        seeds="1..300",
    ),
    "unsynced_snapshot": Plant(
        "a snapshot is received and reported, but not synced",
        "replication/snapshot/snapshot_receiver.cc",
        "  QUORATE_RETURN_IF_ERROR(FromRocksDb(file->Fsync()));\n",
        "",
        worlds=POWER_CUTS,
    ),
    "early_compaction": Plant(
        "the log is compacted to a snapshot that has no state behind it yet",
        "tests/sim/sim_snapshots.cc",
        "[&before](ConsensusLoop& loop) { loop.Compact(*before); });",
        "[this](ConsensusLoop& loop) { loop.Compact(position_); });",
    ),
    "early_change": Plant(
        "the membership changes before the leader has committed in its term",
        "replication/raft/raft_membership.cc",
        "  if (!committed_in_term_) {\n",
        "  if (false) {\n",
        seeds="1..2000",
        worlds=CHANGES,
    ),
    "kept_configuration": Plant(
        "a snapshot leaves an uncommitted later configuration in force",
        "replication/raft/raft_snapshot.cc",
        """    configurations_.Replace(position.configuration_index,
                            position.configuration);
""",
        """    if (configurations_.index() < position.index) {
      configurations_.Replace(position.configuration_index,
                              position.configuration);
    }
""",
        seeds="1..2000",
        worlds=CHANGES,
    ),
    "hidden_outcome": Plant(
        "an installation does not end the proposals whose outcome it hides",
        "replication/node/consensus_loop.cc",
        "  proposals_.FailDoubtful(&output_.failures);\n  raft_.OnApplied(index);",
        "  raft_.OnApplied(index);",
        worlds=INSTALLS,
    ),
    "stranded_snapshot": Plant(
        "a received snapshot does not take the place of a newer one that "
        "nobody installed",
        "replication/snapshot/snapshot_store.cc",
        """  MutexLock place_lock(&place_mu_);
  return Place(Folder(kReceivingFolder), position);
""",
        """  MutexLock place_lock(&place_mu_);
  const std::shared_ptr<Whole> current = Current();
  if (current != nullptr &&
      current->manifest.position.index >= position.index) {
    return RemoveTree(env_, Folder(kReceivingFolder));
  }
  return Place(Folder(kReceivingFolder), position);
""",
        worlds=SMALL_SNAPSHOTS,
    ),
    "silent_refusal": Plant(
        "a snapshot that is not needed is refused without an answer",
        "tests/sim/sim_snapshots.cc",
        """    deps_.process->Later(0, [this, from, term, position = header.position] {
      HandOver({.from = from, .term = term, .position = position});
    });
""",
        "",
        seeds="1..1500",
        worlds=TWO_VOTERS,
    ),
    "own_clock": Plant(
        "the leader's own clock is the calendar",
        "replication/node/calendar.cc",
        "quorum == raft::kEveryIndex ? 0 : static_cast<int64_t>(quorum.value());",
        "quorum == raft::kEveryIndex ? 0 : ShownMs(self, self);",
        seeds="1..100",
    ),
    "cheap_tokens": Plant(
        "a seat takes one token for a unit, whatever a unit costs",
        "server/licensing/allotment.cc",
        "uint64_t{item.count()} * kind.token_cost;",
        "uint64_t{item.count()};",
    ),
    "cheap_credits": Plant(
        "credits are used up a unit for a checkout, whatever it takes",
        "server/licensing/ledger_models.cc",
        "pools->UseCredits(pool, units - before)",
        "pools->UseCredits(pool, 1)",
    ),
    "one_name_more": Plant(
        "one more user has a name than were sold",
        "server/licensing/allotment.cc",
        "names.CountOf(pool.name) < pool.total",
        "names.CountOf(pool.name) <= pool.total",
    ),
    "wide_group": Plant(
        "seats of different users are one where a user's are",
        "server/licensing/allotment.cc",
        "absl::StrAppend(&group, UserGroup(description_.user()));",
        """absl::StrAppend(&group, "u", kSeparator);""",
        seeds="1..300",
    ),
    "forgotten_minutes": Plant(
        "a casual user's minutes begin anew with each seat",
        "server/licensing/casual.cc",
        "limit_ms() - record.used_ms()));",
        "limit_ms()));",
    ),
    "kept_casual_seat": Plant(
        "a casual user keeps his seats when his minutes are over",
        "server/licensing/ledger_models.cc",
        "const std::set<uint64_t> handles = casual.TakeDue();",
        "std::set<uint64_t> handles = casual.TakeDue();\n"
        "    handles.clear();",
        seeds="1..300",
    ),
    "double_month": Plant(
        "minutes that were used up count in the month that began since, too",
        "server/licensing/casual.cc",
        "!found->second.handles.contains(handle)) {",
        "false) {",
    ),
    "forgotten_trial": Plant(
        "a member that starts again does not know when trials end",
        "server/licensing/pools.cc",
        "        EndTrial(*started_ms, feature.trial_days(), "
        "&pool->terms.back());\n",
        "",
    ),
    "endless_trial": Plant(
        "a trial that has begun does not end before the next start",
        "server/licensing/pools.cc",
        "    EndTrial(calendar_ms_, pool->kind.trial_days, &term);\n",
        "",
    ),
    "free_leap": Plant(
        "a great leap of the calendar waits for nobody",
        "replication/node/calendar.cc",
        "  if (started_ && leap > room_) {\n",
        "  if (started_ && leap > absl::InfiniteDuration()) {\n",
        seeds="1..100",
    ),
}


def make_copy():
    """The files that git knows, as they are in the working tree."""
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()
    for name in names:
        source, target = ROOT / name, COPY / name
        if not source.is_file():
            continue
        if target.is_file() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        shutil.copymode(source, target)


def build():
    """False, and the compiler's words on stderr, where it fails."""
    if not (COPY / "build/release/build.ninja").is_file():
        subprocess.run(["cmake", "--preset", "release"], cwd=COPY, check=True,
                       stdout=subprocess.DEVNULL)
    done = subprocess.run(
        ["cmake", "--build", "--preset", "release", "--target", "quorate-sim"],
        cwd=COPY, capture_output=True, text=True,
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout[-4000:])
    return done.returncode == 0


def seeds_that_fail(plant):
    arguments = ["build/release/tests/quorate-sim", "--seeds", plant.seeds]
    if plant.worlds:
        arguments += ["--set", plant.worlds]
    done = subprocess.run(arguments, cwd=COPY, capture_output=True, text=True)
    found = re.findall(r"^FAILED seed (\d+)", done.stdout, re.MULTILINE)
    return sorted(int(seed) for seed in found)


def run(plant):
    """Plants, runs and takes out again. Returns the row, None if not found."""
    path = COPY / plant.file
    good = path.read_text()
    if good.count(plant.good) != 1:
        sys.stderr.write(f"{plant.file} has changed: the plant does not fit\n")
        return None
    path.write_text(good.replace(plant.good, plant.bad))
    try:
        if not build():
            return None
        seeds = seeds_that_fail(plant)
    finally:
        path.write_text(good)
    if not seeds:
        return None
    shown = ", ".join(str(seed) for seed in seeds[:SHOWN])
    more = f" ({len(seeds)} in all)" if len(seeds) > SHOWN else ""
    worlds = f", `{plant.worlds}`" if plant.worlds else ""
    return f"| {plant.what} | {plant.seeds}{worlds} | {shown}{more} |"


def main():
    unknown = [name for name in sys.argv[1:] if name not in PLANTS]
    if unknown:
        sys.stderr.write(
            f"plants: no plant {unknown[0]}; there are {', '.join(PLANTS)}\n")
        return 2
    make_copy()
    lost = []
    for name in sys.argv[1:] or PLANTS:
        row = run(PLANTS[name])
        print(row if row else f"NOT FOUND: {name}", flush=True)
        if not row:
            lost.append(name)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
