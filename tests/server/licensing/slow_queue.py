"""The queue: waiting, being served, and ceasing to wait.

Lines are served one by one until none changes any more. Who cannot be served
keeps what he lacks from those behind him.
"""

from slow_recall import Recall
from slow_terms import (
    MEMORY, Refusal, Row, change, features_of, for_nobody, lease, need,
    refused, where)


class Queue(Recall):
    """Who waits, and how that ends."""

    def wait(self, ask):
        own = where(self.places, session_id=ask.session_id)
        need(len(self.places) < self.limits.queue_places and
             len(own) < self.limits.queue_places_of_session, "LIMIT_REACHED")
        client = self.sessions[ask.session_id].client
        most = [rule.max_priority for feature in features_of(ask)
                for rule in [self.first_rule(client, feature, "PRIORITY")]
                if rule]
        number = self.add("places", **Row(
            ask, waits=True, due=self.now + ask.wait_ms,
            priority=min([ask.priority, *most]), project=client.project))
        self.mark(self.places[number])
        return Row(queue_place=number)

    def answer_at(self, number):
        """Who waits stands where it is worst for it."""
        place = self.places[number]
        if place.waits and place.due <= self.now:
            return Row(reason="WAIT_TIMED_OUT", queue_place=number)
        lines = map(self.line_of, features_of(place) if place.waits else [])
        return Row(place.end or {}, queue_place=number, queue_number=max(
            [1 + line.index(number) for line in lines], default=0))

    def cancel_checkout(self, ask):
        self.need_own(ask)
        key = ask.principal, ask.checkout_request_id
        for number in where(self.places, session_id=ask.session_id, key=key):
            end = self.places[number].end or Row()
            if not end.reason:
                for handle in where(self.seats, session=ask.session_id):
                    if handle in (end.seat_handles or []):
                        self.give_back(handle)
                self.end_wait(number, Row(reason="WAIT_CANCELLED"))
            return
        raise Refusal("QUEUE_PLACE_NOT_FOUND")

    def end_place(self, number):
        if self.places[number].waits:
            self.end_wait(number, Row(reason="WAIT_TIMED_OUT"))
        else:
            del self.places[number]

    def end_wait(self, number, end):
        place = self.places[number]
        remembered = max(MEMORY, lease(self.sessions[place.session_id].ttl))
        change(self.places, number, end=end, waits=False, calls=False,
               due=self.now + remembered)
        self.mark(place)

    def serve(self):
        """Whoever need not wait any longer, line by line."""
        settled = 0
        while self.unserved and not self.heir:
            self.rank_calling(min(self.unserved))
            number, refusal, is_kept = self.next_in_line(min(self.unserved))
            if number and settled == self.limits.settlements_per_entry:
                return
            if number:
                settled += 1
                self.end_wait(number, Row(reason=refusal.reason) if refusal
                              else self.grant(self.places[number], is_kept))

    def next_in_line(self, feature):
        """Who cannot be served keeps the pools that he lacks from those behind
        him, and from other lines. 0: nobody is next."""
        here, kept = set(), {}
        takes = {feature} | {row.token_feature for row in self.grants
                             if row.name == feature}
        for number in self.front_of(feature):
            def is_kept(pool, number=number):
                return pool in here or self.is_kept_from(number, feature, pool)
            place, twin = self.places[number], self.imagined()
            refusal = refused(self.imagined().grant_place, place, is_kept)
            if not refusal or not refusal.waiting_helps:
                return number, refusal, is_kept
            lack = refused(twin.grant_place, place, for_nobody)
            if not lack:
                here |= {pool for handle in {*twin.seats} - {*self.seats}
                         for pool in twin.seats[handle].takes}
            elif lack.lacking and lack.lacking in takes:
                client = self.sessions[place.session_id].client
                lacks = {source for wish in place.wishes
                         if wish.feature == feature
                         for _, source, why in self.ways(wish, client)
                         if self.pools[source].count and not why}
                kept.update({pool: number for pool in lacks - here})
                here |= lacks
            if {source for pool in self.pools_of(feature)
                    for source in self.sources(pool)} <= here:
                break
        self.unserved.remove(feature)
        if kept != self.kept.get(feature, {}):
            self.mark_tokens()
        self.kept[feature] = kept
        return 0, None, None

    def grant_place(self, place, is_kept):
        need(self.is_alive(place.session_id), "SESSION_NOT_FOUND")
        need(place.due > self.now, "WAIT_TIMED_OUT")
        self.grant(place, is_kept)
