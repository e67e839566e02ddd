"""The slow model: what the ledger is to do, as simply as it can be said.

Lists, by the numbers of what is in them; everything else is counted again
whenever it is needed. No index, and nothing of the ledger's but its messages.
Read it from top to bottom as the specification. A command's rule is the method
of its name; it returns what is special in the answer, or raises Refusal.
slow_terms.py and slow_policy.py are the parts that have no state,
slow_epochs.py is about restored clusters, slow_queue.py about those who wait,
slow_seats.py about users who are away, slow_books.py about what is kept beside
seats, slow_holders.py about borrows and bookings; compare_with_ledger.py runs
it against the ledger.
"""

import slow_policy
from slow_books import NO_LIMIT, SlowBooks
from slow_epochs import SlowEpochs
from slow_holders import SlowHolders
from slow_policy import NO_POLICY
from slow_queue import SlowQueue
from slow_seats import SlowSeats
from slow_terms import (KEPT_FOR_NOBODY, MEMORY_MS, NEVER, NO_ANSWER, Refusal,
                        Row, Table, feature_of, features_of, group_of,
                        lease_ms, need, order_of_use, pool_of, refused)


class SlowModel(SlowEpochs, SlowQueue, SlowSeats, SlowBooks, SlowHolders):
    """All lists of one cluster, and the commands."""

    def __init__(self, limits):
        SlowEpochs.__init__(self)
        SlowBooks.__init__(self)
        self.limits = limits
        self.cluster_ms = self.calendar_ms = 0
        self.answers = Table()  # key, said, answer, forget_ms
        self.sessions = Table()  # principal, client, kind, ttl_ms, ..._end_ms
        self.licenses = {}  # By id: the commands.
        self.grants = []  # license, terms, pool, start_ms, end_ms, ...
        self.seats = Table()  # session, pool, count, group, token_pool, tokens
        self.places = Table()  # session, checkout, due_ms, waits, end, key ...
        self.unserved = set()  # Features whose line is to be looked at.
        self.kept_changed = False  # Since others were marked.
        self.kept = {}  # By feature: for which place of its line, by pool.
        self.terminated = {}  # By session: client, features, ..._ms
        self.policies = {}  # By version.
        self.last_policy = 0

    def apply(self, now, command):
        self.move_time(*now)
        try:
            answer = self.once(command)
        except Refusal as refusal:
            answer = Row(NO_ANSWER, reason=refusal.reason)
        self.serve()
        if answer.queue_place:  # Of one that waited: what it is by now.
            answer = Row(self.answer_at(answer.queue_place),
                         repeated=answer.repeated)
        return answer

    # Time never goes back. What is due ends, a little of it at a time.
    def move_time(self, cluster_ms, calendar_ms):
        before_ms = self.calendar_ms
        self.cluster_ms = max(self.cluster_ms, cluster_ms)
        self.calendar_ms = max(self.calendar_ms, calendar_ms)
        for grant in self.grants:
            for at_ms in (grant.start_ms, grant.end_ms, grant.overdraft_end_ms):
                if before_ms < at_ms <= self.calendar_ms and \
                        grant.start_ms <= at_ms <= grant.end_ms:
                    self.mark_all()
        if slow_policy.passes_edge(self.policy(), before_ms, self.calendar_ms):
            self.mark_all()
        work = self.limits.expiries_per_entry
        done = self.end_due(self.sessions, "lease_end_ms", work,
                            self.end_session)
        self.end_due(self.sessions, "borrow_end_ms", work - done,
                     self.end_session, self.calendar_ms)
        self.end_due_minutes(work)
        self.end_due(self.places, "due_ms", work, self.end_place)
        self.end_due(self.terminated, "forget_ms", work, self.end_termination)
        self.end_due(self.answers, "forget_ms", 2 * work, self.answers.pop)

    def end_due(self, rows, due, most, end, now_ms=None):
        """`end` says how much work it was; 0: it cannot end yet."""
        work = 0
        while work < most and rows:
            first = min(rows, key=lambda number: (rows[number][due], number))
            if rows[first][due] > (now_ms or self.cluster_ms):
                break
            done = end(first)
            work += done if isinstance(done, int) else 1
            if done == 0:
                break
        return work

    # A request acts once; a repeat of it gets the first answer.
    def once(self, command):
        kind = "".join(command.keys() - {"request_id", "principal",
                                         "not_after_cluster_ms"})
        if kind == "advance_clock":
            return NO_ANSWER
        body = command.get(kind)
        self.need_here(kind, body)
        if kind == "renew_sessions":
            return Row(NO_ANSWER, **self.renew_sessions(body))
        need(kind and command.request_id, "BAD_REQUEST")
        key = (command.principal, command.request_id)
        said = (kind, {**body, "peer_address": ""})
        for old in [*self.answers.values(), *self.places.values()]:
            if old.key == key:
                need(old.said == said, "REQUEST_ID_REUSED")
                return Row(old.answer, repeated=True)
        need(0 <= command.not_after_cluster_ms - self.cluster_ms <= MEMORY_MS,
             "REQUEST_EXPIRED")
        need(len(self.answers) < self.limits.answers, "LIMIT_REACHED")
        answer = Row(NO_ANSWER, **getattr(self, kind)(command, body) or {})
        memory = Row(key=key, said=said, answer=answer)
        if answer.queue_place:
            self.places[answer.queue_place].update(memory)
        else:
            self.answers.add(
                Row(memory, forget_ms=self.cluster_ms + MEMORY_MS + 1))
        return answer

    # Sessions last as long as they are renewed.
    def open_session(self, command, body):
        need(10_000 <= body.ttl_ms <= 3_600_000, "BAD_REQUEST")
        need(len(self.sessions) < self.limits.sessions, "LIMIT_REACHED")
        number = self.sessions.add(Row(
            principal=command.principal, kind="", ttl_ms=body.ttl_ms,
            client=Row(body.description, peer_address=body.peer_address),
            idle_since_ms=0,
            lease_end_ms=self.cluster_ms + lease_ms(body.ttl_ms),
            until_ms=0, borrow_end_ms=NEVER))
        return Row(session_id=number, ttl_ms=body.ttl_ms)

    def renew_sessions(self, body):
        renewed = []
        work = 0
        for renewal in body.renewals:
            number = renewal.session_id
            renewed.append(0)
            if self.is_alive(number) and number not in self.terminated and \
                    not self.is_of_old_epoch(number):
                session = self.sessions[number]
                if session.principal == renewal.principal and \
                        not session.kind:
                    renewed[-1] = session.ttl_ms
                    end_ms = self.cluster_ms + lease_ms(session.ttl_ms)
                    again = end_ms == session.lease_end_ms
                    session.lease_end_ms = end_ms
                    if "idle_ms" in renewal and not again and \
                            work < self.limits.expiries_per_entry:
                        work += self.heed_activity(number, renewal.idle_ms)
        return Row(renewed_ttl_ms=renewed)

    def close_session(self, command, body):
        self.need_own(command, body, gives_back=True)
        for handle in sorted(self.seats.where(session=body.session_id)):
            self.linger(handle)
        self.end_session(body.session_id)

    def end_session(self, number):
        self.leave_queue(number)
        handles = self.seats.where(session=number)
        for handle in handles:
            self.give_back(handle)
        del self.sessions[number]
        return 1 + len(handles)

    def is_alive(self, number):
        return number in self.sessions and \
            self.sessions[number].lease_end_ms > self.cluster_ms and \
            self.sessions[number].borrow_end_ms > self.calendar_ms

    def need_own(self, command, body, gives_back=False):
        """Who was terminated may still give back."""
        alive = self.is_alive(body.session_id)
        end = self.terminated.get(body.session_id)
        if end and not (alive and gives_back):
            need(end.principal != command.principal, "SESSION_TERMINATED")
        need(alive, "SESSION_NOT_FOUND")
        session = self.sessions[body.session_id]
        need(session.principal == command.principal, "SESSION_NOT_YOURS")
        need(session.kind != "BORROW", "GRANT_IS_BORROWED")
        need(session.kind != "LINGER", "SESSION_NOT_FOUND")
        need(session.kind != "BOOKING", "GRANT_IS_BOOKED")

    # Licences, what they grant, and how much of it is out.
    def install_license(self, _, body):
        terms = body.terms
        need(all(feature.token_feature != feature.name and
                 not (feature.casual_minutes and feature.borrow_max_ms)
                 for feature in terms.features), "BAD_REQUEST")
        self.need_sound(terms.features)
        need(0 < terms.cluster_epoch <= self.epoch, "LICENSE_FOREIGN")
        known = self.licenses.get(terms.license_id)
        if known:
            need(terms.serial >= known.terms.serial, "SERIAL_ROLLBACK")
            if terms.serial == known.terms.serial:
                return need(body.payload_sha256 == known.payload_sha256,
                            "SERIAL_FORK")
        end_ms = terms.not_after_ms or NEVER
        need(end_ms > self.calendar_ms, "LICENSE_EXPIRED")
        need(known or len(self.licenses) < self.limits.licenses,
             "LIMIT_REACHED")
        self.licenses[terms.license_id] = body
        self.grants = [grant for grant in self.grants
                       if grant.license != terms.license_id]
        for feature in terms.features:
            grant = Row(license=terms.license_id, terms=feature,
                        pool=pool_of(feature),
                        start_ms=max(terms.not_before_ms, feature.start_ms),
                        end_ms=min(end_ms, feature.end_ms or NEVER))
            grant.end_ms = min(grant.end_ms, self.end_of_trial(grant))
            overdraft_end_ms = feature.overdraft and feature.overdraft_end_ms
            grant.overdraft_end_ms = min(overdraft_end_ms or NEVER,
                                         grant.end_ms)
            self.grants.append(grant)
        return self.mark_all()

    def is_in_force(self, grant):
        return grant.start_ms <= self.calendar_ms < grant.end_ms

    def need_in_force(self, feature):
        grants = [grant for grant in self.grants
                  if grant.terms.name == feature]
        need(grants, "FEATURE_UNKNOWN")
        if not any(map(self.is_in_force, grants)):
            need(not any(self.calendar_ms < grant.start_ms < grant.end_ms
                         for grant in grants), "LICENSE_NOT_STARTED")
            raise Refusal("LICENSE_EXPIRED")

    def pools_of(self, feature):
        """One grant of each pool in force, in the order of use."""
        pools = {grant.pool: grant for grant in self.grants
                 if grant.terms.name == feature and self.is_in_force(grant)}
        return sorted(pools.values(), key=order_of_use)

    def out(self, pool):
        groups = {}
        for handle, seat in self.seats.items():
            for of, group, units in (
                    (seat.pool, seat.group, seat.count),
                    (seat.token_pool, seat.token_group, seat.tokens)):
                if of == pool:
                    group = group or (handle, units)
                    groups[group] = max(groups.get(group, 0), units)
        return sum(groups.values())

    # Who may have what.
    def need_now(self, checkout, is_kept=KEPT_FOR_NOBODY):
        """Refuses where the seats cannot be had now. Takes nothing."""
        self.need_allowed(checkout)
        seats, number = dict(self.seats), self.seats.next
        books = self.books()
        refusal = refused(self.place_seats, checkout, is_kept)
        own = len(self.seats.where(session=checkout.session_id))
        self.seats.clear()
        self.set_books(books)
        never = refusal and refused(self.place_seats, checkout)
        self.seats.clear()
        self.set_books(books)
        self.seats.update(seats)
        self.seats.next = number
        if not refusal:
            own += checkout.get("besides", 0)
            return need(own <= self.limits.seats_of_session, "LIMIT_REACHED")
        client = self.sessions[checkout.session_id].client
        for item in checkout["items"]:
            self.need_some_pool(item, client)
        need(not never, never and never.for_good)
        raise refusal

    def need_allowed(self, checkout):
        """Refuses where the policy or a termination forbids it."""
        session = self.sessions[checkout.session_id]
        seats = [Row(holder=self.sessions[seat.session].client,
                     feature=feature_of(seat.pool), units=seat.count)
                 for seat in self.seats.values()]
        asked = []
        for feature in features_of(checkout):
            pools = [grant.pool for grant in self.pools_of(feature)]
            total = sum(map(self.ceiling, pools))
            free = sum(max(0, self.ceiling(pool) - self.out(pool))
                       for pool in pools)
            count = sum(item.count for item in checkout["items"]
                        if item.feature == feature)
            if pools:
                asked.append((feature, count, min(total, NO_LIMIT),
                              min(free, NO_LIMIT)))
        reason, waiting_helps = slow_policy.why_not(
            self.policy(), seats, session.client, self.calendar_ms, asked)
        if reason:
            raise Refusal(reason, waiting_helps=waiting_helps)
        self.need_no_cool_down(checkout)

    def need_no_cool_down(self, checkout):
        session = self.sessions[checkout.session_id]
        for end in self.terminated.values():
            if end.cool_down_end_ms > self.cluster_ms and \
                    end.principal == session.principal and \
                    all(end.client[name] == session.client[name]
                        for name in ("user", "host", "application")):
                need(not end.features & set(features_of(checkout)),
                     "COOLING_DOWN")

    def place_seats(self, checkout, is_kept=KEPT_FOR_NOBODY):
        """Adds them one by one, while there is room."""
        client = self.sessions[checkout.session_id].client
        return [self.place_seat(item, checkout.session_id, client, is_kept)
                for item in checkout["items"]]

    def place_seat(self, item, session, client, is_kept):
        """In the first pool that is for it and has room, and so its tokens."""
        lacking = item.feature
        tried = []
        for grant in self.pools_of(item.feature):
            if refused(self.need_usable, grant, item, client):
                continue
            seat = Row(session=session, pool=grant.pool, count=item.count,
                       group=group_of(grant.terms, item, client),
                       token_pool="", tokens=0, token_group="",
                       warned_ms=0)
            token_pools = [Row(pool="")]
            if grant.terms.token_feature:
                lacking = grant.terms.token_feature
                seat.tokens = item.count * grant.terms.token_cost
                token_pools = [
                    tokens for tokens in self.token_pools_of(grant)
                    if not refused(self.need_usable, tokens, item, client)]
            tried += [grant.pool, *(tokens.pool for tokens in token_pools)]
            for tokens in token_pools:
                seat.token_pool = tokens.pool
                if tokens.pool:
                    seat.token_group = group_of(tokens.terms, item, client)
                if self.fits(seat, is_kept):
                    self.use_up(seat)
                    return self.seats.add(seat)
        raise Refusal("POOL_EXHAUSTED", lacking, self.for_good(tried))

    def token_pools_of(self, grant):
        return [tokens for tokens in self.pools_of(grant.terms.token_feature)
                if tokens.terms.count and not tokens.terms.named_users]

    def fits(self, seat, is_kept=KEPT_FOR_NOBODY):
        """Unless it made more of a pool be out than there is for it."""
        if self.terms_of(seat.pool).named_users:
            user = self.sessions[seat.session].client.user
            return self.has_name(seat.pool, user)
        pools = [seat.pool] + ([seat.token_pool] if seat.tokens else [])
        before = [(pool, self.ceiling(pool), self.out(pool)) for pool in pools]
        self.seats["new"] = seat
        fits = all(self.out(pool) <=
                   max(0 if is_kept(pool) else ceiling, out)
                   for pool, ceiling, out in before)
        del self.seats["new"]
        return fits

    def need_some_pool(self, item, client):
        """Refuses where no pool is for this, whatever is out."""
        self.need_in_force(item.feature)
        refusals = [refused(self.need_pool, grant, item, client)
                    for grant in self.pools_of(item.feature)]
        if all(refusals):
            raise refusals[-1]

    def need_pool(self, grant, item, client):
        self.need_usable(grant, item, client)
        if grant.terms.token_feature:
            self.need_in_force(grant.terms.token_feature)
            need(self.token_pools_of(grant), "FEATURE_UNKNOWN")
            refusals = [refused(self.need_usable, tokens, item, client)
                        for tokens in self.token_pools_of(grant)]
            if all(refusals):
                raise refusals[-1]

    # Seats: taken all or none, changed, given back.
    def checkout(self, command, body):
        need(body["items"] and all(item.count for item in body["items"]) and
             body.wait_ms >= 0 and body.priority <= 9, "BAD_REQUEST")
        self.need_own(command, body)
        again, rest = self.taken_up(body)
        refusal = refused(self.need_again, body, again) or \
            refused(self.need_now, rest, self.is_kept)
        if not refusal and any(map(self.is_unserved, features_of(rest))):
            refusal = Refusal("POOL_EXHAUSTED")
        if not refusal:
            return self.take_up(body, again, self.hand_out(rest, self.is_kept))
        if body.wait_ms and refusal.waiting_helps:
            return self.wait(body)
        raise refusal

    def hand_out(self, checkout, is_kept):
        handles = self.place_seats(checkout, is_kept)
        return Row(seat_handles=self.begin_trials(handles),
                   granted_calendar_ms=self.calendar_ms)

    def checkin(self, command, body):
        handles = body.seat_handles
        need(0 < len(handles) == len({*handles}), "BAD_REQUEST")
        self.need_own(command, body, gives_back=True)
        self.need_seats(command, body, handles)
        for handle in handles:
            if not self.linger(handle):
                self.give_back(handle)

    def give_back(self, handle):
        seat = self.seats.pop(handle)
        self.end_minutes(seat)
        self.mark_return(seat)

    def resize_seat(self, command, body):
        need(body.count, "BAD_REQUEST")
        self.need_own(command, body)
        handle = body.seat_handle
        self.need_seats(command, body, [handle])
        before = self.seats.pop(handle)
        after = Row(before, count=body.count,
                    tokens=before.tokens // before.count * body.count)
        refusal = None
        if after.count < before.count:
            self.mark_return(before)
        elif after.count > before.count:
            refusal = refused(self.need_growing, before, after)
        self.seats[handle] = before if refusal else after
        if refusal:
            raise refusal
        self.use_up(after, before)

    def need_growing(self, before, seat):
        """As if it were not there. It stays in its pools."""
        feature = feature_of(seat.pool)
        self.need_allowed(Row(session_id=seat.session, items=[
            Row(feature=feature, count=seat.count)]))
        parts = [Row(seat, token_pool="", tokens=0,
                     more=seat.count - before.count)]
        if seat.tokens:
            parts.append(Row(parts[0], pool=seat.token_pool,
                             group=seat.token_group, count=seat.tokens,
                             more=seat.tokens - before.tokens))
        for part in parts:
            self.need_in_force(feature_of(part.pool))
            if not self.need_growing_of_books(part):
                need(part.count <= self.ceiling(part.pool), "COUNT_OVER_TOTAL")
                need(self.fits(part), "POOL_EXHAUSTED")
        need(not self.is_unserved(feature) and not self.is_kept(seat.pool) and
             not self.is_kept(seat.token_pool), "POOL_EXHAUSTED")

    # Administrators terminate sessions, and set rules.
    def terminate_session(self, _, body):
        number = body.session_id
        need(body.cool_down_ms >= 0, "BAD_REQUEST")
        kind = self.is_alive(number) and self.sessions[number].kind
        ends = self.is_alive(number) and (body.at_once or kind == "BOOKING")
        need(kind != "BORROW", "GRANT_IS_BORROWED")
        need(ends or number not in self.terminated, "SESSION_TERMINATED")
        need(self.is_alive(number), "SESSION_NOT_FOUND")
        if kind == "LINGER":
            self.end_session(number)
            return
        if number not in self.terminated:
            need(len(self.terminated) < self.limits.terminations,
                 "LIMIT_REACHED")
            session = self.sessions[number]
            self.terminated[number] = Row(
                principal=session.principal, client=session.client,
                features={feature_of(self.seats[handle].pool)
                          for handle in self.seats.where(session=number)},
                cool_down_end_ms=self.cluster_ms + body.cool_down_ms,
                forget_ms=self.cluster_ms + max(
                    MEMORY_MS, body.cool_down_ms, lease_ms(session.ttl_ms)))
            self.leave_queue(number)
        if ends:
            self.end_session(number)

    def end_termination(self, number):
        return 0 if number in self.sessions else self.terminated.pop(number)

    def release_seat(self, _, body):
        need(body.seat_handle in self.seats, "SEAT_NOT_FOUND")
        session = self.seats[body.seat_handle].session
        kind = self.sessions[session].kind
        need(kind != "BORROW", "GRANT_IS_BORROWED")
        if kind in ("BOOKING", "LINGER"):  # All or none; and nobody's.
            self.end_session(session)
        else:
            self.give_back(body.seat_handle)
        return Row(session_id=session)

    def apply_policy(self, _, body):
        need(body.base_version == self.last_policy, "POLICY_CHANGED")
        if body.policy != self.policy():
            need(all(rule.name for rule in body.policy.rules), "BAD_REQUEST")
            self.put_in_force(body.policy)

    def roll_back_policy(self, _, body):
        need(body.base_version == self.last_policy, "POLICY_CHANGED")
        need(body.version in {0, *self.policies}, "POLICY_VERSION_NOT_FOUND")
        self.put_in_force(self.policies.get(body.version, NO_POLICY))

    def put_in_force(self, policy):
        if len(self.policies) == self.limits.policy_versions:
            del self.policies[min(self.policies)]
        self.last_policy += 1
        self.policies[self.last_policy] = policy
        self.mark_all()
