"""Crash points: for each, a run that dies at its first passing, one at its second, and so on until a run passes untouched; each death is followed by deaths
in recovery, a clean start and the audit."""

import os
import random
import shutil
import tempfile
import threading
import time

from .audit import Audit
from .books import Books
from .server import Server
from .shop import Line, Shop, Unanswered


class Errands(Shop):
    """A few orders of all kinds, always the same, by three customers."""

    # Payment method, product, what the customer does then.
    LISTS = [
        [("test_approve", "PLENTY-1", "ship"), ("test_decline", "PLENTY-2", None)],
        [("test_approve", "PLENTY-3", "cancel"), ("test_approve", "FREE", None)],
        [("test_approve", "SCARCE-1", None), ("offline", "PLENTY-4", "pay")],
    ]

    def go(self, patience):
        """Runs the errands in threads, which ask again until they are answered or `patience` is over."""
        self.deadline = time.monotonic() + patience
        self.threads = [threading.Thread(target=self.errand, args=(number,), daemon=True) for number in range(len(self.LISTS))]
        self.opened = threading.Event()
        threading.Thread(target=self.unlock, daemon=True).start()
        for thread in self.threads:
            thread.start()

    def unlock(self):
        try:
            self.stock()
        except (Unanswered, RuntimeError) as error:
            self.blame("API", f"the products could not be made: {error}")
        self.opened.set()

    def are_done(self):
        return not any(thread.is_alive() for thread in self.threads)

    def errand(self, number):
        line = Line(self.port, self.token)
        self.opened.wait()
        for serial, (method, sku, wish) in enumerate(self.LISTS[number]):
            try:
                self.run_one(line, f"{self.name}-{number}-{serial}", method, sku, wish)
            except Unanswered as silence:
                self.blame("L1", f"never answered: {silence}")

    def run_one(self, line, key, method, sku, wish):
        body = {"currency": "GBP", "customerId": key, "paymentMethod": method, "items": [{"sku": sku, "quantity": 2}]}
        status, answer = self.insist(line, "POST", "/orders", body, key)
        if status != 202:
            self.blame("API", f"{key} was answered {status}: {answer}")
            return
        fact = {"key": key, "id": answer["id"], "told": {}}
        with self.lock:
            self.orders.append(fact)
        if wish == "cancel":
            self.cancel(line, fact)
        elif wish == "pay" and self.watch(line, fact, {"RESERVED"}, seconds=20):
            self.put(line, fact, "PAID", {"PAID"})
        elif wish == "ship" and self.watch(line, fact, {"PAID"}, seconds=20):
            self.put(line, fact, "SHIPPED", {"SHIPPED"})


class Sweep:
    """Goes through all points, each with n = 1 before any with n = 2, so that a sweep that is cut short has seen every place once."""

    kind = "crash"
    SECONDS = 60
    # How often one recovery is killed before it may go on.
    RECOVERY_DEATHS = 3

    def __init__(self, run):
        self.run, self.totals = run, run.totals
        self.points = list(run.points)
        self.totals.points = list(run.points)
        self.chance = random.Random(f"{run.seed} sweep")
        self.queue = [(point, 1) for point in self.points]
        self.chance.shuffle(self.queue)
        self.recovery = list(self.points)
        self.chance.shuffle(self.recovery)
        self.cycles = 0

    def is_done(self):
        return not self.queue

    def play(self):
        """One cycle: the next point and n. Returns it."""
        point, n = self.queue.pop(0)
        self.cycles += 1
        cycle = Cycle(self, point, n)
        try:
            if cycle.play():
                self.totals.points_reached.add(point)
                self.queue.append((point, n + 1))
            else:
                self.totals.points_passed.add(point)
        finally:
            cycle.finish()
        return cycle


class Cycle:
    def __init__(self, sweep, point, n):
        self.sweep, self.point, self.n, self.totals = sweep, point, n, sweep.totals
        self.folder = tempfile.mkdtemp(prefix="waybill-chaos-crash-", dir=sweep.run.base)
        self.data, self.log = os.path.join(self.folder, "data"), os.path.join(self.folder, "log")
        self.server = Server(sweep.run.binary, self.data, self.log)
        self.shop = Errands(self.server.port, sweep.run.seed, f"x{sweep.cycles}", token=self.server.token())
        self.books = Books(self.data)
        self.violations, self.history = [], []

    def play(self):
        """Whether the point was reached."""
        # What a janitor does comes after two seconds.
        is_late = "prune" in self.point
        self.shop.go(Sweep.SECONDS)
        has_died = self.life(self.point, self.n, is_late)
        if has_died:
            self.totals.counts["crashes"] += 1
            self.recover()
            # The last process has no point to die at.
            self.server.kill()
            self.life(None, 0, False)
        if not self.server.stop():
            self.fail("L6", "SIGTERM did not end the platform within 40 s")
        for thread in self.shop.threads:
            thread.join()
        audit = Audit(self.data, self.shop.facts())
        self.totals.counts["audits"] += 1
        self.totals.statuses.update(audit.statuses)
        self.violations += self.shop.violations + audit.violations + self.sweep.run.product_audit(self.data)
        self.totals.add(self.shop, self.server)
        return has_died

    def recover(self):
        """Dies again on the way up, at another point, until a start passes it untouched."""
        point = self.sweep.recovery.pop(0)
        self.sweep.recovery.append(point)
        for n in range(1, Sweep.RECOVERY_DEATHS + 1):
            if not self.life(point, n, False):
                return
            self.totals.points_reached.add(point)
            self.totals.counts["recovery_crashes"] += 1

    def life(self, point, n, is_late):
        """One process, until it dies at the point or all is done and at rest. Returns whether it died."""
        said = self.deaths()
        begin = time.monotonic()
        if not self.server.is_alive():
            self.history.append(f"start with CRASH_AT={point}:{n}" if point else "start")
            self.server.start(f"{point}:{n}" if point else None)
        while self.server.is_alive():
            is_still = self.shop.are_done() and self.books.are_at_rest(with_outbox=is_late) and time.monotonic() - begin > (3.5 if is_late else 0)
            if is_still:
                return False
            if time.monotonic() - begin > Sweep.SECONDS:
                self.fail("L1", f"no rest after {Sweep.SECONDS} s: {'; '.join(self.books.unrest())}")
                return False
            time.sleep(0.02)
        if point is None or self.deaths() == said:
            self.fail("crash", f"the process ended by itself with {self.server.process.returncode}")
        return True

    def deaths(self):
        return self.server.log_text().count("crash point ") if os.path.exists(self.log) else 0

    def fail(self, promise, words):
        self.violations.append((promise, words))

    def finish(self):
        if self.server.is_alive():
            self.server.kill()
        if not self.violations:
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        self.totals.kept.append(self.folder)
        where = f"{self.point}:{self.n}"
        self.totals.violations += [(where, *violation) for violation in self.violations]
