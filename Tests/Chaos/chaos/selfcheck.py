"""The audit must be able to fail: a sound data folder is spoilt in one place at a time, and each must be noticed under its promise."""

import os
import shutil
import sqlite3
from contextlib import closing

from .audit import Audit
from .books import PROVIDER

# The promise that is broken, the database, how.
SPOILINGS = [
    ("S1", "inventory", "UPDATE products SET available = available + 1 WHERE sku = 'PLENTY-1'"),
    ("S1", "inventory", "UPDATE reservation_lines SET quantity = quantity + 1"),
    ("S3", PROVIDER, "INSERT INTO ledger (intent_id, order_id, entry, amount, currency, at) SELECT randomblob(16), order_id, entry, amount, currency, at "
                     "FROM ledger WHERE entry = 'capture' LIMIT 1"),
    ("S4", PROVIDER, "DELETE FROM ledger WHERE entry = 'capture'"),
    ("S5", "inventory", "UPDATE reservations SET state = 1 WHERE state = 3"),
    ("S6", "orders", "UPDATE order_history SET status = 5 WHERE version = 2"),
    ("S6", "orders", "DELETE FROM order_history WHERE version = 2"),
    ("S7", "operations", "DELETE FROM events WHERE source = 'orders' AND type = 'OrderConfirmed'"),
    ("S8", "operations", "DELETE FROM events WHERE type = 'NotificationSent'"),
    ("S8", "analytics", "DELETE FROM applied WHERE event_id = (SELECT min(event_id) FROM applied)"),
    ("S10", "orders", "DELETE FROM orders WHERE id = (SELECT min(id) FROM orders)"),
    ("S11", "orders", "UPDATE orders SET customer_id = (SELECT min(customer_id) FROM orders)"),
    ("S13", "orders", "UPDATE order_items SET price = price + 1"),
    ("S13", "analytics", "UPDATE sales SET captured = captured + 1 WHERE dimension = 2"),
    ("S13", "analytics", "UPDATE status_counts SET count = count + 1"),
    ("S14", "notifications", "DELETE FROM notifications WHERE kind = 1"),
    ("L1", "orders", "UPDATE orders SET status = 6 WHERE id = (SELECT min(id) FROM orders)"),
    ("L2", "payments", "INSERT INTO jobs (id, kind, key, payload, attempts, due_at) VALUES (randomblob(16), 'charge', randomblob(16), '{}', 0, 0)"),
]


def unnoticed(folder, facts, base):
    """The spoilings that the audit does not notice, in words. `folder` is left as it is; copies are made in `base`."""
    missed = []
    for promise, name, sql in SPOILINGS:
        copy = os.path.join(base, "spoilt")
        shutil.copytree(folder, copy)
        try:
            with closing(sqlite3.connect(os.path.join(copy, name + ".sqlite"))) as database, database:
                changed = database.execute(sql).rowcount
            if changed < 1 or promise not in {violation[0] for violation in Audit(copy, facts).violations}:
                missed.append(f"the audit does not notice, as {promise}: {sql}")
        finally:
            shutil.rmtree(copy)
    return missed
