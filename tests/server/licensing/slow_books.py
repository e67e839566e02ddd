"""The part of the slow model that is about what is kept beside seats: credits
that are used up, the names of named users, when trials began, the minutes of
casual users.
"""

from datetime import datetime, timezone

from slow_terms import NEVER, Row, need, need_covered, order_of_use

DAY_MS = 24 * 3_600_000
NO_LIMIT = 1 << 62


def month_end(at_ms):
    day = datetime.fromtimestamp(at_ms // 1000, timezone.utc)
    after = datetime(day.year + day.month // 12, day.month % 12 + 1, 1,
                     tzinfo=timezone.utc)
    return int(after.timestamp()) * 1000


class SlowBooks:
    """Of one cluster."""

    def __init__(self):
        self.used = {}  # Credits, by licence and feature.
        self.names = {}  # By pool and user: since when.
        self.freed = {}  # By pool: when names were.
        self.trials = {}  # By licence and feature: since when.
        self.casual = {}  # By pool and user: limit_ms, month_end_ms, ...

    def books(self):
        return dict(self.used), dict(self.names)

    def set_books(self, books):
        self.used, self.names = map(dict, books)

    def terms_of(self, pool):
        """None where no licence grants it any more."""
        return next((grant.terms for grant in self.grants
                     if grant.pool == pool), Row(credits=0, named_users=0,
                                                 casual_minutes=0))

    def credits_left(self, pool):
        """By grant, in the order in which they are used."""
        return [(grant, max(0, grant.terms.count - self.credits_used(grant)))
                for grant in sorted(self.grants,
                                    key=lambda each: (each.end_ms,
                                                      each.license))
                if grant.pool == pool and self.is_in_force(grant)]

    def credits_used(self, grant):
        return self.used.get((grant.license, grant.terms.name), 0)

    def ceiling(self, pool):
        """How much may be out."""
        terms = self.terms_of(pool)
        if terms.credits:
            return self.out(pool) + sum(
                left for _, left in self.credits_left(pool))
        if terms.named_users:
            return NO_LIMIT * bool(self.credits_left(pool))
        ceiling = 0
        for grant in self.grants:
            if grant.pool == pool and self.is_in_force(grant):
                ceiling += grant.terms.count or NO_LIMIT
                if self.calendar_ms < grant.overdraft_end_ms:
                    ceiling += grant.terms.overdraft
        return min(ceiling, NO_LIMIT)

    def use_up(self, seat, before=Row(count=0, tokens=0)):
        """What is given back is not given back; what is taken again is."""
        for pool, more in ((seat.pool, seat.count - before.count),
                           (seat.token_pool, seat.tokens - before.tokens)):
            for grant, left in self.credits_left(pool):
                taken = min(left, max(more, 0)) * grant.terms.credits
                key = grant.license, grant.terms.name
                self.used[key] = self.credits_used(grant) + taken
                more -= taken
        if self.terms_of(seat.pool).named_users:
            user = self.sessions[seat.session].client.user
            self.names.setdefault((seat.pool, user), self.calendar_ms)

    def end_of_trial(self, grant):
        began_ms = self.trials.get((grant.license, grant.terms.name))
        if not grant.terms.trial_days or began_ms is None:
            return NEVER
        return began_ms + grant.terms.trial_days * DAY_MS

    def begin_trials(self, handles):
        for handle in handles:
            seat = self.seats[handle]
            self.begin_minutes(handle)
            for grant, _ in [*self.credits_left(seat.pool),
                             *self.credits_left(seat.token_pool)]:
                if grant.terms.trial_days:
                    self.trials.setdefault((grant.license, grant.terms.name),
                                           self.calendar_ms)
                    grant.end_ms = min(grant.end_ms, self.end_of_trial(grant))
                    grant.overdraft_end_ms = min(grant.overdraft_end_ms,
                                                 grant.end_ms)
        return handles

    def casual_seats(self, pool, user):
        return [handle for handle, seat in self.seats.items()
                if pool in (seat.pool, seat.token_pool) and
                self.sessions[seat.session].client.user == user]

    def casual_at(self, pool, user):
        """Months that are over have begun anew."""
        use = Row(self.casual[pool, user])
        while use.month_end_ms <= self.calendar_ms:
            use.update(used_ms=0, since_ms=use.month_end_ms,
                       month_end_ms=month_end(use.month_end_ms))
        return use

    def need_usable(self, grant, item, client):
        """Refuses where the pool is not for this, or not any more."""
        need_covered(grant.terms, item, client)
        key = grant.pool, client.user
        if grant.terms.casual_minutes and key in self.casual:
            use = self.casual_at(*key)
            used_ms = use.used_ms + use.running * (
                self.calendar_ms - use.since_ms)
            need(used_ms < use.limit_ms, "CASUAL_MINUTES_USED")

    def begin_minutes(self, handle):
        seat = self.seats[handle]
        user = self.sessions[seat.session].client.user
        for pool in (seat.pool, seat.token_pool):
            minutes = self.terms_of(pool).casual_minutes if pool else 0
            if minutes:
                self.casual.setdefault((pool, user), Row(
                    limit_ms=minutes * 60_000, used_ms=0, since_ms=0,
                    month_end_ms=month_end(self.calendar_ms), running=False))
                use = self.casual[pool, user] = self.casual_at(pool, user)
                if not use.running:
                    use.update(running=True, since_ms=self.calendar_ms)

    def end_minutes(self, seat):
        """It is not there any more."""
        user = self.sessions[seat.session].client.user
        for pool in (seat.pool, seat.token_pool):
            if (pool, user) in self.casual and self.casual[pool, user].running:
                use = self.casual[pool, user] = self.casual_at(pool, user)
                if not self.casual_seats(pool, user):
                    use.running = False
                    use.used_ms = min(use.limit_ms, use.used_ms +
                                      self.calendar_ms - use.since_ms)

    def casual_due(self, key):
        use = self.casual[key]
        spent_ms = use.since_ms + use.limit_ms - use.used_ms
        return min(use.month_end_ms, spent_ms if use.running else NEVER), key

    def end_due_minutes(self, most):
        work = 0
        while work < most and self.casual:
            due_ms, key = min(map(self.casual_due, self.casual))
            if due_ms > self.calendar_ms:
                break
            work += 1
            use = self.casual[key]
            if due_ms < use.month_end_ms:
                # As of then: nothing of a month that began since.
                use.update(running=False, used_ms=use.limit_ms)
                for handle in self.casual_seats(*key):
                    work += 1
                    self.give_back(handle)
            elif use.running:
                use.update(used_ms=0, since_ms=use.month_end_ms,
                           month_end_ms=month_end(use.month_end_ms))
            else:
                del self.casual[key]

    def has_name(self, pool, user):
        """Or there is one for him. The first who had theirs have the use."""
        names = sorted((since_ms, each) for (of, each), since_ms
                       in self.names.items() if of == pool)
        total = sum(grant.terms.count for grant, _ in self.credits_left(pool))
        if (pool, user) in self.names:
            return user in [each for _, each in names[:total]]
        return len(names) < total

    def used_of(self, pool):
        terms = self.terms_of(pool)
        if terms.named_users:
            return sum(of == pool for of, _ in self.names)
        return sum(self.credits_used(grant) * terms.credits
                   for grant, _ in self.credits_left(pool))

    @staticmethod
    def need_sound(features):
        """Refuses what contradicts itself."""
        names = [feature.name for feature in features
                 if feature.credits or feature.trial_days]
        need(len(names) == len({*names}), "BAD_REQUEST")
        for feature in features:
            if feature.credits or feature.named_users:
                need(not feature.overdraft, "BAD_REQUEST")
            need(bool(feature.recycle_count) == bool(feature.recycle_days),
                 "BAD_REQUEST")

    def need_growing_of_books(self, part):
        """False where it is like other pools."""
        terms = self.terms_of(part.pool)
        if terms.credits:
            left = sum(left for _, left in self.credits_left(part.pool))
            need(part.more <= left, "CREDITS_EXHAUSTED")
        return terms.credits or (terms.named_users and self.ceiling(part.pool))

    def for_good(self, pools):
        """What is refused where there would be too little of all of them
        although nothing were out."""
        terms = list(map(self.terms_of, pools))
        if any(each.credits for each in terms):
            return "CREDITS_EXHAUSTED"
        if any(each.named_users for each in terms):
            return "NAMES_EXHAUSTED"
        return "COUNT_OVER_TOTAL"

    def release_named_user(self, _, body):
        pools = {grant.pool: grant for grant in self.grants
                 if grant.terms.named_users and
                 grant.terms.name == body.feature and
                 (grant.pool, body.user) in self.names}
        for grant in sorted(pools.values(), key=order_of_use):
            active = [self.sessions[seat.session].client.user
                      for seat in self.seats.values()
                      if seat.pool == grant.pool]
            need(body.user not in active, "NAME_IN_USE")
            freed = self.freed.get(grant.pool, [])
            count = grant.terms.recycle_count
            need(count, "RECYCLING_LIMIT")
            need(len(freed) < count or self.calendar_ms >=
                 freed[-count] + grant.terms.recycle_days * DAY_MS,
                 "RECYCLING_LIMIT")
        need(pools, "NAME_NOT_FOUND")
        for pool in pools:
            del self.names[pool, body.user]
            self.freed.setdefault(pool, []).append(self.calendar_ms)
