"""One episode: a fresh data folder, load, one kind of fault, rest, audit."""

import os
import random
import shutil
import tempfile
import time

from .audit import Audit
from .books import Books
from .selfcheck import unnoticed
from .server import Server
from .shop import Shop


class Episode:
    """Subclasses say what goes wrong. `note` writes the fault history, which a failure prints."""

    kind = "?"
    REST_SECONDS = 90

    def __init__(self, run, number):
        self.run, self.number, self.totals = run, number, run.totals
        self.chance = random.Random(f"{run.seed} {self.kind} {number}")
        self.folder = tempfile.mkdtemp(prefix=f"waybill-chaos-{self.kind}-", dir=run.base)
        self.data = os.path.join(self.folder, "data")
        self.history, self.violations = [], []
        self.server = self.shop = None
        self.begin = time.monotonic()
        self.settled_in = 0.0

    def note(self, words):
        self.history.append(f"{time.monotonic() - self.begin:7.2f} s  {words}")

    def fail(self, promise, words):
        self.violations.append((promise, words))

    def arguments(self):
        return []

    def environment(self):
        return {}

    def prepare(self):
        """Before the first start."""

    def facts(self):
        """What the customers wrote down, for the audit."""
        return self.shop.facts()

    def load(self):
        """Opens the shop."""
        self.shop.stock()
        self.shop.open()

    def trouble(self, seconds):
        """Makes trouble for about so long."""
        raise NotImplementedError

    def heal(self):
        """Ends all trouble."""

    def clean(self):
        """After the audit, whatever came of it."""

    def play(self, seconds):
        """Runs the episode and returns whether all is well. The folder stays where it is not."""
        try:
            self.live(seconds)
        except BaseException:
            # Whoever interrupts the run wants nothing of this episode left.
            self.abandon()
            raise
        self.finish()
        return not self.violations

    def live(self, seconds):
        self.prepare()
        self.server = Server(self.run.binary, self.data, os.path.join(self.folder, "log"), self.arguments(), self.environment())
        self.shop = Shop(self.server.port, self.run.seed, f"{self.kind}{self.number}", rate=self.run.rate, token=self.server.token())
        if self.server.start():
            self.server.supervise()
            self.load()
            self.trouble(seconds)
            self.heal()
            self.settle()
        else:
            self.fail("L4", f"the first start failed: {self.server.problem or 'it ended'}")
        self.server.stop()
        self.totals.add(self.shop, self.server)

    def abandon(self):
        if self.server:
            self.server.stop(seconds=0)
        self.clean()
        shutil.rmtree(self.folder, ignore_errors=True)

    def settle(self):
        """A clean restart, no new orders, rest."""
        if not self.server.await_ready():
            self.fail("L4", "the platform is not ready after the faults have ceased")
        self.note("faults cease")
        self.shop.close()
        self.server.send(9)
        self.server.await_ready()
        begin = time.monotonic()
        self.await_rest(Books(self.data))
        self.settled_in = time.monotonic() - begin
        if not self.server.stop():
            self.fail("L6", "SIGTERM did not end the platform within 40 s")

    def await_rest(self, books):
        end = time.monotonic() + self.REST_SECONDS
        while not books.are_at_rest():
            if time.monotonic() > end:
                self.fail("L1", f"no rest after {self.REST_SECONDS} s: {'; '.join(books.unrest())}")
                return
            time.sleep(0.1)

    def finish(self):
        """The audit, and the folder's end."""
        try:
            self.violations += self.shop.violations
            self.audit()
            self.totals.violations += [(self.kind, *violation) for violation in self.violations]
            if self.violations:
                kept = os.path.join(self.folder, "kept")
                if os.path.isdir(self.data) and not os.path.isdir(kept):
                    shutil.copytree(self.data, kept)
                self.totals.kept.append(self.folder)
        finally:
            self.clean()
            if not self.violations:
                shutil.rmtree(self.folder, ignore_errors=True)

    def audit(self):
        audit = Audit(self.data, self.facts())
        self.totals.counts["audits"] += 1
        self.totals.statuses.update(audit.statuses)
        self.violations += audit.violations + self.run.product_audit(self.data)
        if self.run.checks_audit and not self.violations and isinstance(self.facts(), dict):
            self.run.checks_audit = False
            self.violations += [("M1", words) for words in unnoticed(self.data, self.facts(), self.folder)]

    def summary(self):
        """One line for people."""
        shop = self.shop
        return f"{len(shop.orders)} accepted, {self.server.lives} lives, at rest after {self.settled_in:.1f} s, {len(self.violations)} violations"
