"""Reads a data folder's databases beside a running platform, or after it."""

import json
import os
import sqlite3
from contextlib import closing

SERVICES = ["orders", "inventory", "payments", "notifications", "analytics", "operations"]
PROVIDER = "payment-provider"
STATUSES = ["?", "CREATED", "RESERVED", "PAID", "SHIPPED", "DELIVERED", "CANCELLING", "CANCELLED", "FAILED"]
# Who must have applied what. Analytics and Operations must have everything.
LISTENERS = {
    "orders": {"InventoryReserved", "InventoryInsufficient", "PaymentProcessed", "PaymentFailed", "InventoryReleased", "PaymentVoided", "PaymentRefunded"},
    "inventory": {"OrderCreated", "PaymentFailed", "OrderCancellationRequested", "OrderShipped"},
    "payments": {"InventoryReserved", "OrderConfirmed", "OrderCancellationRequested"},
    "notifications": {"OrderConfirmed", "PaymentRefunded", "OrderCancelled", "OrderFailed", "OrderShipped", "OrderDelivered"},
}


class Books:
    """The databases of one data folder, opened for reading only."""

    errors = (sqlite3.Error,)

    def __init__(self, folder):
        self.folder = folder

    def rows(self, name, sql, parameters=()):
        """All rows of a query; raises sqlite3.Error."""
        path = os.path.join(self.folder, name + ".sqlite")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
            return database.execute(sql, parameters).fetchall()

    def number(self, name, sql, parameters=()):
        """The first column of the first row, 0 where there is none."""
        rows = self.rows(name, sql, parameters)
        return (rows[0][0] or 0) if rows else 0

    def damage(self, name):
        """What is wrong with a file, in words; None for a sound one."""
        try:
            state = self.rows(name, "PRAGMA quick_check(1)")[0][0]
        except sqlite3.Error as error:
            state = str(error)
        return None if state == "ok" else state

    def written(self, name):
        """How many events a service has ever written to its outbox; pruned ones count."""
        return self.number(name, "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")

    def archive(self):
        """Every archived event as (id, key, type, source, body), in the order it came in."""
        rows = self.rows("operations", "SELECT event_id, key, type, source, body FROM events ORDER BY sequence")
        return [(i, k, t, s, json.loads(b)) for i, k, t, s, b in rows]

    def are_at_rest(self, with_outbox=True):
        """Whether nothing moves, and nothing moved while we looked: the databases are read one after the other."""
        before = self.activity()
        return before is not None and not self.unrest(with_outbox) and not self.unrest(with_outbox) and self.activity() == before

    def unapplied(self, name, types):
        """How many events a consumer has before it: outboxes keep what somebody has not applied, and positions tell how far each has come (ADR 0021)."""
        positions = dict(self.rows(name, "SELECT source, sequence FROM positions"))
        rows = [(source, row) for source in SERVICES for row in self.rows(source, "SELECT sequence, type FROM outbox")]
        return sum(1 for source, (sequence, kind) in rows if kind in types and sequence > positions.get(source, 0))

    def progress(self):
        """How many events each database has taken in, and payments the provider's; all of them grow while customers order."""
        counts = {name: self.number(name, "SELECT coalesce(sum(sequence), 0) FROM positions") for name in LISTENERS}
        counts["analytics"] = self.number("analytics", "SELECT count(*) FROM applied")
        counts["operations"] = self.number("operations", "SELECT count(*) FROM events")
        counts[PROVIDER] = self.number(PROVIDER, "SELECT count(*) FROM intents")
        return counts

    def unarchived(self, archived):
        """How many events were written that the archive does not have."""
        return sum(self.written(name) for name in SERVICES) - archived

    def activity(self):
        """A number that grows with everything that happens."""
        try:
            return sum(self.written(name) for name in SERVICES)
        except self.errors:
            return None

    def unrest(self, with_outbox=True):
        """What still moves, in words; empty at rest. An order that waits for an operator's PAID may rest."""
        moving = []

        def note(count, text):
            if count:
                moving.append(f"{count} {text}")

        try:
            note(self.number("orders", "SELECT count(*) FROM orders WHERE status IN (1, 6) OR (status = 2 AND flags & 4 = 0)"), "orders open")
            for name in SERVICES:
                note(self.number(name, "SELECT count(*) FROM jobs"), f"jobs of {name}")
                note(self.number(name, "SELECT count(*) FROM parked"), f"parked at {name}")
                if with_outbox:
                    note(self.number(name, "SELECT count(*) FROM outbox"), f"in the outbox of {name}")
            archived = self.number("operations", "SELECT count(*) FROM events")
            note(self.unarchived(archived), "events not archived")
            note(archived - self.number("analytics", "SELECT count(*) FROM applied"), "events not counted")
            for name, types in LISTENERS.items():
                note(self.unapplied(name, types), f"events not applied by {name}")
            note(self.number("notifications", "SELECT count(*) FROM notifications WHERE status = 1"), "notifications to be sent")
        except self.errors as error:
            moving.append(f"a database cannot be read: {error}")
        return moving
