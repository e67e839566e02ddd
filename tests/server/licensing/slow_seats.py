"""Seats whose users are away: those that are idle.

SlowModel's, in a file of its own; the lists are there.
"""

import slow_policy
from slow_policy import NO_POLICY
from slow_terms import feature_of

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
