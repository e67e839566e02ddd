"""All tables of one cluster.

Who has what is in them, and nothing that could be counted from them. A copy of
them is where a rule may try what would be (`imagined`).
"""

import copy
from collections import Counter

from slow_terms import Row


class Tables:
    """The tables, and what is read off them at once."""

    def __init__(self, limits):
        self.limits = limits
        self.now = self.today = 0  # Cluster time, and the calendar.
        self.epoch, self.hold, self.heir = 1, None, None
        self.grants = []  # Each feature of each licence, and its dates.
        self.next = Counter(answers=1, sessions=1, seats=1, places=1)
        # Tables, by number where nothing else is said.
        self.answers = {}  # key, said, answer, forget
        self.sessions = {}  # principal, client, kind, ttl, lease_end, ...
        self.seats = {}  # session, feature, count, takes, warned
        self.places = {}  # session_id, wishes, due, waits, end, key, said, ...
        self.terminated = {}  # By session: client, features, ...
        self.licenses = {}  # By id: the commands.
        self.pools = {}  # By name: the conditions that its licences had.
        self.policies = {}  # By version.
        self.accounts = {}  # By name: version, roles.
        self.used = Counter()  # Credits, by licence and feature.
        self.trials = {}  # By licence and feature: since when.
        self.names = {}  # By pool and user: since when.
        self.freed = {}  # By pool: when names were.
        self.spent = Counter()  # By pool, casual user and end of a month.
        self.unserved = set()  # Features whose line is to be looked at.
        self.looked_at = set()  # Features whose calls are to be thought of.
        self.kept = {}  # By feature: for which place of its line, by pool.

    def imagined(self, **changed):
        """Another one like it: what is done to it is not done."""
        twin = copy.copy(self)
        vars(twin).update({
            name: table.copy() for name, table in vars(self).items()
            if type(table) in (dict, set, Counter)}, **changed)
        return twin

    def add(self, table, **row):
        number = self.next[table]
        self.next[table] += 1
        getattr(self, table)[number] = Row(row)
        return number

    def is_alive(self, number):
        session = self.sessions.get(number)
        return session and session.lease_end > self.now and \
            session.borrow_end > self.today and session

    def client_of(self, seat):
        return self.sessions[seat.session].client
