"""Who may have what, and from which pool.

The first pool that is for him and has room gives a seat, and a request gets all
of its seats or none. A refusal says first what the policy says, then why it
could not be had although nothing were out.
"""

from slow_pools import group_of, need_covered
from slow_sessions import Sessions
from slow_terms import (
    MINUTE, Refusal, Row, features_of, for_nobody, month_end, need, pool_of,
    refused, where)


class Grants(Sessions):
    """Seats that are granted."""

    def grant_now(self, ask):
        """Before nobody who waits."""
        fresh = self.grant(ask, self.is_kept)
        need(not any(map(self.is_unserved, features_of(ask))), "POOL_EXHAUSTED")
        return fresh

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

    def need_allowed(self, ask):
        """Refuses with the worst that the policy says of a feature."""
        client, worst, why = self.sessions[ask.session_id].client, 0, None
        for feature in features_of(ask):
            pools = self.pools_of(feature)
            grade, refusal = self.decide(
                client, feature, sum(wish.count for wish in ask.wishes
                                     if wish.feature == feature),
                total=sum(map(self.ceiling, pools)),
                free=sum(map(self.free, pools)))
            if pools and grade > worst:
                worst, why = grade, refusal
        if why:
            raise why
        self.need_no_cool_down(ask)

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

    def place_all(self, ask, is_kept=for_nobody):
        return [self.place(wish, ask.session_id, is_kept)
                for wish in ask.wishes]

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

    def need_usable(self, pool, wish, client):
        terms = self.pools[pool]
        need_covered(terms, wish, client)
        spent = self.spent[pool, client.user, month_end(self.today)]
        need(not terms.casual_minutes or spent < terms.casual_minutes * MINUTE,
             "CASUAL_MINUTES_USED")

    def fits(self, seat, is_kept=for_nobody):
        """No more of a pool is out with it than there is for it."""
        pool, user = pool_of(seat), self.client_of(seat).user
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
