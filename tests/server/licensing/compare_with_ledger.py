#!/usr/bin/env python3
"""The ledger agrees with the slow model on every answer and every table.

The ledger is driven by random commands (random_trace.cc, which prints what it
did); the model is given the same ones.

usage: compare_with_ledger.py LICENSING_RANDOM_TRACE FIRST LAST COMMANDS
"""

import collections
import json
import subprocess
import sys
from datetime import datetime, timezone

from slow_model import Row, SlowModel

HEADER = {"request_id", "principal", "not_after_cluster_ms"}


def name_of_pool(terms):
    """As the ledger calls it, after what the licences of one pool agree in."""
    parts = []
    if terms.uncounted:
        parts.append("uncounted")
    if terms.credits:
        parts.append("credits")
    if terms.named_users:
        parts.append("named")
        if terms.recycle_count:
            parts.append(f"recycle:{terms.recycle_count}/"
                         f"{terms.recycle_days}d")
    if terms.token_feature:
        parts.append(f"{terms.token_cost}*{terms.token_feature}")
    if terms.casual_minutes:
        parts.append(f"casual:{terms.casual_minutes}m")
    if terms.trial_days:
        parts.append(f"trial:{terms.trial_days}d")
    if terms.version_max:
        parts.append(f"version<={terms.version_max}")
    if terms.maintenance_end_ms:
        seconds, ms = divmod(terms.maintenance_end_ms, 1000)
        day = datetime.fromtimestamp(seconds, timezone.utc)
        fraction = f".{ms:03}".rstrip("0") if ms else ""
        parts.append(f"released<{day:%Y-%m-%dT%H:%M:%S}{fraction}Z")
    parts += [f"{has.name}={has.value}" for has in terms.attributes]
    if terms.hosts:
        parts.append("host:" + "|".join(sorted(map(str.lower, terms.hosts))))
    if terms.shared_by:
        parts.append("shared:" + "+".join(
            by.removeprefix("SHARED_BY_").lower() for by in terms.shared_by))
    return terms.name + ("{" + ",".join(parts) + "}" if parts else "")


def read_row(message):
    """Without the names that a dict has."""
    names = {"items": "wishes", "values": "any_of"}
    return Row((names.get(name, name), value)
               for name, value in message.items())


def read_command(command):
    """In one row with its body and kind; the pools of a licence are named."""
    kind = "".join(command.keys() - HEADER)
    body = command.pop(kind, Row())
    if kind == "install_license":
        for feature in body.terms.features:
            feature["pool"] = name_of_pool(feature)
    return Row(command, kind=kind, **body)


def differences(got, want):
    """By name, where the ledger's differ from the model's."""
    return {name: f"ledger {got.get(name)} model {want.get(name)}"
            for name in sorted({*got, *want})
            if (got.get(name) or 0) != (want.get(name) or 0)}


def pools_of(model):
    """Of each pool that a licence or a seat names: total, out, used up."""
    pools = {row.pool for row in model.grants} | {
        pool for seat in model.seats.values() for pool in seat.takes}
    return {pool: [sum(row.count for row in model.in_force(pool=pool)),
                   model.out(pool),
                   used_of(model, pool)]
            for pool in pools}


def used_of(model, pool):
    """Names, or credits."""
    if model.terms(pool).named_users:
        return sum(of == pool for of, _ in model.names)
    return sum(model.used[row.key]
               for row in model.in_force(pool=pool, credits=True))


def row_of_seat(handle, seat):
    (pool, units), (tokens, token_units) = [
        *((pool, units) for pool, (units, _) in seat.takes.items()),
        ("", 0)][:2]
    return [handle, seat.session, pool, units, tokens, token_units,
            seat.warned, seat.call]


def tables_of(model):
    return {
        "sessions": [[number, row.kind or "", row.until or row.lease_end,
                      row.idle_since]
                     for number, row in sorted(model.sessions.items())],
        "seats": [row_of_seat(*each) for each in sorted(model.seats.items())],
        "queue": [[number, row.session_id, row.due, row.calls]
                  for number, row in sorted(model.places.items())
                  if row.waits],
        "accounts": [[name, row.version, len(row.roles)]
                     for name, row in sorted(model.accounts.items())],
        "policy_version": model.next["policies"]}


class Comparison:
    """One trace."""

    def __init__(self):
        self.model = None
        self.limits = None
        self.seed = 0
        self.commands = 0
        self.of_seed = 0
        self.reasons = collections.Counter()
        self.events = collections.Counter()

    def step(self, line):
        """What differs."""
        if "seed" in line:
            self.seed, self.of_seed = line.seed, 0
            self.limits = line.limits
            self.model = SlowModel(self.limits)
            return {}
        found = {}
        if "restore" in line:
            if self.model.restore(line.restore) != line.restored:
                found["restored"] = f"ledger {line.restored}"
            if not line.restored:
                self.model = SlowModel(self.limits)
            self.events["backups restored"] += line.restored
        else:
            self.commands += 1
            self.of_seed += 1
            answer = self.model.apply(line.now, read_command(line.command))
            found = differences(line.answer, answer)
            self.count(answer)
        found.update(differences(line.pools, pools_of(self.model)))
        if "tables" in line:
            found.update(differences(line.tables, tables_of(self.model)))
        return found

    def count(self, answer):
        self.reasons[answer.reason or "OK"] += 1
        self.events["repeats"] += answer.repeated
        self.events["told to wait"] += answer.queue_number > 0
        self.events["granted after that"] += bool(answer.queue_place and
                                                  answer.seat_handles)


def main(arguments):
    comparison = Comparison()
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as trace:
        for text in trace.stdout:
            found = comparison.step(json.loads(text, object_hook=read_row))
            if found:
                print(f"seed {comparison.seed} command {comparison.of_seed}: "
                      f"{text.decode()[:2000]}")
                for name, difference in found.items():
                    print(f"{name}: {difference}")
                trace.kill()
                return 1
    if trace.returncode:
        return 1
    for reason, times in sorted(comparison.reasons.items()):
        print(f"{times} {reason}")
    print(", ".join(f"{times} {event}"
                    for event, times in sorted(comparison.events.items())))
    print(f"{comparison.commands} commands: the ledger and the slow model "
          "agree")
    return 0 if comparison.commands else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
