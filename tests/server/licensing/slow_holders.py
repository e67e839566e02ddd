"""The part of the slow model that is about seats that no application holds.

They are those of a session of another kind: a borrow is away with a machine
until a date of the calendar, a booking is kept for a job that has not begun.
"""

from slow_terms import (KEPT_FOR_NOBODY, NEVER, Refusal, Row, features_of,
                        need, refused)

NO_LIMIT = 1 << 62
HOUR_MS = 3_600_000
MOST_BORROWED_MS = 366 * 24 * HOUR_MS
MOST_BOOKED_MS = 24 * HOUR_MS


class SlowHolders:
    """Of one cluster."""

    def need_seats(self, command, body, handles):
        """Refuses where one is not that session's."""
        for handle in handles:
            seat = self.seats.get(handle, Row(session=0))
            if seat.session != body.session_id:
                holder = self.sessions.get(seat.session, {})
                need(holder.get("kind") != "BORROW" or
                     holder.principal != command.principal,
                     "GRANT_IS_BORROWED")
                raise Refusal("SEAT_NOT_FOUND")

    def need_holder(self, kind, command, number):
        """Refuses where it is not this principal's."""
        self.need_kind(kind, number)
        need(self.sessions[number].principal == command.principal,
             "SESSION_NOT_YOURS")

    def need_kind(self, kind, number):
        need(self.is_alive(number) and self.sessions[number].kind == kind,
             kind + "_NOT_FOUND")

    def borrow(self, command, body):
        handles = body.seat_handles
        until_ms = body.until_ms or self.calendar_ms + body.span_ms
        need(0 < len(handles) == len({*handles}) and
             bool(body.until_ms) != bool(body.span_ms) and
             0 <= body.span_ms <= MOST_BORROWED_MS and
             until_ms > self.calendar_ms, "BAD_REQUEST")
        self.need_own(command, body)
        self.need_seats(command, body, handles)
        self.need_borrowable([self.seats[handle] for handle in handles],
                             until_ms)
        need(len(self.sessions) < self.limits.sessions, "LIMIT_REACHED")
        # As long after as a clock may have been set back.
        number = self.sessions.add(Row(
            self.sessions[body.session_id], kind="BORROW", ttl_ms=0,
            idle_since_ms=0, lease_end_ms=NEVER, until_ms=until_ms,
            borrow_end_ms=until_ms + HOUR_MS))
        for handle in handles:
            self.seats[handle].update(session=number, warned_ms=0)
        return Row(session_id=number)

    def need_borrowable(self, seats, until_ms):
        """Refuses where the licences do not let them be away so long."""
        units, tokens = {}, {}
        for seat in seats:
            units[seat.pool] = units.get(seat.pool, 0) + seat.count
            if seat.tokens:
                tokens[seat.token_pool] = \
                    tokens.get(seat.token_pool, 0) + seat.tokens
        for pool, asked in units.items():
            lends = [(min(self.calendar_ms + grant.terms.borrow_max_ms,
                          grant.end_ms),
                      grant.terms.borrow_max_count or grant.terms.count or
                      NO_LIMIT)
                     for grant in self.grants_in_force(pool)
                     if grant.terms.borrow_max_ms]
            need(lends and not self.terms_of(pool).casual_minutes,
                 "BORROW_NOT_ALLOWED")
            counts = [count for latest_ms, count in lends
                      if until_ms <= latest_ms]
            need(counts, "BORROW_TOO_LONG")
            need(self.borrowed(pool) + asked <= sum(counts), "BORROW_LIMIT")
        need(not any(self.terms_of(pool).casual_minutes for pool in tokens),
             "BORROW_NOT_ALLOWED")
        for pool, asked in [*units.items(), *tokens.items()]:
            counted = [grant.terms for grant in self.grants_in_force(pool)
                       if grant.terms.count and not grant.terms.credits and
                       not grant.terms.named_users]
            stay = sum(terms.borrow_low_water for terms in counted)
            total = sum(terms.count for terms in counted)
            need(not stay or self.borrowed(pool) + asked + stay <= total,
                 "BORROW_LIMIT")

    def grants_in_force(self, pool):
        return [grant for grant in self.grants
                if grant.pool == pool and self.is_in_force(grant)]

    def borrowed(self, pool):
        away = [seat for seat in self.seats.values()
                if self.sessions[seat.session].kind == "BORROW"]
        return sum(seat.count for seat in away if seat.pool == pool) + \
            sum(seat.tokens for seat in away if seat.token_pool == pool)

    def return_borrow(self, command, body):
        self.need_holder("BORROW", command, body.session_id)
        self.end_session(body.session_id)
        return Row(session_id=body.session_id)

    def write_off_borrow(self, _, body):
        need(body.reason, "BAD_REQUEST")
        self.need_kind("BORROW", body.session_id)
        self.end_session(body.session_id)
        return Row(session_id=body.session_id)

    def book(self, command, body):
        need(body["items"] and all(item.count for item in body["items"]) and
             0 < body.hold_ms <= MOST_BOOKED_MS, "BAD_REQUEST")
        need(len(self.sessions) < self.limits.sessions, "LIMIT_REACHED")
        number = self.sessions.add(Row(
            principal=command.principal, kind="BOOKING", ttl_ms=0,
            idle_since_ms=0,
            client=Row(body.description, peer_address=body.peer_address),
            lease_end_ms=self.cluster_ms + body.hold_ms, until_ms=0,
            borrow_end_ms=NEVER, opened_ms=self.calendar_ms,
            items=body["items"]))
        checkout = Row(session_id=number, items=body["items"])
        refusal = refused(self.need_now, checkout, self.is_kept)
        if not refusal and any(map(self.is_unserved, features_of(checkout))):
            refusal = Refusal("POOL_EXHAUSTED")
        refusal = refusal or refused(self.need_kept_whole, checkout,
                                     self.is_kept)
        if refusal:
            del self.sessions[number]
            self.sessions.next = number
            raise refusal
        return Row(self.hand_out(checkout, self.is_kept), session_id=number)

    def need_kept_whole(self, checkout, is_kept):
        """Refuses what is used up, or taken back before its time."""
        seats, number, books = dict(self.seats), self.seats.next, self.books()
        taken = [self.seats[handle]
                 for handle in self.place_seats(checkout, is_kept)]
        self.seats.clear()
        self.seats.update(seats)
        self.seats.next = number
        self.set_books(books)
        for seat in taken:
            for pool in filter(None, (seat.pool, seat.token_pool)):
                terms = self.terms_of(pool)
                need(not terms.credits and not terms.casual_minutes,
                     "BAD_REQUEST")

    def confirm_booking(self, command, body):
        """A checkout of what was booked, as if it had been given back."""
        self.need_holder("BOOKING", command, body.booking_id)
        self.need_own(command, body)
        booking = self.sessions[body.booking_id]
        checkout = Row(session_id=body.session_id, items=booking["items"])
        handles = sorted(self.seats.where(session=body.booking_id))
        booked = {handle: self.seats.pop(handle) for handle in handles}
        refusal = refused(self.need_now, checkout, KEPT_FOR_NOBODY) or \
            refused(self.need_kept_whole, checkout, KEPT_FOR_NOBODY)
        if refusal:
            self.seats.update(booked)
            raise refusal
        number = self.seats.next
        for handle, fresh in zip(handles, self.place_seats(checkout)):
            self.seats[handle] = self.seats.pop(fresh)
            self.mark_return(self.seats[handle])
        self.seats.next = number
        self.begin_trials(handles)
        self.end_session(body.booking_id)
        return Row(session_id=body.session_id, seat_handles=handles,
                   granted_calendar_ms=booking.opened_ms)

    def cancel_booking(self, command, body):
        self.need_holder("BOOKING", command, body.booking_id)
        self.end_session(body.booking_id)
        return Row(session_id=body.booking_id)
