"""What must hold of a data folder at rest: an oracle of its own, SQL and JSON only, that shares no code with the product.

The promises' numbers (S1, L2 ...) are those of the tables below and of docs/chaos.md.
"""

from collections import Counter, defaultdict
from uuid import UUID

from .books import LISTENERS, PROVIDER, SERVICES, STATUSES, Books

EDGES = {
    ("CREATED", "RESERVED"), ("CREATED", "CANCELLED"), ("CREATED", "CANCELLING"), ("RESERVED", "PAID"), ("RESERVED", "FAILED"),
    ("RESERVED", "CANCELLING"), ("PAID", "SHIPPED"), ("PAID", "CANCELLING"), ("SHIPPED", "DELIVERED"), ("CANCELLING", "CANCELLED"),
}
# The notification that each event leads to.
TELLS = {"OrderConfirmed": 1, "OrderCancelled": 2, "OrderFailed": 3, "OrderShipped": 4, "OrderDelivered": 5, "PaymentRefunded": 6}
HELD, SOLD = 1, 5
# What must have been said where a reservation or a payment has come to this state.
SAID = {
    "inventory": {1: {"InventoryReserved"}, 2: {"InventoryInsufficient"}, 3: {"InventoryReserved", "InventoryReleased"}, 4: {"InventoryReleased"}, 5: {"InventoryReserved"}},
    "payments": {3: {"PaymentProcessed"}, 4: {"PaymentFailed"}, 5: {"PaymentVoided"}, 7: {"PaymentProcessed", "PaymentRefunded"}, 9: {"PaymentProcessed"}},
}
SENT = 2


def text(key):
    return str(UUID(bytes=key))


class Audit:
    """Runs once; `violations` lists (promise, what is wrong), `statuses` counts the orders."""

    def __init__(self, folder, facts=None, books=None):
        self.books = books or Books(folder)
        self.violations = []
        self.statuses = Counter()
        self.events = 0
        self.run(facts or {})

    def fail(self, promise, words):
        self.violations.append((promise, words))

    def run(self, facts):
        for name in SERVICES + [PROVIDER]:
            state = self.books.damage(name)
            if state:
                self.fail("S10", f"{name} is damaged: {state}")
        if self.violations:
            return
        archive = self.books.archive()
        self.events = len(archive)
        self.orders(archive, facts)
        self.stock()
        self.deliveries(archive)
        self.rest()
        self.figures(archive)

    def orders(self, archive, facts):
        rows = self.books.rows("orders", "SELECT id, status, version, total, currency, flags, customer_id FROM orders ORDER BY id")
        self.statuses.update(STATUSES[row[1]] for row in rows)
        told = defaultdict(list)
        for event in archive:
            told[event[1]].append(event)
        history = defaultdict(list)
        for key, version, status in self.books.rows("orders", "SELECT order_id, version, status FROM order_history ORDER BY order_id, version"):
            history[key].append((version, STATUSES[status]))
        lines = dict(self.books.rows("orders", "SELECT order_id, sum(quantity * price) FROM order_items GROUP BY order_id"))
        stock = dict(self.books.rows("inventory", "SELECT order_id, state FROM reservations"))
        ledger = defaultdict(list)
        for key, entry, amount, currency in self.books.rows(PROVIDER, "SELECT order_id, entry, amount, currency FROM ledger ORDER BY number"):
            ledger[key].append((entry, amount, currency))
        notes = defaultdict(set)
        sent = Counter()
        for key, kind, state in self.books.rows("notifications", "SELECT order_id, kind, status FROM notifications"):
            notes[key].add(kind)
            sent[key] += state == SENT
        payments = dict(self.books.rows("payments", "SELECT order_id, state FROM payments"))
        for key, status, version, total, currency, flags, _ in rows:
            name, status = text(key), STATUSES[status]
            self.money(name, status, total, currency, bool(flags & 4), ledger[key])
            self.hold(name, status, stock.get(key, 0), bool(flags & 4))
            self.history(name, status, version, history[key], told[key])
            self.said(name, {"inventory": stock.get(key), "payments": payments.get(key)}, sent[key], told[key])
            if lines.get(key) != total:
                self.fail("S13", f"{name} costs {total}, its lines add up to {lines.get(key)}")
            wanted = {TELLS[event[2]] for event in told[key] if event[2] in TELLS}
            if notes[key] != wanted:
                self.fail("S14", f"{name} led to the notifications {sorted(notes[key])} instead of {sorted(wanted)}")
        for key in set(ledger) - {row[0] for row in rows}:
            self.fail("S3", f"the provider knows of {text(key)}, which is no order")
        if facts:
            self.acknowledged(rows, facts)

    def money(self, name, status, total, currency, offline, entries):
        captured = [amount for entry, amount, _ in entries if entry == "capture"]
        kept = sum(captured) - sum(amount for entry, amount, _ in entries if entry == "refund")
        if len(captured) > 1:
            self.fail("S3", f"{name} was captured {len(captured)} times")
        if kept < 0:
            self.fail("S3", f"{name} got {-kept} more back than was taken")
        if any(entry[2] != currency for entry in entries):
            self.fail("S3", f"{name} in {currency} was charged in another currency")
        if status in ("PAID", "SHIPPED", "DELIVERED") and kept != (0 if offline else total):
            self.fail("S4", f"{name} is {status}, but {kept} of {total} are paid")
        if status in ("CANCELLED", "FAILED") and kept:
            self.fail("S5", f"{name} is {status}, but {kept} are kept")

    def hold(self, name, status, state, offline):
        if status in ("PAID", "SHIPPED", "DELIVERED") and state != (HELD if status == "PAID" else SOLD):
            self.fail("S4", f"{name} is {status}, its stock is in state {state}")
        if status in ("CANCELLED", "FAILED") and state in (HELD, SOLD):
            self.fail("S5", f"{name} is {status}, but holds stock")
        if status in ("CREATED", "CANCELLING") or status == "RESERVED" and not offline:
            self.fail("L1", f"{name} rests as {status}")

    def history(self, name, status, version, history, told):
        versions = [step[0] for step in history]
        if versions != list(range(1, version + 1)):
            self.fail("S6", f"{name} is at version {version}, its history has {versions}")
        for before, after in zip(history, history[1:]):
            if (before[1], after[1]) not in EDGES:
                self.fail("S6", f"{name} went from {before[1]} to {after[1]}")
        if not history or history[-1][1] != status or history[0][1] != "CREATED":
            self.fail("S6", f"{name} is {status}, its history is {[step[1] for step in history]}")
        announced = [event[4]["version"] for event in told if event[3] == "orders" and "version" in event[4]]
        if announced != versions:
            self.fail("S7", f"{name} has the versions {versions}, its events tell of {announced}")
        caused = Counter((event[3], event[2], event[4].get("causationId")) for event in told if event[3] != "orders" and event[4].get("causationId"))
        for (source, kind, cause), count in caused.items():
            if count > 1:
                self.fail("S8", f"{name}: {source} said {kind} {count} times because of {cause}")

    def said(self, name, states, sent, told):
        """What a service has done for an order it has said, and what it said has arrived."""
        types = Counter(event[2] for event in told)
        for service, state in states.items():
            missing = SAID[service].get(state, set()) - set(types)
            if missing:
                self.fail("S8", f"{name}: {service} is in state {state}, and {', '.join(sorted(missing))} never came")
        if types["NotificationSent"] != sent:
            self.fail("S8", f"{name} led to {sent} notifications that were sent, {types['NotificationSent']} are told of")

    def acknowledged(self, rows, facts):
        """What the load's customers were told is there; each of their orders names its key as the customer, and a key makes one order."""
        known = {text(row[0]): row for row in rows}
        for customer, count in Counter(row[6] for row in rows if row[6] and row[6].startswith(facts.get("prefix", ""))).items():
            if count > 1:
                self.fail("S11", f"the key {customer} made {count} orders")
        for fact in facts["orders"]:
            row = known.get(fact["id"])
            if row is None or row[6] != fact["key"]:
                self.fail("S10", f"{fact['id']} was accepted under {fact['key']} and is {'gone' if row is None else 'of ' + str(row[6])}")
                continue
            status = STATUSES[row[1]]
            for wish, allowed in fact["told"].items():
                if status not in allowed:
                    self.fail("S10", f"{fact['id']}: {wish} was acknowledged, but it is {status}")
        counts = Counter(row[0] for row in self.books.rows("inventory", "SELECT reason FROM stock_adjustments"))
        for reason in facts["adjustments"]:
            if counts[reason] != 1:
                self.fail("S10", f"the adjustment {reason} was acknowledged and is there {counts[reason]} times")

    def stock(self):
        received = dict(self.books.rows("inventory", "SELECT product_id, sum(delta) FROM stock_adjustments GROUP BY product_id"))
        held = defaultdict(int)
        for product, state, quantity in self.books.rows(
            "inventory",
            "SELECT product_id, state, sum(quantity) FROM reservation_lines JOIN reservations USING (order_id) GROUP BY product_id, state",
        ):
            held[product, state] = quantity
        for product, sku, available, reserved, sold in self.books.rows("inventory", "SELECT id, sku, available, reserved, sold FROM products"):
            if available < 0:
                self.fail("S2", f"{sku}: {available} available")
            if reserved != held[product, HELD] or sold != held[product, SOLD]:
                self.fail("S1", f"{sku}: {reserved} reserved and {sold} sold, orders hold {held[product, HELD]} and got {held[product, SOLD]}")
            if available + reserved + sold != received.get(product, 0):
                self.fail("S1", f"{sku}: {available} + {reserved} + {sold} is not {received.get(product, 0)}")

    def deliveries(self, archive):
        written = Counter(event[3] for event in archive)
        for name in SERVICES:
            count = self.books.written(name)
            if count is not None and written[name] != count:
                self.fail("S8", f"{name} wrote {count} events, the archive has {written[name]}")
        for name, types in LISTENERS.items():
            missing = self.books.unapplied(name, types)
            if missing:
                self.fail("S8", f"{name} has not applied {missing} events")
        counted = {row[0] for row in self.books.rows("analytics", "SELECT event_id FROM applied")}
        for key, order, kind, _, _ in archive:
            if key not in counted:
                self.fail("S8", f"analytics never counted {kind} of {text(order)}")

    def rest(self):
        for name in SERVICES:
            for kind, key, error in self.books.rows(name, "SELECT type, key, error FROM dead_letters"):
                self.fail("L2", f"{name} has a dead letter: {kind} of {text(key)}: {error}")
        for words in self.books.unrest(with_outbox=False):
            self.fail("L2", words)
        waiting = self.books.number("orders", "SELECT count(*) FROM timers WHERE key NOT IN (SELECT id FROM orders WHERE status = 2)")
        if waiting:
            self.fail("L2", f"{waiting} timers rest")

    def figures(self, archive):
        """Analytics' sums are those of the provider's books and of what was paid elsewhere; its counts are the archive's."""
        net = defaultdict(int)
        for currency, amount in self.books.rows(
            PROVIDER, "SELECT currency, sum(CASE entry WHEN 'capture' THEN amount WHEN 'refund' THEN -amount ELSE 0 END) FROM ledger GROUP BY currency"
        ):
            net[currency] += amount
        for currency, amount in self.books.rows("payments", "SELECT currency, sum(amount) FROM payments WHERE method = 'offline' AND state = 9 GROUP BY currency"):
            net[currency] += amount
        counted = defaultdict(int, self.books.rows("analytics", "SELECT currency, sum(captured - refunded) FROM sales WHERE dimension = 2 GROUP BY currency"))
        for currency in set(net) | set(counted):
            if net[currency] != counted[currency]:
                self.fail("S13", f"Analytics counts {counted[currency]} {currency} net, the books {net[currency]}")
        statuses = {STATUSES[code]: count for code, count in self.books.rows("analytics", "SELECT status, count FROM status_counts WHERE count != 0")}
        if statuses != dict(self.statuses):
            self.fail("S13", f"Analytics counts {statuses}, there are {dict(self.statuses)}")
        types = dict(self.books.rows("analytics", "SELECT type, count FROM event_counts WHERE count != 0"))
        if types != dict(Counter(event[2] for event in archive)):
            self.fail("S13", f"Analytics counts {types} events, the archive {dict(Counter(event[2] for event in archive))}")
