"""Reserved units that were lent, and are called back by those in the line.

Here is which of those who wait may call, what gives way first, and when it is
due; what is due is taken.
"""

from collections import Counter

from slow_grants import Grants
from slow_terms import Row, change, pool_of, refused


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


class Recall(Grants):
    """Who may call, and what gives way."""

    def reservations(self, feature):
        """Those in effect."""
        left = sum(map(self.ceiling, self.pools_of(feature)))
        found = []
        for rule in self.policy().rules:
            if rule.kind == "POLICY_RULE_KIND_RESERVE" and \
                    self.is_about(rule, feature) and self.is_in_effect(rule):
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
                        rule.lend and rule.span_ms and \
                        place.wishes[0].count <= rule.unused - claimed[i] and \
                        self.is_for(rule, place.session_id):
                    claimed[i] += place.wishes[0].count
                    callers[number] = rule
        return callers, reservations

    def is_for(self, rule, session):
        return self.matches(rule, self.sessions[session].client)

    def rank_calling(self, feature):
        """Who calls comes first in the line."""
        self.looked_at.add(feature)
        callers, _ = self.callers(feature, self.front_of(feature))
        for number, rule in callers.items():
            change(self.places, number, calls=bool(rule))

    def take_called(self):
        """What is due, when the calls were thought through. False: nothing."""
        if self.heir:
            return False
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
        return bool(due)

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
            number for number in self.front_of(feature)
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
        free = {pool: self.free(pool) for pool in self.pools_of(wish.feature)}
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
            pool = pool_of(seat)
            sharing = [other for other in self.seats.values()
                       if pool_of(other) == pool and
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
