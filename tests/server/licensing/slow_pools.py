"""Licences, the pools that they grant, and how much of each is out.

Licences whose conditions are the same fill one pool; here is whom it is for,
and how much of it there is. Credits are used up, trials and the minutes of
casual users run out, named users keep their names.
"""

from slow_lines import Lines
from slow_terms import (
    DAY, MINUTE, NEVER, NO_LIMIT, Row, month_end, need, version_of)


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


class Pools(Lines):
    """What there is, and how much of it is out."""

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

    def sources(self, pool):
        """The pools whose units a seat of it takes."""
        tokens = self.pools[pool].token_feature
        return [pool] if not tokens else [
            source for source in self.pools_of(tokens)
            if self.pools[source].count and not self.pools[source].named_users]

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

    def free(self, pool):
        return max(0, self.ceiling(pool) - self.out(pool))

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

    def use_up(self, pool, units):
        """Credits are not given back."""
        for grant in self.in_force(pool=pool, credits=True):
            taken = min(units, max(0, grant.count - self.used[grant.key]))
            self.used[grant.key] += taken
            units -= taken

    def comes_back(self, seat):
        """It is not used up, nor taken back before its time."""
        return not any(self.terms(pool).credits or
                       self.terms(pool).casual_minutes for pool in seat.takes)

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
