"""The slow model: what the ledger is to do, as simply as it can be said.

A dumb twin of server/licensing, and its specification: it counts everything
again whenever it is asked, has no index, and nothing of the ledger's but its
messages. Here is how time passes, and how a request acts once.

A command's rule is the method of its name; it returns what is special in the
answer, or raises Refusal, and then nothing was done. Each file has one subject,
and asks only those before it:
    slow_terms     rows, refusals, times and versions
    slow_tables    who has what
    slow_cluster   restoring, retiring, accounts
    slow_lines     who stands before whom
    slow_pools     licences, what they grant, and what is out
    slow_policy    what the rules say
    slow_sessions  sessions, users who are away, terminations
    slow_grants    who may have what
    slow_recall    lent units that are called back
    slow_queue     waiting and being served
    slow_seats     checked out, resized, given back
    slow_borrows   borrowed and booked
compare_with_ledger.py reads the messages, and runs it.
"""

from slow_borrows import Borrows
from slow_terms import MEMORY, Refusal, Row, change, need


class SlowModel(Borrows):
    """All commands of one cluster."""

    def apply(self, now, ask):
        self.move_time(*now)
        try:
            answer = self.once(ask)
        except Refusal as refusal:
            answer = Row(reason=refusal.reason)
        self.serve()
        if self.take_called():
            self.serve()
            self.review_calls()
        if answer.queue_place:  # Of one that waited: what it is by now.
            return Row(self.answer_at(answer.queue_place),
                       repeated=answer.repeated)
        return answer

    def once(self, ask):
        """A repeat of a request gets the first answer."""
        if ask.kind == "advance_clock":
            return Row()
        self.need_here(ask)
        if ask.kind == "renew_sessions":
            return Row(renewed_ttl_ms=self.renew_sessions(ask))
        need(ask.kind and ask.request_id, "BAD_REQUEST")
        key = ask.principal, ask.request_id
        said = {**ask, "not_after_cluster_ms": 0, "peer_address": "",
                "keep_administrator": False}
        for old in [*self.answers.values(), *self.places.values()]:
            if old.key == key:
                need(old.said == said, "REQUEST_ID_REUSED")
                return Row(old.answer, repeated=True)
        need(0 <= ask.not_after_cluster_ms - self.now <= MEMORY,
             "REQUEST_EXPIRED")
        need(len(self.answers) < self.limits.answers, "LIMIT_REACHED")
        twin = self.imagined()
        answer = Row(getattr(twin, ask.kind)(ask) or {})
        vars(self).update(vars(twin))
        memory = {"key": key, "said": said, "answer": answer}
        if answer.queue_place:
            change(self.places, answer.queue_place, **memory)
        else:
            self.add("answers", forget=self.now + MEMORY + 1, **memory)
        return answer

    def move_time(self, now, today):
        """Never back. What is due ends, a little of it at a time."""
        before, most = self.today, self.limits.expiries_per_entry
        self.now, self.today = max(self.now, now), max(before, today)
        if self.passes_edge(before):
            self.mark_all()
        used_up = self.spend_minutes(before)
        work = self.end_due(self.sessions, "lease_end", self.now, most,
                            self.end_session)
        self.end_due(self.sessions, "borrow_end", self.today, most - work,
                     self.end_session)
        for handle in used_up & {*self.seats}:
            self.give_back(handle)
        self.end_due(self.places, "due", self.now, most, self.end_place)
        self.end_due(self.terminated, "forget", self.now, most,
                     self.end_termination)
        self.end_due(self.answers, "forget", self.now, 2 * most,
                     self.answers.__delitem__)

    @staticmethod
    def end_due(table, due, now, most, end):
        """The earliest first. Returns how much work it was."""
        work = 0
        while work < most and table:
            at, number = min((row[due], key) for key, row in table.items())
            if at > now:
                break
            work += end(number) or 1  # What says nothing is little.
        return work
