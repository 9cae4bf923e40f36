"""What can go wrong with a process and the machine below it."""

import os
import shutil
import signal
import struct
import subprocess
import time

from .books import Books
from .disk import LoopDisk
from .episode import Episode


class Kills(Episode):
    """kill -9 at random moments, also while it is starting."""

    kind = "kill"

    def trouble(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            # Sometimes soon after a start: in the middle of recovery.
            time.sleep(self.chance.choice([self.chance.uniform(0.02, 0.3), self.chance.uniform(0.3, 2.0)]))
            if self.server.is_alive():
                self.server.send(signal.SIGKILL)
                self.totals.counts["kills"] += 1
                self.note("kill -9")


class Stops(Episode):
    """SIGSTOP for seconds, then on as if nothing had been; sometimes killed while it sleeps."""

    kind = "stop"

    def trouble(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(self.chance.uniform(0.2, 1.0))
            self.server.send(signal.SIGSTOP)
            pause = self.chance.uniform(0.2, 4.0)
            self.note(f"SIGSTOP for {pause:.1f} s")
            self.totals.counts["stops"] += 1
            time.sleep(pause)
            if self.chance.random() < 0.2:
                self.note("kill -9 while stopped")
                self.totals.counts["kills"] += 1
                self.server.send(signal.SIGKILL)
            else:
                self.server.send(signal.SIGCONT)


class FullDisk(Episode):
    """The data folder on a small filesystem that fills up, stays full for a while, and is freed. Needs root."""

    kind = "full"

    @staticmethod
    def obstacle(run):
        return LoopDisk.obstacle()

    def prepare(self):
        self.disk = LoopDisk(self.folder, megabytes=192)
        self.data = os.path.join(self.disk.mount(), "data")

    def trouble(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(self.chance.uniform(0.5, 1.5))
            said = self.complaints()
            left = self.disk.fill()
            self.note(f"the disk is full, {left} bytes left")
            time.sleep(self.chance.uniform(0.5, 3.0))
            if self.chance.random() < 0.3:
                self.note("kill -9 while full")
                self.totals.counts["kills"] += 1
                self.server.send(signal.SIGKILL)
                time.sleep(self.chance.uniform(0.1, 0.5))
            self.disk.free()
            self.note("the disk is freed")
            self.totals.counts["disk_full"] += self.complaints() > said

    def complaints(self):
        """How often the platform has felt a full disk."""
        return self.server.log_text().count("no space left")

    def heal(self):
        self.disk.free()

    def clean(self):
        if hasattr(self, "disk"):
            self.disk.unmount()


class PowerCuts(Episode):
    """The machine under the platform loses its power: its filesystem stops as it is, and comes back with what it had written. Needs root."""

    kind = "power"

    @staticmethod
    def obstacle(run):
        return LoopDisk.obstacle()

    def prepare(self):
        self.disk = LoopDisk(self.folder, megabytes=192)
        self.data = os.path.join(self.disk.mount(), "data")

    def trouble(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(self.chance.uniform(0.3, 2.0))
            with self.server.held():
                # Whatever it has told somebody by now, it has told before the cut.
                self.server.send(signal.SIGSTOP)
                self.disk.cut()
                self.server.kill()
                self.disk.power_up()
            self.totals.counts["power_cuts"] += 1
            self.note("power cut")

    def clean(self):
        if hasattr(self, "disk"):
            self.disk.unmount()


class FailedSync(Episode):
    """The next fdatasync of one database's log fails with EIO. The process must stop by itself, and recover."""

    kind = "eio"
    STOP_SECONDS = 40
    SAID = "a database failed; the process stops"

    @staticmethod
    def obstacle(run):
        if shutil.which("strace") is None:
            return "strace is not installed"
        probe = subprocess.run(["strace", "-o", os.devnull, "-e", "trace=none", "true"], capture_output=True, check=False)
        if probe.returncode != 0:
            return "strace may not trace here"
        if os.geteuid() != 0:
            try:
                with open("/proc/sys/kernel/yama/ptrace_scope") as scope:
                    if scope.read().strip() != "0":
                        return "strace may attach to nothing here (ptrace_scope)"
            except OSError:
                pass
        return None

    def trouble(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(self.chance.uniform(0.3, 1.5))
            if self.server.await_ready():
                self.fail_one_sync(self.chance.choice(["orders", "orders", "inventory", "payments", "payment-provider", "analytics", "operations"]))

    def fail_one_sync(self, database):
        said = self.server.log_text().count(self.SAID)
        process = self.server.process
        log = os.path.join(self.folder, "strace")
        command = ["strace", "-f", "-qq", "-o", log, "-P", f"{self.data}/{database}.sqlite-wal", "-P", f"{self.data}/{database}.sqlite",
                   "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:error=EIO:when=1", "-p", str(process.pid)]
        tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.note(f"EIO at the next sync of {database}")
        try:
            end = time.monotonic() + self.STOP_SECONDS
            while process.poll() is None and time.monotonic() < end:
                time.sleep(0.05)
            with open(log, errors="replace") as trace:
                injected = "EIO" in trace.read()
            if process.poll() is None and injected:
                self.fail("trap 12", f"a sync of {database} failed, and {self.STOP_SECONDS} s later the process is still there")
                process.kill()
            elif injected and self.server.log_text().count(self.SAID) == said:
                self.fail("trap 12", f"a sync of {database} failed, and the log does not say so")
            elif injected:
                self.totals.counts["eio_stops"] += 1
        finally:
            tracer.terminate()
            tracer.wait()


class ClockJumps(Episode):
    """The wall clock jumps, the monotonic clock does not. It ends ahead of every moment it has shown: what waits until a time must come to it."""

    kind = "clock"
    GO_ON_SECONDS = 30
    SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "clock.c")

    @staticmethod
    def obstacle(run):
        return None if ClockJumps.compiler() else "there is no C compiler (cc or clang)"

    @staticmethod
    def compiler():
        return shutil.which("cc") or shutil.which("clang")

    def environment(self):
        library, self.clock = os.path.join(self.folder, "clock.so"), os.path.join(self.folder, "clock")
        subprocess.run([self.compiler(), "-O1", "-shared", "-fPIC", "-o", library, self.SOURCE], check=True)
        with open(self.clock, "wb") as clock:
            clock.write(struct.pack("q", 0))
        # Tokens know the time as well: one that is made now is not valid yet two hours ago.
        return {"LD_PRELOAD": library, "CHAOS_CLOCK": self.clock, "WAYBILL_AUTH": "off"}

    def set(self, seconds):
        # Eight bytes that the processes have mapped; changed in place, at once.
        with open(self.clock, "r+b", buffering=0) as clock:
            clock.write(struct.pack("q", seconds * 1_000_000_000))

    def trouble(self, seconds):
        end, furthest, offset = time.monotonic() + seconds, 0, 0
        while time.monotonic() < end and not self.violations:
            before = offset
            time.sleep(self.chance.uniform(0.5, 2.0))
            # Less than a day in all: keys are remembered for 24 hours, and asked about until the end.
            offset = self.chance.choice([-7200, -60, -1, 0, 1, 30, 1200, 7200])
            furthest = max(furthest, offset)
            self.set(offset)
            self.totals.counts["clock_jumps"] += 1
            self.note(f"the clock is at {offset:+d} s")
            if offset < before:
                self.await_progress(offset)
            if self.chance.random() < 0.2:
                self.note("kill -9")
                self.totals.counts["kills"] += 1
                self.server.send(signal.SIGKILL)
        self.set(furthest)
        self.note(f"the clock stays at {furthest:+d} s")

    def await_progress(self, offset):
        """Whoever waited by the wall clock would now wait until it has come up again: every database must go on."""
        books, end = Books(self.data), time.monotonic() + self.GO_ON_SECONDS
        before = books.progress()
        while still := [name for name, count in books.progress().items() if count <= before[name]]:
            if time.monotonic() > end:
                self.fail("L1", f"{', '.join(still)} stood still for {self.GO_ON_SECONDS} s after the clock was set back to {offset:+d} s")
                return
            time.sleep(0.1)
