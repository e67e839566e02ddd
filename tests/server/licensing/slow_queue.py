"""The queue: each feature has its line of those who wait for it.

SlowModel's, in a file of its own; the lists are there.
"""

from slow_terms import (KEPT_FOR_NOBODY, NO_ANSWER, MEMORY_MS, Row, feature_of,
                        features_of, lease_ms, need, refused)

MOST_PASSED = 256  # Of one line, at a time.


class SlowQueue:
    """Who waits, and who is served next."""

    def wait(self, checkout):
        own = self.places.where(session=checkout.session_id)
        need(len(self.places) < self.limits.queue_places and
             len(own) < self.limits.queue_places_of_session, "LIMIT_REACHED")
        self.mark(checkout)
        return Row(queue_place=self.places.add(Row(
            session=checkout.session_id, checkout=checkout, waits=True,
            end=NO_ANSWER, due_ms=self.cluster_ms + checkout.wait_ms)))

    def answer_at(self, number):
        """Who waits stands where it is worst for it."""
        place = self.places[number]
        answer = Row(place.end, queue_place=number)
        if place.waits and place.due_ms <= self.cluster_ms:
            answer.reason = "WAIT_TIMED_OUT"
        elif place.waits:
            answer.queue_number = 1 + max(
                self.line_of(feature).index(number)
                for feature in features_of(place.checkout))
        return answer

    def line_of(self, feature):
        """In the order of service: the higher priority, then the project that
        has least of the feature, then who came first."""
        out = {}
        for seat in self.seats.values():
            if feature_of(seat.pool) == feature:
                project = self.sessions[seat.session].client.project
                out[project] = out.get(project, 0) + seat.count
        oldest = {}
        line = []
        for number in sorted(self.places.where(waits=True)):
            checkout = self.places[number].checkout
            if feature in features_of(checkout):
                project = self.sessions[checkout.session_id].client.project
                first = oldest.setdefault((checkout.priority, project), number)
                line.append((-checkout.priority, out.get(project, 0), first,
                             number))
        return [number for *_, number in sorted(line)]

    def is_kept(self, pool):
        """What is free is for those who wait, before who comes now."""
        return any(pool in kept for kept in self.kept.values())

    def is_kept_from(self, number, feature, pool):
        """For one of another line who comes first."""
        keepers = [kept[pool] for other, kept in self.kept.items()
                   if other != feature and pool in kept]
        return any(self.rank(keeper) < self.rank(number) for keeper in keepers
                   if keeper in self.places and self.places[keeper].waits)

    def rank(self, number):
        return (-self.places[number].checkout.priority, number)

    def is_unserved(self, feature):
        return feature in self.unserved and self.line_of(feature)

    def mark(self, checkout):
        """Something has changed for those who wait for it."""
        for feature in features_of(checkout):
            self.unserved.add(feature)
            if not self.line_of(feature):
                self.kept_changed |= bool(self.kept.pop(feature, None))

    def mark_all(self):
        for place in self.places.values():
            self.mark(place.checkout)

    def mark_return(self, seat):
        """It may have been tokens."""
        self.unserved.add(feature_of(seat.pool))
        self.mark_tokens()

    def mark_tokens(self):
        for grant in self.grants:
            if grant.terms.token_feature:
                self.unserved |= {grant.terms.name, grant.terms.token_feature}

    def leave_queue(self, session):
        for number in self.places.where(session=session):
            place = self.places.pop(number)
            if place.waits:
                self.mark(place.checkout)

    def end_place(self, number):
        if self.places[number].waits:
            self.end_wait(number, Row(reason="WAIT_TIMED_OUT"))
        else:
            del self.places[number]

    def end_wait(self, number, end):
        place = self.places[number]
        ttl_ms = self.sessions[place.session].ttl_ms
        place.due_ms = self.cluster_ms + max(MEMORY_MS, lease_ms(ttl_ms))
        place.end = Row(NO_ANSWER, **end)
        if place.waits:
            place.waits = False
            self.mark(place.checkout)

    def serve(self):
        """Whoever need not wait any longer, line by line."""
        settled = 0
        while not self.heir:
            if self.kept_changed:
                self.kept_changed = False
                self.mark_tokens()
            if not self.unserved:
                return
            feature = min(self.unserved)
            number, refusal, is_kept = self.next_in_line(feature)
            if not number:
                continue
            if settled == self.limits.settlements_per_entry:
                return
            settled += 1
            checkout = self.places[number].checkout
            self.end_wait(number, Row(reason=refusal.reason) if refusal
                          else self.hand_out(checkout, is_kept))

    def next_in_line(self, feature):
        """Who cannot be served keeps the pools that he lacks from those behind
        him, and from other lines. 0: nobody is next."""
        here, kept = set(), {}
        for number in self.line_of(feature)[:MOST_PASSED]:
            def is_kept(pool, number=number):
                return pool in here or self.is_kept_from(number, feature, pool)
            place = self.places[number]
            refusal = refused(self.need_served, place, is_kept)
            if not refusal or not refusal.waiting_helps:
                return number, refusal, is_kept
            lack = refused(self.need_served, place, KEPT_FOR_NOBODY)
            if not lack:
                here |= self.pools_taken(place.checkout)
            elif lack.reason == "POOL_EXHAUSTED" and \
                    self.gives(lack.lacking, feature):
                lacks = self.pools_for(place.checkout, feature)
                kept.update({pool: number for pool in lacks - here})
                here |= lacks
            if self.all_pools(feature) <= here:
                break
        self.unserved.remove(feature)
        self.kept_changed |= kept != self.kept.get(feature, {})
        self.kept[feature] = kept
        return 0, None, None

    def pools_taken(self, checkout):
        """By a checkout, if it were granted."""
        seats, number = dict(self.seats), self.seats.next
        books = self.books()
        taken = [self.seats[handle] for handle in self.place_seats(checkout)]
        self.set_books(books)
        self.seats.clear()
        self.seats.update(seats)
        self.seats.next = number
        return {pool for seat in taken for pool in (seat.pool, seat.token_pool)}

    def gives(self, lacking, feature):
        """Units of it are what a seat of the feature takes."""
        return lacking == feature or any(
            grant.terms.token_feature == lacking for grant in self.grants
            if grant.terms.name == feature)

    def pools_for(self, checkout, feature):
        """Of which the items of the feature may take units."""
        client = self.sessions[checkout.session_id].client
        return {tokens.pool for item in checkout["items"]
                if item.feature == feature
                for grant in self.pools_of(feature)
                for tokens in (self.token_pools_of(grant)
                               if grant.terms.token_feature else [grant])
                if tokens.terms.count and
                not refused(self.need_usable, grant, item, client) and
                not refused(self.need_usable, tokens, item, client)}

    def all_pools(self, feature):
        return {tokens.pool for grant in self.pools_of(feature)
                for tokens in (self.token_pools_of(grant)
                               if grant.terms.token_feature else [grant])}

    def need_served(self, place, is_kept):
        need(self.is_alive(place.session), "SESSION_NOT_FOUND")
        need(place.due_ms > self.cluster_ms, "WAIT_TIMED_OUT")
        self.need_now(place.checkout, is_kept)

    def cancel_checkout(self, command, body):
        self.need_own(command, body)
        key = (command.principal, body.checkout_request_id)
        numbers = self.places.where(session=body.session_id, key=key)
        need(numbers, "QUEUE_PLACE_NOT_FOUND")
        end = self.places[numbers[0]].end
        if not end.reason:
            own = self.seats.where(session=body.session_id)
            for handle in {*end.seat_handles} & {*own}:
                self.give_back(handle)
            self.end_wait(numbers[0], Row(reason="WAIT_CANCELLED"))
