"""What the terms of a licence say, slow and obvious.

Pure functions of one feature of a licence, and of who asks for what.
"""

import re
from datetime import datetime, timezone
from functools import cmp_to_key
from itertools import zip_longest

NEVER = (1 << 63) - 1
MEMORY_MS = 150_000  # Of an answer.
WAITING_HELPS = ("POOL_EXHAUSTED", "SEATS_RESERVED")


def KEPT_FOR_NOBODY(_):
    return False



class Row(dict):
    """A row of a list, or a message: what it has by name."""
    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


NO_ANSWER = Row(reason="", repeated=False, session_id=0, ttl_ms=0,
                seat_handles=[], granted_calendar_ms=0, renewed_ttl_ms=[],
                queue_place=0, queue_number=0)


class Table(dict):
    """Rows by their number, which is never used again."""

    def __init__(self):
        super().__init__()
        self.next = 1

    def add(self, row):
        self[self.next] = row
        self.next += 1
        return self.next - 1

    def where(self, **facts):
        """The numbers of the rows of which this is true."""
        return [number for number, row in self.items()
                if all(row[name] == value for name, value in facts.items())]


class Refusal(Exception):
    """The reason, the feature of which there are too few, and the reason where
    there would be although nothing were out."""

    def __init__(self, reason, lacking="", for_good="", waiting_helps=False):
        super().__init__(reason)
        self.reason = reason
        self.lacking = lacking
        self.for_good = for_good
        self.waiting_helps = waiting_helps or reason in WAITING_HELPS


def need(condition, reason):
    if not condition:
        raise Refusal(reason)


def refused(act, *arguments):
    """The refusal of the act; None where it succeeds."""
    try:
        act(*arguments)
    except Refusal as refusal:
        return refusal
    return None


def lease_ms(ttl_ms):
    return ttl_ms + ttl_ms // 4


def features_of(checkout):
    """Each once, in the order in which they are asked for."""
    return list(dict.fromkeys(item.feature for item in checkout["items"]))


def compare_versions(left, right):
    """Below 0, 0 or above, as `left` is older, equal or newer."""
    for a, b in zip_longest(re.split("[.-]", left), re.split("[.-]", right),
                            fillvalue="0"):
        if a.isdigit() and b.isdigit():
            a, b = int(a), int(b)
        if a != b:
            return -1 if a < b else 1
    return 0


def pool_of(terms):
    """Its name. Licences that agree in all of this add up to one pool."""
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


def feature_of(pool):
    return pool.split("{")[0]


def order_of_use(grant):
    """Of a feature's pools, what fewer can use is used up first."""
    terms = grant.terms
    return (terms.credits - terms.named_users, not terms.version_max,
            cmp_to_key(compare_versions)(terms.version_max),
            terms.maintenance_end_ms or NEVER, -len(terms.attributes),
            not terms.hosts, grant.pool)


def group_of(terms, item, client):
    """Seats of one pool that have it in common count as one; "": by itself."""
    group = f"named {client.user}" if terms.named_users else ""
    for by in terms.shared_by:
        value = {"SHARED_BY_USER": client.user, "SHARED_BY_HOST": client.host,
                 "SHARED_BY_DISPLAY": client.display, "SHARED_BY_SITE": "",
                 "SHARED_BY_KEY": item.share_key}[by]
        if by == "SHARED_BY_KEY" and not value:
            return ""
        group += f"{by} {value}\n"
    return group


def need_covered(terms, item, client):
    """Refuses where the pool is not for this."""
    version = item.version or client.version
    if terms.version_max:
        need(version and compare_versions(version, terms.version_max) <= 0,
             "VERSION_NOT_COVERED")
    if terms.maintenance_end_ms:
        need(0 < item.released_ms < terms.maintenance_end_ms,
             "RELEASE_NOT_COVERED")
    need(all(wanted in terms.attributes for wanted in item.attributes),
         "ATTRIBUTE_NOT_OFFERED")
    named = map(str.lower, terms.hosts)
    need(not terms.hosts or client.host.lower() in named, "HOST_NOT_COVERED")
