"""The cluster itself: restored, retired, and the accounts of those who run it.

A restored cluster waits until nobody believes in the seats of the old one, and
a retired one gives way (docs/adr/0007-restore.md). An account has its roles and
a version, and the last administrator stays.
"""

from slow_tables import Tables
from slow_terms import HOUR, Row, need

LONGEST_LEASE = HOUR + HOUR // 4  # That there can be.


class Cluster(Tables):
    """Restoring, retiring, accounts."""

    def need_here(self, ask):
        """Refuses what a cluster that waits, or gave way, does not do."""
        seats = ask.kind in ("checkout", "resize_seat", "borrow", "book",
                             "confirm_booking")
        if seats or ask.kind in ("open_session", "renew_sessions",
                                 "install_license"):
            need(not self.heir, "CLUSTER_RETIRED")
            need(not self.hold or self.hold.released and not (
                seats and self.now < self.hold.quiet_until), "RESTORED_ON_HOLD")
            need(not seats or ask.kind == "book" or
                 not self.is_of_old_epoch(ask.session_id), "SESSION_NOT_FOUND")

    def is_of_old_epoch(self, session):
        return self.hold and session < self.hold.first_session

    def release_restored(self, ask):
        need(not self.heir, "CLUSTER_RETIRED")
        need(self.hold and self.hold.old_epoch == ask.old_epoch,
             "EPOCH_MISMATCH")
        gone, wait = ask.old_cluster_is_gone, ask.longest_lease_ms
        need(0 <= wait <= LONGEST_LEASE and ask.stopped_for_ms >= 0 and
             (gone or not ask.stopped_for_ms), "BAD_REQUEST")
        if not self.hold.released:
            until = self.now + (
                max(0, LONGEST_LEASE - ask.stopped_for_ms) if gone else wait)
            self.hold = Row(self.hold, released=True, quiet_until=max(
                self.hold.quiet_until, until))

    def retire_cluster(self, ask):
        heir = ask.epoch, ask.restore_id
        need(ask.restore_id, "BAD_REQUEST")
        need(ask.cluster_epoch == self.epoch < ask.epoch, "EPOCH_MISMATCH")
        need(self.heir in (None, heir), "CLUSTER_RETIRED")
        self.heir = heir

    def restore(self, epoch):
        """Becomes what a backup of it is that was restored as that epoch.
        False: none must be."""
        if self.heir or self.hold and not self.hold.released:
            return False
        for table in ("sessions", "seats"):
            self.next[table] = max(self.next[table], epoch << 44)
        self.hold = Row(old_epoch=self.epoch,
                        first_session=self.next["sessions"],
                        quiet_until=self.hold.quiet_until if self.hold else 0)
        self.epoch = epoch
        for table in (self.answers, self.places, self.terminated, self.unserved,
                      self.kept):
            table.clear()
        return True

    def set_account(self, ask):
        old = self.accounts.get(ask.account, Row())
        need(ask.account, "BAD_REQUEST")
        need(ask.base_version == old.version, "ACCOUNT_CHANGED")
        need(old or len(self.accounts) < self.limits.accounts, "LIMIT_REACHED")
        self.put_account(ask, Row(roles=ask.roles))

    def delete_account(self, ask):
        need(ask.account in self.accounts, "ACCOUNT_NOT_FOUND")
        need(ask.base_version in (0, self.accounts[ask.account].version),
             "ACCOUNT_CHANGED")
        self.put_account(ask, None)

    def put_account(self, ask, new):
        had = self.has_administrator()
        self.next["accounts"] += 1
        self.accounts.pop(ask.account, None)
        if new:
            self.accounts[ask.account] = Row(
                new, version=self.next["accounts"])
        need(not ask.keep_administrator or not had or self.has_administrator(),
             "LAST_ADMINISTRATOR")

    def has_administrator(self):
        return any("ACCOUNT_ROLE_ADMINISTRATOR" in row.roles
                   for row in self.accounts.values())
