"""The run: which episodes, for how long, and what it says in the end."""

import argparse
import os
import random
import signal
import subprocess
import sys
import time

from .faults import ClockJumps, FailedSync, FullDisk, Kills, PowerCuts, Stops
from .powercut import cut_many, verdict
from .replay import Replay
from .sweep import Sweep
from .totals import Totals

EPISODES = {episode.kind: episode for episode in [Kills, Stops, FullDisk, PowerCuts, FailedSync, ClockJumps]}
KINDS = ["kill", "stop", "crash", "full", "eio", "clock", "replay", "power"]
EPISODE_SECONDS, SHORT_SECONDS, SWEEP_SECONDS = 12, 3, 25


class Run:
    """What all episodes share."""

    def __init__(self, options, seed):
        self.binary, self.base, self.seed, self.rate = os.path.abspath(options.binary), options.data, seed, options.rate
        self.replay_file, self.replay_orders = options.replay_file, options.replay_orders
        self.totals = Totals(seed)
        self.points = self.ask("crash-points").split()
        self.has_audit = any(line.split()[:1] == ["audit"] for line in self.ask("help").splitlines())
        # Once per run, on the first episode's folder that is sound.
        self.checks_audit = True

    def ask(self, *arguments):
        return subprocess.run([self.binary, *arguments], capture_output=True, text=True, check=True).stdout

    def product_audit(self, folder):
        """What the product's own auditor says, where the binary has one."""
        if not self.has_audit:
            return []
        result = subprocess.run([self.binary, "audit", "--data", folder], capture_output=True, text=True, timeout=300, check=False)
        return [] if result.returncode == 0 else [("waybill audit", (result.stdout + result.stderr).strip()[-600:])]


class Campaign:
    def __init__(self, options, run):
        self.options, self.run, self.totals = options, run, run.totals
        self.number = 0
        self.played = set()
        self.is_live = sys.stderr.isatty() and not options.json
        self.kinds = []
        for kind in options.only:
            obstacle = self.obstacle(kind)
            if obstacle:
                self.totals.skipped.append(f"{kind}: {obstacle}")
                self.say(f"skipped: {kind}: {obstacle}")
            else:
                self.kinds.append(kind)
        self.begin = time.monotonic()

    def obstacle(self, kind):
        if kind == "replay":
            return Replay.obstacle(self.run)
        episode = EPISODES.get(kind)
        return episode.obstacle(self.run) if episode and hasattr(episode, "obstacle") else None

    def say(self, words):
        if not self.options.json:
            print(("\r\x1b[K" if self.is_live else "") + words, flush=True)

    def progress(self, words):
        if self.is_live:
            print(f"\r\x1b[K{time.monotonic() - self.begin:6.0f} s  {words}", end="", file=sys.stderr, flush=True)

    def is_over(self):
        return bool(self.totals.violations) or self.options.minutes > 0 and time.monotonic() - self.begin > self.options.minutes * 60

    def episode(self, kind, seconds=EPISODE_SECONDS):
        self.number += 1
        self.played.add(kind)
        self.progress(f"episode {self.number}: {kind} ...")
        episode = (Replay if kind == "replay" else EPISODES[kind])(self.run, self.number)
        is_well = episode.play(seconds)
        self.say(f"{time.monotonic() - self.begin:6.0f} s  {kind:6}  {episode.summary()}")
        if not is_well:
            self.show(episode.history, f"episode {episode.number}, {kind}")

    def show(self, history, what):
        self.say(f"what was done to it (seed {self.run.seed}, {what}):")
        for line in history[-60:]:
            self.say("    " + line)

    def sweep(self, sweep, seconds=None, cycles=None):
        """So many seconds or cycles of crash points."""
        begin, first = time.monotonic(), sweep.cycles
        self.played.add("crash")
        while not sweep.is_done() and not self.is_over():
            if seconds is not None and time.monotonic() - begin > seconds or cycles is not None and sweep.cycles - first >= cycles:
                break
            self.progress(f"crash {sweep.queue[0][0]}:{sweep.queue[0][1]}, {len(sweep.queue)} points to go ...")
            cycle = sweep.play()
            if cycle.violations:
                self.show(cycle.history, f"{cycle.point}:{cycle.n}")
            if (sweep.cycles - first) % 50 == 0:
                self.say_of_sweep()
        self.say_of_sweep()

    def say_of_sweep(self):
        self.say(f"{time.monotonic() - self.begin:6.0f} s  crash   {self.totals.counts['crashes']} points hit, {self.totals.counts['recovery_crashes']} in recovery, "
                 f"{len(self.totals.points_reached)} of {len(self.totals.points)} places, {len(self.totals.points_passed)} to their end, "
                 f"{len(self.totals.violations)} violations")

    def power(self, cuts):
        """Cuts of a writer alone, with both settings: that NORMAL loses shows that these cuts, and the episodes' of the same kind, are real."""
        results = cut_many(self.options.writer, self.options.data, cuts, self.run.seed, self.progress)
        self.totals.counts["power_cuts"] += 2 * cuts
        self.totals.violations += [("power", "S10", words) for words in verdict(results)]
        lost = ", ".join(f"{name} lost {sums['lost']} of {sums['acknowledged']}" for name, sums in results.items())
        self.say(f"{time.monotonic() - self.begin:6.0f} s  power   {2 * cuts} cuts: {lost}")

    def short(self):
        """One of each that needs no file; the crash points by their number, so that a slow machine sees as many."""
        if "crash" in self.kinds:
            sweep = Sweep(self.run)
            sweep.queue = [(point, 1) for point in SHORT_POINTS]
            self.sweep(sweep, cycles=len(SHORT_POINTS))
        if "power" in self.kinds and not self.totals.violations:
            self.power(3)
        for kind in [kind for kind in self.kinds if kind in EPISODES]:
            if not self.totals.violations:
                self.episode(kind, seconds=SHORT_SECONDS)

    def long(self):
        """Everything, again and again, until the time is over; without a time, each episode once and all crash points to their end."""
        if "replay" in self.kinds:
            self.episode("replay")
        if "power" in self.kinds and not self.is_over():
            self.power(5)
        sweep = Sweep(self.run) if "crash" in self.kinds else None
        rotation = [kind for kind in self.kinds if kind in EPISODES]
        if self.options.minutes <= 0:
            for kind in rotation:
                if not self.is_over():
                    self.episode(kind)
            if sweep:
                self.sweep(sweep)
                # A place that no run comes to is no longer where its name says.
                self.totals.unreached = sorted(set(self.run.points) - self.totals.points_reached) if sweep.is_done() else []
            return
        while not self.is_over() and (rotation or sweep and not sweep.is_done()):
            if rotation:
                rotation.append(rotation.pop(0))
                self.episode(rotation[-1])
            if sweep and not sweep.is_done() and not self.is_over():
                self.sweep(sweep, seconds=SWEEP_SECONDS)


# A place of every kind, those of an order's way first.
SHORT_POINTS = [
    "orders.after-commit", "inventory.before-commit", "payments.after-call", "payment-provider.after-commit", "notifications.before-call",
    "operations.after-hand-over", "payments.after-record", "orders.in-migration", "inventory.in-preparation", "orders.after-prune",
]


def parse():
    parser = argparse.ArgumentParser(
        prog="scripts/chaos", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Runs the real platform under load, does to it what machines do, and audits what is left. See docs/chaos.md.\n\n"
        "  kill    kill -9 at random moments, also during recovery\n"
        "  stop    SIGSTOP for seconds\n"
        "  crash   CRASH_AT=point:n at every point, n = 1, 2, 3 ... until a run passes untouched, and again during recovery\n"
        "  full    the disk fills up and is freed (root)\n"
        "  eio     a sync fails with EIO (strace)\n"
        "  clock   the wall clock jumps (a C compiler)\n"
        "  replay  waybill replay of real orders under kills\n"
        "  power   power cuts under the platform, and under a writer alone (root)",
        epilog="examples:\n  scripts/chaos --minutes 10\n  scripts/chaos --minutes 0 --only crash     all crash points to their end\n"
        "  scripts/chaos --only kill,eio --minutes 2 --seed 7")
    parser.add_argument("--minutes", type=float, default=10, help="how long (default 10); 0: each episode once, all crash points to their end")
    parser.add_argument("--seed", type=int, help="what the moments and the load derive from (default: chance). Threads and disks have chances of their own")
    parser.add_argument("--only", default=",".join(KINDS), help="a list of kinds")
    parser.add_argument("--data", help="where the data folders are made (default: the system's temporary folder)")
    parser.add_argument("--rate", type=float, default=80, help="orders per second (default 80)")
    parser.add_argument("--replay-file", default=os.path.join("..", "shared", "data", "online_retail_dev.csv.gz"), help="what replay replays (default %(default)s)")
    parser.add_argument("--replay-orders", type=int, default=4000, help="how many of its orders (default 4000)")
    parser.add_argument("--binary", help="the waybill to test (default: the release build, built first)")
    parser.add_argument("--writer", help="the power-cut-writer (default: built too)")
    parser.add_argument("--short", action="store_true", help="about a minute: one of each, for scripts/test")
    parser.add_argument("--json", action="store_true", help="print JSON, and no progress")
    options = parser.parse_args()
    if not options.binary or not options.writer:
        parser.error("without scripts/chaos it needs --binary and --writer")
    options.only = [kind for kind in options.only.split(",") if kind]
    for kind in options.only:
        if kind not in KINDS:
            parser.error(f"--only: {kind} is none of {', '.join(KINDS)}")
    if options.short:
        options.only = [kind for kind in options.only if kind != "replay"]
    if options.rate <= 0:
        parser.error("--rate must be above 0")
    return options


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    options = parse()
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    # So that whoever ends this ends its platform too.
    signal.signal(signal.SIGTERM, interrupt)
    run = Run(options, seed)
    campaign = Campaign(options, run)
    if not campaign.kinds:
        sys.exit("chaos: nothing is left to be done")
    campaign.say(f"seed {seed}")
    try:
        if options.short:
            campaign.short()
        else:
            campaign.long()
    except KeyboardInterrupt:
        sys.exit("chaos: interrupted")
    totals = run.totals
    hollow = [] if totals.violations else totals.proves_nothing(campaign.played)
    if options.json:
        print(totals.json())
    else:
        campaign.say("")
        totals.show()
        for kind, promise, words in totals.violations[:40]:
            print(f"VIOLATION  {promise}  {words}  ({kind})")
        for folder in totals.kept:
            print(f"kept: {folder}")
        if totals.violations:
            kind = totals.violations[0][0]
            print(f"again: scripts/chaos --seed {seed} --only {kind if kind in KINDS else 'crash'}")
        for words in hollow:
            print(f"this run proves nothing: {words}")
    sys.exit(1 if totals.violations or hollow else 0)
