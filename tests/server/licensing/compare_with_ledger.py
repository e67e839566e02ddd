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

from slow_model import SlowModel
from slow_terms import Row


def differences(got, want):
    """By name, where the ledger's differ from the model's."""
    return {name: f"ledger {got.get(name)} model {want.get(name)}"
            for name in sorted({*got, *want})
            if got.get(name) != want.get(name)}


def pools_of(model):
    """Of each pool that a licence or a seat names: total, out, used up."""
    pools = {row.pool: 0 for row in [*model.grants, *model.seats.values()]}
    pools.update((seat.token_pool, pools.get(seat.token_pool, 0))
                 for seat in model.seats.values() if seat.tokens)
    for grant in model.grants:
        pools[grant.pool] += model.is_in_force(grant) * grant.terms.count
    return {pool: [total, model.out(pool), model.used_of(pool)]
            for pool, total in pools.items()}


def tables_of(model):
    return {
        "sessions": [[number, row.kind, row.until_ms or row.lease_end_ms,
                      row.idle_since_ms]
                     for number, row in sorted(model.sessions.items())],
        "seats": [[handle, row.session, row.pool, row.count, row.token_pool,
                   row.tokens, row.warned_ms] for handle, row in sorted(model.seats.items())],
        "queue": [[number, row.session, row.due_ms]
                  for number, row in sorted(model.places.items())
                  if row.waits],
        "policy_version": model.last_policy}


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
            answer = self.model.apply(line.now, line.command)
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
            found = comparison.step(json.loads(text, object_hook=Row))
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
    print(f"{comparison.commands} commands: the ledger and the slow model agree")
    return 0 if comparison.commands else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
