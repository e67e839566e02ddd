"""The part of the slow model that is about restored clusters.

One that was restored from a backup waits until nobody believes in the old
one's seats any more; one that was retired gives way (docs/adr/0007-restore.md).
"""

from slow_terms import Row, need

LONGEST_LEASE_MS = 4_500_000  # That there can be: an hour and its quarter.


class SlowEpochs:
    """Of one cluster."""

    def __init__(self):
        self.epoch = 1
        self.hold = None  # old_epoch, first_session, released, quiet_until_ms
        self.heir = None

    def is_of_old_epoch(self, session):
        return self.hold and session < self.hold.first_session

    def need_here(self, kind, body):
        """Refuses what a cluster that waits, or gave way, does not do."""
        seats = kind in ("checkout", "resize_seat", "borrow", "book",
                         "confirm_booking")
        if not seats and kind not in ("open_session", "renew_sessions",
                                      "install_license"):
            return
        need(not self.heir, "CLUSTER_RETIRED")
        if self.hold:
            quiet = seats and self.cluster_ms < self.hold.quiet_until_ms
            need(self.hold.released and not quiet, "RESTORED_ON_HOLD")
            need(not seats or kind == "book" or
                 not self.is_of_old_epoch(body.session_id),
                 "SESSION_NOT_FOUND")

    def release_restored(self, _, body):
        need(not self.heir, "CLUSTER_RETIRED")
        need(self.hold and self.hold.old_epoch == body.old_epoch,
             "EPOCH_MISMATCH")
        wait_ms = body.longest_lease_ms
        need(0 <= wait_ms <= LONGEST_LEASE_MS and (
            body.stopped_for_ms == 0 or
            body.stopped_for_ms > 0 and body.old_cluster_is_gone),
             "BAD_REQUEST")
        if body.old_cluster_is_gone:
            wait_ms = max(0, LONGEST_LEASE_MS - body.stopped_for_ms)
        if not self.hold.released:
            self.hold.released = True
            self.hold.quiet_until_ms = max(self.hold.quiet_until_ms,
                                           self.cluster_ms + wait_ms)

    def retire_cluster(self, _, body):
        need(body.restore_id, "BAD_REQUEST")
        need(body.cluster_epoch == self.epoch < body.epoch, "EPOCH_MISMATCH")
        heir = (body.epoch, body.restore_id)
        need(self.heir in (None, heir), "CLUSTER_RETIRED")
        self.heir = heir

    def restore(self, epoch):
        """Becomes what a backup of it is that was restored as that epoch.
        False: none must be."""
        if self.heir or (self.hold and not self.hold.released):
            return False
        for table in (self.sessions, self.seats):
            table.next = max(table.next, epoch << 44)
        self.hold = Row(
            old_epoch=self.epoch, released=False,
            first_session=self.sessions.next,
            quiet_until_ms=self.hold.quiet_until_ms if self.hold else 0)
        self.epoch = epoch
        for rows in (self.answers, self.places, self.terminated, self.unserved,
                     self.kept):
            rows.clear()
        return True
