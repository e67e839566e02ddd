"""Sessions of applications: opened, renewed, closed, terminated.

Sessions whose users are away are warned and lose their seats, and what was
given back may linger for its user. Who was terminated may give back, and not
come again at once.
"""

from slow_policy import Policy
from slow_terms import (
    DAY, HOUR, MEMORY, NEVER, NO_LIMIT, Row, change, features_of, lease, need,
    pool_of, where)

IDLE_AFTER, LONGEST_IDLE = 30_000, 30 * DAY


class Sessions(Policy):
    """Who holds seats, and until when."""

    def open_session(self, ask):
        need(10_000 <= ask.ttl_ms <= HOUR, "BAD_REQUEST")
        client = Row(ask.description, address=ask.peer_address)
        return Row(ttl_ms=ask.ttl_ms, session_id=self.add_session(
            principal=ask.principal, client=client, ttl=ask.ttl_ms,
            lease_end=self.now + lease(ask.ttl_ms)))

    def add_session(self, old=None, **facts):
        need(len(self.sessions) < self.limits.sessions, "LIMIT_REACHED")
        return self.add("sessions", **Row(old or Row(
            lease_end=NEVER, borrow_end=NEVER), idle_since=0, **facts))

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

    def close_session(self, ask):
        self.need_own(ask, gives_back=True)
        for handle in where(self.seats, session=ask.session_id):
            self.linger(handle)
        self.end_session(ask.session_id)

    def linger(self, handle):
        """It stays out for its user. False where it does not."""
        seat = self.seats[handle]
        holder = self.sessions[seat.session]
        rule = self.first_rule(holder.client, seat.feature, "LINGER")
        span = max([rule.span_ms] + [
            grant.linger_ms for grant in self.in_force(pool=pool_of(seat))])
        if not span or seat.call or seat.session in self.terminated or \
                len(self.sessions) >= self.limits.sessions or \
                not self.comes_back(seat):
            return False
        change(self.seats, handle, warned=0, session=self.add_session(
            holder, kind="LINGER", lease_end=self.now + span))
        return True

    def end_session(self, number):
        self.leave_queue(number)
        handles = where(self.seats, session=number)
        for handle in handles:
            self.give_back(handle)
        del self.sessions[number]
        return 1 + len(handles)

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

    def need_no_cool_down(self, ask):
        """After a termination, where it is the same client."""
        session = self.sessions[ask.session_id]
        for end in self.terminated.values():
            need(end.cool_down_end <= self.now or
                 end.principal != session.principal or
                 any(end.client[name] != session.client[name]
                     for name in ("user", "host", "application")) or
                 not end.features & {*features_of(ask)}, "COOLING_DOWN")

    def end_termination(self, number):
        """Not before its session did; then the others wait, too."""
        if number in self.sessions:
            return NO_LIMIT
        del self.terminated[number]
        return 1
