"""What all of the slow model is said in: rows, refusals, times and versions.

A rule is a chain of `need`; what a row does not have is 0. Rows are never
changed but replaced, so that a copy of the tables can be tried and thrown away.
Times are in ms.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

NEVER, NO_LIMIT = (1 << 63) - 1, 1 << 62
MINUTE, HOUR, DAY = 60_000, 3_600_000, 24 * 3_600_000
MEMORY = 150_000  # Of an answer.


class Row(dict):
    """Of a table, or a message."""
    def __getattr__(self, name):
        return self.get(name, 0)


@dataclass
class Refusal(Exception):
    reason: str
    waiting_helps: bool = False
    lacking: str = ""  # The feature of which there are too few.
    tried: tuple = ()  # The pools that did not have them.


def need(condition, reason):
    if not condition:
        raise Refusal(reason, reason == "POOL_EXHAUSTED")


def refused(act, *arguments):
    """The refusal of the act; None where it succeeds."""
    try:
        act(*arguments)
    except Refusal as refusal:
        return refusal


def where(table, **facts):
    """The numbers of the rows of which this is true."""
    return sorted(number for number, row in table.items()
                  if all(row[name] == value for name, value in facts.items()))


def change(table, number, **facts):
    table[number] = Row(table[number], **facts)


def lease(ttl):
    return ttl + ttl // 4


def pool_of(seat):
    """Its own, not that whose tokens it takes."""
    return next(iter(seat.takes))


def features_of(ask):
    """Each once, in the order in which they are asked for."""
    return list(dict.fromkeys(wish.feature for wish in ask.wishes))


def for_nobody(_):
    return False


def version_of(text):
    """Its numbers, which are compared one by one; 1.0 is 1."""
    numbers = [int(part) for part in re.findall("[0-9]+", text)]
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers


def date_of(calendar):
    return datetime.fromtimestamp(calendar // 1000, timezone.utc)


def month_end(calendar):
    later = date_of(calendar // DAY * DAY).replace(day=1) + timedelta(days=32)
    return int(later.replace(day=1).timestamp()) * 1000
