"""Seats that no application holds: borrowed, or booked.

A borrow is out until a date of the calendar, as far as its licences and the
policy let it; a booking is held for a job that has not begun.
"""

from collections import Counter

from slow_seats import Seats
from slow_terms import (
    DAY, HOUR, NEVER, NO_LIMIT, Row, change, need, pool_of, where)


class Borrows(Seats):
    """Borrows and bookings."""

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

    def need_borrow_counts(self, seats, client, feature, rule):
        """Refuses what is more than the policy lets be borrowed."""
        units = sum(seat.count for seat in seats if seat.feature == feature)
        need(not rule.units or units + self.units_of(
            rule, client, feature, self.is_away) <= rule.units, "BORROW_LIMIT")
        pools = [pool for pool in self.pools_of(feature) if self.counted(pool)]
        units = sum(seat.count for seat in seats if pool_of(seat) in pools)
        if units:
            self.need_staying(pools, units, rule.low_water)

    def need_staying(self, pools, units, low_water):
        """Refuses what leaves fewer than that here."""
        total = sum(row.count for pool in pools for row in self.counted(pool))
        away = sum(map(self.units_away, pools))
        need(not low_water or away + units + low_water <= total, "BORROW_LIMIT")

    def need_borrowable(self, handles, until):
        """Refuses where the licences do not let them be away so long."""
        need(not any(self.seats[handle].call for handle in handles),
             "SEAT_CALLED_BACK")
        asked, own = Counter(), Counter()
        for handle in handles:
            seat = self.seats[handle]
            own[pool_of(seat)] += seat.count
            for pool, (units, _) in seat.takes.items():
                asked[pool] += units
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
            self.need_staying([pool], units, sum(
                row.borrow_low_water for row in self.counted(pool)))

    def counted(self, pool):
        """What its licences in force say where its units are counted."""
        return [row for row in self.in_force(
            pool=pool, credits=False, named_users=False) if row.count]

    def is_away(self, seat):
        return self.sessions[seat.session].kind == "BORROW"

    def units_away(self, pool):
        return sum(seat.takes.get(pool, (0, ()))[0]
                   for seat in self.seats.values() if self.is_away(seat))

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

    def need_coming_back(self, fresh):
        need(all(self.comes_back(self.seats[handle])
                 for handle in fresh.seat_handles), "BAD_REQUEST")

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
