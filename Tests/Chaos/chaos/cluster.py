"""A platform on PostgreSQL, run by scripts/chaos-cluster: its customers, and the same audit of what is left as that of a data folder."""

import argparse
import json
import re
import signal
import subprocess
import sys
import threading
import time
from uuid import UUID

from .audit import Audit
from .books import PROVIDER, SERVICES, Books
from .shop import Shop, Unanswered

IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# So many orders must have been paid, or a run proves nothing.
ENOUGH_PAID = 50

# The promise that is broken, the database, how: the audit must be able to fail here as well.
SPOILINGS = [
    ("S1", "inventory", "UPDATE products SET available = available + 1 WHERE sku = 'PLENTY-1'"),
    ("S3", PROVIDER, "INSERT INTO ledger (intent_id, order_id, entry, amount, currency, at) SELECT gen_random_uuid(), order_id, entry, amount, currency, at "
                     "FROM ledger WHERE entry = 'capture' LIMIT 1"),
    ("S5", "inventory", "UPDATE reservations SET state = 1 WHERE state = 3"),
    ("S14", "notifications", "DELETE FROM notifications WHERE kind = 2"),
    ("S7", "operations", "DELETE FROM events WHERE type = 'OrderConfirmed'"),
    ("S8", "operations", "DELETE FROM events WHERE type = 'NotificationSent'"),
    ("S10", "orders", "DELETE FROM orders WHERE customer_id LIKE 'cluster-%'"),
    ("S13", "orders", "UPDATE order_items SET price = price + 1"),
]


class QueryError(Exception):
    """psql could not be run, or refused."""


class PostgresBooks(Books):
    """The databases of one server, `waybill_orders` and so on, read with psql: nothing has to be installed for Python."""

    errors = (QueryError,)
    END = "(no more rows)"

    def __init__(self, url):
        super().__init__(None)
        self.server = url.rsplit("/", 1)[0]
        self.sessions = {}

    def psql(self, name, sql):
        """What a statement prints. One psql per database stays, as starting it takes longer than most queries."""
        try:
            session = self.sessions.get(name) or self.connect(name)
            session.stdin.write(f"{sql};\n\\echo '{self.END}'\n")
            session.stdin.flush()
        except OSError as error:
            raise self.lost(name, error) from error
        lines = []
        for line in session.stdout:
            if line == self.END + "\n":
                return lines
            lines.append(line)
        raise self.lost(name, "".join(lines).strip())

    def connect(self, name):
        # Errors come among the answers, and end the session.
        command = ["psql", "--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-d", f"{self.server}/waybill_{name.replace('-', '_')}"]
        self.sessions[name] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return self.sessions[name]

    def lost(self, name, words):
        session = self.sessions.pop(name, None)
        if session:
            session.kill()
            session.wait()
        return QueryError(f"{name}: {words}")

    def rows(self, name, sql, parameters=()):
        """All rows of a query, as SQLite would give them: identifiers and bodies are bytes."""
        lines = self.psql(name, f"SELECT row_to_json(answer) FROM ({sql}) answer")
        return [tuple(self.value(value) for value in json.loads(line).values()) for line in lines]

    @staticmethod
    def value(value):
        if isinstance(value, str) and IDENTIFIER.fullmatch(value):
            return UUID(value).bytes
        if isinstance(value, str) and value.startswith("\\x"):
            return bytes.fromhex(value[2:])
        return value

    def damage(self, name):
        try:
            self.rows(name, "SELECT 1 AS one")
        except QueryError as error:
            return str(error)
        return None

    def written(self, name):
        """Nobody knows: a relay deletes what is with the broker, and a sequence skips numbers. What was done is compared with what was said instead."""
        return None

    def unarchived(self, archived):
        """What the outboxes still hold and the archive does not."""
        waiting = {json.loads(row[0])["eventId"] for name in SERVICES for row in self.rows(name, "SELECT body FROM outbox")}
        if not waiting:
            return 0
        return len(waiting - {str(UUID(bytes=row[0])) for row in self.rows("operations", "SELECT event_id FROM events")})

    def unapplied(self, name, types):
        """Consumers keep the ids of all that they have applied: events from a broker have no numbers, and those of a log with several writers are in no order."""
        wanted = ", ".join(f"'{kind}'" for kind in sorted(types))
        events = {row[0] for row in self.rows("operations", f"SELECT event_id FROM events WHERE type IN ({wanted})")}
        return len(events - {row[0] for row in self.rows(name, "SELECT event_id FROM inbox")})

    def activity(self):
        try:
            return self.number("operations", "SELECT count(*) FROM events")
        except QueryError:
            return None


def customers():
    """Orders, cancels, ships and pays elsewhere until SIGTERM; then has everything answered and writes down what was acknowledged."""
    parser = argparse.ArgumentParser(prog="Tests/Chaos customers")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--facts", required=True, help="the file to write")
    parser.add_argument("--token-file", help="who the customers are; without it they do not say")
    options = parser.parse_args()
    token = None
    if options.token_file:
        with open(options.token_file) as file:
            token = file.read().strip()
    enough = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: enough.set())
    shop = Shop(options.port, options.seed, "cluster", rate=options.rate, customers=4, token=token)
    # Whatever goes wrong at once must not leave the script waiting.
    shop.deadline = time.monotonic() + 120
    try:
        shop.stock()
    except Unanswered as silence:
        sys.exit(f"the products could not be made: {silence}")
    shop.open()
    enough.wait()
    shop.close(patience=90)
    with open(options.facts, "w") as file:
        json.dump({**shop.facts(), "prefix": "cluster-", "violations": shop.violations}, file, default=sorted)
    print(f"{len(shop.orders)} orders accepted, {shop.refused} refused, {shop.doubles} submitted twice, {len(shop.violations)} violations")


def audit():
    """Waits for rest, audits, and with --check-audit spoils what is there to see whether that is noticed."""
    parser = argparse.ArgumentParser(prog="Tests/Chaos cluster-audit")
    parser.add_argument("url", help="any database of the server: postgres://user@host:port/postgres")
    parser.add_argument("--facts", help="what the customers wrote down")
    parser.add_argument("--patience", type=float, default=180, help="seconds until everything must be at rest")
    parser.add_argument("--check-audit", action="store_true")
    options = parser.parse_args()
    facts = {}
    if options.facts:
        with open(options.facts) as file:
            facts = json.load(file)
    books = PostgresBooks(options.url)
    violations = [tuple(violation) for violation in facts.get("violations", [])]
    end = time.monotonic() + options.patience
    while not books.are_at_rest():
        if time.monotonic() > end:
            violations.append(("L1", f"no rest after {options.patience:.0f} s: {'; '.join(books.unrest()) or 'something goes on for ever'}"))
            break
        time.sleep(1)
    result = Audit(None, facts, books)
    violations += result.violations
    if result.statuses["PAID"] < ENOUGH_PAID:
        violations.append(("M2", f"only {result.statuses['PAID']} orders were paid: this run proves nothing"))
    if options.check_audit and not violations:
        violations += unnoticed(books, facts)
    for promise, words in violations[:40]:
        print(f"VIOLATION  {promise}  {words}")
    settled = ", ".join(f"{count} {status}" for status, count in sorted(result.statuses.items()))
    print(f"{sum(result.statuses.values())} orders ({settled}), {result.events} events, {len(violations)} violations")
    sys.exit(1 if violations else 0)


def unnoticed(books, facts):
    """Spoils one place after the other; each must be noticed under its promise."""
    missed, known = [], set()
    for promise, name, sql in SPOILINGS:
        books.psql(name, sql)
        found = set(Audit(None, facts, books).violations)
        if promise not in {violation[0] for violation in found - known}:
            missed.append(("M1", f"the audit does not notice, as {promise}: {sql}"))
        known = found
    return missed
