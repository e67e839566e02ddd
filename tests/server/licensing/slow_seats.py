"""Seats of applications: checked out, resized, given back.

A checkout takes up again what lingers for its user, waits where that helps, and
takes all or none. Another number of units stays in the pools that the seat has.
"""

from slow_pools import group_of, need_covered
from slow_queue import Queue
from slow_terms import Row, change, features_of, need, pool_of, refused


class Seats(Queue):
    """The requests of applications."""

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
        holder, pool = self.sessions[seat.session], pool_of(seat)
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
