"""Seats whose users are away: those that are idle, and those that were given
back and linger.

SlowModel's, in a file of its own; the lists are there.
"""

import re

import slow_policy
from slow_policy import NO_POLICY
from slow_terms import Row, feature_of, group_of, need, need_covered, refused

IDLE_AFTER_MS = 30_000
LONGEST_IDLE_MS = 30 * 24 * 3_600_000


class SlowSeats:
    """What is to be done with them."""

    def policy(self):
        return self.policies.get(self.last_policy, NO_POLICY)

    def heed_activity(self, number, idle_ms):
        """A client says how long ago its user did something. Returns how much
        work that was."""
        session = self.sessions[number]
        idle_ms = min(max(idle_ms, 0), LONGEST_IDLE_MS)
        was, since = session.idle_since_ms, 0
        if idle_ms >= IDLE_AFTER_MS:
            since = max(self.cluster_ms - idle_ms, 1)
        if not was and not since:
            return 0
        if not (was and was <= since < was + IDLE_AFTER_MS):
            session.idle_since_ms = since
        handles = self.seats.where(session=number)
        for handle in handles:
            self.watch_seat(handle, session.client, idle_ms)
        return len(handles)

    def watch_seat(self, handle, client, idle_ms):
        """Its holder is warned, then it is taken back."""
        seat = self.seats[handle]
        span_ms, warning_ms = slow_policy.idle_terms(
            self.policy(), client, feature_of(seat.pool))
        if not span_ms or idle_ms < span_ms - warning_ms:
            seat.warned_ms = 0
        elif warning_ms and not seat.warned_ms:
            seat.warned_ms = self.cluster_ms
        elif idle_ms >= span_ms and \
                self.cluster_ms - seat.warned_ms >= warning_ms:
            self.give_back(handle)

    def linger_ms(self, seat, client):
        """What the licences say or what the policy says, the longer."""
        # What is used up is not kept; a pool's name says so.
        if any(re.search("[{,](credits|casual:)", pool)
               for pool in (seat.pool, seat.token_pool)):
            return 0
        grants = [grant for grant in self.grants
                  if grant.pool == seat.pool and self.is_in_force(grant)]
        return max([slow_policy.linger_ms(self.policy(), client,
                                          feature_of(seat.pool))] +
                   [grant.terms.linger_ms for grant in grants])

    def linger(self, handle):
        """It stays out for its user. False where it does not."""
        seat = self.seats[handle]
        holder = self.sessions[seat.session]
        linger_ms = self.linger_ms(seat, holder.client)
        if not linger_ms or seat.session in self.terminated or \
                len(self.sessions) >= self.limits.sessions:
            return False
        seat.warned_ms = 0
        seat.session = self.sessions.add(
            Row(holder, kind="LINGER", ttl_ms=linger_ms, idle_since_ms=0,
                lease_end_ms=self.cluster_ms + linger_ms))
        return True

    def lingers_for(self, item, session, seat):
        """One like him gave it back, and he could be granted it now."""
        linger = self.sessions[seat.session]
        if linger.kind != "LINGER" or linger.lease_end_ms <= self.cluster_ms or \
                linger.principal != session.principal or \
                any(linger.client[name] != session.client[name]
                    for name in ("user", "host", "display")):
            return False
        pools = [grant.terms for grant in self.pools_of(item.feature)
                 if grant.pool == seat.pool]
        return seat.count == item.count and any(
            not refused(need_covered, terms, item, session.client) and
            group_of(terms, item, session.client) == seat.group
            for terms in pools)

    def taken_up(self, checkout):
        """For each item the seat that lingers for it, or None; and what is
        left of the checkout."""
        session = self.sessions[checkout.session_id]
        handles = []
        for item in checkout["items"]:
            fit = [handle for handle, seat in sorted(self.seats.items())
                   if handle not in handles and
                   self.lingers_for(item, session, seat)]
            handles.append(fit[0] if fit else None)
        rest = [item for item, handle in zip(checkout["items"], handles)
                if not handle]
        return handles, Row(checkout, items=rest,
                            besides=len(handles) - len(rest))

    def need_again(self, checkout, handles):
        """Refuses what a checkout must not take up; units are no matter."""
        again = [item for item, handle in zip(checkout["items"], handles)
                 if handle]
        session = self.sessions[checkout.session_id]
        for feature in sorted({item.feature for item in again}):
            grade, reason, _ = slow_policy.decide(
                self.policy(), [], session.client, self.calendar_ms, feature,
                0, 0, 0)
            need(grade < 3, reason)
        self.need_no_cool_down(Row(checkout, items=again))

    def take_up(self, checkout, again, fresh):
        for handle in filter(None, again):
            del self.sessions[self.seats[handle].session]
            self.seats[handle].session = checkout.session_id
        return Row(fresh, seat_handles=[
            handle or fresh.seat_handles.pop(0) for handle in again])
