"""The slow model: what the ledger is to do, as simply as it can be said.

A dumb twin of server/licensing, and its specification. It keeps plain tables of
who has what and counts everything again whenever it is asked: no index, and
nothing of the ledger's but its messages. A command's rule is the method of its
name; it returns what is special in the answer, or raises Refusal, and then
nothing was done. Rows are never changed but replaced: so a copy of the tables
can be tried and thrown away (`imagined`). What a row does not have is 0. Times
are in ms. compare_with_ledger.py reads the messages, and runs it.
"""

import copy
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address, ip_network

NEVER, NO_LIMIT = (1 << 63) - 1, 1 << 62
MINUTE, HOUR, DAY = 60_000, 3_600_000, 24 * 3_600_000
MEMORY = 150_000  # Of an answer.
LONGEST_LEASE = HOUR + HOUR // 4  # That there can be.
IDLE_AFTER, LONGEST_IDLE = 30_000, 30 * DAY
MOST_PASSED = 256  # Of one line, at a time.
WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Row(dict):
    """Of a table, or a message."""
    def __getattr__(self, name):
        return self.get(name, 0)


NO_POLICY = Row(rules=[], groups=[], ignore_case=False)


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


def features_of(ask):
    """Each once, in the order in which they are asked for."""
    return list(dict.fromkeys(wish.feature for wish in ask.wishes))


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


def read_times(text):
    """mon-fri,sun 22:00-06:00 as weekdays and two minutes of a day."""
    days, hours = set(), "00:00-24:00"
    for word in text.replace(",", " ").split():
        hours = word if ":" in word else hours
        if ":" not in word:
            first, last = WEEK.index(word[:3]), WEEK.index(word[-3:])
            days |= {(first + i) % 7 for i in range((last - first) % 7 + 1)}
    start, end = (int(at[:2]) * 60 + int(at[3:]) for at in hours.split("-"))
    return days or {*range(7)}, start, end


def is_value(field, said, value):
    """What is said is what this value of a rule means."""
    if field == "TIME":  # What goes past midnight is of the day before.
        days, start, end = read_times(value)
        date = date_of(int(said))
        minute = date.hour * 60 + date.minute
        return any(start <= minute + ago * 1440 < end + (end <= start) * 1440
                   and (date.weekday() - ago) % 7 in days for ago in (0, 1))
    if field == "VERSION":
        first, dots, last = value.partition("..")
        return version_of(first) <= version_of(said) and (
            dots and not last or version_of(said) <= version_of(last or first))
    if field == "ADDRESS" and "/" in value:
        return ip_address(said) in ip_network(value, strict=False)
    if field == "ADDRESS":
        first, last = map(ip_address, value.split("-"))
        return first <= ip_address(said) <= last
    return said == value


def group_of(pool, wish, client):
    """Seats of a pool that have it in common count as one; (): by itself."""
    if "SHARED_BY_KEY" in pool.shared_by and not wish.share_key:
        return ()
    facts = {**client, "site": "", "key": wish.share_key}
    return (*[client.user] * pool.named_users, *[
        facts[by.removeprefix("SHARED_BY_").lower()] for by in pool.shared_by])


def need_covered(pool, wish, client):
    """Refuses where the pool is not for this."""
    version, newest = wish.version or client.version, pool.version_max
    need(not newest or version and version_of(version) <= version_of(newest),
         "VERSION_NOT_COVERED")
    need(not pool.maintenance_end_ms or
         0 < wish.released_ms < pool.maintenance_end_ms, "RELEASE_NOT_COVERED")
    need(all(wanted in pool.attributes for wanted in wish.attributes),
         "ATTRIBUTE_NOT_OFFERED")
    need(not pool.hosts or client.host.lower() in map(str.lower, pool.hosts),
         "HOST_NOT_COVERED")


def choose(seats, lacking):
    """At most what is lacking; or with the smallest of the rest, and without
    what that makes needless. Seats are (units, handle)."""
    chosen, rest = [], []
    for seat in seats:
        fits = seat[0] <= lacking
        lacking -= seat[0] * fits
        (chosen if fits else rest).append(seat)
    if lacking and rest:
        smallest = min(rest, key=lambda seat: seat[0])
        surplus = smallest[0] - lacking
        for seat in chosen[::-1]:
            if seat[0] <= surplus:
                surplus -= seat[0]
                chosen.remove(seat)
        chosen.append(smallest)
    return chosen


def for_nobody(_):
    return False


class SlowModel:
    """All tables of one cluster, and the commands."""

    def __init__(self, limits):
        self.limits = limits
        self.now = self.today = 0  # Cluster time, and the calendar.
        self.epoch, self.hold, self.heir = 1, None, None
        self.grants = []  # Each feature of each licence, and its dates.
        self.next = Counter(answers=1, sessions=1, seats=1, places=1)
        # Tables, by number where nothing else is said.
        self.answers = {}  # key, said, answer, forget
        self.sessions = {}  # principal, client, kind, ttl, lease_end, ...
        self.seats = {}  # session, feature, count, takes, warned
        self.places = {}  # session_id, wishes, due, waits, end, key, said, ...
        self.terminated = {}  # By session: client, features, ...
        self.licenses = {}  # By id: the commands.
        self.pools = {}  # By name: the conditions that its licences had.
        self.policies = {}  # By version.
        self.accounts = {}  # By name: version, roles.
        self.used = Counter()  # Credits, by licence and feature.
        self.trials = {}  # By licence and feature: since when.
        self.names = {}  # By pool and user: since when.
        self.freed = {}  # By pool: when names were.
        self.spent = Counter()  # By pool, casual user and end of a month.
        self.unserved = set()  # Features whose line is to be looked at.
        self.looked_at = set()  # Features whose calls are to be thought of.
        self.kept = {}  # By feature: for which place of its line, by pool.

    def imagined(self, **changed):
        """Another one like it: what is done to it is not done."""
        twin = copy.copy(self)
        vars(twin).update({
            name: table.copy() for name, table in vars(self).items()
            if type(table) in (dict, set, Counter)}, **changed)
        return twin

    def add(self, table, **row):
        number = self.next[table]
        self.next[table] += 1
        getattr(self, table)[number] = Row(row)
        return number

    def apply(self, now, ask):
        self.move_time(*now)
        try:
            answer = self.once(ask)
        except Refusal as refusal:
            answer = Row(reason=refusal.reason)
        self.serve()
        self.call_back()
        if answer.queue_place:  # Of one that waited: what it is by now.
            return Row(self.answer_at(answer.queue_place),
                       repeated=answer.repeated)
        return answer

    # Time never goes back. What is due ends, a little of it at a time.
    def move_time(self, now, today):
        before, most = self.today, self.limits.expiries_per_entry
        self.now, self.today = max(self.now, now), max(before, today)
        if self.passes_edge(before):
            self.mark_all()
        used_up = self.spend_minutes(before)
        work = self.end_due(self.sessions, "lease_end", self.now, most,
                            self.end_session)
        self.end_due(self.sessions, "borrow_end", self.today, most - work,
                     self.end_session)
        for handle in used_up & {*self.seats}:
            self.give_back(handle)
        self.end_due(self.places, "due", self.now, most, self.end_place)
        self.end_due(self.terminated, "forget", self.now, most,
                     self.end_termination)
        self.end_due(self.answers, "forget", self.now, 2 * most,
                     self.answers.__delitem__)

    @staticmethod
    def end_due(table, due, now, most, end):
        """The earliest first. Returns how much work it was."""
        work = 0
        while work < most and table:
            at, number = min((row[due], key) for key, row in table.items())
            if at > now:
                break
            work += end(number) or 1  # What says nothing is little.
        return work

    def passes_edge(self, before):
        """A licence or the hours of a rule began or ended."""
        hours = [minute * MINUTE for rule in self.policy().rules
                 for part in rule.parts if part.field == "POLICY_FIELD_TIME"
                 for value in part.any_of for minute in read_times(value)[1:]]
        return any((self.today - at) // DAY > (before - at) // DAY
                   for at in hours) or any(
            before < at <= self.today and grant.start <= at <= grant.end
            for grant in self.grants
            for at in (grant.start, grant.end, grant.overdraft_end))

    # A request acts once; a repeat of it gets the first answer.
    def once(self, ask):
        if ask.kind == "advance_clock":
            return Row()
        self.need_here(ask)
        if ask.kind == "renew_sessions":
            return Row(renewed_ttl_ms=self.renew_sessions(ask))
        need(ask.kind and ask.request_id, "BAD_REQUEST")
        key = ask.principal, ask.request_id
        said = {**ask, "not_after_cluster_ms": 0, "peer_address": "",
                "keep_administrator": False}
        for old in [*self.answers.values(), *self.places.values()]:
            if old.key == key:
                need(old.said == said, "REQUEST_ID_REUSED")
                return Row(old.answer, repeated=True)
        need(0 <= ask.not_after_cluster_ms - self.now <= MEMORY,
             "REQUEST_EXPIRED")
        need(len(self.answers) < self.limits.answers, "LIMIT_REACHED")
        twin = self.imagined()
        answer = Row(getattr(twin, ask.kind)(ask) or {})
        vars(self).update(vars(twin))
        memory = {"key": key, "said": said, "answer": answer}
        if answer.queue_place:
            change(self.places, answer.queue_place, **memory)
        else:
            self.add("answers", forget=self.now + MEMORY + 1, **memory)
        return answer

    # Restored clusters wait until nobody believes in the old one's seats, and
    # retired ones give way (docs/adr/0007-restore.md).
    def need_here(self, ask):
        """Refuses what a cluster that waits, or gave way, does not do."""
        seats = ask.kind in ("checkout", "resize_seat", "borrow", "book",
                             "confirm_booking")
        if seats or ask.kind in ("open_session", "renew_sessions",
                                 "install_license"):
            need(not self.heir, "CLUSTER_RETIRED")
            need(not self.hold or self.hold.released and not (
                seats and self.now < self.hold.quiet_until), "RESTORED_ON_HOLD")
            need(not seats or ask.kind == "book" or
                 not self.is_of_old_epoch(ask.session_id), "SESSION_NOT_FOUND")

    def is_of_old_epoch(self, session):
        return self.hold and session < self.hold.first_session

    def release_restored(self, ask):
        need(not self.heir, "CLUSTER_RETIRED")
        need(self.hold and self.hold.old_epoch == ask.old_epoch,
             "EPOCH_MISMATCH")
        gone, wait = ask.old_cluster_is_gone, ask.longest_lease_ms
        need(0 <= wait <= LONGEST_LEASE and ask.stopped_for_ms >= 0 and
             (gone or not ask.stopped_for_ms), "BAD_REQUEST")
        if not self.hold.released:
            until = self.now + (
                max(0, LONGEST_LEASE - ask.stopped_for_ms) if gone else wait)
            self.hold = Row(self.hold, released=True, quiet_until=max(
                self.hold.quiet_until, until))

    def retire_cluster(self, ask):
        heir = ask.epoch, ask.restore_id
        need(ask.restore_id, "BAD_REQUEST")
        need(ask.cluster_epoch == self.epoch < ask.epoch, "EPOCH_MISMATCH")
        need(self.heir in (None, heir), "CLUSTER_RETIRED")
        self.heir = heir

    def restore(self, epoch):
        """Becomes what a backup of it is that was restored as that epoch.
        False: none must be."""
        if self.heir or self.hold and not self.hold.released:
            return False
        for table in ("sessions", "seats"):
            self.next[table] = max(self.next[table], epoch << 44)
        self.hold = Row(old_epoch=self.epoch,
                        first_session=self.next["sessions"],
                        quiet_until=self.hold.quiet_until if self.hold else 0)
        self.epoch = epoch
        for table in (self.answers, self.places, self.terminated, self.unserved,
                      self.kept):
            table.clear()
        return True

    # Sessions of applications, and of other kinds.
    def add_session(self, old=None, **facts):
        need(len(self.sessions) < self.limits.sessions, "LIMIT_REACHED")
        return self.add("sessions", **Row(old or Row(
            lease_end=NEVER, borrow_end=NEVER), idle_since=0, **facts))

    def open_session(self, ask):
        need(10_000 <= ask.ttl_ms <= HOUR, "BAD_REQUEST")
        client = Row(ask.description, address=ask.peer_address)
        return Row(ttl_ms=ask.ttl_ms, session_id=self.add_session(
            principal=ask.principal, client=client, ttl=ask.ttl_ms,
            lease_end=self.now + lease(ask.ttl_ms)))

    def renew_sessions(self, ask):
        """The TTL of each; 0: it is not renewed."""
        renewed, work = [], 0
        for renewal in ask.renewals:
            number = renewal.session_id
            session = self.is_alive(number)
            if not session or session.kind or number in self.terminated or \
                    session.principal != renewal.principal or \
                    self.is_of_old_epoch(number):
                renewed.append(0)
                continue
            renewed.append(session.ttl)
            end = self.now + lease(session.ttl)
            change(self.sessions, number, lease_end=end)
            if "idle_ms" in renewal and end != session.lease_end and \
                    work < self.limits.expiries_per_entry:
                work += self.heed_activity(number, renewal.idle_ms)
        return renewed

    def close_session(self, ask):
        self.need_own(ask, gives_back=True)
        for handle in where(self.seats, session=ask.session_id):
            self.linger(handle)
        self.end_session(ask.session_id)

    def end_session(self, number):
        self.leave_queue(number)
        handles = where(self.seats, session=number)
        for handle in handles:
            self.give_back(handle)
        del self.sessions[number]
        return 1 + len(handles)

    def is_alive(self, number):
        session = self.sessions.get(number)
        return session and session.lease_end > self.now and \
            session.borrow_end > self.today and session

    def need_own(self, ask, gives_back=False):
        """Who was terminated may still give back."""
        session = self.is_alive(ask.session_id)
        end = self.terminated.get(ask.session_id)
        need(not end or end.principal != ask.principal or
             session and gives_back, "SESSION_TERMINATED")
        need(session and session.kind != "LINGER", "SESSION_NOT_FOUND")
        need(session.principal == ask.principal, "SESSION_NOT_YOURS")
        need(session.kind != "BORROW", "GRANT_IS_BORROWED")
        need(session.kind != "BOOKING", "GRANT_IS_BOOKED")

    def client_of(self, seat):
        return self.sessions[seat.session].client

    # Licences, what they grant, and how much of it is out.
    def install_license(self, ask):
        terms, known = ask.terms, self.licenses.get(ask.terms.license_id)
        once = [row.name for row in terms.features
                if row.credits or row.trial_days]
        need(len(once) == len({*once}) and not any(
            row.token_feature == row.name or
            row.casual_minutes and row.borrow_max_ms or
            (row.credits or row.named_users) and row.overdraft or
            (row.recycle_count > 0) != (row.recycle_days > 0)
            for row in terms.features), "BAD_REQUEST")
        need(0 < terms.cluster_epoch <= self.epoch, "LICENSE_FOREIGN")
        need(not known or terms.serial >= known.terms.serial, "SERIAL_ROLLBACK")
        if known and terms.serial == known.terms.serial:
            return need(ask.payload_sha256 == known.payload_sha256,
                        "SERIAL_FORK")
        need(self.today < (terms.not_after_ms or NEVER), "LICENSE_EXPIRED")
        need(known or len(self.licenses) < self.limits.licenses,
             "LIMIT_REACHED")
        self.licenses[terms.license_id] = ask
        self.list_grants()
        return self.mark_all()

    def list_grants(self):
        self.grants = []
        for terms in (ask.terms for ask in self.licenses.values()):
            for row in terms.features:
                key = terms.license_id, row.name
                ends = [terms.not_after_ms or NEVER, row.end_ms or NEVER]
                if row.trial_days and key in self.trials:
                    ends.append(self.trials[key] + row.trial_days * DAY)
                more = row.overdraft and row.overdraft_end_ms or NEVER
                self.pools[row.pool] = row
                self.grants.append(Row(
                    row, key=key, end=min(ends), overdraft_end=min(more, *ends),
                    start=max(terms.not_before_ms, row.start_ms)))

    def terms(self, pool):
        """Of one that no licence grants any more nothing is known."""
        row = self.pools[pool]
        granted = any(grant.pool == pool for grant in self.grants)
        return row if granted else Row(name=row.name)

    def in_force(self, **facts):
        """Grants, in the order in which credits are used."""
        return sorted((grant for grant in self.grants
                       if grant.start <= self.today < grant.end and
                       all(grant[name] == facts[name] for name in facts)),
                      key=lambda grant: (grant.end, grant.key))

    def need_in_force(self, feature):
        grants = [grant for grant in self.grants if grant.name == feature]
        need(grants, "FEATURE_UNKNOWN")
        need(self.in_force(name=feature), "LICENSE_NOT_STARTED" if any(
            self.today < grant.start < grant.end for grant in grants)
             else "LICENSE_EXPIRED")

    def pools_of(self, feature):
        """In force. What fewer can use is used up first."""
        pools = {grant.pool for grant in self.in_force(name=feature)}
        return sorted(pools, key=lambda name: [(
            pool.credits - pool.named_users, not pool.version_max,
            version_of(pool.version_max), pool.maintenance_end_ms or NEVER,
            -len(pool.attributes), not pool.hosts, name)
            for pool in [self.pools[name]]])

    def out(self, pool, *more):
        """Seats of one group count as the largest of them."""
        groups = {}
        for place, seat in enumerate([*self.seats.values(), *more]):
            units, group = seat.takes.get(pool, (0, ()))
            groups[group or place] = max(groups.get(group or place, 0), units)
        return sum(groups.values())

    def credits_left(self, pool):
        return sum(max(0, grant.count - self.used[grant.key])
                   for grant in self.in_force(pool=pool))

    def ceiling(self, pool):
        """How much may be out."""
        if self.terms(pool).credits:
            return self.out(pool) + self.credits_left(pool)
        if self.terms(pool).named_users:
            return NO_LIMIT * bool(self.in_force(pool=pool))
        return min(NO_LIMIT, sum(
            (grant.count or NO_LIMIT) +
            grant.overdraft * (self.today < grant.overdraft_end)
            for grant in self.in_force(pool=pool)))

    # The policy.
    def policy(self):
        return self.policies.get(self.next["policies"], NO_POLICY)

    def fold(self, text):
        return text.lower() if self.policy().ignore_case else text

    def holds(self, part, client):
        """One value of this part of a rule is what the client says."""
        field = part.field.removeprefix("POLICY_FIELD_")
        field, is_group, _ = field.partition("_GROUP")
        values = part.any_of if not is_group else [
            member for group in self.policy().groups for member in group.members
            if group.name in part.any_of and field in group.kind]
        said = client[field.lower()]
        return part.negated != any(
            said and is_value(field, self.fold(said), self.fold(value))
            for value in values)

    def is_in_effect(self, rule):
        return all(self.holds(part, Row(time=str(self.today)))
                   for part in rule.parts if part.field == "POLICY_FIELD_TIME")

    def matches(self, rule, client):
        return all(self.holds(part, client) for part in rule.parts
                   if part.field != "POLICY_FIELD_TIME")

    def first_rule(self, client, feature, *kinds):
        """That matches now; those that name the feature before the rest."""
        for named in (feature, ""):
            for rule in self.policy().rules:
                if rule.kind.removeprefix("POLICY_RULE_KIND_") in kinds and \
                        rule.feature == named and self.is_in_effect(rule) and \
                        self.matches(rule, client):
                    return rule
        return Row()

    def units_of(self, rule, client, feature, counts=bool):
        """What is out of those whom the rule counts together with him."""
        each = rule.each.removeprefix("POLICY_EACH_").lower()
        holders = [(seat.count, self.client_of(seat))
                   for seat in self.seats.values()
                   if seat.feature == feature and counts(seat)]
        return sum(count for count, holder in holders
                   if self.matches(rule, holder) and self.fold(
                       holder.get(each, "")) == self.fold(client.get(each, "")))

    def decide(self, client, feature, count, total, free, claimed=0):
        """How bad it is, and the refusal."""
        rules, covered, for_others, calls_back = {}, False, 0, False
        for rule in self.policy().rules:
            if rule.feature in ("", feature):
                active = self.is_in_effect(rule)
                rules.setdefault(rule.kind.removeprefix("POLICY_RULE_KIND_"),
                                 []).append(Row(
                    rule, active=active,
                    mine=active and self.matches(rule, client),
                    used=self.units_of(rule, client, feature)))
        if any(rule.mine for rule in rules.get("DENY", [])):
            return 4, Refusal("POLICY_DENIED")
        for rule in rules.get("RESERVE", []):
            kept = min(total, rule.units) if rule.active else 0
            total -= kept
            unused = max(0, kept - rule.used)
            covered |= rule.mine and unused >= count
            for_others += 0 if rule.mine or rule.lend else unused
            calls_back |= rule.active and rule.lend and rule.span_ms > 0
        if not covered and "ALLOW" in rules and \
                not any(rule.mine for rule in rules["ALLOW"]):
            return 3, Refusal("POLICY_DENIED")
        for rule in rules.get("LIMIT", []):
            if rule.mine and not covered and rule.used + count > rule.units:
                return 2, Refusal("POLICY_LIMIT", count <= rule.units)
        if calls_back and not covered:
            for_others += claimed
        if count <= free < count + for_others:
            return 1, Refusal("SEATS_RESERVED", True)
        return 0, None

    def need_allowed(self, ask):
        """Refuses with the worst that the policy says of a feature."""
        client, worst, why = self.sessions[ask.session_id].client, 0, None
        for feature in features_of(ask):
            tops = {pool: self.ceiling(pool) for pool in self.pools_of(feature)}
            free = sum(max(0, tops[pool] - self.out(pool)) for pool in tops)
            count = sum(wish.count for wish in ask.wishes
                        if wish.feature == feature)
            grade, refusal = self.decide(client, feature, count,
                                         sum(tops.values()), free,
                                         self.claimed(feature))
            if tops and grade > worst:
                worst, why = grade, refusal
        if why:
            raise why
        self.need_no_cool_down(ask)

    def need_no_cool_down(self, ask):
        """After a termination, where it is the same client."""
        session = self.sessions[ask.session_id]
        for end in self.terminated.values():
            need(end.cool_down_end <= self.now or
                 end.principal != session.principal or
                 any(end.client[name] != session.client[name]
                     for name in ("user", "host", "application")) or
                 not end.features & {*features_of(ask)}, "COOLING_DOWN")

    # Who may have what.
    def ways(self, wish, client):
        """Each pool that may give it, and the one whose units it takes: itself
        or that of its tokens; and why it does not, whatever is out."""
        for pool in self.pools_of(wish.feature):
            tokens = self.pools[pool].token_feature
            refusal = refused(self.need_usable, pool, wish, client)
            if tokens and not self.sources(pool):
                yield pool, pool, refusal or refused(
                    self.need_in_force, tokens) or Refusal("FEATURE_UNKNOWN")
            for source in self.sources(pool):
                yield pool, source, refusal or refused(
                    self.need_usable, source, wish, client)

    def sources(self, pool):
        """The pools whose units a seat of it takes."""
        tokens = self.pools[pool].token_feature
        return [pool] if not tokens else [
            source for source in self.pools_of(tokens)
            if self.pools[source].count and not self.pools[source].named_users]

    def need_usable(self, pool, wish, client):
        terms = self.pools[pool]
        need_covered(terms, wish, client)
        spent = self.spent[pool, client.user, month_end(self.today)]
        need(not terms.casual_minutes or spent < terms.casual_minutes * MINUTE,
             "CASUAL_MINUTES_USED")

    def place(self, wish, number, is_kept):
        """A seat in the first pool that is for it and has room."""
        client = self.sessions[number].client
        lacking, tried = wish.feature, []
        for pool, source, refusal in self.ways(wish, client):
            if refusal:
                continue
            terms, tokens = self.pools[pool], self.pools[source]
            takes = {pool: (wish.count, group_of(terms, wish, client))}
            if source != pool:
                lacking = tokens.name
                takes[source] = (wish.count * terms.token_cost,
                                 group_of(tokens, wish, client))
            seat = Row(session=number, takes=takes, feature=wish.feature,
                       count=wish.count)
            if self.fits(seat, is_kept):
                for each, (units, _) in takes.items():
                    self.use_up(each, units)
                if terms.named_users:
                    self.names.setdefault((pool, client.user), self.today)
                return self.add("seats", **seat)
            tried += takes
        raise Refusal("POOL_EXHAUSTED", True, lacking, tried)

    def fits(self, seat, is_kept=for_nobody):
        """No more of a pool is out with it than there is for it."""
        pool, user = next(iter(seat.takes)), self.client_of(seat).user
        if self.pools[pool].named_users:  # The first have the use of names.
            names = [name for _, name in sorted(
                (since, name) for (of, name), since in self.names.items()
                if of == pool)]
            total = sum(grant.count for grant in self.in_force(pool=pool))
            return user in names[:total] or \
                user not in names and len(names) < total
        return all(self.out(each, seat) <= max(
            self.out(each), 0 if is_kept(each) else self.ceiling(each))
                   for each in seat.takes)

    def use_up(self, pool, units):
        """Credits are not given back."""
        for grant in self.in_force(pool=pool, credits=True):
            taken = min(units, max(0, grant.count - self.used[grant.key]))
            self.used[grant.key] += taken
            units -= taken

    def place_all(self, ask, is_kept=for_nobody):
        return [self.place(wish, ask.session_id, is_kept)
                for wish in ask.wishes]

    def grant(self, ask, is_kept=for_nobody):
        """Seats of it all. What waiting does not help is said first."""
        self.need_allowed(ask)
        refusal = refused(self.imagined().place_all, ask, is_kept)
        if refusal:
            raise self.for_good(ask) or refusal
        handles = self.place_all(ask, is_kept)
        own = len(where(self.seats, session=ask.session_id))
        need(own + ask.besides <= self.limits.seats_of_session, "LIMIT_REACHED")
        for grant in [grant for handle in handles
                      for pool in self.seats[handle].takes
                      for grant in self.in_force(pool=pool)]:
            if grant.trial_days and grant.key not in self.trials:
                self.trials[grant.key] = self.today
                self.list_grants()
        return Row(seat_handles=handles, granted_calendar_ms=self.today)

    def for_good(self, ask):
        """Why it could not be had although nothing were out; or None."""
        for wish in ask.wishes:
            self.need_in_force(wish.feature)
            why_not = [why for *_, why in self.ways(
                wish, self.sessions[ask.session_id].client)]
            if all(why_not):
                return why_not[-1]
        never = refused(self.imagined(seats={}).place_all, ask)
        tried = [self.pools[pool] for pool in never.tried] if never else []
        return never and Refusal(
            "CREDITS_EXHAUSTED" if any(pool.credits for pool in tried) else
            "NAMES_EXHAUSTED" if any(pool.named_users for pool in tried) else
            "COUNT_OVER_TOTAL")

    def grant_now(self, ask):
        """Before nobody who waits."""
        fresh = self.grant(ask, self.is_kept)
        need(not any(map(self.is_unserved, features_of(ask))), "POOL_EXHAUSTED")
        return fresh

    # Seats: taken all or none, changed, given back.
    def checkout(self, ask):
        need(ask.wishes and all(wish.count for wish in ask.wishes) and
             ask.wait_ms >= 0 and ask.priority <= 9, "BAD_REQUEST")
        self.need_own(ask)
        again = self.lingering_for(ask)
        rest, retaken = (Row(ask, wishes=[
            wish for wish, handle in zip(ask.wishes, again)
            if bool(handle) == wanted]) for wanted in (False, True))
        rest["besides"] = len(retaken.wishes)
        refusal = refused(self.need_again, retaken) or \
            refused(self.imagined().grant_now, rest)
        if refusal and ask.wait_ms and refusal.waiting_helps:
            return self.wait(ask)
        if refusal:
            raise refusal
        fresh = self.grant_now(rest)
        for handle in filter(None, again):
            del self.sessions[self.seats[handle].session]
            change(self.seats, handle, session=ask.session_id, call=0)
        return Row(fresh, seat_handles=[
            handle or fresh.seat_handles.pop(0) for handle in again])

    def checkin(self, ask):
        self.need_seats(ask, ask.seat_handles, gives_back=True)
        for handle in ask.seat_handles:
            if not self.linger(handle):
                self.give_back(handle)

    def need_seats(self, ask, handles, gives_back=False):
        """Refuses where one is not that session's, or that not his."""
        need(0 < len(handles) == len({*handles}), "BAD_REQUEST")
        self.need_own(ask, gives_back)
        for number in (self.seats.get(handle, Row()).session
                       for handle in handles):
            holder = self.sessions.get(number, Row())
            need(holder.kind != "BORROW" or holder.principal != ask.principal,
                 "GRANT_IS_BORROWED")
            need(number == ask.session_id, "SEAT_NOT_FOUND")

    def give_back(self, handle):
        self.mark_return(self.seats.pop(handle))

    def resize_seat(self, ask):
        need(ask.count, "BAD_REQUEST")
        self.need_seats(ask, [ask.seat_handle])
        before = self.seats.pop(ask.seat_handle)  # As if it were not there.
        after = Row(before, count=ask.count, takes={
            pool: (units // before.count * ask.count, group)
            for pool, (units, group) in before.takes.items()})
        if after.count < before.count:
            self.mark_return(before)
        elif after.count > before.count:
            self.need_growing(before, after)
        self.seats[ask.seat_handle] = after

    def need_growing(self, before, after):
        """It stays in its pools."""
        self.need_allowed(Row(session_id=after.session, wishes=[after]))
        for pool, (units, group) in after.takes.items():
            more, terms = units - before.takes[pool][0], self.terms(pool)
            self.need_in_force(terms.name)
            if terms.credits:
                need(more <= self.credits_left(pool), "CREDITS_EXHAUSTED")
                self.use_up(pool, more)
                continue
            need(units <= self.ceiling(pool), "COUNT_OVER_TOTAL")
            need(terms.named_users or self.fits(
                Row(after, takes={pool: (units, group)})), "POOL_EXHAUSTED")
        need(not self.is_unserved(after.feature) and
             not any(map(self.is_kept, after.takes)), "POOL_EXHAUSTED")

    # Users who are away: seats are idle, or linger when they were given back.
    def heed_activity(self, number, idle):
        """A client says how long ago its user did something. Returns how much
        work that was."""
        was, idle = self.sessions[number].idle_since, min(idle, LONGEST_IDLE)
        since = max(self.now - idle, 1) if idle >= IDLE_AFTER else 0
        if not was and not since:
            return 0
        if not was or not was <= since < was + IDLE_AFTER:
            change(self.sessions, number, idle_since=since)
        handles = where(self.seats, session=number)
        for handle in handles:
            self.watch(handle, idle)
        return len(handles)

    def watch(self, handle, idle):
        """Its holder is warned, then it is taken back."""
        seat = self.seats[handle]
        rule = self.first_rule(self.client_of(seat), seat.feature, "IDLE")
        if not rule.span_ms or idle < rule.span_ms - rule.warning_ms:
            change(self.seats, handle, warned=0)
        elif rule.warning_ms and not seat.warned:
            change(self.seats, handle, warned=self.now)
        elif idle >= rule.span_ms and \
                self.now - seat.warned >= rule.warning_ms:
            self.give_back(handle)

    def linger(self, handle):
        """It stays out for its user. False where it does not."""
        seat = self.seats[handle]
        holder, pools = self.sessions[seat.session], [*seat.takes]
        rule = self.first_rule(holder.client, seat.feature, "LINGER")
        span = max([rule.span_ms] + [
            grant.linger_ms for grant in self.in_force(pool=pools[0])])
        if not span or seat.call or seat.session in self.terminated or \
                len(self.sessions) >= self.limits.sessions or \
                not self.comes_back(seat):
            return False
        change(self.seats, handle, warned=0, session=self.add_session(
            holder, kind="LINGER", lease_end=self.now + span))
        return True

    def comes_back(self, seat):
        """It is not used up, nor taken back before its time."""
        return not any(self.terms(pool).credits or
                       self.terms(pool).casual_minutes for pool in seat.takes)

    def lingering_for(self, ask):
        """For each wish the seat that one like him gave back, or None."""
        session, handles = self.sessions[ask.session_id], []
        for wish in ask.wishes:
            handles.append(next((
                handle for handle, seat in sorted(self.seats.items())
                if handle not in handles and
                self.lingers_for(wish, session, seat)), None))
        return handles

    def lingers_for(self, wish, session, seat):
        holder, pool = self.sessions[seat.session], next(iter(seat.takes))
        return holder.kind == "LINGER" and self.now < holder.lease_end and \
            holder.principal == session.principal and \
            all(holder.client[name] == session.client[name]
                for name in ("user", "host", "display")) and \
            pool in self.pools_of(wish.feature) and \
            not refused(need_covered, self.pools[pool], wish, session.client) \
            and seat.takes[pool] == (
                wish.count, group_of(self.pools[pool], wish, session.client))

    def need_again(self, ask):
        """Refuses what must not be taken up; units are no matter."""
        for feature in sorted(features_of(ask)):
            grade, refusal = self.decide(
                self.sessions[ask.session_id].client, feature, 0, 0, 0)
            need(grade < 3, refusal and refusal.reason)
        self.need_no_cool_down(ask)

    # Casual users, whose minutes run while they have a seat; named users.
    def spend_minutes(self, before):
        """Returns the seats of those who have no minute of the month left; of
        who came to that first, where they are many."""
        users, used_up, work = {}, [], 0
        for handle, seat in self.seats.items():
            for pool in seat.takes:
                if self.pools[pool].casual_minutes:
                    key = pool, self.client_of(seat).user
                    users.setdefault(key, set()).add(handle)
        for (pool, user), handles in users.items():
            at, limit = before, self.pools[pool].casual_minutes * MINUTE
            while at < self.today:
                end = month_end(at)
                due = at + max(limit - self.spent[pool, user, end], 0)
                self.spent[pool, user, end] += min(end, self.today) - at
                at = end
                if self.spent[pool, user, end] >= limit:
                    used_up.append((due, pool, user, handles))
                    break
        gone = set()
        for *_, handles in sorted(used_up, key=lambda each: each[:3]):
            if work < self.limits.expiries_per_entry:
                gone |= handles
                work += 1 + len(handles)
        return gone

    def release_named_user(self, ask):
        pools = {pool for pool, user in self.names if user == ask.user} & {
            row.pool for row in self.grants if row.name == ask.feature}
        for pool in sorted(pools):
            need(not any(self.client_of(seat).user == ask.user
                         for seat in self.seats.values() if pool in seat.takes),
                 "NAME_IN_USE")
            terms, freed = self.pools[pool], self.freed.get(pool, [])
            most = terms.recycle_count
            need(most and (len(freed) < most or self.today >=
                           freed[-most] + terms.recycle_days * DAY),
                 "RECYCLING_LIMIT")
            self.freed[pool] = [*freed, self.today]
            del self.names[pool, ask.user]
        need(pools, "NAME_NOT_FOUND")

    # Seats that no application holds: borrowed until a date of the calendar, or
    # booked for a job that has not begun.
    def need_holder(self, kind, number, principal=None):
        session = self.is_alive(number)
        need(session and session.kind == kind, kind + "_NOT_FOUND")
        need(principal in (None, session.principal), "SESSION_NOT_YOURS")
        return session

    def end_holder(self, *holder):
        self.need_holder(*holder)
        self.end_session(holder[1])
        return Row(session_id=holder[1])

    def return_borrow(self, ask):
        return self.end_holder("BORROW", ask.session_id, ask.principal)

    def write_off_borrow(self, ask):
        need(ask.reason, "BAD_REQUEST")
        return self.end_holder("BORROW", ask.session_id)

    def cancel_booking(self, ask):
        return self.end_holder("BOOKING", ask.booking_id, ask.principal)

    def borrow(self, ask):
        until = ask.until_ms or self.today + ask.span_ms
        need(ask.seat_handles and until > self.today and
             bool(ask.until_ms) != bool(ask.span_ms) and
             0 <= ask.span_ms <= 366 * DAY, "BAD_REQUEST")
        self.need_seats(ask, ask.seat_handles)
        seats = [self.seats[handle] for handle in ask.seat_handles]
        client = self.client_of(seats[0])
        rules = {feature: self.first_rule(client, feature, "BORROW",
                                          "NO_BORROW")
                 for feature in sorted({seat.feature for seat in seats})}
        for rule in rules.values():
            need(rule.kind != "POLICY_RULE_KIND_NO_BORROW",
                 "BORROW_NOT_ALLOWED")
            need(not rule.span_ms or until <= self.today + rule.span_ms,
                 "BORROW_TOO_LONG")
        self.need_borrowable(ask.seat_handles, until)
        for feature, rule in rules.items():
            self.need_borrow_counts(seats, client, feature, rule)
        number = self.add_session(
            self.sessions[ask.session_id], kind="BORROW", until=until,
            lease_end=NEVER, borrow_end=until + HOUR)
        for handle in ask.seat_handles:
            change(self.seats, handle, session=number, warned=0)
        return Row(session_id=number)

    def is_away(self, seat):
        return self.sessions[seat.session].kind == "BORROW"

    def units_away(self, pool):
        return sum(seat.takes.get(pool, (0, ()))[0]
                   for seat in self.seats.values() if self.is_away(seat))

    def counted(self, pool):
        """What its licences in force say where its units are counted."""
        return [row for row in self.in_force(
            pool=pool, credits=False, named_users=False) if row.count]

    def need_borrow_counts(self, seats, client, feature, rule):
        """Refuses what is more than the policy lets be borrowed."""
        units = sum(seat.count for seat in seats if seat.feature == feature)
        need(not rule.units or units + self.units_of(
            rule, client, feature, self.is_away) <= rule.units, "BORROW_LIMIT")
        pools = [pool for pool in self.pools_of(feature) if self.counted(pool)]
        units = sum(seat.count for seat in seats
                    if next(iter(seat.takes)) in pools)
        total = sum(row.count for pool in pools for row in self.counted(pool))
        need(not rule.low_water or not units or
             sum(map(self.units_away, pools)) + units + rule.low_water <= total,
             "BORROW_LIMIT")

    def need_borrowable(self, handles, until):
        """Refuses where the licences do not let them be away so long."""
        need(not any(self.seats[handle].call for handle in handles),
             "SEAT_CALLED_BACK")
        asked, own = Counter(), Counter()
        for handle in handles:
            for pool, (units, _) in self.seats[handle].takes.items():
                asked[pool] += units
            own[next(iter(self.seats[handle].takes))] += \
                self.seats[handle].count
        for pool, units in own.items():
            lends = [(min(self.today + row.borrow_max_ms, row.end),
                      row.borrow_max_count or row.count or NO_LIMIT)
                     for row in self.in_force(pool=pool) if row.borrow_max_ms]
            counts = [count for latest, count in lends if until <= latest]
            need(lends and not self.pools[pool].casual_minutes,
                 "BORROW_NOT_ALLOWED")
            need(counts, "BORROW_TOO_LONG")
            need(self.units_away(pool) + units <= sum(counts), "BORROW_LIMIT")
        need(not any(self.pools[pool].casual_minutes for pool in asked),
             "BORROW_NOT_ALLOWED")
        for pool, units in asked.items():
            stay = sum(row.borrow_low_water for row in self.counted(pool))
            total = sum(row.count for row in self.counted(pool))
            need(not stay or self.units_away(pool) + units + stay <= total,
                 "BORROW_LIMIT")

    def book(self, ask):
        need(ask.wishes and all(wish.count for wish in ask.wishes) and
             0 < ask.hold_ms <= DAY, "BAD_REQUEST")
        number = self.add_session(
            principal=ask.principal, kind="BOOKING", opened=self.today,
            client=Row(ask.description, address=ask.peer_address),
            lease_end=self.now + ask.hold_ms, borrow_end=NEVER,
            wishes=ask.wishes)
        fresh = self.grant_now(Row(session_id=number, wishes=ask.wishes))
        self.need_coming_back(fresh)
        return Row(fresh, session_id=number)

    def need_coming_back(self, fresh):
        need(all(self.comes_back(self.seats[handle])
                 for handle in fresh.seat_handles), "BAD_REQUEST")

    def confirm_booking(self, ask):
        """A checkout of what was booked, as if it had been given back."""
        booking = self.need_holder("BOOKING", ask.booking_id, ask.principal)
        self.need_own(ask)
        handles = where(self.seats, session=ask.booking_id)
        for handle in handles:
            del self.seats[handle]
        fresh = self.grant(Row(ask, wishes=booking.wishes))
        self.need_coming_back(fresh)
        for handle, made in zip(handles, fresh.seat_handles):
            self.seats[handle] = self.seats.pop(made)
            self.mark_return(self.seats[handle])
        self.next["seats"] -= len(handles)
        self.end_session(ask.booking_id)
        return Row(session_id=ask.session_id, seat_handles=handles,
                   granted_calendar_ms=booking.opened)

    # The queue: each feature has its line of those who wait for it.
    def wait(self, ask):
        own = where(self.places, session_id=ask.session_id)
        need(len(self.places) < self.limits.queue_places and
             len(own) < self.limits.queue_places_of_session, "LIMIT_REACHED")
        client = self.sessions[ask.session_id].client
        most = [rule.max_priority for feature in features_of(ask)
                for rule in [self.first_rule(client, feature, "PRIORITY")]
                if rule]
        number = self.add("places", **Row(
            ask, waits=True, due=self.now + ask.wait_ms,
            priority=min([ask.priority, *most]), project=client.project))
        self.mark(self.places[number])
        return Row(queue_place=number)

    def answer_at(self, number):
        """Who waits stands where it is worst for it."""
        place = self.places[number]
        if place.waits and place.due <= self.now:
            return Row(reason="WAIT_TIMED_OUT", queue_place=number)
        lines = map(self.line_of, features_of(place) if place.waits else [])
        return Row(place.end or {}, queue_place=number, queue_number=max(
            [1 + line.index(number) for line in lines], default=0))

    def line_of(self, feature):
        """In the order of service: who calls back, then the higher priority,
        then the project that has least of the feature, then the one that waits
        longest."""
        out, oldest, line = Counter(), {}, []
        for seat in self.seats.values():
            if seat.feature == feature:
                out[self.client_of(seat).project] += seat.count
        for number in where(self.places, waits=True):
            place = self.places[number]
            if feature in features_of(place):
                rank, _ = self.rank(number)
                first = oldest.setdefault((rank, place.project), number)
                line.append((rank, out[place.project], first, number))
        return [number for *_, number in sorted(line)]

    def rank(self, number):
        place = self.places[number]
        return (not place.calls, -place.priority), number

    def is_kept(self, pool):
        """What is free is for those who wait, before who comes now."""
        return any(pool in kept and self.line_of(feature)
                   for feature, kept in self.kept.items())

    def is_kept_from(self, number, feature, pool):
        """For one of another line who comes first."""
        keepers = [kept[pool] for other, kept in self.kept.items()
                   if other != feature and pool in kept] + [number]
        waiting = where(self.places, waits=True)
        return number != min((each for each in keepers if each in waiting),
                             key=self.rank)

    def is_unserved(self, feature):
        return feature in self.unserved and self.line_of(feature)

    def mark(self, place):
        """Something has changed for the lines in which it waits."""
        if place.waits:
            self.unserved |= {*features_of(place)}

    def mark_all(self):
        for place in self.places.values():
            self.unserved |= {*features_of(place)}

    def mark_return(self, seat):
        """It may have been tokens."""
        self.unserved.add(seat.feature)
        self.mark_tokens()

    def mark_tokens(self):
        for row in self.grants:
            if row.token_feature:
                self.unserved |= {row.name, row.token_feature}

    def leave_queue(self, session):
        for number in where(self.places, session_id=session):
            self.mark(self.places.pop(number))

    def end_place(self, number):
        if self.places[number].waits:
            self.end_wait(number, Row(reason="WAIT_TIMED_OUT"))
        else:
            del self.places[number]

    def end_wait(self, number, end):
        place = self.places[number]
        remembered = max(MEMORY, lease(self.sessions[place.session_id].ttl))
        change(self.places, number, end=end, waits=False, calls=False,
               due=self.now + remembered)
        self.mark(place)

    def cancel_checkout(self, ask):
        self.need_own(ask)
        key = ask.principal, ask.checkout_request_id
        for number in where(self.places, session_id=ask.session_id, key=key):
            end = self.places[number].end or Row()
            if not end.reason:
                for handle in where(self.seats, session=ask.session_id):
                    if handle in (end.seat_handles or []):
                        self.give_back(handle)
                self.end_wait(number, Row(reason="WAIT_CANCELLED"))
            return
        raise Refusal("QUEUE_PLACE_NOT_FOUND")

    def serve(self):
        """Whoever need not wait any longer, line by line."""
        settled = 0
        while self.unserved and not self.heir:
            self.rank_calling(min(self.unserved))
            number, refusal, is_kept = self.next_in_line(min(self.unserved))
            if number and settled == self.limits.settlements_per_entry:
                return
            if number:
                settled += 1
                self.end_wait(number, Row(reason=refusal.reason) if refusal
                              else self.grant(self.places[number], is_kept))

    def next_in_line(self, feature):
        """Who cannot be served keeps the pools that he lacks from those behind
        him, and from other lines. 0: nobody is next."""
        here, kept = set(), {}
        takes = {feature} | {row.token_feature for row in self.grants
                             if row.name == feature}
        for number in self.line_of(feature)[:MOST_PASSED]:
            def is_kept(pool, number=number):
                return pool in here or self.is_kept_from(number, feature, pool)
            place, twin = self.places[number], self.imagined()
            refusal = refused(self.imagined().grant_place, place, is_kept)
            if not refusal or not refusal.waiting_helps:
                return number, refusal, is_kept
            lack = refused(twin.grant_place, place, for_nobody)
            if not lack:
                here |= {pool for handle in {*twin.seats} - {*self.seats}
                         for pool in twin.seats[handle].takes}
            elif lack.lacking and lack.lacking in takes:
                client = self.sessions[place.session_id].client
                lacks = {source for wish in place.wishes
                         if wish.feature == feature
                         for _, source, why in self.ways(wish, client)
                         if self.pools[source].count and not why}
                kept.update({pool: number for pool in lacks - here})
                here |= lacks
            if {source for pool in self.pools_of(feature)
                    for source in self.sources(pool)} <= here:
                break
        self.unserved.remove(feature)
        if kept != self.kept.get(feature, {}):
            self.mark_tokens()
        self.kept[feature] = kept
        return 0, None, None

    def grant_place(self, place, is_kept):
        need(self.is_alive(place.session_id), "SESSION_NOT_FOUND")
        need(place.due > self.now, "WAIT_TIMED_OUT")
        self.grant(place, is_kept)

    # Reserved units that were lent, and are called back by those in the line.
    def reservations(self, feature):
        """Those in effect."""
        left = sum(map(self.ceiling, self.pools_of(feature)))
        found = []
        for rule in self.policy().rules:
            if rule.kind == "POLICY_RULE_KIND_RESERVE" and \
                    rule.feature in ("", feature) and self.is_in_effect(rule):
                units = min(rule.units, left)
                left -= units
                used = self.units_of(rule, Row(), feature)
                found.append(Row(rule, units=units, used=used,
                                 unused=max(0, units - used)))
        return found

    def callers(self, feature, numbers):
        """The reservation by which each calls, None: it does not; and all
        reservations."""
        reservations, callers = self.reservations(feature), {}
        claimed = Counter()
        for number in numbers:
            place, callers[number] = self.places[number], None
            for i, rule in enumerate(reservations):
                if callers[number] is None and len(place.wishes) == 1 and \
                        rule.lend and rule.span_ms and place.wishes[0].count <= \
                        rule.unused - claimed[i] and \
                        self.is_for(rule, place.session_id):
                    claimed[i] += place.wishes[0].count
                    callers[number] = rule
        return callers, reservations

    def is_for(self, rule, session):
        return self.matches(rule, self.sessions[session].client)

    def claimed(self, feature):
        return sum(place.wishes[0].count for place in self.places.values()
                   if place.waits and place.calls and
                   place.wishes[0].feature == feature)

    def rank_calling(self, feature):
        """Who calls comes first in the line."""
        self.looked_at.add(feature)
        callers, _ = self.callers(feature, self.line_of(feature)[:MOST_PASSED])
        for number, rule in callers.items():
            change(self.places, number, calls=bool(rule))

    def call_back(self):
        """Thinks the calls through, and takes what is due."""
        if self.heir:
            return
        self.looked_at |= {seat.feature for seat in self.seats.values()
                           if seat.call and not self.claimed(seat.feature)}
        fresh = self.review_calls()
        due = sorted((seat.feature, seat.call, handle)
                     for handle, seat in self.seats.items()
                     if 0 < seat.call <= self.now and handle not in fresh)
        for *_, handle in due[:self.limits.expiries_per_entry]:
            session = self.seats[handle].session
            if self.sessions[session].kind == "LINGER":
                self.end_session(session)
            else:
                self.give_back(handle)
        if due:
            self.serve()
            self.review_calls()

    def review_calls(self):
        """Returns the seats that are called anew."""
        fresh = set()
        for feature in sorted(self.looked_at):
            plan = self.plan_calls(feature)
            for handle, seat in self.seats.items():
                if seat.feature == feature:
                    if handle in plan and not seat.call:
                        fresh.add(handle)
                    change(self.seats, handle, call=plan.get(handle, 0))
        self.looked_at.clear()
        return fresh

    def plan_calls(self, feature):
        """When each seat is due that is to be called back."""
        needs, plan = {}, {}
        callers, reservations = self.callers(feature, [
            number for number in self.line_of(feature)[:MOST_PASSED]
            if self.places[number].calls])
        lent = self.lent(feature, reservations)
        for number, rule in callers.items():
            if rule:
                self.add_need(self.places[number], needs, lent, reservations,
                              rule.span_ms)
        for pool, row in needs.items():
            standing, others = lent.get(pool, ([], []))
            if sum(units for units, _ in standing) > row.lacking:
                standing = choose(standing, row.lacking)
            plan.update({handle: self.seats[handle].call
                         for _, handle in standing if row.lacking})
            coming = sum(units for units, _ in standing)
            for _, handle in choose(others, max(0, row.lacking - coming)):
                lingers = self.sessions[self.seats[handle].session].kind
                plan[handle] = self.now + (0 if lingers else row.span)
        return plan

    def add_need(self, place, needs, lent, reservations, span):
        """Of the first pool of which enough may come back."""
        [wish], client = place.wishes, self.sessions[place.session_id].client
        kept = sum(rule.unused for rule in reservations if not rule.lend and
                   not self.is_for(rule, place.session_id))
        free = {pool: max(0, self.ceiling(pool) - self.out(pool))
                for pool in self.pools_of(wish.feature)}
        asked = wish.count + sum(row.asked for row in needs.values())
        for pool in free:
            if not self.is_counted(pool) or \
                    refused(self.need_usable, pool, wish, client):
                continue
            old = needs.get(pool, Row(span=span))
            coming = sum(row.lacking for other, row in needs.items()
                         if other != pool)
            lacking = max(0, wish.count + old.asked - free[pool],
                          asked + kept - sum(free.values()) - coming)
            if lacking <= sum(units for seats in lent.get(pool, ())
                              for units, _ in seats):
                needs[pool] = Row(old, asked=old.asked + wish.count,
                                  lacking=max(old.lacking, lacking))
                return

    def is_counted(self, pool):
        row = self.pools[pool]
        return row.count and not (row.credits or row.named_users or
                                  row.token_feature or row.uncounted)

    def lent(self, feature, reservations):
        """By pool what may give way, called already or not: (units, handle).
        The first to be called comes first."""
        beyond = [max(0, rule.used - rule.units) for rule in reservations]
        found = {pool: ([], []) for pool in self.pools_of(feature)
                 if self.is_counted(pool)}
        for handle, seat in sorted(self.seats.items(), key=lambda each: (
                not each[1].call, each[1].call, -each[0])):
            pool = next(iter(seat.takes))
            sharing = [other for other in self.seats.values()
                       if next(iter(other.takes)) == pool and
                       other.takes[pool][1] == seat.takes[pool][1]]
            own = [i for i, rule in enumerate(reservations)
                   if self.is_for(rule, seat.session)]
            if pool in found and \
                    self.sessions[seat.session].kind in (0, "LINGER") and \
                    (not seat.takes[pool][1] or len(sharing) == 1) and \
                    all(beyond[i] >= seat.count for i in own):
                for i in own:
                    beyond[i] -= seat.count
                found[pool][not seat.call].append((seat.count, handle))
        return found

    # Administrators terminate sessions, and set rules.
    def terminate_session(self, ask):
        number, session = ask.session_id, self.is_alive(ask.session_id)
        need(ask.cool_down_ms >= 0, "BAD_REQUEST")
        kind = session and session.kind
        ends = session and (ask.at_once or kind == "BOOKING")
        need(kind != "BORROW", "GRANT_IS_BORROWED")
        need(ends or number not in self.terminated, "SESSION_TERMINATED")
        need(session, "SESSION_NOT_FOUND")
        if kind != "LINGER" and number not in self.terminated:
            need(len(self.terminated) < self.limits.terminations,
                 "LIMIT_REACHED")
            self.terminated[number] = Row(
                session, cool_down_end=self.now + ask.cool_down_ms,
                forget=self.now + max(MEMORY, ask.cool_down_ms,
                                      lease(session.ttl)),
                features={self.seats[handle].feature
                          for handle in where(self.seats, session=number)})
            self.leave_queue(number)
        if ends or kind == "LINGER":
            self.end_session(number)

    def end_termination(self, number):
        """Not before its session did; then the others wait, too."""
        if number in self.sessions:
            return NO_LIMIT
        del self.terminated[number]
        return 1

    def release_seat(self, ask):
        need(ask.seat_handle in self.seats, "SEAT_NOT_FOUND")
        session = self.seats[ask.seat_handle].session
        kind = self.sessions[session].kind
        need(kind != "BORROW", "GRANT_IS_BORROWED")
        if kind in ("BOOKING", "LINGER"):  # All or none; and nobody's.
            self.end_session(session)
        else:
            self.give_back(ask.seat_handle)
        return Row(session_id=session)

    def apply_policy(self, ask):
        need(ask.base_version == self.next["policies"], "POLICY_CHANGED")
        if ask.policy != self.policy():
            need(all(rule.name for rule in ask.policy.rules), "BAD_REQUEST")
            self.put_in_force(ask.policy)

    def roll_back_policy(self, ask):
        need(ask.base_version == self.next["policies"], "POLICY_CHANGED")
        need(ask.version in {0, *self.policies}, "POLICY_VERSION_NOT_FOUND")
        self.put_in_force(self.policies.get(ask.version, NO_POLICY))

    def put_in_force(self, policy):
        if len(self.policies) == self.limits.policy_versions:
            del self.policies[min(self.policies)]
        self.next["policies"] += 1
        self.policies[self.next["policies"]] = policy
        self.mark_all()

    def set_account(self, ask):
        old = self.accounts.get(ask.account, Row())
        need(ask.account, "BAD_REQUEST")
        need(ask.base_version == old.version, "ACCOUNT_CHANGED")
        need(old or len(self.accounts) < self.limits.accounts, "LIMIT_REACHED")
        self.put_account(ask, Row(roles=ask.roles))

    def delete_account(self, ask):
        need(ask.account in self.accounts, "ACCOUNT_NOT_FOUND")
        need(ask.base_version in (0, self.accounts[ask.account].version),
             "ACCOUNT_CHANGED")
        self.put_account(ask, None)

    def put_account(self, ask, new):
        had = self.has_administrator()
        self.next["accounts"] += 1
        self.accounts.pop(ask.account, None)
        if new:
            self.accounts[ask.account] = Row(
                new, version=self.next["accounts"])
        need(not ask.keep_administrator or not had or self.has_administrator(),
             "LAST_ADMINISTRATOR")

    def has_administrator(self):
        return any("ACCOUNT_ROLE_ADMINISTRATOR" in row.roles
                   for row in self.accounts.values())
