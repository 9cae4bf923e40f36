"""Reads a data folder's databases beside a running platform, or after it."""

import json
import os
import sqlite3
from contextlib import closing

SERVICES = ["orders", "inventory", "payments", "notifications", "analytics", "operations"]
PROVIDER = "payment-provider"
STATUSES = ["?", "CREATED", "RESERVED", "PAID", "SHIPPED", "DELIVERED", "CANCELLING", "CANCELLED", "FAILED"]


class Books:
    """The databases of one data folder, opened for reading only."""

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

    def written(self, name):
        """How many events a service has ever written to its outbox; pruned ones count."""
        return self.number(name, "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")

    def archive(self):
        """Every archived event as (id, key, type, source, body), in the order it came in."""
        rows = self.rows("operations", "SELECT event_id, key, type, source, body FROM events ORDER BY sequence")
        return [(i, k, t, s, json.loads(b)) for i, k, t, s, b in rows]

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
            note(sum(self.written(name) for name in SERVICES) - self.number("operations", "SELECT count(*) FROM events"), "events not archived")
            note(self.number("notifications", "SELECT count(*) FROM notifications WHERE status = 1"), "notifications to be sent")
        except sqlite3.Error as error:
            moving.append(f"a database cannot be read: {error}")
        return moving
