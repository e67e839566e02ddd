"""The lines of those who wait: each feature has one.

Here is who stands before whom, what is kept for those who wait, and which lines
are to be looked at because something has changed for them. Who is served is in
slow_queue.py.
"""

from collections import Counter

from slow_cluster import Cluster
from slow_terms import features_of, where

MOST_PASSED = 256  # Of one line, at a time.


class Lines(Cluster):
    """The order of those who wait."""

    def line_of(self, feature):
        """In the order of service: who calls back, then the higher priority,
        then the project that has least of the feature, then the one that waits
        longest."""
        out, oldest, line = Counter(), {}, []
        for seat in self.seats.values():
            if seat.feature == feature:
                out[self.client_of(seat).project] += seat.count
        for number in where(self.places, waits=True):
            place = self.places[number]
            if feature in features_of(place):
                rank = self.rank(number)
                first = oldest.setdefault((rank, place.project), number)
                line.append((rank, out[place.project], first, number))
        return [number for *_, number in sorted(line)]

    def rank(self, number):
        place = self.places[number]
        return not place.calls, -place.priority

    def front_of(self, feature):
        """As much of its line as is looked at."""
        return self.line_of(feature)[:MOST_PASSED]

    def is_kept(self, pool):
        """What is free is for those who wait, before who comes now."""
        return any(pool in kept and self.line_of(feature)
                   for feature, kept in self.kept.items())

    def is_kept_from(self, number, feature, pool):
        """For one of another line who comes first."""
        keepers = [kept[pool] for other, kept in self.kept.items()
                   if other != feature and pool in kept] + [number]
        waiting = where(self.places, waits=True)
        return number != min((each for each in keepers if each in waiting),
                             key=lambda each: (self.rank(each), each))

    def is_unserved(self, feature):
        return feature in self.unserved and self.line_of(feature)

    def claimed(self, feature):
        return sum(place.wishes[0].count for place in self.places.values()
                   if place.waits and place.calls and
                   place.wishes[0].feature == feature)

    def mark(self, place):
        """Something has changed for the lines in which it waits."""
        if place.waits:
            self.unserved |= {*features_of(place)}

    def mark_all(self):
        for place in self.places.values():
            self.mark(place)

    def mark_return(self, seat):
        """It may have been tokens."""
        self.unserved.add(seat.feature)
        self.mark_tokens()

    def mark_tokens(self):
        for row in self.grants:
            if row.token_feature:
                self.unserved |= {row.name, row.token_feature}

    def give_back(self, handle):
        self.mark_return(self.seats.pop(handle))

    def leave_queue(self, session):
        for number in where(self.places, session_id=session):
            self.mark(self.places.pop(number))
